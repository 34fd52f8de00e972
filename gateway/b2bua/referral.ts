/**
 * A peer that wants somebody else in its place: REFER inside the dialog and the reports on it (RFC
 * 3515 §2.4, RFC 4488, RFC 5589). One referral at a time; a final report ends it.
 */
import { cseq } from "../sip/accessors.ts";
import type { InDialogParts } from "../sip/dialog.ts";
import type { SipRequest } from "../sip/message.ts";
import { readRefer, sipfrag } from "../sip/refer.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import type { LegEvent } from "./leg-contract.ts";

export interface ReferralPort {
  isConfirmed(): boolean;
  respond(
    request: SipRequest,
    transaction: TransactionId,
    status: number,
    extra: { reason?: string; headers?: [string, string][] },
  ): void;
  notify(parts: InDialogParts): void;
}

/** Seconds the referrer is told its implicit subscription lasts: longer than anybody rings. */
const SUBSCRIPTION_SECONDS = 240;

export class Referral {
  readonly #mayRefer: boolean;
  readonly #port: ReferralPort;
  #pending: { id: number; reports: boolean } | undefined;

  constructor(mayRefer: boolean, port: ReferralPort) {
    this.#mayRefer = mayRefer;
    this.#port = port;
  }

  get isPending(): boolean {
    return this.#pending !== undefined;
  }

  /** Answers the REFER; the event asks the call to carry it out. */
  receive(request: SipRequest, transaction: TransactionId): LegEvent | undefined {
    const refuse = (status: number, reason: string) => {
      this.#port.respond(request, transaction, status, { reason });
      return undefined;
    };
    if (!this.#mayRefer) return refuse(603, "this connection may not transfer calls");
    if (this.#pending) return refuse(491, "a transfer is under way");
    if (!this.#port.isConfirmed()) return refuse(403, "only a call that is up can be transferred");
    const read = readRefer(request);
    if (!read.ok) return refuse(400, read.reason);
    const { refer } = read;
    this.#pending = { id: cseq(request).number, reports: refer.reports };
    const headers: [string, string][] = refer.reports ? [] : [["Refer-Sub", "false"]];
    this.#port.respond(request, transaction, 202, { headers });
    this.report(100, "Trying");
    return { type: "refer", refer };
  }

  report(status: number, reason: string): void {
    const pending = this.#pending;
    if (!pending) return;
    const isFinal = status >= 200;
    if (isFinal) this.#pending = undefined;
    if (!pending.reports || !this.#port.isConfirmed()) return;
    const state = isFinal
      ? "terminated;reason=noresource"
      : `active;expires=${SUBSCRIPTION_SECONDS}`;
    this.#port.notify({
      headers: [
        ["Event", `refer;id=${pending.id}`],
        ["Subscription-State", state],
      ],
      body: sipfrag(status, reason),
    });
  }

  /** Nobody listens to the reports any more. */
  forget(): void {
    this.#pending = undefined;
  }
}
