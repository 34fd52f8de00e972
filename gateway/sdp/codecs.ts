/**
 * Codecs in SDP: payload types, rtpmap and fmtp (RFC 3551 §6, RFC 7587 §7, RFC 4733 §2.4). What the
 * gateway can encode and decode, nothing else.
 */
import { SDP_NAME_TOLD_LENGTH_MAX, SDP_NAMES_TOLD_MAX } from "../limits.ts";
import type { Codec, CodecName, DtmfFormat } from "../media/protocol.ts";
import {
  type Attribute,
  attribute,
  attributes,
  type MediaDescription,
} from "./session-description.ts";

interface CodecFact {
  /** The encoding name and rate of its rtpmap. */
  map: string;
  /** RFC 3551 §6; dynamic where undefined. */
  staticType?: number;
  clockRate: 48_000 | 8_000;
}

/** G.722's RTP clock is 8000 although it samples at 16 kHz (RFC 3551 §4.5.2). */
const FACTS: Readonly<Record<CodecName, CodecFact>> = {
  opus: { map: "opus/48000/2", clockRate: 48_000 },
  G722: { map: "G722/8000", staticType: 9, clockRate: 8_000 },
  PCMA: { map: "PCMA/8000", staticType: 8, clockRate: 8_000 },
  PCMU: { map: "PCMU/8000", staticType: 0, clockRate: 8_000 },
};

/** By what an rtpmap says, channels aside, and by the payload type of who says nothing. */
const NAMES_BY_ENCODING: ReadonlyMap<string, CodecName> = new Map(
  codecNames().map((name) => [`${name.toLowerCase()}/${FACTS[name].clockRate}`, name]),
);
const NAMES_BY_STATIC_TYPE: ReadonlyMap<number | undefined, CodecName> = new Map(
  codecNames()
    .filter((name) => FACTS[name].staticType !== undefined)
    .map((name) => [FACTS[name].staticType, name]),
);

const OPUS_TYPE = 111;
const EVENT_TYPES = { 48000: 110, 8000: 101 } as const;
const PTIME_MS = 20;
const PTIMES = [10, 20, 30, 40, 60];
/** Opus has no packets of 30 ms (RFC 6716 §2.1.4). */
const OPUS_PTIMES = [10, 20, 40, 60];

/** An rtpmap (RFC 8866 §6.6): encoding name and clock in lower case, and the channels. */
interface FormatMap {
  encoding: string;
  channels: number | undefined;
}

/** The codecs of a stream that we know, in the stream's order. */
export function codecsOf(media: MediaDescription): Codec[] {
  const maps = mapsOf(media);
  return payloadTypesOf(media).flatMap((payloadType): Codec[] => {
    const name = nameOf(payloadType, maps.get(payloadType));
    if (name === undefined) return [];
    const { clockRate } = FACTS[name];
    const ptimeMs = ptimeOf(media, name === "opus" ? OPUS_PTIMES : PTIMES);
    const codec: Codec = { name, payloadType, clockRate, ptimeMs };
    if (name !== "opus") return [codec];
    return [{ ...codec, fec: formatParameters(media, payloadType).get("useinbandfec") === "1" }];
  });
}

/** The telephone-event formats of a stream (RFC 4733 §2.4.1), in its order: one for each clock. */
export function eventsOf(media: MediaDescription): DtmfFormat[] {
  const maps = mapsOf(media);
  const types = payloadTypesOf(media);
  const first = ([48_000, 8_000] as const).flatMap((clockRate): DtmfFormat[] => {
    const encoding = `telephone-event/${clockRate}`;
    const payloadType = types.find((type) => maps.get(type)?.encoding === encoding);
    return payloadType === undefined ? [] : [{ payloadType, clockRate }];
  });
  return first.sort((a, b) => types.indexOf(a.payloadType) - types.indexOf(b.payloadType));
}

/** RFC 4733 §2.1: events on the clock of the audio; where there are none, those there are. */
export function eventsFor(codec: Codec, events: readonly DtmfFormat[]): DtmfFormat[] {
  const matching = events.filter(({ clockRate }) => clockRate === codec.clockRate);
  return matching.length > 0 ? matching : [...events];
}

/** Names of what a stream offers, for a refusal that says what was there; a few, and cut. */
export function offeredNames(media: MediaDescription): string {
  const written = new Map<string, string>();
  for (const value of attributes(media, "rtpmap")) {
    const [format = "", map = ""] = value.split(" ");
    const [name = ""] = map.split("/");
    if (name !== "" && !written.has(format)) written.set(format, name);
  }
  return namesTold(
    media.formats.map(
      (format) => written.get(format) ?? nameOf(Number(format), undefined) ?? format,
    ),
  );
}

/** A list of a peer's words for a sentence of ours: each once, none and no list overlong. */
export function namesTold(names: readonly string[]): string {
  const distinct = [...new Set(names)];
  const told = distinct
    .slice(0, SDP_NAMES_TOLD_MAX)
    .map((name) => name.slice(0, SDP_NAME_TOLD_LENGTH_MAX));
  if (told.length === 0) return "nothing";
  return distinct.length > told.length ? `${told.join(", ")} …` : told.join(", ");
}

