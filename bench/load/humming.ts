/**
 * Calls that hum: each end a tone of its own, so that the time without it is known to the packet, in
 * real time and not by timestamps. For what interrupts calls. Above: load-call.ts.
 */
import { RtpHeader, readHeader } from "../../gateway/media/rtp/rtp-packet.ts";
import type { Codecs } from "../../media-wasm/codec.ts";
import { toneIn } from "../audio/signal.ts";
import type { LoadCodec } from "./codecs.ts";
import type { ReceivedPackets } from "./hearing.ts";

const LOWEST_HZ = 400;
const STEP_HZ = 110;
/** Different tones there are, up to 3.1 kHz: every telephone's codec carries them. */
const TONES = 25;
const PACKET_MS = 20;
/** The tone is 20 dB louder where it is whole. */
const HEARD_DBOV = -36;
export const HUM_DBOV = -16;

/** Of the two ends of call `index`; neighbours hum different tones. */
export function humOf(index: number, side: "softphone" | "pbx"): number {
  return LOWEST_HZ + STEP_HZ * ((2 * index + (side === "pbx" ? 1 : 0)) % TONES);
}

export interface Silence {
  /** The longest time in which the tone was not heard, ms. */
  readonly gapMs: number;
  /** When it began, by the clock of the packets. */
  readonly at: number;
  /** Whether it was heard at the end of the recording. */
  readonly isBack: boolean;
}

/** Between `from` and `until`, ms of the clock of the packets. */
export function longestSilence(
  end: ReceivedPackets,
  codec: LoadCodec,
  hertz: number,
  codecs: Codecs,
  [from, until]: readonly [number, number],
): Silence {
  const decoder = codecs.decoder(codec.name, codec.rate);
  const header = new RtpHeader();
  let [last, gapMs, at] = [from, 0, from];
  const pause = (now: number) => {
    const silent = now - last - PACKET_MS;
    if (silent > gapMs) [gapMs, at] = [silent, last];
  };
  for (const { packet, at: came } of end.packets()) {
    if (!readHeader(packet, packet.length, header) || header.payloadLength === 0) continue;
    const { payloadOffset, payloadLength } = header;
    const payload = packet.subarray(payloadOffset, payloadOffset + payloadLength);
    const pcm = decoder.decode(payload);
    const isHeard = toneIn({ pcm, sampleRate: codec.rate }, hertz).levelDbov > HEARD_DBOV;
    if (!isHeard || came < from || came > until) continue;
    pause(came);
    last = came;
  }
  decoder.close();
  pause(until + PACKET_MS);
  return { gapMs, at, isBack: until - last < 1_000 };
}
