/**
 * Descriptions passed on from one side of a call to the other, so that the two share keys the
 * gateway never sees (AMB-07). What is the peers' own goes through as written: formats, fingerprint,
 * tls-id, ssrc, msid, extmap, rtcp-fb. What leads audio through here is ours: addresses, ports and
 * ICE. Above: a leg's negotiation. Below: the profile that would end DTLS here, which reads and
 * checks what a peer says.
 */
import type { Direction, LocalLeg, RemoteLeg } from "../media/protocol.ts";
import { namesTold } from "./codecs.ts";
import { fingerprintsOf } from "./dtls-attributes.ts";
import {
  audioOf,
  DIRECTIONS,
  midOf,
  type Origin,
  originLine,
  type Profile,
  type Result,
  refused,
  refusedStream,
} from "./offer-answer.ts";
import { parseSdp } from "./parse.ts";
import { printSdp } from "./print.ts";
import {
  type Attribute,
  inherited,
  type MediaDescription,
  type SessionDescription,
} from "./session-description.ts";
import { candidateLines } from "./webrtc-profile.ts";

/** Who of the two begins the handshake (RFC 5763 §5); an offer may leave it open. */
export type SetupRole = "active" | "passive";

/** One peer's audio stream as far as the other peer is told of it. */
export interface SealedStream {
  readonly protocol: string;
  readonly formats: readonly string[];
  /** Those that are the peer's own. */
  readonly attributes: readonly Attribute[];
  /** Its certificates, as one text: another text means other keys. */
  readonly identity: string;
  readonly setup: string;
}

/** The other side of the call, as it was last described. */
export interface FarSide {
  readonly sealed: SealedStream | undefined;
  /** Its part in the handshake; undefined while only an offer of its is known. */
  readonly role: SetupRole | undefined;
}

const PROTOCOLS = ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP"];

/**
 * What leads audio through here, or is said anew for each side. `crypto` with it: keys in the SDP
 * would be keys we hold.
 */
const OURS = new Set([
  ...["ice-ufrag", "ice-pwd", "ice-options", "ice-lite", "ice-mismatch", "ice-pacing"],
  ...["candidate", "remote-candidates", "end-of-candidates"],
  ...["rtcp", "rtcp-mux", "rtcp-mux-only", "mid", "bundle-only", "group", "setup", "crypto"],
  ...DIRECTIONS,
]);
/** Attributes that may stand for the whole session (RFC 8122 §5, RFC 8842 §5, RFC 8285 §5). */
const OF_SESSION = ["fingerprint", "tls-id", "extmap", "extmap-allow-mixed"];

/** What a peer's description has to pass on, or why it can't be: 488. */
export function sealedStreamOf(sdp: string): Result<SealedStream> {
  const parsed = parseSdp(sdp);
  if (!parsed.ok) return refused(parsed.status, parsed.reason);
  const { session } = parsed;
  const audio = audioOf(session);
  if (!audio) return refused(488, "the session description has no audio stream");
  if (!PROTOCOLS.includes(audio.protocol)) return unsealed(`${namesTold([audio.protocol])}`);
  const fingerprints = fingerprintsOf(session, audio);
  if (!fingerprints.ok) return fingerprints;
  if (inherited(session, audio, "rtcp-mux").length === 0) {
    return unsealed("audio without rtcp-mux");
  }
  const { protocol, formats } = audio;
  const identity = fingerprints.value.map((it) => `${it.algorithm} ${it.value}`).sort();
  return {
    ok: true,
    value: {
      protocol,
      formats,
      attributes: ownAttributes(session, audio),
      identity: identity.join(", "),
      setup: inherited(session, audio, "setup")[0] ?? "",
    },
  };
}

/**
 * Offer and answer with one peer on behalf of `far`; `base` is how its own descriptions are read.
 * A peer that changes its certificate is refused: the other one would have to be told in between.
 */