/** The attributes that describe a codec. */
export function describeCodec({ name, payloadType }: Codec): Attribute[] {
  const map: Attribute = { name: "rtpmap", value: `${payloadType} ${FACTS[name].map}` };
  if (name !== "opus") return [map];
  return [map, { name: "fmtp", value: `${payloadType} minptime=10;useinbandfec=1` }];
}

export function describeEvents({ payloadType, clockRate }: DtmfFormat): Attribute[] {
  return [
    { name: "rtpmap", value: `${payloadType} telephone-event/${clockRate}` },
    { name: "fmtp", value: `${payloadType} 0-16` },
  ];
}

/** What we offer for a list of codecs: our own payload types. */
export function codecsToOffer(names: readonly CodecName[]): Codec[] {
  return names.map((name): Codec => {
    const { staticType, clockRate } = FACTS[name];
    const codec: Codec = {
      name,
      payloadType: staticType ?? OPUS_TYPE,
      clockRate,
      ptimeMs: PTIME_MS,
    };
    return name === "opus" ? { ...codec, fec: true } : codec;
  });
}

/** telephone-event at each clock the codecs use, fastest first. */
export function eventsToOffer(codecs: readonly Codec[]): DtmfFormat[] {
  return ([48_000, 8_000] as const)
    .filter((clockRate) => codecs.some((codec) => codec.clockRate === clockRate))
    .map((clockRate) => ({ payloadType: EVENT_TYPES[clockRate], clockRate }));
}

/**
 * The payload types of a stream: numbers from 0 to 127 as RFC 3551 §6 writes them. With RTP and
 * RTCP on one port, 64 to 95 can't be told from RTCP (RFC 5761 §4) and are left out.
 */
export function payloadTypesOf(media: MediaDescription): number[] {
  const isMuxed = attribute(media, "rtcp-mux") !== undefined;
  return [...new Set(media.formats)].flatMap((format) => {
    const payloadType = Number(format);
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(format) || payloadType > 127) return [];
    return isMuxed && payloadType >= 64 && payloadType <= 95 ? [] : [payloadType];
  });
}

/** What was read of a stream is not read again: several ask for each offer and answer. */
const mapsRead = new WeakMap<MediaDescription, ReadonlyMap<number, FormatMap>>();

export function mapsOf(media: MediaDescription): ReadonlyMap<number, FormatMap> {
  const known = mapsRead.get(media);
  if (known) return known;
  const maps = new Map<number, FormatMap>();
  for (const value of attributes(media, "rtpmap")) {
    const match = /^([0-9]{1,3}) ([^\s/]+)\/([0-9]+)(?:\/([0-9]+))?\s*$/.exec(value);
    if (!match?.[2]) continue;
    const channels = match[4] === undefined ? undefined : Number(match[4]);
    maps.set(Number(match[1]), { encoding: `${match[2].toLowerCase()}/${match[3]}`, channels });
  }
  mapsRead.set(media, maps);
  return maps;
}

function nameOf(payloadType: number, map: FormatMap | undefined): CodecName | undefined {
  if (map === undefined) return NAMES_BY_STATIC_TYPE.get(payloadType);
  const name = NAMES_BY_ENCODING.get(map.encoding);
  // Opus carries its channels in each packet; of the others we know mono alone.
  return name === "opus" || (map.channels ?? 1) === 1 ? name : undefined;
}

function codecNames(): CodecName[] {
  return Object.keys(FACTS) as CodecName[];
}

/** `a=fmtp` as name and value (RFC 7587 §7 and RFC 8866 §6.15), names in lower case. */
function formatParameters(media: MediaDescription, payloadType: number): Map<string, string> {
  const prefix = `${payloadType} `;
  const text = attributes(media, "fmtp").find((it) => it.startsWith(prefix)) ?? prefix;
  const pairs = text.slice(prefix.length).split(";");
  return new Map(
    pairs.map((pair) => {
      const [name = "", value = ""] = pair.split("=");
      return [name.trim().toLowerCase(), value.trim()];
    }),
  );
}

/**
 * What the peer wants to receive, within what it says it can (RFC 8866 §6.4): the longest packet
 * we can make that exceeds neither `a=ptime` nor `a=maxptime`, else the shortest.
 */
function ptimeOf(media: MediaDescription, possible: readonly number[]): number {
  const wanted = durationOf(attribute(media, "ptime")) ?? PTIME_MS;
  const most = durationOf(attribute(media, "maxptime")) ?? wanted;
  return possible.findLast((it) => it <= Math.min(wanted, most)) ?? 10;
}

/** Milliseconds, perhaps with a fraction; undefined for what is none. */
function durationOf(text: string | undefined): number | undefined {
  const match = /^([0-9]{1,4})(?:\.[0-9]+)?\s*$/.exec(text ?? "");
  return match && Number(match[1]) > 0 ? Number(match[1]) : undefined;
}
