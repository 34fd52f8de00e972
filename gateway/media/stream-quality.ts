/**
 * How one leg's audio arrives, both ways (X4): what comes is measured here, of what goes the peer's
 * RTCP tells; where it tells nothing the way back stands in for it. Every sample looks at what was
 * new since the one before, so that a minute of good audio doesn't hide a bad second. Above: the
 * leg's RTP stream. Below: the E-model.
 */
import type { Millis } from "../machine.ts";
import type { ControlReports } from "./control-reports.ts";
import { mosOf, ratingOf, type SpeechPath } from "./e-model.ts";
import type { Codec, DirectionQuality } from "./protocol.ts";
import type { VoipMetrics } from "./rtp/extended-report.ts";
import type { LossPattern } from "./rtp/loss-pattern.ts";
import type { ReportBlock } from "./rtp/rtcp-packet.ts";

/** A report this old says nothing about now: RTCP comes about every five seconds. */
const REPORT_VALID_MS = 20_000;
/** What a codec looks ahead beyond its packet, milliseconds (RFC 6716 §2; G.722 §2.1). */
const LOOK_AHEAD_MS = { opus: 2.5, G722: 1.5, PCMA: 0, PCMU: 0 };
/** A buffer against jitter holds about twice of it. */
const BUFFER_JITTERS = 2;

interface Circumstances {
  codec: Codec;
  burstRatio: number;
  jitterMs: number;
  roundTripMs: number;
}

/** One direction: its latest sample, and the score over its life. */
class Direction {
  #packets = 0;
  #lost = 0;
  #sum = 0;
  #worst = Infinity;
  latest: DirectionQuality | undefined;

  /** Of `packets` since the sample before, `lost` did not arrive. Where nothing is new it stands. */
  sample(basis: DirectionQuality["basis"], packets: number, lost: number, of: Circumstances): void {
    if (packets <= 0) return;
    const lossNow = Math.min(1, Math.max(0, lost) / packets);
    const mosNow = mosOf(speechPath(of, lossNow));
    this.#packets += packets;
    this.#lost += lossNow * packets;
    this.#sum += mosNow * packets;
    this.#worst = Math.min(this.#worst, mosNow);
    this.latest = {
      basis,
      lossNow: rounded(lossNow, 4),
      loss: rounded(this.#lost / this.#packets, 4),
      burstRatio: rounded(of.burstRatio, 2),
      jitterMs: rounded(of.jitterMs, 1),
      mosNow: rounded(mosNow, 2),
      mos: rounded(this.#sum / this.#packets, 2),
      mosWorst: rounded(this.#worst, 2),
    };
  }
}

/** What a stream looks like when a sample is taken. */
export interface StreamSight {
  pattern: LossPattern;
  /** Interarrival jitter of what comes, milliseconds. */
  jitterMs: number;
  control: ControlReports;
  /** What comes and what goes. */
  receivedCodec: Codec;
  sentCodec: Codec;
  packetsSent: number;
  /** Sequence number of the first packet sent. */
  firstSequence: number;
}

export class StreamQuality {
  readonly #received = new Direction();
  readonly #sent = new Direction();
  #receivedBefore = 0;
  #lostBefore = 0;
  #blockBefore: ReportBlock | undefined;
  #sentBefore = 0;

  get received(): DirectionQuality | undefined {
    return this.#received.latest;
  }

  get sent(): DirectionQuality | undefined {
    return this.#sent.latest;
  }

  /** Takes a sample of both directions. */
  sample(sight: StreamSight, now: Millis): void {
    const { pattern, jitterMs, control } = sight;
    const roundTripMs = control.roundTripMs ?? 0;
    const { received, lost, burstRatio } = pattern;
    const lostNow = lost - this.#lostBefore;
    const packets = received - this.#receivedBefore + lostNow;
    const circumstances = { codec: sight.receivedCodec, burstRatio, jitterMs, roundTripMs };
    this.#received.sample("measured", packets, lostNow, circumstances);
    this.#receivedBefore = received;
    this.#lostBefore = lost;
    const { latest } = control;
    if (!latest) this.#sampleEstimated(sight, roundTripMs);
    else if (now - latest.at <= REPORT_VALID_MS) this.#sampleReported(latest.block, sight);
  }

  /** What RFC 3611 §4.7 tells the peer about its own stream. */
  voip(ssrc: number, pattern: LossPattern, control: ControlReports, codec: Codec): VoipMetrics {
    const { lossShare, burstDensity, gapDensity, burstPackets, gapPackets } = pattern.metrics;
    const roundTripMs = control.roundTripMs ?? 0;
    const { burstRatio } = pattern;
    const jitterMs = this.#received.latest?.jitterMs ?? 0;
    const path = speechPath({ codec, burstRatio, jitterMs, roundTripMs }, lossShare);
    return {
      ssrc,
      lossShare,
      discardShare: 0,
      burstDensity,
      gapDensity,
      burstMs: burstPackets * codec.ptimeMs,
      gapMs: gapPackets * codec.ptimeMs,
      roundTripMs,
      endSystemDelayMs: codec.ptimeMs,
      // The field has room for the narrowband scale alone (§4.7.5).
      rating: Math.min(100, ratingOf(path)),
      conversationalMos: mosOf(path),
    };
  }

  /** The peer's counters may begin anew with a renegotiation: only their steps are believed. */
  #sampleReported(block: ReportBlock, { control, sentCodec, firstSequence }: StreamSight): void {
    const before = this.#blockBefore;
    const highest = before ? before.highestSequence : firstSequence - 1;
    const packets = (block.highestSequence - highest) & 0xffff;
    const lost = block.cumulativeLost - (before?.cumulativeLost ?? 0);
    this.#blockBefore = block;
    this.#sent.sample("reported", packets, lost, {
      codec: sentCodec,
      burstRatio: reportedBurstRatio(control.voip),
      jitterMs: (block.jitter * 1_000) / sentCodec.clockRate,
      roundTripMs: control.roundTripMs ?? 0,
    });
  }

  /** Networks are rarely bad in one direction only: what the way back loses, so may this one. */
  #sampleEstimated({ packetsSent, sentCodec }: StreamSight, roundTripMs: number): void {
    const back = this.#received.latest;
    if (!back) return;
    const packets = packetsSent - this.#sentBefore;
    this.#sentBefore = packetsSent;
    const { burstRatio, jitterMs, lossNow } = back;
    const circumstances = { codec: sentCodec, burstRatio, jitterMs, roundTripMs };
    this.#sent.sample("estimated", packets, lossNow * packets, circumstances);
  }
}

/** To be read, sent and stored: more digits would be no truth. */
function rounded(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

function speechPath(of: Circumstances, lossShare: number): SpeechPath {
  const { codec, burstRatio, jitterMs, roundTripMs } = of;
  const buffered = codec.ptimeMs + LOOK_AHEAD_MS[codec.name] + BUFFER_JITTERS * jitterMs;
  return { codec: codec.name, lossShare, burstRatio, delayMs: roundTripMs / 2 + buffered };
}

/**
 * Within a burst each packet is lost with the burst's density, so a run of losses lasts 1/(1 - d)
 * packets; by chance it would last 1/(1 - loss).
 */
function reportedBurstRatio(voip: VoipMetrics | undefined): number {
  if (!voip || voip.burstDensity === 0) return 1;
  return Math.max(1, (1 - voip.lossShare) / Math.max(0.01, 1 - voip.burstDensity));
}