export function relayProfile(base: Profile, far: FarSide): Profile {
  return {
    accept: (sdp, codecs, direction = "sendrecv") => {
      const sealed = sealedStreamOf(sdp);
      if (!sealed.ok) return sealed;
      const accepted = base.accept(sdp, codecs, direction);
      if (!accepted.ok) return accepted;
      const remote: RemoteLeg = { ...accepted.value.remote, relay: true };
      const answer = (local: LocalLeg, origin: Origin) =>
        printAnswer(sdp, farStream(far), far.role, local, remote.direction, origin);
      return { ok: true, value: { ...accepted.value, remote, answer } };
    },
    offer: (local, _codecs, origin, direction = "sendrecv") => {
      const stream = farStream(far);
      const protocol = local.kind === "webrtc" ? "UDP/TLS/RTP/SAVPF" : stream.protocol;
      const setup = stream.setup === "" ? "actpass" : stream.setup;
      const own = { ...stream, protocol };
      const media = describe(own, setup, local, direction, local.kind === "webrtc" ? "0" : "");
      return print([media], local, origin, local.kind === "webrtc" ? "0" : "");
    },
    readAnswer: (sdp, offered) => {
      const sealed = sealedStreamOf(sdp);
      if (!sealed.ok) return sealed;
      const read = base.readAnswer(sdp, offered);
      return read.ok ? { ok: true, value: { ...read.value, relay: true } } : read;
    },
  };
}

/** The other end of a handshake. */
export function opposite(role: SetupRole): SetupRole {
  return role === "active" ? "passive" : "active";
}

/** The part an answer takes: `active` where it says nothing (RFC 5763 §5 wants it said). */
export function answeredRole({ setup }: SealedStream): SetupRole {
  return setup === "passive" ? "passive" : "active";
}

function unsealed<Value>(found: string): Result<Value> {
  return refused(
    488,
    `${found} is offered; this call's DTLS-SRTP is passed on undecrypted: UDP/TLS/RTP/SAVPF with a=fingerprint and a=rtcp-mux is expected`,
  );
}

function ownAttributes(session: SessionDescription, audio: MediaDescription): Attribute[] {
  const own = audio.attributes.filter(({ name }) => !OURS.has(name));
  const shared = session.attributes.filter(
    ({ name }) => OF_SESSION.includes(name) && !own.some((it) => it.name === name),
  );
  return [...shared, ...own];
}

function farStream({ sealed }: FarSide): SealedStream {
  if (!sealed) throw new Error("nothing is known of the other side yet");
  return sealed;
}

function printAnswer(
  asked: string,
  far: SealedStream,
  role: SetupRole | undefined,
  local: LocalLeg,
  direction: Direction,
  origin: Origin,
): string {
  const parsed = parseSdp(asked);
  const audio = parsed.ok ? audioOf(parsed.session) : undefined;
  if (!parsed.ok || !audio) throw new Error("the offer was read before");
  const { session } = parsed;
  const mid = midOf(audio) ?? "";
  const own = { ...far, protocol: audio.protocol };
  const stream = describe(own, role ?? answeredRole(far), local, direction, mid);
  const media = session.media.map((it) => (it === audio ? stream : refusedStream(it)));
  const isBundled = session.attributes.some(
    ({ name, value }) =>
      name === "group" && value.startsWith("BUNDLE ") && value.split(" ").includes(mid),
  );
  return print(media, local, origin, isBundled ? mid : "");
}

/** `mid` is empty for none. */
function describe(
  { protocol, formats, attributes }: SealedStream,
  setup: string,
  local: LocalLeg,
  direction: Direction,
  mid: string,
): MediaDescription {
  const { address, port } = endpointOf(local);
  const flag = (name: string): Attribute => ({ name, value: "" });
  const ice =
    local.kind === "webrtc"
      ? [
          { name: "ice-ufrag", value: local.ice.ufrag },
          { name: "ice-pwd", value: local.ice.password },
        ]
      : [];
  return {
    kind: "audio",
    port,
    protocol,
    formats,
    connection: address,
    attributes: [
      ...(mid === "" ? [] : [{ name: "mid", value: mid }]),
      flag(direction),
      flag("rtcp-mux"),
      ...ice,
      { name: "setup", value: setup },
      ...attributes,
      ...(local.kind === "webrtc" ? candidateLines(local.candidates) : []),
    ],
  };
}

/** `bundled` is the one stream of a BUNDLE group; empty for none. */
function print(
  media: MediaDescription[],
  local: LocalLeg,
  origin: Origin,
  bundled: string,
): string {
  const { address } = endpointOf(local);
  const attributes: Attribute[] = [
    ...(local.kind === "webrtc" ? [{ name: "ice-lite", value: "" }] : []),
    ...(bundled === "" ? [] : [{ name: "group", value: `BUNDLE ${bundled}` }]),
  ];
  return printSdp({ origin: originLine(origin, address), attributes, media });
}

function endpointOf(local: LocalLeg): { address: string; port: number } {
  if (local.kind === "trunk") return local.rtp;
  const [first] = local.candidates;
  if (!first) throw new Error("a webrtc leg needs a candidate");
  return first;
}
