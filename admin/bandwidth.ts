/** What line calls need (OPS-08, MED-12): audio with its RTP, UDP, IP and Ethernet headers, each way. */
import type { TrunkCodec } from "../schema/config.ts";

/** Bits a second of audio at 20 ms a packet; Opus as browsers send speech. */
const AUDIO_KILOBITS: Readonly<Record<TrunkCodec, number>> = {
  G722: 64,
  PCMA: 64,
  PCMU: 64,
  opus: 32,
};
/** 40 bytes of RTP, UDP and IPv4, and 18 of Ethernet, fifty times a second. */
const HEADERS_KILOBITS = (58 * 8 * 50) / 1_000;
/** OPS-08: keep twice of what is needed. */
const RESERVE = 2;

export function bandwidthOf(codecs: readonly TrunkCodec[], calls: number) {
  const dearest = Math.max(0, ...codecs.map((codec) => AUDIO_KILOBITS[codec]));
  const kilobitsPerSecond = Math.ceil(calls * (dearest + HEADERS_KILOBITS));
  return { kilobitsPerSecond, plannedKilobitsPerSecond: RESERVE * kilobitsPerSecond };
}
