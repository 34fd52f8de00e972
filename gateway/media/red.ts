/**
 * Redundant audio, RFC 2198: one packet carries its audio and that of packets before it once more,
 * so that a receiver fills small losses by what follows them. Read from browsers, and written to
 * them where red-policy.ts says that it pays. Above: the leg's stream, and the sender.
 */
import { RED_BLOCKS_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import type { PacketSink } from "./receiver.ts";
import { RtpHeader } from "./rtp/rtp-packet.ts";
import { addSequence, addTimestamp, timestampDifference } from "./rtp/sequence.ts";

/** §3: flag and payload type, 14 bits of timestamp offset, 10 bits of length. */
const BLOCK_HEADER_BYTES = 4;
const FOLLOWS = 0x80;
const OFFSET_MAX = 0x3fff;
const LENGTH_MAX = 0x3ff;

/** The blocks of the packet read last. */
export class RedReader {
  /** Packets before this one whose audio it carries, without a hole. */
  carried = 0;
  #blocks = 0;
  /** Oldest first, the packet's own audio last. */
  readonly #starts = new Uint16Array(RED_BLOCKS_MAX + 1);
  readonly #lengths = new Uint16Array(RED_BLOCKS_MAX + 1);
  readonly #ages = new Uint16Array(RED_BLOCKS_MAX + 1);
  readonly #header = new RtpHeader();

  /** Takes a packet's payload apart. False where it runs past its end or has too many blocks. */
  read(buffer: Uint8Array, header: RtpHeader, payloadType: number): boolean {
    const end = header.payloadOffset + header.payloadLength;
    let at = header.payloadOffset;
    let blocks = 0;
    for (; at < end && (buffer[at] ?? 0) & FOLLOWS; at += BLOCK_HEADER_BYTES) {
      if (at + BLOCK_HEADER_BYTES >= end || blocks === RED_BLOCKS_MAX) return false;
      const low = buffer[at + 2] ?? 0;
      const isOurs = ((buffer[at] ?? 0) & 0x7f) === payloadType;
      this.#ages[blocks] = ((buffer[at + 1] ?? 0) << 6) | (low >> 2);
      this.#lengths[blocks] = ((low & 3) << 8) | (buffer[at + 3] ?? 0);
      // A codec that wasn't negotiated is no audio: its block is passed over.
      this.#starts[blocks] = isOurs ? 1 : 0;
      blocks += 1;
    }
    if (at >= end || buffer[at] !== payloadType) return false;
    at += 1;
    this.carried = 0;
    for (let block = 0; block < blocks; block++) {
      const length = this.#lengths[block] ?? 0;
      if (at + length > end) return false;
      const isAudio = this.#starts[block] === 1 && length > 0 && this.#ages[block] !== 0;
      this.carried = isAudio ? this.carried + 1 : 0;
      this.#starts[block] = at;
      at += length;
    }
    this.#starts[blocks] = at;
    this.#lengths[blocks] = end - at;
    this.#ages[blocks] = 0;
    this.#blocks = blocks;
    return true;
  }

  /** Hands on the packet read last: what it carries of the `lostBefore` packets, then its own. */
  deliver(
    sink: PacketSink,
    buffer: Uint8Array,
    header: RtpHeader,
    payloadType: number,
    lostBefore: number,
    now: Millis,
  ): void {
    const filled = Math.min(lostBefore, this.carried);
    for (let before = filled; before >= 0; before--) {
      const block = this.#blocks - before;
      const own = this.#header;
      own.payloadType = payloadType;
      own.marker = header.marker && before === 0;
      own.ssrc = header.ssrc;
      own.sequence = addSequence(header.sequence, -before);
      own.timestamp = addTimestamp(header.timestamp, -(this.#ages[block] ?? 0));
      own.payloadOffset = this.#starts[block] ?? 0;
      own.payloadLength = this.#lengths[block] ?? 0;
      sink.packet(buffer, own, before === filled ? lostBefore - filled : 0, now);
    }
  }
}

/** Keeps the latest payload to send it once more with the next. */
export class RedWriter {
  readonly #latest = new Uint8Array(LENGTH_MAX);
  #latestLength = 0;
  #latestTimestamp = 0;
  #latestType = -1;

  /**
   * Writes `payload`, and before it the one written last, into `packet` from `at` on. The length
   * written; at most five bytes and twice the payload, held to `bytesMax` by leaving out the copy.
   */
  write(
    packet: Uint8Array,
    at: number,
    payload: Uint8Array,
    payloadType: number,
    timestamp: number,
    bytesMax: number,
  ): number {
    const age = timestampDifference(timestamp, this.#latestTimestamp);
    const copied = this.#latestLength;
    const length = BLOCK_HEADER_BYTES + 1 + copied + payload.length;
    const isRedundant =
      copied > 0 &&
      this.#latestType === payloadType &&
      age > 0 &&
      age <= OFFSET_MAX &&
      length <= bytesMax;
    let next = at;
    if (isRedundant) {
      packet[next] = FOLLOWS | payloadType;
      packet[next + 1] = age >> 6;
      packet[next + 2] = ((age & 0x3f) << 2) | (copied >> 8);
      packet[next + 3] = copied;
      next += BLOCK_HEADER_BYTES;
    }
    packet[next++] = payloadType;
    // Plain loops: `set` would need a view made for the copy.
    if (isRedundant) {
      for (let index = 0; index < copied; index++) packet[next++] = this.#latest[index] ?? 0;
    }
    for (let index = 0; index < payload.length; index++) packet[next++] = payload[index] ?? 0;
    this.#remember(payload, payloadType, timestamp);
    return next - at;
  }

  #remember(payload: Uint8Array, payloadType: number, timestamp: number): void {
    this.#latestLength = payload.length <= LENGTH_MAX ? payload.length : 0;
    for (let index = 0; index < this.#latestLength; index++) {
      this.#latest[index] = payload[index] ?? 0;
    }
    this.#latestTimestamp = timestamp;
    this.#latestType = payloadType;
  }
}
