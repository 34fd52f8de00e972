/**
 * SDP towards PBXs and carriers: RTP/AVP as a plain desk phone writes it (RFC 3551, RFC 4733, RFC
 * 3605), no ICE, one audio stream. Text in, media values out, and back.
 */
import type { CodecName, Direction, Endpoint, LocalLeg, RemoteLeg } from "../media/protocol.ts";
import { codecsToOffer, describeCodec, describeEvents, eventsToOffer } from "./codecs.ts";
import {
  type AcceptedOffer,
  audioOf,
  type Choice,
  chooseFromAnswer,
  chooseFromOffer,
  narrow,
  type Origin,
  originLine,
  ourDirection,
  type Result,
  refused,
  refusedStream,
} from "./offer-answer.ts";
import { parseSdp } from "./parse.ts";
import { printSdp } from "./print.ts";
import {
  type Attribute,
  attribute,
  type MediaDescription,
  type SessionDescription,
} from "./session-description.ts";

const PROTOCOL = "RTP/AVP";

/** The PBX offers; `codecs` is the connection's list, in its order. */
export function acceptTrunkOffer(
  sdp: string,
  codecs: readonly CodecName[],
  direction: Direction = "sendrecv",
): Result<AcceptedOffer> {
  const parsed = parseSdp(sdp);
  if (!parsed.ok) return refused(400, parsed.reason);
  const { session } = parsed;
  const audio = plainAudio(session);
  if (!audio.ok) return audio;
  const choice = chooseFromOffer(audio.value, codecs);
  if (!choice.ok) return choice;
  const remote = remoteLeg(session, audio.value, choice.value, direction);
  const answer = (local: LocalLeg, origin: Origin) => {
    const own = stream(local, choice.value, remote.direction);
    const media = session.media.map((it) => (it === audio.value ? own : refusedStream(it)));
    return print(local, origin, media);
  };
  return { ok: true, value: { remote, answer } };
}

/** We offer. */
export function trunkOffer(
  local: LocalLeg,
  codecs: readonly CodecName[],
  origin: Origin,
  direction: Direction = "sendrecv",
): string {
  const receive = codecsToOffer(codecs);
  const [codec] = receive;
  if (!codec) throw new Error("an offer needs a codec");
  return print(local, origin, [
    stream(local, { codec, receive, dtmf: eventsToOffer(receive) }, direction),
  ]);
}

/** The PBX answered the offer we made. */
export function readTrunkAnswer(sdp: string, offered: string): Result<RemoteLeg> {
  const parsed = parseSdp(sdp);
  const own = parseSdp(offered);
  if (!parsed.ok) return refused(488, parsed.reason);
  const audio = plainAudio(parsed.session);
  if (!audio.ok) return audio;
  const offer = own.ok ? audioOf(own.session) : undefined;
  if (!offer) throw new Error("our own offer has no audio");
  const choice = chooseFromAnswer(audio.value, codecsToOffer(namesOf(offer)));
  if (!choice.ok) return choice;
  return { ok: true, value: remoteLeg(parsed.session, audio.value, choice.value, "sendrecv") };
}

function namesOf(offer: MediaDescription): CodecName[] {
  const known: CodecName[] = ["opus", "G722", "PCMA", "PCMU"];
  const maps = offer.attributes.filter(({ name }) => name === "rtpmap").map(({ value }) => value);
  return known.filter((name) => maps.some((value) => value.includes(` ${name}/`)));
}

function plainAudio(session: SessionDescription): Result<MediaDescription> {
  const audio = audioOf(session);
  if (!audio) return refused(488, "the session description has no audio stream");
  if (audio.protocol !== PROTOCOL && audio.protocol !== "RTP/AVPF") {
    return refused(488, `${audio.protocol} is offered; this connection speaks ${PROTOCOL}`);
  }
  return { ok: true, value: audio };
}

function remoteLeg(
  session: SessionDescription,
  audio: MediaDescription,
  { codec, receive, dtmf }: Choice,
  ours: Direction,
): RemoteLeg {
  const address = audio.connection ?? session.connection ?? "0.0.0.0";
  const rtp: Endpoint = { address, port: audio.port };
  // RFC 2543's hold: an address of zeros can't be sent to (RFC 3264 §8.4).
  const isHeld = address === "0.0.0.0" || address === "::";
  const theirs = narrow(ourDirection(session, audio), ours);
  const direction = isHeld ? narrow(theirs, "recvonly") : theirs;
  const base = { kind: "trunk", rtp, rtcp: rtcpOf(audio, rtp), codec, receive, direction } as const;
  return dtmf.length > 0 ? { ...base, dtmf } : base;
}

/** RFC 3605: the port after RTP's, unless it says otherwise. */
function rtcpOf(audio: MediaDescription, rtp: Endpoint): Endpoint {
  const match = /^([0-9]{1,5})(?: IN IP[46] (\S+))?$/.exec(attribute(audio, "rtcp") ?? "");
  const port = Number(match?.[1] ?? rtp.port + 1);
  return { address: match?.[2] ?? rtp.address, port: port <= 65_535 ? port : rtp.port };
}

function stream(
  local: LocalLeg,
  { receive, dtmf, codec }: Choice,
  direction: Direction,
): MediaDescription {
  if (local.kind !== "trunk") throw new Error("a trunk profile needs a trunk leg");
  const formats = [...receive, ...dtmf].map(({ payloadType }) => String(payloadType));
  const attributes: Attribute[] = [
    ...receive.flatMap(describeCodec),
    ...dtmf.flatMap(describeEvents),
    { name: "ptime", value: String(codec.ptimeMs) },
    { name: direction, value: "" },
  ];
  if (local.rtcp.port !== local.rtp.port + 1) {
    attributes.push({ name: "rtcp", value: String(local.rtcp.port) });
  }
  const { address, port } = local.rtp;
  return { kind: "audio", port, protocol: PROTOCOL, formats, connection: address, attributes };
}

function print(local: LocalLeg, origin: Origin, media: MediaDescription[]): string {
  if (local.kind !== "trunk") throw new Error("a trunk profile needs a trunk leg");
  const { address } = local.rtp;
  const ours = media.map((it) => (it.port === 0 ? { ...it, connection: address } : it));
  return printSdp({
    origin: originLine(origin, address),
    connection: address,
    attributes: [],
    media: ours,
  });
}
