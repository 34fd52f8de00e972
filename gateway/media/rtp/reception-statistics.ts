/**
 * What a receiver knows of one RTP stream: RFC 3550 appendix A.1 (sequence numbers), A.3 (loss),
 * A.8 (jitter), and the report block of §6.4.1. Nothing is allocated for a packet. The receivers
 * of the legs stand above.
 *
 * Unlike A.1, the first packet counts at once: a stream arrives here authenticated or latched, and
 * a probation would cost its first syllable.
 */
import type { Millis } from "../../machine.ts";
import { ntpMiddle } from "./ntp-time.ts";
import type { ReportBlock } from "./rtcp-packet.ts";
import { timestampDifference } from "./sequence.ts";

/** A.1: a jump forward of this many packets is a restart, not loss: 60 s at 20 ms. */
const DROPOUT_MAX = 3_000;
/** A.1: and one this far back is not reordering. */
const MISORDER_MAX = 100;
const NONE = -1;

export class ReceptionStatistics {
  packetsReceived = 0;
  #clockRate: number;
  #base = NONE;
  /** Rollovers * 65536 + sequence of the highest packet. */
  #highest = NONE;
  /** What would follow the packet of a jump: a second one makes it a restart (A.1). */
  #afterJump = NONE;
  #lastArrival: Millis = 0;
  #lastTimestamp = NONE;
  /** In timestamp units. */
  #jitter = 0;
  #expectedBefore = 0;
  #receivedBefore = 0;
  #lastSenderReport = 0;
  #lastSenderReportAt: Millis = 0;
  /** Packets expected up to the stream's last restart. */
  #expectedEarlier = 0;

  /** `clockRate` of the RTP timestamps, in hertz. */
  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  /** The payload's clock changed with the codec: jitter in milliseconds is carried over. */
  setClockRate(clockRate: number): void {
    if (clockRate === this.#clockRate) return;
    this.#jitter *= clockRate / this.#clockRate;
    this.#clockRate = clockRate;
    this.#lastTimestamp = NONE;
  }

  /**
   * Counts one packet. Its extended sequence number (rollovers * 65536 + sequence), or -1 for the
   * first packet of a jump too far to be of this stream: that one should not be played. `isTimed`:
   * its timestamp says when it was sent, as that of a telephone-event does not (RFC 4733 §2.1).
   */
  receive(sequence: number, timestamp: number, now: Millis, isTimed = true): number {
    const extended = this.#extend(sequence);
    if (extended === NONE) return NONE;
    this.packetsReceived += 1;
    if (isTimed) this.#measureJitter(timestamp, now);
    return extended;
  }

  /** A.1, update_seq. */
  #extend(sequence: number): number {
    if (this.#highest === NONE) return this.#begin(sequence);
    const ahead = (sequence - this.#highest) & 0xffff;
    if (ahead < DROPOUT_MAX) {
      this.#highest += ahead;
      this.#afterJump = NONE;
      return this.#highest;
    }
    if (ahead >= 65_536 - MISORDER_MAX) {
      const extended = this.#highest + ahead - 65_536;
      // From before the first packet: it counts, and the stream began earlier than we thought.
      if (extended < this.#base) this.#base = extended;
      return extended;
    }
    if (sequence !== this.#afterJump) {
      this.#afterJump = (sequence + 1) & 0xffff;
      return NONE;
    }
    this.#expectedEarlier = this.#expected;
    return this.#begin(sequence);
  }

  #begin(sequence: number): number {
    // One rollover in advance, so that an earlier packet's number is not negative.
    this.#base = 65_536 + sequence;
    this.#highest = this.#base;
    this.#afterJump = NONE;
    return this.#highest;
  }

  /** A.8: the mean deviation of transit times, with a gain of 1/16. */
  #measureJitter(timestamp: number, now: Millis): void {
    if (this.#lastTimestamp !== NONE) {
      const sent = timestampDifference(timestamp, this.#lastTimestamp);
      const arrived = ((now - this.#lastArrival) * this.#clockRate) / 1_000;
      this.#jitter += (Math.abs(arrived - sent) - this.#jitter) / 16;
    }
    this.#lastTimestamp = timestamp;
    this.#lastArrival = now;
  }

  get #expected(): number {
    if (this.#highest === NONE) return 0;
    return this.#expectedEarlier + this.#highest - this.#base + 1;
  }

  /** A.3: expected less received; negative where duplicates outnumber losses. */
  get packetsLost(): number {
    return this.#expected - this.packetsReceived;
  }

  /** §6.4.1. */
  get jitterMs(): number {
    return (this.#jitter * 1_000) / this.#clockRate;
  }

  /** A sender report of this stream arrived: the next block answers it. */
  senderReported(sender: { ntpSeconds: number; ntpFraction: number }, now: Millis): void {
    this.#lastSenderReport = ((sender.ntpSeconds << 16) | (sender.ntpFraction >>> 16)) >>> 0;
    this.#lastSenderReportAt = now;
  }

  /** The report block to send now about the stream of `ssrc`; begins the next interval (A.3). */
  report(ssrc: number, now: Millis): ReportBlock {
    const expected = this.#expected;
    const expectedNow = expected - this.#expectedBefore;
    const lostNow = expectedNow - (this.packetsReceived - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.packetsReceived;
    const answers = this.#lastSenderReport !== 0;
    return {
      ssrc,
      // All lost would be 256, which does not fit.
      fractionLost:
        expectedNow <= 0 || lostNow <= 0
          ? 0
          : Math.min(255, Math.floor((lostNow * 256) / expectedNow)),
      cumulativeLost: Math.max(-0x80_0000, Math.min(0x7f_ffff, this.packetsLost)),
      highestSequence: this.#highest === NONE ? 0 : (this.#highest - 65_536) >>> 0,
      jitter: Math.floor(this.#jitter) >>> 0,
      lastSenderReport: this.#lastSenderReport,
      delaySinceLastSenderReport: answers ? ntpMiddle(now - this.#lastSenderReportAt) : 0,
    };
  }
}
