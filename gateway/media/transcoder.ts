/**
 * One direction between two joined legs. The packet is the clock: each that comes in is turned into
 * the other leg's codec and sent at once, its timestamp moved to the other leg's stream. Where both
 * speak one codec the payload is copied (bridging). Loss is concealed, silence stays silence.
 * Above: the session. Below: the codecs, and the other leg's sender.
 */
import type { Codecs } from "../../media-wasm/codec.ts";
import { CONCEAL_MS_MAX, PACKET_AUDIO_MS_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import { CodecPipeline, type PayloadSink } from "./codec-pipeline.ts";
import { opusTicks } from "./opus-packet.ts";
import type { OpusMode } from "./opus-policy.ts";
import type { Codec, DtmfFormat } from "./protocol.ts";
import type { PacketSink } from "./receiver.ts";
import type { RtpHeader } from "./rtp/rtp-packet.ts";
import { addTimestamp, timestampDifference } from "./rtp/sequence.ts";
import type { AudioFormat } from "./rtp-stream.ts";
import type { Sender } from "./sender.ts";
import { TelephoneEventRelay } from "./telephone-events.ts";

/** How far a timestamp may run ahead of the clock and still mean silence, not a new beginning. */
const AHEAD_MS_MAX = 1_000;

export interface TranscoderOptions {
  codecs: Codecs;
  /** What comes in, and what the other leg wants. */
  input: AudioFormat;
  output: AudioFormat;
  sender: Sender;
}

export class Transcoder implements PacketSink, PayloadSink {
  readonly #sender: Sender;
  readonly #output: Codec;
  readonly #pipeline: CodecPipeline;
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

  constructor(options: TranscoderOptions) {
    const { input, output, sender } = options;
    this.#sender = sender;
    this.#output = output.codec;
    this.#pipeline = new CodecPipeline(options.codecs, input.receive, output.codec, this);
    this.#events = new TelephoneEventRelay(sender, eventFormat(output));
    for (const codec of input.receive) this.#audioTypes[codec.payloadType] = codec;
    for (const event of input.dtmf ?? []) this.#eventTypes[event.payloadType] = event;
  }

  packet(buffer: Uint8Array, header: RtpHeader, lostBefore: number, now: Millis): void {
    if (!this.#sender.enabled) {
      // On hold, or without keys yet: no work for nobody. What follows is a new beginning.
      this.#following = false;
      return;
    }
    const event = this.#eventTypes[header.payloadType];
    if (event) {
      this.#eventSince = true;
      this.#events.receive(buffer, header, event, this.#eventStart(header, event, now), now);
      return;
    }
    const codec = this.#audioTypes[header.payloadType];
    if (!codec || this.#events.running(now)) return;
    const ticks = durationTicks(codec, buffer, header);
    if (ticks === 0) return;
    const gap = this.#gapBefore(header, codec, now);
    const lost = this.#eventSince ? 0 : lostBefore;
    this.#eventSince = false;
    this.#expected = addTimestamp(header.timestamp, ticks);
    this.#latestAt = now;

    const end = header.payloadOffset + header.payloadLength;
    const payload = buffer.subarray(header.payloadOffset, end);
    if (codec.name === this.#output.name) {
      this.#bridge(payload, ticks, gap, lost, now);
      return;
    }
    if (gap > 0) this.#fillGap(codec, payload, ticks, gap, lost, now);
    this.#pipeline.decode(codec.name, payload, now);
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

  close(): void {
    this.#pipeline.close();
  }

  #bridge(payload: Uint8Array, ticks: number, gap: number, lost: number, now: Millis): void {
    const leftover = this.#pipeline.discard();
    if (leftover > 0) this.#sender.silence(leftover);
    if (lost > 0) this.#sender.leaveHole(lost, gap);
    else if (gap > 0) this.#sender.silence(gap);
    const { payloadType, clockRate } = this.#output;
    this.#sender.sendAudio(payload, payloadType, ticks, clockRate, now);
  }

  /**
   * Ticks of the incoming clock that are missing before this packet, lost or silent. A new stream,
   * or a timestamp that contradicts the time that passed, starts anew and misses nothing.
   */
  #gapBefore(header: RtpHeader, codec: Codec, now: Millis): number {
    if (this.#follows(header, codec.clockRate, now)) {
      const gap = timestampDifference(header.timestamp, this.#expected);
      if (gap >= 0) return gap;
    }
    this.#following = true;
    this.#ssrc = header.ssrc;
    this.#clockRate = codec.clockRate;
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
      const concealable = Math.min(packets, Math.max(1, Math.floor(CONCEAL_MS_MAX / packetMs)));
      for (let packet = 1; packet <= concealable; packet++) {
        if (packet === packets) this.#pipeline.recover(codec.name, payload, packetMs, now);
        else this.#pipeline.conceal(codec.name, packetMs, now);
      }
      silent -= concealable * ticks;
    }
    if (silent <= 0) return;
    const leftover = this.#pipeline.discard();
    this.#sender.silence(leftover + this.#scale(silent));
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

/** Of the peer's event formats the one on the audio's clock, if it has it (RFC 4733 §2.1). */
function eventFormat(output: AudioFormat): DtmfFormat | undefined {
  const formats = output.dtmf ?? [];
  return formats.find(({ clockRate }) => clockRate === output.codec.clockRate) ?? formats[0];
}

/** How long a packet lasts; 0 where it is empty, malformed or longer than any may be. */
function durationTicks(codec: Codec, buffer: Uint8Array, header: RtpHeader): number {
  const { payloadOffset, payloadLength } = header;
  if (codec.name === "opus") return opusTicks(buffer, payloadOffset, payloadLength);
  // G.711 has a byte for each tick; so has G.722, whose clock runs at half its rate.
  return payloadLength <= (codec.clockRate * PACKET_AUDIO_MS_MAX) / 1_000 ? payloadLength : 0;
}
