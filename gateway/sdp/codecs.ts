/**
 * Codecs in SDP: payload types, rtpmap and fmtp (RFC 3551 §6, RFC 7587 §7, RFC 4733 §2.4). What the
 * gateway can encode and decode, nothing else.
 */
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

const OPUS_TYPE = 111;
const EVENT_TYPES = { 48000: 110, 8000: 101 } as const;
const PTIME_MS = 20;
const PTIMES = [10, 20, 30, 40, 60];

/** The codecs of a stream that we know, in the stream's order. */
export function codecsOf(media: MediaDescription): Codec[] {
  const maps = mapsOf(media);
  const ptimeMs = ptimeOf(media);
  return media.formats.flatMap((format): Codec[] => {
    const payloadType = Number(format);
    const name = nameOf(payloadType, maps.get(payloadType));
    if (name === undefined || payloadType > 127) return [];
    const { clockRate } = FACTS[name];
    const codec: Codec = { name, payloadType, clockRate, ptimeMs };
    if (name !== "opus") return [codec];
    return [
      { ...codec, fec: /(?:^|[;\s])useinbandfec=1/.test(formatParameters(media, payloadType)) },
    ];
  });
}

/** The telephone-event formats of a stream (RFC 4733 §2.4.1), in its order. */
export function eventsOf(media: MediaDescription): DtmfFormat[] {
  const maps = mapsOf(media);
  return media.formats.flatMap((format): DtmfFormat[] => {
    const payloadType = Number(format);
    const map = maps.get(payloadType);
    if (map === "telephone-event/8000") return [{ payloadType, clockRate: 8_000 }];
    if (map === "telephone-event/48000") return [{ payloadType, clockRate: 48_000 }];
    return [];
  });
}

/** Names of everything a stream offers, for a refusal that says what was there. */
export function offeredNames(media: MediaDescription): string {
  const written = attributes(media, "rtpmap");
  const names = media.formats.map((format) => {
    const map = written.find((value) => value.startsWith(`${format} `));
    return (
      map?.slice(format.length + 1).split("/")[0] ?? nameOf(Number(format), undefined) ?? format
    );
  });
  return [...new Set(names)].join(", ") || "nothing";
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

function mapsOf(media: MediaDescription): Map<number, string> {
  const maps = new Map<number, string>();
  for (const value of attributes(media, "rtpmap")) {
    const match = /^([0-9]{1,3}) ([^\s/]+)\/([0-9]+)(?:\/([0-9]+))?\s*$/.exec(value);
    if (match?.[2]) maps.set(Number(match[1]), `${match[2].toLowerCase()}/${match[3]}`);
  }
  return maps;
}

function nameOf(payloadType: number, map: string | undefined): CodecName | undefined {
  const entries = Object.entries(FACTS) as [CodecName, CodecFact][];
  const found = entries.find(([name, fact]) =>
    map === undefined
      ? fact.staticType === payloadType
      : map === `${name.toLowerCase()}/${fact.clockRate}`,
  );
  return found?.[0];
}

function formatParameters(media: MediaDescription, payloadType: number): string {
  const prefix = `${payloadType} `;
  return (
    attributes(media, "fmtp")
      .find((it) => it.startsWith(prefix))
      ?.slice(prefix.length) ?? ""
  );
}

/** What the peer wants to receive, within what it says it can (RFC 8866 §6.4); 20 ms else. */
function ptimeOf(media: MediaDescription): number {
  const wanted = Number(attribute(media, "ptime") ?? PTIME_MS);
  const most = Number(attribute(media, "maxptime") ?? 60);
  const usable = PTIMES.filter((it) => it <= most);
  return usable.includes(wanted)
    ? wanted
    : usable.includes(PTIME_MS)
      ? PTIME_MS
      : (usable.at(-1) ?? 10);
}
