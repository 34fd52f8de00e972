/**
 * One direction between two joined legs. The packet is the clock: each that comes in is turned into
 * the other leg's codec and sent at once, its timestamp moved to the other leg's stream. Where both
 * speak one codec payloads go on as they are (bridging). Loss is concealed, silence stays silence,
 * and what is said about a silence (comfort noise, DTX) is passed on or made audible.
 * Above: the session. Below: the codecs, and the other leg's sender.
 */
import type { Codecs } from "../../media-wasm/codec.ts";
import {
  CODED_AUDIO_BURST_MS_MAX,
  CODED_AUDIO_MS_PER_SECOND_MAX,
  CONCEAL_MS_MAX,
  PACKET_AUDIO_MS_MAX,
} from "../limits.ts";
import { earliest, type Millis } from "../machine.ts";
import { Budget } from "./budget.ts";
import { CodecPipeline, type PayloadSink } from "./codec-pipeline.ts";
import { noiseLevel } from "./comfort-noise.ts";
import { DigitDetector } from "./digit-detector.ts";
import type { DigitSink } from "./digit-sink.ts";
import { eventFormat } from "./event-writer.ts";
import { opusTicks } from "./opus-packet.ts";
import type { OpusMode } from "./opus-policy.ts";
import { PayloadBridge } from "./payload-bridge.ts";
import type { Codec, DtmfFormat } from "./protocol.ts";
import { QuietFiller } from "./quiet-filler.ts";
import type { PacketSink } from "./receiver.ts";
import type { RtpHeader } from "./rtp/rtp-packet.ts";
import { addTimestamp, timestampDifference } from "./rtp/sequence.ts";
import type { AudioFormat } from "./rtp-stream.ts";
import type { Sender } from "./sender.ts";
import { TelephoneEventRelay } from "./telephone-events.ts";

/** How far a timestamp may run ahead of the clock and still mean silence, not a new beginning. */
const AHEAD_MS_MAX = 1_000;

/** Mean magnitude of 16-bit samples above which there is something to hear: about -50 dBov. */
const AUDIBLE_LEVEL = 80;

/** An Opus packet this short has no audio: its encoder falls silent (RFC 6716 §2.1.9, DTX). */
const OPUS_SILENT_BYTES_MAX = 2;

/** RFC 3389 §4: comfort noise beside G.711 and G.722. */
const NOISE_CLOCK_RATE = 8_000;
/** More than this is no noise that ran into the audio after it, but another clock. */
const OVERLAP_MS_MAX = 200;
/** A key in the audio is over when nothing came for so long, and no loss will be known any more. */
const KEY_SILENCE_MS = 200;

export interface TranscoderOptions {
  codecs: Codecs;
  /** What comes in, and what the other leg wants. */
  input: AudioFormat;
  output: AudioFormat;
  sender: Sender;
  /** Takes digits that don't go on as telephone-events. */
  digits: DigitSink;
  /** Its deadline may be earlier than it was. */
  wake: () => void;
  /** A packet was dropped: its peer brings more audio than there is in so much time. */
  overspent: () => void;
}

export class Transcoder implements PacketSink, PayloadSink {
  readonly #sender: Sender;
  readonly #output: Codec;
  readonly #pipeline: CodecPipeline;
  readonly #bridge: PayloadBridge;
  readonly #quiet: QuietFiller;
  readonly #budget = new Budget(CODED_AUDIO_MS_PER_SECOND_MAX, CODED_AUDIO_BURST_MS_MAX);
  readonly #wake: () => void;
  readonly #overspent: () => void;
  /** Payload types of comfort noise: what comes in, and what the other leg takes. */
  readonly #noiseIn: number | undefined;
  readonly #noiseOut: number | undefined;
  readonly #events: TelephoneEventRelay;
  readonly #audioTypes: (Codec | undefined)[] = new Array(128).fill(undefined);
  readonly #eventTypes: (DtmfFormat | undefined)[] = new Array(128).fill(undefined);

  /** The stream that comes in: its clock, and the timestamp that would follow without silence. */
  #following = false;
  #clockRate = 0;
  #ssrc = 0;
  #expected = 0;
  #latestAt: Millis = 0;
  /** An event sounded since the latest audio: what is missing between them was no audio. */
  #eventSince = false;
  /** Ticks the outgoing stream is ahead of the incoming one; the next silence is shorter by them. */
  #ahead = 0;

