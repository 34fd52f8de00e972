/**
 * Puts one leg's packets in sequence, without a clock of its own: what is in order goes straight
 * through, a gap waits for as many packets as this network has been seen to mix up, then counts as
 * lost. Where packets only get lost that is none, so that a loss delays nothing. Late packets and
 * duplicates are dropped; a new SSRC or a jump needs two in a row to be believed (RFC 3550 A.1).
 * Above: the transcoder, as the sink. Below: the leg, which has checked source and payload type.
 */
import {
  MEDIA_DATAGRAM_BYTES_MAX,
  REORDER_PACKETS_MAX,
  REORDER_WAIT_MS,
  SEQUENCE_DROPOUT_MAX,
  SEQUENCE_MISORDER_MAX,
} from "../limits.ts";
import type { Millis } from "../machine.ts";
import { RtpHeader } from "./rtp/rtp-packet.ts";
import { addSequence, sequenceDifference } from "./rtp/sequence.ts";

export interface PacketSink {
  /**
   * One packet, in sequence. `lostBefore` packets are missing between it and the one before.
   * `buffer` and `header` are only lent for the call.
   */
  packet(buffer: Uint8Array, header: RtpHeader, lostBefore: number, now: Millis): void;
}

/** Before anything is known: one swapped pair comes out right, a loss waits for one packet more. */
const PATIENCE_AT_FIRST = 2;
/** So many losses without one packet out of order lower it by one. */
const LOSSES_TO_LOWER = 8;
/** Sequence numbers that are remembered as given up, in case they come yet. */
const GIVEN_UP_KEPT = 64;

class Held {
  readonly buffer = new Uint8Array(MEDIA_DATAGRAM_BYTES_MAX);
  readonly header = new RtpHeader();
  used = false;
  since: Millis = 0;
}

