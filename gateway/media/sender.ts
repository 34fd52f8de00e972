/**
 * One leg's outgoing RTP stream, RFC 3550 §5.1: one SSRC, a sequence without holes and a timestamp
 * that keeps pace with the audio, whatever happens to its source: hold, re-INVITE, silence, tones.
 * Above: the transcoder. Below: the leg, which encrypts and sends.
 */
import { MEDIA_DATAGRAM_BYTES_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import { type Random, randomUint32 } from "../random.ts";
import { RedWriter } from "./red.ts";
import { RTP_HEADER_BYTES, RtpHeader, writeHeader } from "./rtp/rtp-packet.ts";
import { addSequence, addTimestamp } from "./rtp/sequence.ts";

export interface PacketTransmitter {
  /** Sends packet[0..length), which it may overwrite beyond that (SRTP's tag) and in place. */
  transmit(packet: Uint8Array, length: number, now: Millis): void;
}

/** Room left for the SRTP authentication tag, RFC 3711 §4.2 and RFC 7714 §13. */
const TAG_BYTES_MAX = 16;
const PAYLOAD_BYTES_MAX = MEDIA_DATAGRAM_BYTES_MAX - RTP_HEADER_BYTES - TAG_BYTES_MAX;

export class Sender {
  /** Off while the direction or a missing key forbids sending: the clock runs on, no packet goes. */
  enabled = false;
  /** An announcement has the floor: what the other leg brings is not sent. */
  isTaken = false;
  /** A telephone-event is being sent: another has to wait for its end. */
  inEvent = false;
  /** Digits of ours are being sent or wait: those of the other leg come after them. */
  hasDigits = false;
  /** It leaves the floor as soon as the other leg brings something to hear. */
  yieldsToAudio = false;
  /** The payload type of RED (RFC 2198) while audio is to go out with a copy of what was before. */
  redType: number | undefined;
  packetsSent = 0;
  /** Payload octets, as a sender report counts them. */
  octetsSent = 0;
  /** Timestamp and time of the latest packet, for sender reports. */
  lastTimestamp = 0;
  lastSentAt: Millis | undefined;

  /** Sequence number the stream began with. */
  readonly firstSequence: number;
  readonly #transmitter: PacketTransmitter;
  readonly #packet = new Uint8Array(MEDIA_DATAGRAM_BYTES_MAX);
  readonly #header = new RtpHeader();
  readonly #red = new RedWriter();
  /** Timestamp of the next audio packet. */
  #timestamp: number;
  #marker = true;
  /** When the audio sent so far ends, on our clock: a new source goes on from there. */
  #filledUntil: Millis | undefined;

  constructor(ssrc: number, transmitter: PacketTransmitter, random: Random) {
    this.#transmitter = transmitter;
    this.#header.ssrc = ssrc;
    // The lower half: a receiver that misses the first packets still guesses SRTP's rollover
    // counter right (RFC 3711 §3.3.1 leaves it to guess).
    this.firstSequence = randomUint32(random) & 0x7fff;
    this.#header.sequence = this.firstSequence;
    this.#timestamp = randomUint32(random);
  }

  get ssrc(): number {
    return this.#header.ssrc;
  }

  /** Timestamp the next audio packet will carry. */
  get timestamp(): number {
    return this.#timestamp;
  }

  /** Sequence number the next packet will carry. */
  get sequence(): number {
    return this.#header.sequence;
  }

  /** Moves the clock over `ticks` of silence; a talkspurt follows (marker). */
  silence(ticks: number): void {
    this.#timestamp = addTimestamp(this.#timestamp, ticks);
    this.#marker = true;
  }

  /** Leaves a hole of `packets` and `ticks`: the loss is the receiver's to conceal (bridging). */
  leaveHole(packets: number, ticks: number): void {
    this.#header.sequence = addSequence(this.#header.sequence, packets);
    this.#timestamp = addTimestamp(this.#timestamp, ticks);
  }

  /** Another source takes over: the time since the last audio becomes silence. */
  takeOver(clockRate: number, now: Millis): void {
    this.#timestamp = this.timestampAt(clockRate, now);
    this.#filledUntil = Math.max(now, this.#filledUntil ?? now);
    this.#marker = true;
  }

  /** The timestamp of `now`, or of the next audio packet if audio is sent up to later than now. */
  timestampAt(clockRate: number, now: Millis): number {
    const idleMs = this.#filledUntil === undefined ? 0 : Math.max(0, now - this.#filledUntil);
    return addTimestamp(this.#timestamp, Math.round((idleMs * clockRate) / 1_000));
  }

  /** Sends `payload`, which lasts `ticks` of the clock. Larger ones than a datagram are dropped. */
  sendAudio(
    payload: Uint8Array,
    payloadType: number,
    ticks: number,
    clockRate: number,
    now: Millis,
  ): void {
    this.#filledUntil = now + (ticks * 1_000) / clockRate;
    if (this.enabled && payload.length < PAYLOAD_BYTES_MAX) {
      const red = this.redType;
      const length = red === undefined ? payload.length : this.#writeRed(payload, payloadType);
      if (red === undefined) this.#packet.set(payload, RTP_HEADER_BYTES);
      this.#send(red ?? payloadType, this.#timestamp, this.#marker, length, now);
      this.#marker = false;
    } else {
      this.#marker = true;
    }
    this.#timestamp = addTimestamp(this.#timestamp, ticks);
  }

  /** Sends comfort noise (RFC 3389): silence of `level` begins here, a talkspurt ends it. */
  sendNoise(payloadType: number, level: number, now: Millis): void {
    this.#marker = true;
    if (!this.enabled) return;
    this.#packet[RTP_HEADER_BYTES] = level;
    this.#send(payloadType, this.#timestamp, false, 1, now);
  }

  /** Sends a telephone-event packet (RFC 4733 §2.3), whose timestamp is when the event began. */
  sendEvent(
    payloadType: number,
    timestamp: number,
    marker: boolean,
    event: number,
    endAndVolume: number,
    duration: number,
    now: Millis,
  ): void {
    if (!this.enabled) return;
    const packet = this.#packet;
    packet[RTP_HEADER_BYTES] = event;
    packet[RTP_HEADER_BYTES + 1] = endAndVolume;
    packet[RTP_HEADER_BYTES + 2] = duration >> 8;
    packet[RTP_HEADER_BYTES + 3] = duration;
    this.#send(payloadType, timestamp, marker, 4, now);
  }

  #writeRed(payload: Uint8Array, payloadType: number): number {
    const [packet, at] = [this.#packet, RTP_HEADER_BYTES];
    return this.#red.write(packet, at, payload, payloadType, this.#timestamp, PAYLOAD_BYTES_MAX);
  }

  #send(
    payloadType: number,
    timestamp: number,
    marker: boolean,
    payloadLength: number,
    now: Millis,
  ): void {
    const header = this.#header;
    header.payloadType = payloadType;
    header.timestamp = timestamp;
    header.marker = marker;
    writeHeader(this.#packet, header);
    header.sequence = addSequence(header.sequence, 1);
    this.packetsSent += 1;
    this.octetsSent += payloadLength;
    this.lastTimestamp = timestamp;
    this.lastSentAt = now;
    this.#transmitter.transmit(this.#packet, RTP_HEADER_BYTES + payloadLength, now);
  }
}
