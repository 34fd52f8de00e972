/**
 * Packets as they came, with their times, to be opened and decoded after the run: while it lasts a
 * packet costs one copy.
 */
import { Samples } from "./samples.ts";

export class PacketLog {
  #bytes = new Uint8Array(64 * 1_024);
  #length = 0;
  readonly #ends = new Samples();
  readonly #times = new Samples();

  add(packet: Uint8Array, at: number): void {
    const end = this.#length + packet.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(packet, this.#length);
    this.#length = end;
    this.#ends.add(end);
    this.#times.add(at);
  }

  get count(): number {
    return this.#ends.length;
  }

  /** A view of the packet; valid as long as the log. */
  packet(index: number): Uint8Array {
    const start = index === 0 ? 0 : this.#ends.at(index - 1);
    return this.#bytes.subarray(start, this.#ends.at(index));
  }

  timeOf(index: number): number {
    return this.#times.at(index);
  }
}
