/**
 * Our next offer in a session that runs: what we last said, with another direction, new ICE
 * credentials or from another port (RFC 3264 §8). Streams keep their place, names and payload types, refused ones stay
 * refused, so that nothing the peer agreed to is asked again.
 */
import type { Direction, LocalLeg } from "../media/protocol.ts";
import { audioOf, DIRECTIONS, type Origin, originLine } from "./offer-answer.ts";
import { parseSdp } from "./parse.ts";
import { printSdp } from "./print.ts";
import type { Attribute, MediaDescription } from "./session-description.ts";
import { renewedSecurity, type SdesKeys } from "./trunk-security.ts";
import { candidateLines } from "./webrtc-profile.ts";

/**
 * `previous` is our own last description, offer or answer; `keys` those of the leg, where it has
 * any; `relayed` where it speaks for the other side of the call, whose certificate and sources stay.
 * Throws when the description is none of ours.
 */
export function reoffer(
  previous: string,
  local: LocalLeg,
  direction: Direction,
  origin: Origin,
  { keys, relayed = false }: { keys?: SdesKeys; relayed?: boolean } = {},
): string {
  const parsed = parseSdp(previous);
  const audio = parsed.ok ? audioOf(parsed.session) : undefined;
  if (!parsed.ok || !audio) throw new Error("our own last description has no audio");
  const { session } = parsed;
  const renewed =
    local.kind === "webrtc"
      ? renewWebrtc(audio, local, relayed)
      : renewTrunk(audio, local, keys, relayed);
  const own = { ...renewed, attributes: renewed.attributes.map((it) => turn(it, direction)) };
  const address = local.kind === "webrtc" ? local.candidates[0]?.address : local.rtp.address;
  return printSdp({
    ...session,
    origin: originLine(origin, address ?? "0.0.0.0"),
    media: session.media.map((it) => (it === audio ? own : it)),
  });
}

/** `actpass` leaves a running DTLS association as it is (RFC 8842 §5.5). */
function turn(attribute: Attribute, direction: Direction): Attribute {
  if (DIRECTIONS.some((it) => it === attribute.name)) return { name: direction, value: "" };
  return attribute.name === "setup" ? { name: "setup", value: "actpass" } : attribute;
}

function renewWebrtc(
  audio: MediaDescription,
  local: Extract<LocalLeg, { kind: "webrtc" }>,
  relayed: boolean,
): MediaDescription {
  const { algorithm, value: digest } = local.fingerprint;
  const current: Record<string, string> = {
    "ice-ufrag": local.ice.ufrag,
    "ice-pwd": local.ice.password,
    ...(relayed ? {} : { fingerprint: `${algorithm} ${digest}` }),
  };
  // `msid` stays: to the browser it is the same track, whatever SSRC it comes with (RFC 8830 §4).
  const attributes = audio.attributes
    .filter(({ name }) => name !== "candidate" && name !== "end-of-candidates")
    .map((it) => {
      if (it.name === "ssrc" && !relayed)
        return { ...it, value: it.value.replace(/^[0-9]+/, String(local.ssrc)) };
      const value = current[it.name];
      return value === undefined ? it : { ...it, value };
    });
  const [first] = local.candidates;
  return {
    ...audio,
    ...(first ? { port: first.port, connection: first.address } : {}),
    attributes: [...attributes, ...candidateLines(local.candidates)],
  };
}

function renewTrunk(
  audio: MediaDescription,
  local: Extract<LocalLeg, { kind: "trunk" }>,
  keys: SdesKeys | undefined,
  relayed: boolean,
): MediaDescription {
  const { address, port } = local.rtp;
  const { algorithm, value } = local.fingerprint;
  const attributes = audio.attributes.map((it) => {
    if (it.name === "fingerprint" && !relayed) return { ...it, value: `${algorithm} ${value}` };
    return keys ? renewedSecurity(it, keys) : it;
  });
  return { ...audio, port, connection: address, attributes };
}
