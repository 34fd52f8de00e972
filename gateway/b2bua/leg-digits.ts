/**
 * How digits go to a leg's peer: as its connection says (DTM-01), else as what is left (DTM-03).
 * Digits by INFO wait for each other's answer: over UDP a repetition would come after the next key.
 */
import { ANNOUNCED_DIGITS_MAX } from "../limits.ts";
import type { DigitWays, DtmfMode, LegKind, RemoteLeg } from "../media/protocol.ts";
import type { Digit } from "./info-digit.ts";
import type { LegState } from "./leg-contract.ts";

/** What of the leg decides. */
export interface DigitPeer {
  readonly kind: LegKind;
  readonly negotiation: { readonly remote: RemoteLeg | undefined };
  readonly state: LegState;
  readonly isParked: boolean;
}

/** Answers that say the peer knows no such INFO (RFC 3261 §21.4, RFC 6086 §4.2.2). */
const NOT_TAKEN = new Set([405, 415, 469, 501]);

export class LegDigits {
  /** Whether the peer's Allow has INFO. */
  allowsInfo = false;
  readonly #wanted: DtmfMode;
  readonly #peer: DigitPeer;
  readonly #send: (digit: Digit) => void;
  readonly #waiting: Digit[] = [];
  #isUnanswered = false;
  #isRefused = false;

  /** `send` says one digit by INFO. */
  constructor(wanted: DtmfMode, peer: DigitPeer, send: (digit: Digit) => void) {
    this.#wanted = wanted;
    this.#peer = peer;
    this.#send = send;
  }

  get mode(): DtmfMode {
    const { remote } = this.#peer.negotiation;
    // What passes undecrypted has its events in it; only INFO comes through here.
    if (remote?.relay) return this.allowsInfo && !this.#isRefused ? "info" : "rfc2833";
    if (this.#wanted === "inband") return "inband";
    if (this.#wanted === "rfc2833") {
      if (!remote || remote.dtmf) return "rfc2833";
      if (!this.allowsInfo) return "inband";
    }
    return this.#isRefused ? "inband" : "info";
  }

  /** For the media worker; only a PBX is taken to mean its tones for keys. */
  get ways(): DigitWays {
    const { mode } = this;
    if (mode === "rfc2833" || this.#peer.negotiation.remote?.relay) return {};
    const detects = this.#peer.kind === "trunk" && mode === "inband";
    return { dtmfMode: mode, ...(detects ? { detectDtmf: true } : {}) };
  }

  /** What an administrator should know of a PBX that doesn't take digits as its connection says. */
  get notice(): string | undefined {
    const { mode } = this;
    if (this.#peer.negotiation.remote?.relay) return undefined;
    if (this.#peer.kind !== "trunk" || mode === this.#wanted) return undefined;
    if (this.#isRefused) return "the PBX refuses INFO: keys go to it as tones";
    const missing = "the PBX takes no telephone-event";
    return mode === "info"
      ? `${missing}: keys go to it by INFO`
      : `${missing} and no INFO: keys go to it as tones`;
  }

  /** Sends a digit by INFO, after those that wait. False where that is not the way now. */
  send(digit: Digit): boolean {
    const { state, isParked } = this.#peer;
    if (this.mode !== "info" || state !== "confirmed" || isParked) return false;
    if (!this.#isUnanswered) this.#say(digit);
    else if (this.#waiting.length < ANNOUNCED_DIGITS_MAX) this.#waiting.push(digit);
    return true;
  }

  /** The last INFO had that final answer. True where digits go another way from now on. */
  answered(status: number): boolean {
    this.#isUnanswered = false;
    if (NOT_TAKEN.has(status)) {
      this.#isRefused = true;
      this.clear();
      return true;
    }
    const next = this.#waiting.shift();
    if (next) this.#say(next);
    return false;
  }

  /** What waits would come too late. */
  clear(): void {
    this.#waiting.length = 0;
    this.#isUnanswered = false;
  }

  #say(digit: Digit): void {
    this.#isUnanswered = true;
    this.#send(digit);
  }
}
