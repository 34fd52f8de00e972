/**
 * Relays named telephone events (RFC 4733 §2) from one leg to another: payload type and clock are
 * the other leg's, the event lasts as long as it did. Where the other leg can't be sent events, or
 * somebody else speaks there, main is told each digit at its end. While one runs, its sender's
 * audio is silent, so that no digit is heard twice. Above: the transcoder. Below: the event writer.
 */
import type { Millis } from "../machine.ts";
import type { DigitSink } from "./digit-sink.ts";
import { EVENTS, EventWriter } from "./event-writer.ts";
import type { DtmfFormat } from "./protocol.ts";
import type { RtpHeader } from "./rtp/rtp-packet.ts";
import { timestampDifference } from "./rtp/sequence.ts";
import type { Sender } from "./sender.ts";

const DURATION_MAX = 0xffff;
/** A new segment may begin this much after the full one: libwebrtc's begins with its next packet. */
const SEGMENT_LATE_MS_MAX = 100;
const END = 0x80;
const VOLUME = 0x3f;
/** An event whose end was lost is over after this: several of the 50 ms updates of §2.5.1.2. */
const UPDATE_TIMEOUT_MS = 250;

export class TelephoneEventRelay {
  readonly #sender: Sender;
  readonly #writer: EventWriter;
  readonly #output: DtmfFormat | undefined;
  readonly #digits: DigitSink;

  #state: "idle" | "running" | "ended" = "idle";
  #event = 0;
  #ssrc = 0;
  /** What this event goes out with; undefined where main is told of it instead. */
  #relayedAs: DtmfFormat | undefined;
  /** In the input's clock: where the event and where its current segment began (§2.5.1.3). */
  #clockRate = 8_000;
  #start = 0;
  #segment = 0;
  #duration = 0;
  #updatedAt: Millis = 0;

  /** Without an output format the other leg can't take events. */
  constructor(sender: Sender, output: DtmfFormat | undefined, digits: DigitSink) {
    this.#sender = sender;
    this.#writer = new EventWriter(sender);
    this.#output = output;
    this.#digits = digits;
  }

  /** Whether an event sounds at `now`. Ends one whose updates have stopped coming. */
  running(now: Millis): boolean {
    if (this.#state !== "running") return false;
    if (now - this.#updatedAt < UPDATE_TIMEOUT_MS) return true;
    this.end(now);
    return false;
  }

  /** When an event that runs is over unless it is updated. */
  deadline(): Millis | undefined {
    return this.#state === "running" ? this.#updatedAt + UPDATE_TIMEOUT_MS : undefined;
  }

  /**
   * Takes an event packet in. `outputStart` is the timestamp at which the event begins in the
   * outgoing stream; used with an event's first packet only. Malformed ones are ignored.
   */
  receive(
    buffer: Uint8Array,
    header: RtpHeader,
    input: DtmfFormat,
    outputStart: number,
    now: Millis,
  ): void {
    if (header.payloadLength < 4) return;
    const at = header.payloadOffset;
    const event = buffer[at] ?? 0;
    // Fax and line events are nothing to relay.
    if (event >= EVENTS.length) return;
    const flags = buffer[at + 1] ?? 0;
    const duration = ((buffer[at + 2] ?? 0) << 8) | (buffer[at + 3] ?? 0);

    if (!this.#continues(event, header)) {
      this.end(now);
      this.#begin(event, header, input);
      if (this.#relayedAs) {
        this.#writer.begin(this.#relayedAs, event, flags & VOLUME, outputStart);
      }
    } else if (this.#state === "ended") return;

    this.#updatedAt = now;
    const elapsed = timestampDifference(header.timestamp, this.#start) + duration;
    // A reordered update would make the event shorter than was already said.
    if (elapsed > this.#duration) this.#duration = elapsed;
    if (flags & END) this.end(now);
    else if (this.#relayedAs) this.#writer.update(this.#scaled(this.#relayedAs), now);
  }

  /** Ends the event that runs, if one does. */
  end(now: Millis): void {
    if (this.#state !== "running") return;
    this.#state = "ended";
    if (this.#relayedAs) {
      this.#writer.end(this.#scaled(this.#relayedAs), now);
      return;
    }
    const digit = EVENTS[this.#event];
    if (digit === undefined) return;
    this.#digits.digit(digit, Math.round((this.#duration * 1_000) / this.#clockRate));
  }

  #continues(event: number, header: RtpHeader): boolean {
    if (this.#state === "idle" || event !== this.#event || header.ssrc !== this.#ssrc) return false;
    const moved = timestampDifference(header.timestamp, this.#segment);
    if (moved === 0) return true;
    // §2.5.1.3: a long event goes on in a new segment, which begins where the full one ended.
    const late = moved - DURATION_MAX;
    const isSegment = late >= 0 && late <= (SEGMENT_LATE_MS_MAX * this.#clockRate) / 1_000;
    if (this.#state !== "running" || !isSegment || header.marker) return false;
    this.#segment = header.timestamp;
    return true;
  }

  #begin(event: number, header: RtpHeader, { clockRate }: DtmfFormat): void {
    this.#state = "running";
    this.#event = event;
    this.#ssrc = header.ssrc;
    this.#clockRate = clockRate;
    this.#start = header.timestamp;
    this.#segment = header.timestamp;
    this.#duration = 0;
    const { enabled, isTaken, hasDigits } = this.#sender;
    this.#relayedAs = enabled && !isTaken && !hasDigits ? this.#output : undefined;
  }

  #scaled({ clockRate }: DtmfFormat): number {
    return Math.round((this.#duration * clockRate) / this.#clockRate);
  }
}
