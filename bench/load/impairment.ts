/** A bad network between an end and the target: packets lost singly or in bursts, and late. */
import { chanceFrom } from "../audio/signal.ts";

export interface Impairments {
  /** Share of the packets that is lost, 0 to 0.9. */
  readonly loss: number;
  /** How many are lost in a row on average; 1 is by chance alone. */
  readonly burst: number;
  /** Packets come up to this much later, ms; they may overtake each other. */
  readonly jitterMs: number;
}

export class Impairment {
  readonly #options: Impairments;
  readonly #chance: () => number;
  #losing = false;

  /** Another seed is another sequence, the same in every run. */
  constructor(options: Impairments, seed: number) {
    this.#options = options;
    this.#chance = chanceFrom(seed);
  }

  /** How long the next packet is under way, ms; undefined where it is lost (Gilbert's model). */
  next(): number | undefined {
    const { loss, burst, jitterMs } = this.#options;
    const recover = 1 / Math.max(1, burst);
    const begin = (loss * recover) / (1 - loss);
    this.#losing =
      burst <= 1 ? this.#chance() < loss : this.#chance() < (this.#losing ? 1 - recover : begin);
    if (this.#losing) return undefined;
    return jitterMs > 0 ? this.#chance() * jitterMs : 0;
  }
}

/** Sends `packet` as the network lets it. The buffer may be reused at once. */
export function sendImpaired(
  impairment: Impairment,
  packet: Uint8Array,
  send: (packet: Uint8Array) => void,
): void {
  const delay = impairment.next();
  if (delay === undefined) return;
  if (delay < 1) {
    send(packet);
    return;
  }
  const copy = packet.slice();
  setTimeout(() => send(copy), delay);
}
