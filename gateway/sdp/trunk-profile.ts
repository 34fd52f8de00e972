/**
 * SDP towards PBXs and carriers: as a plain desk phone writes it (RFC 3551, RFC 4733, RFC 3605), no
 * ICE, one audio stream, protected as the connection wants it (`trunk-security`). Text in, media
 * values out, and back. Addresses are IP literals of one host: names are not looked up, and audio
 * for a group of hosts is not sent.
 */
import { parseAddress, printAddress, reach } from "../address.ts";
import type {
  CodecName,
  Direction,
  Endpoint,
  LocalLeg,
  RemoteLeg,
  TrunkSrtp,
} from "../media/protocol.ts";
import { comfortNoiseToOffer, describeAuxiliaries, formatsInOrder } from "./auxiliary-formats.ts";
import {
  codecsToOffer,
  describeCodec,
  describeEvents,
  eventsFor,
  eventsToOffer,
  namesTold,
} from "./codecs.ts";
import { describeExtendedReports } from "./extended-reports.ts";
import {
  type AcceptedOffer,
  audioOf,
  type Choice,
  chooseFromAnswer,
  chooseFromOffer,
  commonCodecs,
  directionOf,
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
  attribute,
  type MediaDescription,
  type SessionDescription,
} from "./session-description.ts";
import {
  type AgreedSecurity,
  securityFromAnswer,
  securityFromOffer,
  securityToOffer,
  type TrunkSecurity,
} from "./trunk-security.ts";

/**
 * Offer and answer with a PBX, protected as `security` says. Without `events` no telephone-event is
 * agreed on: a PBX goes by that when it chooses how to send keys and what to take for them.
 */
export function trunkProfile(security: TrunkSecurity, events = true): Profile {
  return {
    accept: (sdp, codecs, direction = "sendrecv") =>
      accept(sdp, codecs, direction, security, events),
    offer: (local, codecs, origin, direction = "sendrecv") =>
      offer(local, codecs, origin, direction, security, events),
    readAnswer: (sdp, offered) => readAnswer(sdp, offered, security),
  };
}

function accept(
  sdp: string,
  codecs: readonly CodecName[],
  direction: Direction,
  security: TrunkSecurity,
  events: boolean,
): Result<AcceptedOffer> {
  const parsed = parseSdp(sdp);
  if (!parsed.ok) return refused(parsed.status, parsed.reason);
  const { session } = parsed;
  const audio = audioOf(session);
  if (!audio) return noAudio;
  const agreed = securityFromOffer(session, audio, security);
  if (!agreed.ok) return agreed;
  const found = chooseFromOffer(audio, codecs);
  if (!found.ok) return found;
  const choice = onTrunk(events ? found.value : { ...found.value, dtmf: [] });
  const isMuxed = attribute(audio, "rtcp-mux") !== undefined;
  const remote = remoteLeg(session, audio, choice, direction, isMuxed, agreed.value.srtp);
  if (!remote.ok) return remote;
  const answer = (local: LocalLeg, origin: Origin) => {
    const own = stream(local, choice, remote.value.direction, isMuxed, agreed.value);
    const media = session.media.map((it) => (it === audio ? own : refusedStream(it)));
    return print(local, origin, media);
  };
  return { ok: true, value: { remote: remote.value, codecs: commonCodecs(audio, codecs), answer } };
}

function offer(
  local: LocalLeg,
  codecs: readonly CodecName[],
  origin: Origin,
  direction: Direction,
  security: TrunkSecurity,
  events: boolean,
): string {
  const receive = codecsToOffer(codecs);
  const [codec] = receive;
  if (!codec) throw new Error("an offer needs a codec");
  const choice = {
    codec,
    receive,
    dtmf: events ? eventsToOffer(receive) : [],
    auxiliaries: comfortNoiseToOffer(receive),
    extendedReports: { voip: true, roundTrip: true },
  };
  // RFC 5764 §5: without it RTP and RTCP would need a handshake each.
  const isMuxed = security.encryption === "dtls";
  const audio = stream(local, choice, direction, isMuxed, securityToOffer(security));
  return print(local, origin, [audio]);
}

function readAnswer(sdp: string, offered: string, security: TrunkSecurity): Result<RemoteLeg> {
  const parsed = parseSdp(sdp);
  const own = parseSdp(offered);
  if (!parsed.ok) return refused(488, parsed.reason);
  const audio = audioOf(parsed.session);
  if (!audio) return noAudio;
  const asked = own.ok ? audioOf(own.session) : undefined;
  if (!own.ok || !asked) throw new Error("our own offer has no audio");
  const srtp = securityFromAnswer(parsed.session, audio, asked, security);
  if (!srtp.ok) return srtp;
  const choice = chooseFromAnswer(audio, asked);
  if (!choice.ok) return choice;
  const ours = directionOf(own.session, asked);
  const isMuxed = [audio, asked].every((it) => attribute(it, "rtcp-mux") !== undefined);
  const kept = withoutRed(choice.value);
  return remoteLeg(parsed.session, audio, kept, ours, isMuxed, srtp.value);
}

/** What is answered: events on the codec's clock, and no RED: a PBX's network is not lossy. */
function onTrunk(choice: Choice): Choice {
  return withoutRed({ ...choice, dtmf: eventsFor(choice.codec, choice.dtmf) });
}

function withoutRed(choice: Choice): Choice {
  const { red: _, ...auxiliaries } = choice.auxiliaries;
  return { ...choice, auxiliaries };
}

const noAudio = refused<never>(488, "the session description has no audio stream");

function remoteLeg(
  session: SessionDescription,
  audio: MediaDescription,
  { codec, receive, dtmf, auxiliaries, extendedReports }: Choice,
  ours: Direction,
  isMuxed: boolean,
  srtp: TrunkSrtp | undefined,
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
  const rtcp = isMuxed ? rtp : rtcpOf(audio, rtp);
  const more = {
    ...auxiliaries,
    ...(srtp ? { srtp } : {}),
    ...(extendedReports ? { extendedReports } : {}),
  };
  const base = { kind: "trunk", rtp, rtcp, codec, receive, direction, ...more } as const;
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
  { receive, dtmf, codec, auxiliaries, extendedReports }: Choice,
  direction: Direction,
  isMuxed: boolean,
  { protocol, describe }: Omit<AgreedSecurity, "srtp">,
): MediaDescription {
  if (local.kind !== "trunk") throw new Error("a trunk profile needs a trunk leg");
  const formats = formatsInOrder(receive, auxiliaries, dtmf);
  const attributes: Attribute[] = [
    ...describe(local),
    ...receive.flatMap(describeCodec),
    ...describeAuxiliaries(auxiliaries, receive),
    ...dtmf.flatMap(describeEvents),
    { name: "ptime", value: String(codec.ptimeMs) },
    ...describeExtendedReports(extendedReports),
    { name: direction, value: "" },
  ];
  if (isMuxed) {
    attributes.push({ name: "rtcp-mux", value: "" });
  } else if (local.rtcp.port !== local.rtp.port + 1) {
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
