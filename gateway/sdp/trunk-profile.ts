/**
 * SDP towards PBXs and carriers: RTP/AVP as a plain desk phone writes it (RFC 3551, RFC 4733, RFC
 * 3605), no ICE, one audio stream. Text in, media values out, and back. Addresses are IP literals
 * of one host: names are not looked up, and audio for a group of hosts is not sent.
 */
import { parseAddress, printAddress, reach } from "../address.ts";
import type { CodecName, Direction, Endpoint, LocalLeg, RemoteLeg } from "../media/protocol.ts";
import {
  codecsToOffer,
  describeCodec,
  describeEvents,
  eventsFor,
  eventsToOffer,
  namesTold,
} from "./codecs.ts";
import {
  type AcceptedOffer,
  audioOf,
  type Choice,
  chooseFromAnswer,
  chooseFromOffer,
  directionOf,
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
/** AVPF is AVP with earlier reports (RFC 4585); an offer of it is answered in kind. */
const PROTOCOLS = [PROTOCOL, "RTP/AVPF"];

/** The PBX offers; `codecs` is the connection's list, in its order. */
export function acceptTrunkOffer(
  sdp: string,
  codecs: readonly CodecName[],
  direction: Direction = "sendrecv",
): Result<AcceptedOffer> {
  const parsed = parseSdp(sdp);
  if (!parsed.ok) return refused(parsed.status, parsed.reason);
  const { session } = parsed;
  const audio = plainAudio(session);
  if (!audio.ok) return audio;
  const found = chooseFromOffer(audio.value, codecs);
  if (!found.ok) return found;
  const choice = { ...found.value, dtmf: eventsFor(found.value.codec, found.value.dtmf) };
  const remote = remoteLeg(session, audio.value, choice, direction);
  if (!remote.ok) return remote;
  const answer = (local: LocalLeg, origin: Origin) => {
    const own = stream(local, choice, remote.value.direction, audio.value.protocol);
    const media = session.media.map((it) => (it === audio.value ? own : refusedStream(it)));
    return print(local, origin, media);
  };
  return { ok: true, value: { remote: remote.value, answer } };
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
    stream(local, { codec, receive, dtmf: eventsToOffer(receive) }, direction, PROTOCOL),
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
  if (!own.ok || !offer) throw new Error("our own offer has no audio");
  const choice = chooseFromAnswer(audio.value, offer);
  if (!choice.ok) return choice;
  return remoteLeg(parsed.session, audio.value, choice.value, directionOf(own.session, offer));
}

function plainAudio(session: SessionDescription): Result<MediaDescription> {
  const audio = audioOf(session);
  if (!audio) return refused(488, "the session description has no audio stream");
  if (PROTOCOLS.includes(audio.protocol)) return { ok: true, value: audio };
  const protocol = namesTold([audio.protocol]);
  return refused(488, `${protocol} is offered; this connection speaks ${PROTOCOL}`);
}

function remoteLeg(
  session: SessionDescription,
  audio: MediaDescription,
  { codec, receive, dtmf }: Choice,
  ours: Direction,
): Result<RemoteLeg> {
  const written = audio.connection ?? session.connection ?? "";
  const address = hostOf(written);
  if (address === undefined) {
    return refused(
      488,
      `${namesTold([written])} is no address of a host: audio can't be sent there`,
    );
  }
  const rtp: Endpoint = { address, port: audio.port };
  const theirs = narrow(ourDirection(session, audio), ours);
  const direction = isNowhere(address) ? narrow(theirs, "recvonly") : theirs;
  const base = { kind: "trunk", rtp, rtcp: rtcpOf(audio, rtp), codec, receive, direction } as const;
  return { ok: true, value: dtmf.length > 0 ? { ...base, dtmf } : base };
}

/** The one host an address names, in canonical form; all zeros is "nowhere", which is allowed. */
function hostOf(text: string): string | undefined {
  const address = parseAddress(text);
  return address && reach(address) !== "group" ? printAddress(address) : undefined;
}

/** RFC 2543's hold: an address of zeros can't be sent to (RFC 3264 §8.4). */
function isNowhere(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && reach(address) === "nowhere";
}

/** RFC 3605: the port after RTP's, unless it says otherwise and means a host. */
function rtcpOf(audio: MediaDescription, rtp: Endpoint): Endpoint {
  const match = /^([0-9]{1,5})(?: IN IP[46] (\S+))?\s*$/.exec(attribute(audio, "rtcp") ?? "");
  const port = Number(match?.[1] ?? 0);
  const written = hostOf(match?.[2] ?? "");
  const address = written !== undefined && !isNowhere(written) ? written : rtp.address;
  if (port > 0 && port <= 65_535) return { address, port };
  return { address: rtp.address, port: rtp.port < 65_535 ? rtp.port + 1 : rtp.port };
}

function stream(
  local: LocalLeg,
  { receive, dtmf, codec }: Choice,
  direction: Direction,
  protocol: string,
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
  return { kind: "audio", port, protocol, formats, connection: address, attributes };
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
