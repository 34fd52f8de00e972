/**
 * Relays named telephone events (RFC 4733 §2) from one leg to another: payload type and clock are
 * the other leg's, the event lasts as long as it did. While one runs, its sender's audio is silent,
 * so that no digit is heard twice. Above: the transcoder. Below: the sender.
 */
import type { Millis } from "../machine.ts";
import type { DtmfFormat } from "./protocol.ts";
import type { RtpHeader } from "./rtp/rtp-packet.ts";
import { addTimestamp, timestampDifference } from "./rtp/sequence.ts";
import type { Sender } from "./sender.ts";

/** 0 to 9, *, #, A to D and flash (RFC 4733 §3.2); fax and line events are nothing to relay. */
const EVENT_MAX = 16;
const DURATION_MAX = 0xffff;
const END = 0x80;
const VOLUME = 0x3f;
/** §2.5.1.4: the last packet goes out three times. */
const END_PACKETS = 3;
/** An event whose end was lost is over after this: several of the 50 ms updates of §2.5.1.2. */
const UPDATE_TIMEOUT_MS = 250;

export class TelephoneEventRelay {
  readonly #sender: Sender;
  readonly #output: DtmfFormat | undefined;

  #state: "idle" | "running" | "ended" = "idle";
  #event = 0;
  #volume = 0;
  #ssrc = 0;
  /** In the input's clock: where the event and where its current segment began (§2.5.1.3). */
  #inputStart = 0;
  #inputSegment = 0;
  #updatedAt: Millis = 0;

  /** In the output's clock. */
  #outputSegment = 0;
  #sentBeforeSegment = 0;
  #duration = 0;
  #marker = true;

  /** Without an output format events are swallowed: the other leg can't take them. */
  constructor(sender: Sender, output: DtmfFormat | undefined) {
    this.#sender = sender;
    this.#output = output;
  }

  /** Whether an event sounds at `now`. Ends one whose updates have stopped coming. */
  running(now: Millis): boolean {
    if (this.#state !== "running") return false;
    if (now - this.#updatedAt < UPDATE_TIMEOUT_MS) return true;
    this.#end(now);
    return false;
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
    if (event > EVENT_MAX) return;
    const flags = buffer[at + 1] ?? 0;
    const duration = ((buffer[at + 2] ?? 0) << 8) | (buffer[at + 3] ?? 0);

    if (!this.#continues(event, header)) {
      this.#end(now);
      this.#begin(event, header, outputStart);
    } else if (this.#state === "ended") return;

    this.#updatedAt = now;
    this.#volume = flags & VOLUME;
    const elapsed = timestampDifference(header.timestamp, this.#inputStart) + duration;
    const scaled = this.#output
      ? Math.round((elapsed * this.#output.clockRate) / input.clockRate)
      : elapsed;
    // A reordered update would make the event shorter than was already said.
    if (scaled > this.#duration) this.#duration = scaled;
    if (flags & END) this.#end(now);
    else this.#update(0, now);
  }

  #continues(event: number, header: RtpHeader): boolean {
    if (this.#state === "idle" || event !== this.#event || header.ssrc !== this.#ssrc) return false;
    const moved = timestampDifference(header.timestamp, this.#inputSegment);
    if (moved === 0) return true;
    // §2.5.1.3: a long event goes on in a new segment, which begins where the full one ended.
    if (this.#state !== "running" || moved !== DURATION_MAX || header.marker) return false;
    this.#inputSegment = header.timestamp;
    return true;
  }

  #begin(event: number, header: RtpHeader, outputStart: number): void {
    this.#state = "running";
    this.#event = event;
    this.#ssrc = header.ssrc;
    this.#inputStart = header.timestamp;
    this.#inputSegment = header.timestamp;
    this.#outputSegment = outputStart;
    this.#sentBeforeSegment = 0;
    this.#duration = 0;
    this.#marker = true;
  }

  #end(now: Millis): void {
    if (this.#state !== "running") return;
    for (let packet = 0; packet < END_PACKETS; packet++) this.#update(END, now);
    this.#state = "ended";
  }

  #update(end: number, now: Millis): void {
    while (this.#duration - this.#sentBeforeSegment > DURATION_MAX) {
      this.#send(0, DURATION_MAX, now);
      this.#sentBeforeSegment += DURATION_MAX;
      this.#outputSegment = addTimestamp(this.#outputSegment, DURATION_MAX);
    }
    this.#send(end, this.#duration - this.#sentBeforeSegment, now);
  }

  #send(end: number, duration: number, now: Millis): void {
    if (!this.#output) return;
    this.#sender.sendEvent(
      this.#output.payloadType,
      this.#outputSegment,
      this.#marker,
      this.#event,
      end | this.#volume,
      duration,
      now,
    );
    this.#marker = false;
  }
}
