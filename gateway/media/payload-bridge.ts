/**
 * Passes payloads from one leg to the other without a codec, where both speak the same one. Holes
 * stay holes: the loss is the receiver's to conceal. Where the other leg wants packets of another
 * length, octets are cut anew: G.711 and G.722 have eight to the millisecond, each by itself.
 * Above: the transcoder. Below: the sender.
 */
import type { Millis } from "../machine.ts";
import type { Codec } from "./protocol.ts";
import type { Sender } from "./sender.ts";

export class PayloadBridge {
  readonly #sender: Sender;
  readonly #output: Codec;
  readonly #ticksPerPacket: number;
  /** Octets that don't fill a packet yet. */
  readonly #packet: Uint8Array;
  #filled = 0;
  /** An Opus packet of another length came: they go through the codec, now and later ones too. */
  #isBroken = false;

  constructor(sender: Sender, output: Codec, ticksPerPacket: number) {
    this.#sender = sender;
    this.#output = output;
    this.#ticksPerPacket = ticksPerPacket;
    this.#packet = new Uint8Array(output.name === "opus" ? 0 : ticksPerPacket);
  }

  /** Whether a packet of `codec` that lasts `ticks` can go on as it is. */
  takes(codec: Codec, ticks: number): boolean {
    if (codec.name !== this.#output.name) return false;
    // What is inside an Opus packet can't be cut (RFC 6716 §3.2), and one decoder must hear it all.
    if (codec.name === "opus" && ticks !== this.#ticksPerPacket) this.#isBroken = true;
    return !this.#isBroken;
  }

  /** Sends a payload on; `gap` ticks are missing before it, as `lost` packets or as silence. */
  pass(payload: Uint8Array, ticks: number, gap: number, lost: number, now: Millis): void {
    if (gap > 0) {
      this.flush(now);
      if (lost > 0) this.#sender.leaveHole(this.#packetsIn(gap, ticks, lost), gap);
      else this.#sender.silence(gap);
    }
    if (this.#filled === 0 && ticks === this.#ticksPerPacket) this.#send(payload, ticks, now);
    else this.#cut(payload, now);
  }

  /** Sends what waits to fill a packet, as a shorter one. */
  flush(now: Millis): void {
    const length = this.#filled;
    this.#filled = 0;
    if (length > 0) this.#send(this.#packet.subarray(0, length), length, now);
  }

  /** Forgets what waits to fill a packet. */
  discard(): void {
    this.#filled = 0;
  }

  #cut(payload: Uint8Array, now: Millis): void {
    const packet = this.#packet;
    for (let index = 0; index < payload.length; index++) {
      packet[this.#filled] = payload[index] ?? 0;
      this.#filled += 1;
      if (this.#filled < packet.length) continue;
      this.#filled = 0;
      this.#send(packet, packet.length, now);
    }
  }

  /** How many packets of ours were lost with `lost` of the peer's. */
  #packetsIn(gap: number, ticks: number, lost: number): number {
    if (ticks === this.#ticksPerPacket) return lost;
    return Math.max(1, Math.round(gap / this.#ticksPerPacket));
  }

  #send(payload: Uint8Array, ticks: number, now: Millis): void {
    const { payloadType, clockRate } = this.#output;
    this.#sender.sendAudio(payload, payloadType, ticks, clockRate, now);
  }
}
