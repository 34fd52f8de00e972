/**
 * How to encode Opus, by what the receiver reports: cheap CELT with low delay while nothing is lost,
 * SILK (VOIP) with in-band FEC (RFC 6716 §2.1.7) under loss. It changes over late and back later, so
 * that one bad report doesn't make the sound change. Above: the session. Below nothing.
 */
export type OpusMode = "low-delay" | "resilient";

/** Share of packets lost from which FEC pays for itself. */
const LOSS_TO_RESILIENT = 0.02;
/** And below which it no longer does, in this many reports in a row. */
const LOSS_TO_LOW_DELAY = 0.005;
const CLEAN_REPORTS = 6;

export class OpusPolicy {
  #mode: OpusMode = "low-delay";
  #cleanReports = 0;

  get mode(): OpusMode {
    return this.#mode;
  }

  /** A report of the receiver's; `loss` is 0 to 1, `fec` whether it wants FEC. True on a change. */
  reported(loss: number, fec: boolean): boolean {
    if (this.#mode === "low-delay") {
      if (!fec || loss <= LOSS_TO_RESILIENT) return false;
      this.#mode = "resilient";
      this.#cleanReports = 0;
      return true;
    }
    this.#cleanReports = loss < LOSS_TO_LOW_DELAY ? this.#cleanReports + 1 : 0;
    if (this.#cleanReports < CLEAN_REPORTS) return false;
    this.#mode = "low-delay";
    return true;
  }
}
