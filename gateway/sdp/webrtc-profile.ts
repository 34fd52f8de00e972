/**
 * SDP towards softphones: the WebRTC profile (RFC 8829, RFC 8834) as an ICE-lite answerer and
 * offerer. RFC 8839 (ICE), RFC 8122 and 5763 (DTLS-SRTP), RFC 5761 (rtcp-mux), RFC 9143 (BUNDLE).
 */
import type {
  CodecName,
  Direction,
  Endpoint,
  IceCredentials,
  LocalLeg,
  RemoteLeg,
} from "../media/protocol.ts";
import {
  describeAuxiliaries,
  formatsInOrder,
  prefersRed,
  redToOffer,
} from "./auxiliary-formats.ts";
import {
  codecsToOffer,
  describeCodec,
  describeEvents,
  eventsToOffer,
  namesTold,
} from "./codecs.ts";
import { describeDtls, dtlsRole, fingerprintsOf } from "./dtls-attributes.ts";
import { describeExtendedReports } from "./extended-reports.ts";
import {
  type AcceptedOffer,
  audioOf,
  type Choice,
  chooseFromAnswer,
  chooseFromOffer,
  commonCodecs,
  directionOf,
  midOf,
  narrow,
  type Origin,
  originLine,
  ourDirection,
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

const PROTOCOLS = ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF"];

type WebrtcLocal = Extract<LocalLeg, { kind: "webrtc" }>;

/** Offer and answer with a softphone. */
export const webrtcProfile: Profile = {
  accept: acceptWebrtcOffer,
  offer: webrtcOffer,
  readAnswer: readWebrtcAnswer,
};

/** The softphone offers; `preference` is what we can do, in our order. */
export function acceptWebrtcOffer(
  sdp: string,
  preference: readonly CodecName[],
  direction: Direction = "sendrecv",
): Result<AcceptedOffer> {
  const parsed = parseSdp(sdp);
  if (!parsed.ok) return refused(parsed.status, parsed.reason);
  const { session } = parsed;
  const audio = secureAudio(session);
  if (!audio.ok) return audio;
  const choice = chooseFromOffer(audio.value, preference);
  if (!choice.ok) return choice;
  const remote = remoteLeg(session, audio.value, choice.value, direction, "offer");
  if (!remote.ok) return remote;
  const answer = (local: LocalLeg, origin: Origin) =>
    printAnswer(session, audio.value, choice.value, remote.value, local, origin);
  return {
    ok: true,
    value: { remote: remote.value, codecs: commonCodecs(audio.value, preference), answer },
  };
}

/** We offer. */
export function webrtcOffer(
  local: LocalLeg,
  codecs: readonly CodecName[],
  origin: Origin,
  direction: Direction = "sendrecv",
): string {
  const own = webrtc(local);
  const receive = codecsToOffer(codecs);
  const [codec] = receive;
  if (!codec) throw new Error("an offer needs a codec");
  const auxiliaries = redToOffer(receive);
  const choice = { codec, receive, dtmf: eventsToOffer(receive), auxiliaries };
  const details = { mid: "0", protocol: "UDP/TLS/RTP/SAVPF", role: undefined, direction };
  const media = [stream(own, choice, details)];
  return print(own, origin, media, ["0"]);
}

/** The softphone answered the offer we made. */
export function readWebrtcAnswer(sdp: string, offered: string): Result<RemoteLeg> {
  const parsed = parseSdp(sdp);
  const own = parseSdp(offered);
  if (!parsed.ok) return refused(488, parsed.reason);
  const offer = own.ok ? audioOf(own.session) : undefined;
  if (!own.ok || !offer) throw new Error("our own offer has no audio");
  const audio = secureAudio(parsed.session);
  if (!audio.ok) return audio;
  const choice = chooseFromAnswer(audio.value, offer);
  if (!choice.ok) return choice;
  const ours = directionOf(own.session, offer);
  return remoteLeg(parsed.session, audio.value, choice.value, ours, "answer");
}

function secureAudio(session: SessionDescription): Result<MediaDescription> {
  const audio = audioOf(session);
  if (!audio) return refused(488, "the session description has no audio stream");
  if (PROTOCOLS.includes(audio.protocol)) return { ok: true, value: audio };
  const protocol = namesTold([audio.protocol]);
  return refused(488, `${protocol} is offered; a softphone must offer ${PROTOCOLS[0]}`);
}

function remoteLeg(
  session: SessionDescription,
  audio: MediaDescription,
  { codec, receive, dtmf, auxiliaries, extendedReports }: Choice,
  ours: Direction,
  role: "offer" | "answer",
): Result<RemoteLeg> {
  const ice = iceOf(session, audio);
  if (!ice) return refused(488, "ice-ufrag and ice-pwd are missing: ICE is required");
  const fingerprints = fingerprintsOf(session, audio);
  if (!fingerprints.ok) return fingerprints;
  if (inherited(session, audio, "rtcp-mux").length === 0) {
    return refused(488, "rtcp-mux is missing: RTP and RTCP share one port here");
  }
  const dtls = dtlsRole(session, audio, role);
  const direction = narrow(ourDirection(session, audio), ours);
  const base = {
    kind: "webrtc",
    ice,
    fingerprints: fingerprints.value,
    dtls,
    codec,
    receive,
    direction,
    ...auxiliaries,
    ...(extendedReports ? { extendedReports } : {}),
  } as const;
  return { ok: true, value: dtmf.length > 0 ? { ...base, dtmf } : base };
}

/** RFC 8839 §5.4: 4 to 256 and 22 to 256 ice-chars. */
function iceOf(session: SessionDescription, audio: MediaDescription): IceCredentials | undefined {
  const ufrag = inherited(session, audio, "ice-ufrag")[0] ?? "";
  const password = inherited(session, audio, "ice-pwd")[0] ?? "";
  const isValid = /^[A-Za-z0-9+/]{4,256}$/.test(ufrag) && /^[A-Za-z0-9+/]{22,256}$/.test(password);
  return isValid ? { ufrag, password } : undefined;
}

function printAnswer(
  session: SessionDescription,
  audio: MediaDescription,
  choice: Choice,
  remote: RemoteLeg,
  local: LocalLeg,
  origin: Origin,
): string {
  const own = webrtc(local);
  const mid = midOf(audio);
  const { codec, auxiliaries } = choice;
  const { red } = auxiliaries;
  const details = {
    ...(mid === undefined ? {} : { mid }),
    trickles: inherited(session, audio, "ice-options").some((it) =>
      it.split(" ").includes("trickle"),
    ),
    redFirst: red !== undefined && prefersRed(audio, codec, red),
    protocol: audio.protocol,
    role: remote.kind === "webrtc" ? remote.dtls : undefined,
    direction: remote.direction,
  };
  const media = session.media.map((it) =>
    it === audio ? stream(own, choice, details) : refusedStream(it),
  );
  // RFC 9143 §7.3: only what was bundled in the offer, and only what is not refused.
  const groups = session.attributes.filter(({ name }) => name === "group");
  const isBundled = groups.some(
    ({ value }) =>
      value.startsWith("BUNDLE ") && mid !== undefined && value.split(" ").includes(mid),
  );
  return print(own, origin, media, isBundled && mid !== undefined ? [mid] : []);
}

interface StreamDetails {
  mid?: string;
  /** The peer tells candidates bit by bit, and may (RFC 8840 §4.1): see `trickled-candidates`. */
  trickles?: boolean;
  redFirst?: boolean;
  protocol: string;
  role: "client" | "server" | undefined;
  direction: Direction;
}

function stream(
  local: WebrtcLocal,
  { codec, receive, dtmf, auxiliaries, extendedReports }: Choice,
  details: StreamDetails,
): MediaDescription {
  const [first] = local.candidates;
  if (!first) throw new Error("a webrtc leg needs a candidate");
  const { direction, mid, role, protocol, redFirst, trickles } = details;
  const formats = formatsInOrder(receive, auxiliaries, dtmf, redFirst);
  const flag = (name: string): Attribute => ({ name, value: "" });
  const attributes: Attribute[] = [
    ...(mid === undefined ? [] : [{ name: "mid", value: mid }]),
    flag(direction),
    flag("rtcp-mux"),
    { name: "ice-ufrag", value: local.ice.ufrag },
    { name: "ice-pwd", value: local.ice.password },
    ...(trickles ? [{ name: "ice-options", value: "trickle" }] : []),
    ...describeDtls(local.fingerprint, role),
    ...receive.flatMap(describeCodec),
    ...describeAuxiliaries(auxiliaries, receive),
    ...dtmf.flatMap(describeEvents),
    { name: "ptime", value: String(codec.ptimeMs) },
    ...describeExtendedReports(extendedReports),
    { name: "ssrc", value: `${local.ssrc} cname:${local.cname}` },
    { name: "ssrc", value: `${local.ssrc} msid:${local.cname} ${local.cname}-audio` },
    { name: "msid", value: `${local.cname} ${local.cname}-audio` },
    ...candidateLines(local.candidates),
  ];
  return {
    kind: "audio",
    port: first.port,
    protocol,
    formats,
    connection: first.address,
    attributes,
  };
}

/** All of them at once: we never trickle (RFC 8840 §4.3). */
export function candidateLines(candidates: readonly Endpoint[]): Attribute[] {
  const lines = candidates.map(({ address, port }, index) => candidate(address, port, index));
  return [...lines, { name: "end-of-candidates", value: "" }];
}

/** RFC 8839 §5.1, priority by RFC 8445 §5.1.2: host candidates of component 1, best first. */
function candidate(address: string, port: number, index: number): Attribute {
  const priority = 126 * 2 ** 24 + (65_535 - index) * 2 ** 8 + 255;
  return { name: "candidate", value: `${index + 1} 1 UDP ${priority} ${address} ${port} typ host` };
}

function print(
  local: WebrtcLocal,
  origin: Origin,
  media: MediaDescription[],
  bundled: string[],
): string {
  const address = local.candidates[0]?.address ?? "0.0.0.0";
  const attributes: Attribute[] = [
    { name: "ice-lite", value: "" },
    ...(bundled.length > 0 ? [{ name: "group", value: `BUNDLE ${bundled.join(" ")}` }] : []),
    { name: "msid-semantic", value: ` WMS ${local.cname}` },
  ];
  return printSdp({ origin: originLine(origin, address), attributes, media });
}

function webrtc(local: LocalLeg): WebrtcLocal {
  if (local.kind !== "webrtc") throw new Error("a webrtc profile needs a webrtc leg");
  return local;
}
