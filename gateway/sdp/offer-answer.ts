/**
 * What both profiles share of offer/answer (RFC 3264): directions seen from our side, the choice of
 * a codec, origins, results.
 */
import type {
  AuxiliaryFormats,
  Codec,
  CodecName,
  Direction,
  DtmfFormat,
  ExtendedReports,
  LocalLeg,
  RemoteLeg,
} from "../media/protocol.ts";
import { answeredAuxiliaries, auxiliariesOf } from "./auxiliary-formats.ts";
import { codecsOf, eventsOf, offeredNames } from "./codecs.ts";
import { extendedReportsOf } from "./extended-reports.ts";
import { networkOf } from "./print.ts";
import {
  attribute,
  type MediaDescription,
  type SessionDescription,
} from "./session-description.ts";

/** Our o= line: the id stays for a leg's life, the version grows with each change (§8). */
export interface Origin {
  /** Digits. */
  id: string;
  version: number;
}

export type Result<Value> =
  | { ok: true; value: Value }
  | { ok: false; status: 400 | 415 | 488; reason: string };

/** A peer's offer that was understood, and the way to our answer. */
export interface AcceptedOffer {
  remote: RemoteLeg;
  /** What could have been chosen as well, in the peer's order. */
  codecs: CodecName[];
  answer(local: LocalLeg, origin: Origin): string;
}

/** How offers and answers are made with one kind of peer. Directions are seen from our side. */
export interface Profile {
  /** The peer offers; `codecs` is what we can do, in our order, `direction` the most we would do. */
  accept(sdp: string, codecs: readonly CodecName[], direction?: Direction): Result<AcceptedOffer>;
  /** We offer. */
  offer(
    local: LocalLeg,
    codecs: readonly CodecName[],
    origin: Origin,
    direction?: Direction,
  ): string;
  /** The peer answered what we offered. */
  readAnswer(sdp: string, offered: string): Result<RemoteLeg>;
}

export function originLine({ id, version }: Origin, address: string): string {
  return `- ${id} ${version} ${networkOf(address)} ${address}`;
}

export const DIRECTIONS: readonly Direction[] = ["sendrecv", "sendonly", "recvonly", "inactive"];

/** The direction as written: the stream's own word counts before the session's (RFC 8866 §6.7). */
export function directionOf(session: SessionDescription, media: MediaDescription): Direction {
  for (const section of [media, session]) {
    const written = section.attributes.find(({ name }) =>
      DIRECTIONS.some((direction) => direction === name),
    );
    const direction = DIRECTIONS.find((it) => it === written?.name);
    if (direction) return direction;
  }
  return "sendrecv";
}

/** The direction the peer wrote, turned to our side (§6.1): its `sendonly` is our `recvonly`. */
export function ourDirection(session: SessionDescription, media: MediaDescription): Direction {
  return reverse(directionOf(session, media));
}

/** What both sides allow of two directions seen from our side. */
export function narrow(a: Direction, b: Direction): Direction {
  const sends = canSend(a) && canSend(b);
  const receives = canReceive(a) && canReceive(b);
  if (sends) return receives ? "sendrecv" : "sendonly";
  return receives ? "recvonly" : "inactive";
}

/** The same agreement seen from the other end: what one side sends, the other receives. */
export function reverse(direction: Direction): Direction {
  if (direction === "sendonly") return "recvonly";
  return direction === "recvonly" ? "sendonly" : direction;
}

export function canSend(direction: Direction): boolean {
  return direction === "sendrecv" || direction === "sendonly";
}

export function canReceive(direction: Direction): boolean {
  return direction === "sendrecv" || direction === "recvonly";
}

export interface Choice {
  /** What we send with. */
  codec: Codec;
  /** Everything that may come. */
  receive: Codec[];
  dtmf: DtmfFormat[];
  /** What stands beside `codec`. */
  auxiliaries: AuxiliaryFormats;
  /** What the peer wants RTCP to say besides; in our offer, what we want. */
  extendedReports?: ExtendedReports;
}

