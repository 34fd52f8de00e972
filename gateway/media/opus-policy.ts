/**
 * How to encode Opus, by what the receiver reports: CELT with low delay while little is lost, SILK
 * (VOIP) with in-band FEC (RFC 6716 §2.1.7) under loss. Where one is better is what the table of
 * `bench quality` says: CELT, which costs a third, is up to 4 % at least as intelligible, and the
 * nearer to the original throughout; from 5 to 10 % FEC begins to win. Some loss has to be reported
 * twice and its end six times, so that one report doesn't make the sound change; heavy loss counts
 * at once. Above: the session. Below nothing.
 */
export type OpusMode = "low-delay" | "resilient";

/** Share of packets lost from which FEC pays for itself, and from which it can't wait. */
const LOSS_TO_RESILIENT = 0.05;
const LOSS_AT_ONCE = 0.08;
const LOSSY_REPORTS = 2;
/** And below which it no longer does, in this many reports in a row. */
const LOSS_TO_LOW_DELAY = 0.02;
const CLEAN_REPORTS = 6;

export class OpusPolicy {
  #mode: OpusMode = "low-delay";
  /** Reports in a row that speak for the other mode. */
  #reports = 0;

  get mode(): OpusMode {
    return this.#mode;
  }

  /**
   * A report of the receiver's; `loss` is 0 to 1, `fec` whether it wants FEC. True on a change.
   * While the gateway is short of time (`economical`) nobody goes over to what costs more; who is
   * there already stays.
   */
  reported(loss: number, fec: boolean, economical = false): boolean {
    const isCheap = this.#mode === "low-delay";
    const speaksForChange = isCheap
      ? fec && !economical && loss > LOSS_TO_RESILIENT
      : loss < LOSS_TO_LOW_DELAY;
    this.#reports = speaksForChange ? this.#reports + 1 : 0;
    const needed = isCheap ? LOSSY_REPORTS : CLEAN_REPORTS;
    const isUrgent = isCheap && speaksForChange && loss > LOSS_AT_ONCE;
    if (this.#reports < needed && !isUrgent) return false;
    this.#mode = isCheap ? "resilient" : "low-delay";
    this.#reports = 0;
    return true;
  }
}
