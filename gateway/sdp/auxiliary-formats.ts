/**
 * Formats that stand beside a codec in SDP and not for one: comfort noise (RFC 3389 §4) and RED
 * (RFC 2198 §5). Above: the profiles. Below: codecs.ts, which knows the codecs themselves.
 */
import type { AuxiliaryFormats, Codec } from "../media/protocol.ts";
import { mapsOf, payloadTypesOf } from "./codecs.ts";
import { type Attribute, attributes, type MediaDescription } from "./session-description.ts";

/** RFC 3551 §6 for comfort noise; for RED, the number browsers use. */
const COMFORT_NOISE_TYPE = 13;
const RED_TYPE = 63;

/** What a stream has beside `codec` that we understand. */
export function auxiliariesOf(media: MediaDescription, codec: Codec): AuxiliaryFormats {
  const comfortNoise = comfortNoiseOf(media, codec);
  const red = redOf(media, codec);
  return {
    ...(comfortNoise === undefined ? {} : { comfortNoise }),
    ...(red === undefined ? {} : { red }),
  };
}

/** Of what we offered, what the answer has as well, with the answer's numbers (RFC 3264 §6.1). */
export function answeredAuxiliaries(
  answer: AuxiliaryFormats,
  offer: AuxiliaryFormats,
): AuxiliaryFormats {
  const { comfortNoise, red } = answer;
  return {
    ...(comfortNoise === undefined || offer.comfortNoise === undefined ? {} : { comfortNoise }),
    ...(red === undefined || offer.red === undefined ? {} : { red }),
  };
}

/** Comfort noise for codecs without their own, as we offer it to PBXs. */
export function comfortNoiseToOffer(codecs: readonly Codec[]): AuxiliaryFormats {
  const isOfUse = codecs.some(({ clockRate }) => clockRate === 8_000);
  return isOfUse ? { comfortNoise: COMFORT_NOISE_TYPE } : {};
}

/** RED for Opus, as we offer it to softphones. */
export function redToOffer(codecs: readonly Codec[]): AuxiliaryFormats {
  return codecs.some(({ name }) => name === "opus") ? { red: RED_TYPE } : {};
}

/**
 * The payload types of an m= line in order: codecs, what stands beside them, events. RED comes
 * before the codec only where the peer wrote it so (`redFirst`): a browser sends what is first,
 * and twice the octets are the softphone's choice to make.
 */
export function formatsInOrder(
  receive: readonly { payloadType: number }[],
  { comfortNoise, red }: AuxiliaryFormats,
  events: readonly { payloadType: number }[],
  redFirst = false,
): string[] {
  const codecs = receive.map(({ payloadType }) => payloadType);
  const redundancy = red === undefined ? [] : [red];
  const noise = comfortNoise === undefined ? [] : [comfortNoise];
  return [
    ...(redFirst ? [...redundancy, ...codecs] : [...codecs, ...redundancy]),
    ...noise,
    ...events.map(({ payloadType }) => payloadType),
  ].map(String);
}

/** Whether the peer would rather send RED than the codec alone. */
export function prefersRed(media: MediaDescription, codec: Codec, red: number): boolean {
  const { formats } = media;
  return formats.indexOf(String(red)) < formats.indexOf(String(codec.payloadType));
}

/** The attributes that describe them. */
export function describeAuxiliaries(
  { comfortNoise, red }: AuxiliaryFormats,
  receive: readonly Codec[],
): Attribute[] {
  const described: Attribute[] = [];
  const opus = receive.find(({ name }) => name === "opus");
  if (red !== undefined && opus) {
    described.push({ name: "rtpmap", value: `${red} red/48000/2` });
    described.push({ name: "fmtp", value: `${red} ${opus.payloadType}/${opus.payloadType}` });
  }
  if (comfortNoise !== undefined) {
    described.push({ name: "rtpmap", value: `${comfortNoise} CN/8000` });
  }
  return described;
}

function comfortNoiseOf(media: MediaDescription, codec: Codec): number | undefined {
  // Opus has its own (RFC 6716 §2.1.9), and RFC 3389 §4 wants the codec's clock.
  if (codec.clockRate !== 8_000) return undefined;
  const maps = mapsOf(media);
  return payloadTypesOf(media).find((payloadType) => {
    const map = maps.get(payloadType);
    return map ? map.encoding === "cn/8000" : payloadType === COMFORT_NOISE_TYPE;
  });
}

/** RED whose every block is `codec` (RFC 2198 §5): one of mixed codecs would need them all. */
function redOf(media: MediaDescription, codec: Codec): number | undefined {
  if (codec.name !== "opus") return undefined;
  const maps = mapsOf(media);
  return payloadTypesOf(media).find((payloadType) => {
    if (maps.get(payloadType)?.encoding !== "red/48000") return false;
    const prefix = `${payloadType} `;
    const written = attributes(media, "fmtp").find((it) => it.startsWith(prefix));
    const blocks = written?.slice(prefix.length).trim().split("/") ?? [];
    return blocks.length > 1 && blocks.every((block) => block === String(codec.payloadType));
  });
}