/** For an offer of the peer's: the first codec of OUR order that it has (MED-06). */
export function chooseFromOffer(
  media: MediaDescription,
  preference: readonly CodecName[],
): Result<Choice> {
  const offered = codecsOf(media);
  for (const name of preference) {
    const codec = offered.find((it) => it.name === name);
    if (!codec) continue;
    const auxiliaries = auxiliariesOf(media, codec);
    const beside = { auxiliaries, ...extendedReportsOf(media) };
    return { ok: true, value: { codec, receive: [codec], dtmf: eventsOf(media), ...beside } };
  }
  return noCodec(media, preference);
}

/** All of an offer that we can speak, in its order. */
export function commonCodecs(
  media: MediaDescription,
  preference: readonly CodecName[],
): CodecName[] {
  const names = codecsOf(media).map(({ name }) => name);
  return [...new Set(names)].filter((name) => preference.includes(name));
}

/**
 * For an answer of the peer's to `offer`: its first codec, of those we offered (§6.1). Where it
 * numbers a codec anew, we send with its number and it sends with ours; some send with their own
 * all the same, so both are understood as long as they can't be confused.
 */
export function chooseFromAnswer(media: MediaDescription, offer: MediaDescription): Result<Choice> {
  const offered = codecsOf(offer);
  const kept = codecsOf(media).filter((it) => offered.some((own) => own.name === it.name));
  const [codec] = kept;
  if (!codec) {
    return noCodec(
      media,
      offered.map(({ name }) => name),
    );
  }
  const events = eventsOf(offer);
  const keptEvents = eventsOf(media).filter((it) =>
    events.some(({ clockRate }) => clockRate === it.clockRate),
  );
  const taken = new Set(media.formats.map(Number));
  const isFree = ({ payloadType }: { payloadType: number }) => !taken.has(payloadType);
  const alsoCodecs = offered.filter(isFree).flatMap((own): Codec[] => {
    const same = kept.find(({ name }) => name === own.name);
    return same ? [{ ...same, payloadType: own.payloadType }] : [];
  });
  const alsoEvents = events.filter(
    (own) => isFree(own) && keptEvents.some(({ clockRate }) => clockRate === own.clockRate),
  );
  return {
    ok: true,
    value: {
      codec,
      receive: [...kept, ...alsoCodecs],
      dtmf: [...keptEvents, ...alsoEvents],
      ...extendedReportsOf(media),
      auxiliaries: answeredAuxiliaries(
        auxiliariesOf(media, codec),
        auxiliariesOf(offer, ownOf(codec, offered)),
      ),
    },
  };
}

/** The codec as we offered it: under our payload type. */
function ownOf(codec: Codec, offered: readonly Codec[]): Codec {
  return offered.find(({ name }) => name === codec.name) ?? codec;
}

function noCodec(media: MediaDescription, allowed: readonly CodecName[]): Result<Choice> {
  return refused(
    488,
    `no common codec: offered ${offeredNames(media)}; allowed ${allowed.join(", ")}`,
  );
}

/** The first audio stream that is not refused. */
export function audioOf(session: SessionDescription): MediaDescription | undefined {
  return session.media.find((media) => media.kind === "audio" && media.port !== 0);
}

/** Every other stream of an offer, refused in its place (§6). */
export function refusedStream(media: MediaDescription): MediaDescription {
  const mid = midOf(media);
  return {
    ...media,
    port: 0,
    connection: "0.0.0.0",
    formats: media.formats.slice(0, 1),
    attributes: mid === undefined ? [] : [{ name: "mid", value: mid }],
  };
}

/** `a=mid` (RFC 5888 §4) where it is a token: only that is mirrored. */
export function midOf(media: MediaDescription): string | undefined {
  const mid = attribute(media, "mid");
  return mid !== undefined && /^[A-Za-z0-9!#$%&'*+\-.^_`{|}~]{1,64}$/.test(mid) ? mid : undefined;
}

export function refused<Value>(status: 400 | 415 | 488, reason: string): Result<Value> {
  return { ok: false, status, reason };
}
