/**
 * Something that is the matter or not, told once when it begins and once when it is over: it must
 * last for a while before either is told, so that what flutters doesn't ring all night (OPS-03).
 */
import type { Millis } from "../machine.ts";

export interface Patience {
  /** How long it must be the matter before it is told. */
  readonly raiseMs: number;
  /** How long it must be over. */
  readonly clearMs: number;
}

export class Condition {
  readonly #patience: Patience;
  #isRaised = false;
  /** Since when it is another than was told. */
  #since: Millis | undefined;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  get isRaised(): boolean {
    return this.#isRaised;
  }

  /** What is to be told now that it is so, or not. */
  seen(isSo: boolean, now: Millis): "raised" | "recovered" | undefined {
    if (isSo === this.#isRaised) {
      this.#since = undefined;
      return undefined;
    }
    this.#since ??= now;
    const { raiseMs, clearMs } = this.#patience;
    if (now - this.#since < (isSo ? raiseMs : clearMs)) return undefined;
    this.#isRaised = isSo;
    this.#since = undefined;
    return isSo ? "raised" : "recovered";
  }
}