  constructor(options: TranscoderOptions) {
    const { input, output, sender } = options;
    this.#sender = sender;
    this.#output = output.codec;
    this.#pipeline = new CodecPipeline(options.codecs, input.receive, output.codec, this);
    this.#bridge = new PayloadBridge(sender, output.codec, this.#pipeline.ticksPerPacket);
    this.#quiet = new QuietFiller(this.#pipeline);
    this.#wake = options.wake;
    this.#overspent = options.overspent;
    this.#noiseIn = input.comfortNoise;
    this.#noiseOut = output.comfortNoise;
    const events = output.dtmfMode === "info" ? undefined : eventFormat(output);
    this.#events = new TelephoneEventRelay(sender, events, options.digits);
    if (input.detectDtmf) {
      this.#pipeline.detector = new DigitDetector(this.#pipeline.rate, options.digits);
    }
    for (const codec of input.receive) this.#audioTypes[codec.payloadType] = codec;
    for (const event of input.dtmf ?? []) this.#eventTypes[event.payloadType] = event;
  }

  packet(buffer: Uint8Array, header: RtpHeader, lostBefore: number, now: Millis): void {
    const event = this.#eventTypes[header.payloadType];
    if (event) {
      // Who sends events means these: what sounds like keys beside them is left alone.
      this.#pipeline.detector = undefined;
      this.#eventSince = true;
      this.#quiet.end();
      this.#events.receive(buffer, header, event, this.#eventStart(header, event, now), now);
      this.#wake();
      return;
    }
    if (!this.#sender.enabled) {
      // On hold, or without keys yet: no work for nobody. What follows is a new beginning.
      this.#stopFollowing();
      return;
    }
    if (this.#sender.isTaken && !this.#takesFloor(buffer, header)) {
      this.#stopFollowing();
      this.#latestAt = now;
      return;
    }
    if (this.#events.running(now)) return;
    if (header.payloadType === this.#noiseIn) {
      this.#receiveNoise(buffer, header, now);
      return;
    }
    const codec = this.#audioTypes[header.payloadType];
    if (codec) this.#receiveAudio(buffer, header, codec, lostBefore, now);
  }

  /** When noise for a silent peer is due, or a digit that lost its end is over. */
  deadline(): Millis | undefined {
    const isKey = this.#pipeline.detector?.sounding;
    const keyOverAt = isKey ? this.#latestAt + KEY_SILENCE_MS : undefined;
    return earliest(this.#quiet.deadline(), this.#events.deadline(), keyOverAt);
  }

  timeout(now: Millis): void {
    this.#events.running(now);
    if (now >= this.#latestAt + KEY_SILENCE_MS) this.#pipeline.detector?.stop();
    if (!this.#quiet.active) return;
    if (!this.#sender.enabled || this.#sender.isTaken || this.#events.running(now)) {
      this.#stopFollowing();
      return;
    }
    const filledMs = this.#quiet.timeout(now);
    this.#expected = addTimestamp(this.#expected, (filledMs * this.#clockRate) / 1_000);
    this.#latestAt = now;
  }

  /** From the codecs: one packet for the other leg. */
  payload(payload: Uint8Array, now: Millis): void {
    const { payloadType, clockRate } = this.#output;
    this.#sender.sendAudio(payload, payloadType, this.#pipeline.ticksPerPacket, clockRate, now);
  }

  /** Changes how Opus is encoded; nothing for another codec. */
  setOpusMode(mode: OpusMode): void {
    this.#pipeline.setOpusMode(mode);
  }

  /** What of a digit is under way ends. */
  close(now: Millis): void {
    this.#quiet.end();
    this.#events.end(now);
    this.#pipeline.detector?.stop();
    this.#pipeline.close();
  }

  /**
   * Something to hear ends an announcement that yields to it, in the packet it comes with (X6).
   * Keys are listened for all the same.
   */
  #takesFloor(buffer: Uint8Array, header: RtpHeader): boolean {
    const codec = this.#audioTypes[header.payloadType];
    const isHeard = this.#sender.yieldsToAudio || this.#pipeline.detector !== undefined;
    if (!codec || !isHeard) return false;
    const end = header.payloadOffset + header.payloadLength;
    const payload = buffer.subarray(header.payloadOffset, end);
    const level = this.#pipeline.overhear(codec.name, payload);
    if (this.#pipeline.detector?.sounding) this.#wake();
    if (level < AUDIBLE_LEVEL || !this.#sender.yieldsToAudio) return false;
    this.#sender.isTaken = false;
    return true;
  }

  #receiveAudio(
    buffer: Uint8Array,
    header: RtpHeader,
    codec: Codec,
    lostBefore: number,
    now: Millis,
  ): void {
    const ticks = durationTicks(codec, buffer, header);
    if (ticks === 0) return;
    const end = header.payloadOffset + header.payloadLength;
    const payload = buffer.subarray(header.payloadOffset, end);
    const passes = !this.#pipeline.detector && this.#bridge.takes(codec, ticks);
    if (!passes && !this.#budget.spend(now, (ticks * 1_000) / codec.clockRate)) {
      this.#overspent();
      return;
    }
    if (codec.name === "opus" && payload.length <= OPUS_SILENT_BYTES_MAX && !passes) {
      const mean = this.#pipeline.overhear(codec.name, payload);
      this.#quiet.noise.match(mean);
      this.#fallSilent(header, codec.clockRate, noiseLevel(mean), now);
      return;
    }
    const gap = this.#gapAfterQuiet(this.#gapBefore(header, codec.clockRate, now), now);
    const lost = this.#eventSince ? 0 : lostBefore;
    this.#eventSince = false;
    this.#expected = addTimestamp(header.timestamp, ticks);
    this.#latestAt = now;
    if (passes) {
      const leftover = this.#pipeline.discard();
      if (leftover > 0) this.#sender.silence(leftover);
      this.#bridge.pass(payload, ticks, gap, lost, now);
      return;
    }
    this.#bridge.flush(now);
    if (gap > 0) this.#fillGap(codec, payload, ticks, gap, lost, now);
    this.#pipeline.decode(codec.name, payload, now);
    if (this.#pipeline.detector?.sounding) this.#wake();
  }

  #receiveNoise(buffer: Uint8Array, header: RtpHeader, now: Millis): void {
    const { payloadOffset, payloadLength } = header;
    if (payloadLength < 1) return;
    this.#quiet.noise.describe(buffer, payloadOffset, payloadLength);
    this.#fallSilent(header, NOISE_CLOCK_RATE, (buffer[payloadOffset] ?? 0) & 0x7f, now);
  }

  /** The peer is silent from this packet on, its noise `level` dB below the loudest. */
  #fallSilent(header: RtpHeader, clockRate: number, level: number, now: Millis): void {
    const gap = this.#gapAfterQuiet(this.#gapBefore(header, clockRate, now), now);
    if (gap > 0) this.#silence(gap, now);
    this.#eventSince = false;
    this.#expected = header.timestamp;
    this.#latestAt = now;
    this.#bridge.flush(now);
    if (this.#noiseOut === undefined) {
      // What was sent too early before is the beginning of this silence.
      const sentMs = (this.#ahead * 1_000) / this.#output.clockRate;
      this.#ahead = 0;
      this.#expected = addTimestamp(this.#expected, Math.round((sentMs * clockRate) / 1_000));
      this.#quiet.begin(now + sentMs);
      this.#wake();
    } else {
      this.#ahead += this.#pipeline.pad(this.#pipeline.ticksPerPacket, now);
      this.#sender.sendNoise(this.#noiseOut, level, now);
    }
  }

  /** Ends the noise: what is missing of it up to `gap` ticks. What is left of the gap. */
  #gapAfterQuiet(gap: number, now: Millis): number {
    if (!this.#quiet.active) return gap;
    this.#quiet.end();
    const filled = Math.min(gap, (CONCEAL_MS_MAX * this.#clockRate) / 1_000);
    if (!this.#budget.spend(now, (filled * 1_000) / this.#clockRate)) return gap;
    const ticks = this.#unowed(this.#scale(filled));
    this.#quiet.fill((ticks * this.#pipeline.rate) / this.#output.clockRate, now);
    return gap - filled;
  }

  #silence(gap: number, now: Millis): void {
    const ticks = this.#unowed(this.#scale(gap));
    this.#sender.silence(ticks - this.#pipeline.pad(ticks, now));
  }

  /** What is left of `ticks` of silence when those that were sent too early are taken off. */
  #unowed(ticks: number): number {
    const owed = Math.min(ticks, this.#ahead);
    this.#ahead -= owed;
    return ticks - owed;
  }

  #stopFollowing(): void {
    this.#following = false;
    this.#quiet.end();
  }

  /**
   * Ticks of the incoming clock that are missing before this packet, lost or silent. A new stream,
   * or a timestamp that contradicts the time that passed, starts anew and misses nothing.
   */
  #gapBefore(header: RtpHeader, clockRate: number, now: Millis): number {
    if (this.#follows(header, clockRate, now)) {
      const gap = timestampDifference(header.timestamp, this.#expected);
      if (gap >= 0) return gap;
      if (this.#quiet.active && -gap * 1_000 <= OVERLAP_MS_MAX * clockRate) {
        this.#ahead += this.#scale(-gap);
        return 0;
      }
    }
    this.#following = true;
    this.#ssrc = header.ssrc;
    this.#clockRate = clockRate;
    this.#ahead = 0;
    this.#quiet.end();
    this.#bridge.discard();
    this.#pipeline.discard();
    this.#sender.takeOver(this.#output.clockRate, now);
    return 0;
  }

  /** Whether the packet's timestamp belongs to the stream and clock we follow. */
  #follows(header: RtpHeader, clockRate: number, now: Millis): boolean {
    if (!this.#following || header.ssrc !== this.#ssrc || clockRate !== this.#clockRate)
      return false;
    const ahead = timestampDifference(header.timestamp, this.#expected);
    return (ahead * 1_000) / clockRate <= now - this.#latestAt + AHEAD_MS_MAX;
  }

  /** Conceals what was lost, up to a limit; the rest of the gap is silence. */
  #fillGap(
    codec: Codec,
    payload: Uint8Array,
    ticks: number,
    gap: number,
    lost: number,
    now: Millis,
  ): void {
    const packetMs = (ticks * 1_000) / codec.clockRate;
    let silent = gap;
    if (lost > 0) {
      const packets = Math.floor(gap / ticks);
      const allowed = Math.min(packets, Math.max(1, Math.floor(CONCEAL_MS_MAX / packetMs)));
      const concealable = this.#budget.spend(now, allowed * packetMs) ? allowed : 0;
      for (let packet = 1; packet <= concealable; packet++) {
        if (packet === packets) this.#pipeline.recover(codec.name, payload, packetMs, now);
        else this.#pipeline.conceal(codec.name, packetMs, now);
      }
      silent -= concealable * ticks;
    }
    if (silent <= 0) return;
    this.#pipeline.detector?.skip((silent * 1_000) / codec.clockRate);
    this.#silence(silent, now);
  }

  /** Where an event that begins with this packet begins in the outgoing stream. */
  #eventStart(header: RtpHeader, event: DtmfFormat, now: Millis): number {
    if (!this.#follows(header, event.clockRate, now)) {
      return this.#sender.timestampAt(this.#output.clockRate, now);
    }
    const ahead = Math.max(0, timestampDifference(header.timestamp, this.#expected));
    return addTimestamp(this.#sender.timestamp, this.#scale(ahead));
  }

  /** Ticks of the incoming clock in the outgoing one's. */
  #scale(ticks: number): number {
    return Math.round((ticks * this.#output.clockRate) / this.#clockRate);
  }
}

/** How long a packet lasts; 0 where it is empty, malformed or longer than any may be. */
function durationTicks(codec: Codec, buffer: Uint8Array, header: RtpHeader): number {
  const { payloadOffset, payloadLength } = header;
  if (codec.name === "opus") return opusTicks(buffer, payloadOffset, payloadLength);
  // G.711 has a byte for each tick; so has G.722, whose clock runs at half its rate.
  return payloadLength <= (codec.clockRate * PACKET_AUDIO_MS_MAX) / 1_000 ? payloadLength : 0;
}
