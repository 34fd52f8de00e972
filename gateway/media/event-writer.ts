/**
 * One telephone-event after another out of a leg (RFC 4733 §2.5.1): its updates, its segments where
 * it outlasts 16 bits, its end three times. Above: the relay of events, the announcer. Below: the
 * sender.
 */
import type { Millis } from "../machine.ts";
import type { DtmfFormat } from "./protocol.ts";
import { addTimestamp } from "./rtp/sequence.ts";
import type { AudioFormat } from "./rtp-stream.ts";
import type { Sender } from "./sender.ts";

/** By event number (§3.2): the keys, and the hook flash. */
export const EVENTS = "0123456789*#ABCD!";
const DURATION_MAX = 0xffff;
const END = 0x80;
/** §2.5.1.4: the last packet goes out three times. */
const END_PACKETS = 3;

export class EventWriter {
  readonly #sender: Sender;
  #payloadType = 0;
  #event = 0;
  #volume = 0;
  #marker = true;
  /** Where the current segment began (§2.5.1.3), and how much of the event was before it. */
  #segment = 0;
  #beforeSegment = 0;
  #duration = 0;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  /** `volume` is the tones' power in -dBm0; `timestamp` is when the event begins. */
  begin(format: DtmfFormat, event: number, volume: number, timestamp: number): void {
    this.#payloadType = format.payloadType;
    this.#event = event;
    this.#volume = volume;
    this.#marker = true;
    this.#segment = timestamp;
    this.#beforeSegment = 0;
    this.#duration = 0;
    this.#sender.inEvent = true;
  }

  /** It lasts this long so far, in ticks of its format; never less than was said before. */
  update(duration: number, now: Millis): void {
    this.#grow(duration, now);
    this.#send(0, this.#duration - this.#beforeSegment, now);
  }

  end(duration: number, now: Millis): void {
    this.#grow(duration, now);
    for (let packet = 0; packet < END_PACKETS; packet++) {
      this.#send(END, this.#duration - this.#beforeSegment, now);
    }
    this.#sender.inEvent = false;
  }

  #grow(duration: number, now: Millis): void {
    if (duration > this.#duration) this.#duration = duration;
    while (this.#duration - this.#beforeSegment > DURATION_MAX) {
      this.#send(0, DURATION_MAX, now);
      this.#beforeSegment += DURATION_MAX;
      this.#segment = addTimestamp(this.#segment, DURATION_MAX);
    }
  }

  #send(end: number, duration: number, now: Millis): void {
    this.#sender.sendEvent(
      this.#payloadType,
      this.#segment,
      this.#marker,
      this.#event,
      end | this.#volume,
      duration,
      now,
    );
    this.#marker = false;
  }
}

/**
 * What a leg's peer takes events with: on the audio's clock, if it has that (RFC 4733 §2.1).
 * Undefined where it has none, or is sent tones.
 */
export function eventFormat({ codec, dtmf = [], dtmfMode }: AudioFormat): DtmfFormat | undefined {
  if (dtmfMode === "inband") return undefined;
  return dtmf.find(({ clockRate }) => clockRate === codec.clockRate) ?? dtmf[0];
}
