/**
 * When to send RED (RFC 2198) to a softphone that negotiated it: where its reports say that in-band
 * FEC can't keep up. FEC makes good for single packets; with each packet sent twice, and FEC in
 * both, two lost in a row come back. It doubles the octets, so it ends when the network is better.
 * Above: the session. Beside opus-policy.ts. Below nothing.
 */

/** Share of packets lost beyond which pairs of losses are heard: one packet in 150. */
const LOSS_TO_RED = 0.08;
/** The same for a receiver without FEC, who hears each one. */
const LOSS_TO_RED_WITHOUT_FEC = 0.02;
/** FEC is enough again below this, in this many reports in a row. */
const LOSS_TO_PLAIN = 0.03;
const BETTER_REPORTS = 6;

export class RedPolicy {
  #active = false;
  #betterReports = 0;

  get active(): boolean {
    return this.#active;
  }

  /** A report of the receiver's; `loss` is 0 to 1, `fec` whether it wants FEC. */
  reported(loss: number, fec: boolean): void {
    if (loss > (fec ? LOSS_TO_RED : LOSS_TO_RED_WITHOUT_FEC)) {
      this.#active = true;
      this.#betterReports = 0;
      return;
    }
    const isBetter = loss < (fec ? LOSS_TO_PLAIN : LOSS_TO_RED_WITHOUT_FEC / 2);
    this.#betterReports = isBetter ? this.#betterReports + 1 : 0;
    if (this.#betterReports >= BETTER_REPORTS) this.#active = false;
  }
}
