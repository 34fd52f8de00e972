/**
 * Reliable provisional responses, the answering side: RFC 3262 §3. One is on its way at a time, is
 * repeated until its PRACK comes, and what follows waits for it.
 *
 *   idle ─send─► unacknowledged ─PRACK─► idle │ the next waiting response
 *                    └─ 64*T1 ─► "unacknowledged"
 */
import { type Millis, Timers } from "../machine.ts";
import type { SipRequest, SipResponse } from "./message.ts";
import { T1, TRANSACTION_TIMEOUT } from "./timers.ts";

export interface RAck {
  readonly sequence: number;
  readonly cseq: number;
  readonly method: string;
}

/** `RAck: 776656 1 INVITE` (§7.2); undefined when missing or malformed. */
export function rackOf(request: SipRequest): RAck | undefined {
  const match = /^\s*([0-9]{1,10})\s+([0-9]{1,10})\s+(\S+)\s*$/.exec(
    request.headers.get("RAck") ?? "",
  );
  if (!match) return undefined;
  return { sequence: Number(match[1]), cseq: Number(match[2]), method: match[3] ?? "" };
}

/** `RSeq: 988789` (§7.1). */
export function rseqOf(response: SipResponse): number | undefined {
  const text = response.headers.get("RSeq")?.trim() ?? "";
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined;
}

export class ReliableProvisionals<Response> {
  readonly #timers = new Timers<"repeat" | "giveUp">();
  readonly #inviteSequence: number;
  #sequence: number;
  #interval = T1;
  #current: Response | undefined;
  #waiting: ((sequence: number) => Response)[] = [];

  /** `first` is the first RSeq, 1 to 2**31 - 1; `inviteSequence` the CSeq of the INVITE. */
  constructor(inviteSequence: number, first: number) {
    this.#inviteSequence = inviteSequence;
    this.#sequence = first - 1;
  }

  /** True while a response waits for its PRACK. */
  get isPending(): boolean {
    return this.#current !== undefined;
  }

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  /** `make` gets the RSeq. Returns what goes out now; undefined when it has to wait. */
  send(make: (sequence: number) => Response, now: Millis): Response | undefined {
    if (this.#current !== undefined) {
      this.#waiting.push(make);
      return undefined;
    }
    this.#sequence += 1;
    this.#interval = T1;
    this.#current = make(this.#sequence);
    this.#timers.arm("repeat", now + T1);
    this.#timers.arm("giveUp", now + TRANSACTION_TIMEOUT);
    return this.#current;
  }

  /** A PRACK: `matched` says 200 or 481; `next` is what may go out now. */
  acknowledge(rack: RAck, now: Millis): { matched: boolean; next?: Response } {
    const matches =
      rack.sequence === this.#sequence &&
      rack.cseq === this.#inviteSequence &&
      rack.method === "INVITE" &&
      this.#current !== undefined;
    if (!matches) return { matched: false };
    this.stop();
    const make = this.#waiting.shift();
    const next = make && this.send(make, now);
    return next === undefined ? { matched: true } : { matched: true, next };
  }

  /** What is due: the response once more, or the end of patience. */
  timeout(now: Millis): { repeat?: Response; unacknowledged: boolean } {
    const due = this.#timers.takeDue(now);
    if (due?.name === "giveUp") {
      this.stop();
      return { unacknowledged: true };
    }
    if (!due || this.#current === undefined) return { unacknowledged: false };
    this.#interval *= 2;
    this.#timers.arm("repeat", now + this.#interval);
    return { repeat: this.#current, unacknowledged: false };
  }

  /** The INVITE has its final response: nothing is repeated any more. */
  stop(): void {
    this.#current = undefined;
    this.#timers.cancelAll();
  }
}