export class Receiver {
  readonly #sink: PacketSink;
  readonly #held: Held[] = [];
  #heldCount = 0;
  #started = false;
  #ssrc = 0;
  /** The sequence number due next. */
  #expected = 0;
  /** Packets that come after a gap until it counts as lost. */
  #patience = PATIENCE_AT_FIRST;
  #lossesSinceReorder = 0;
  /** What was given up lately, by its low bits. */
  readonly #givenUp = new Int32Array(GIVEN_UP_KEPT).fill(-1);
  /** A new stream's first packet, waiting for its second. */
  #suspectSsrc = 0;
  #suspectNext = -1;

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /**
   * Takes a packet in. False where it is dropped: late, a duplicate, or the first packet of what
   * may be a new stream. `carried`: packets before it whose audio it has in it, so that a gap of
   * them need not wait (RED).
   */
  receive(
    buffer: Uint8Array,
    length: number,
    header: RtpHeader,
    now: Millis,
    carried = 0,
  ): boolean {
    if (!this.#started) this.#start(header);
    else if (header.ssrc !== this.#ssrc) {
      if (!this.#believes(header)) return false;
      this.#start(header);
    }
    let ahead = sequenceDifference(header.sequence, this.#expected);
    if (ahead > SEQUENCE_DROPOUT_MAX || ahead < -SEQUENCE_MISORDER_MAX) {
      if (!this.#believes(header)) return false;
      this.#start(header);
      ahead = 0;
    }
    if (ahead < 0) {
      this.#cameLate(header.sequence, -ahead);
      return false;
    }
    if (ahead <= carried) {
      this.#expected = addSequence(header.sequence, 1);
      this.#sink.packet(buffer, header, ahead, now);
      if (this.#heldCount > 0) {
        if (ahead === 0) this.#lossesSinceReorder = 0;
        this.#forgetBefore();
        this.#deliverConsecutive(now);
      }
      return true;
    }
    return this.#hold(buffer, length, header, now);
  }

  /** Whether packets are held behind a gap. */
  get waiting(): boolean {
    return this.#heldCount > 0;
  }

  /** When the oldest held packet will wait no longer. */
  deadline(): Millis | undefined {
    if (this.#heldCount === 0) return undefined;
    let oldest = Infinity;
    for (const held of this.#held) if (held.used && held.since < oldest) oldest = held.since;
    return oldest + REORDER_WAIT_MS;
  }

  timeout(now: Millis): void {
    for (let due = this.deadline(); due !== undefined && due <= now; due = this.deadline()) {
      this.#giveUpGap(now);
    }
  }

  #start(header: RtpHeader): void {
    this.#started = true;
    this.#ssrc = header.ssrc;
    this.#expected = header.sequence;
    this.#suspectNext = -1;
    this.#heldCount = 0;
    for (const held of this.#held) held.used = false;
    this.#givenUp.fill(-1);
  }

  /** What was given up too soon: next time there is more patience. */
  #cameLate(sequence: number, packetsLate: number): void {
    const slot = sequence % GIVEN_UP_KEPT;
    if (this.#givenUp[slot] !== sequence) return;
    this.#givenUp[slot] = -1;
    this.#lossesSinceReorder = 0;
    const needed = Math.min(REORDER_PACKETS_MAX, packetsLate);
    if (needed > this.#patience) this.#patience = needed;
  }

  /** Held packets a later one has overtaken, with what they had in it: they count as delivered. */
  #forgetBefore(): void {
    for (const held of this.#held) {
      if (!held.used || sequenceDifference(held.header.sequence, this.#expected) >= 0) continue;
      held.used = false;
      this.#heldCount -= 1;
    }
  }

  /** Whether this is the second packet in a row of a stream that isn't the current one. */
  #believes(header: RtpHeader): boolean {
    if (header.ssrc === this.#suspectSsrc && header.sequence === this.#suspectNext) return true;
    this.#suspectSsrc = header.ssrc;
    this.#suspectNext = addSequence(header.sequence, 1);
    return false;
  }

  #hold(buffer: Uint8Array, length: number, header: RtpHeader, now: Millis): boolean {
    let slot: Held | undefined;
    for (const held of this.#held) {
      if (!held.used) slot = held;
      else if (held.header.sequence === header.sequence) return false;
    }
    if (!slot) {
      slot = new Held();
      this.#held.push(slot);
    }
    // A plain loop: `set` would need a view made for it.
    for (let index = 0; index < length; index++) slot.buffer[index] = buffer[index] ?? 0;
    Object.assign(slot.header, header);
    slot.used = true;
    slot.since = now;
    this.#heldCount += 1;
    if (this.#heldCount >= this.#patience) this.#giveUpGap(now);
    return true;
  }

  /** Counts what is missing before the earliest held packet as lost. */
  #giveUpGap(now: Millis): void {
    let first: Held | undefined;
    let lost = SEQUENCE_DROPOUT_MAX + 1;
    for (const held of this.#held) {
      if (!held.used) continue;
      const ahead = sequenceDifference(held.header.sequence, this.#expected);
      if (ahead < lost) {
        lost = ahead;
        first = held;
      }
    }
    if (!first) return;
    for (let missing = Math.min(lost, GIVEN_UP_KEPT); missing > 0; missing--) {
      const sequence = addSequence(first.header.sequence, -missing);
      this.#givenUp[sequence % GIVEN_UP_KEPT] = sequence;
    }
    this.#lossesSinceReorder += 1;
    if (this.#lossesSinceReorder >= LOSSES_TO_LOWER && this.#patience > 1) {
      this.#patience -= 1;
      this.#lossesSinceReorder = 0;
    }
    this.#deliver(first, lost, now);
    this.#deliverConsecutive(now);
  }

  #deliverConsecutive(now: Millis): void {
    for (let index = 0; index < this.#held.length && this.#heldCount > 0; index++) {
      const held = this.#held[index];
      if (!held?.used || held.header.sequence !== this.#expected) continue;
      this.#deliver(held, 0, now);
      index = -1;
    }
  }

  #deliver(held: Held, lost: number, now: Millis): void {
    held.used = false;
    this.#heldCount -= 1;
    this.#expected = addSequence(held.header.sequence, 1);
    this.#sink.packet(held.buffer, held.header, lost, now);
  }
}
