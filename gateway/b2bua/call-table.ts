/**
 * Every live call, and the ways something finds its call: by id, by the dialog a request belongs
 * to, by the transaction a response belongs to, by the number of a media command. No behaviour:
 * the B2BUA asks, the calls act.
 */
import { Agenda } from "../agenda.ts";
import type { Millis } from "../machine.ts";
import type { LegId } from "../media/protocol.ts";
import type { Flow } from "../sip/flow.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import type { Call } from "./call.ts";
import type { Trunk } from "./trunk.ts";

/** A call with what the B2BUA must know to carry its orders out. */
export interface LiveCall {
  readonly id: string;
  readonly call: Call;
  readonly trunk: Trunk | undefined;
  /** By leg: the transaction of its last INVITE, for CANCEL and ACK. */
  readonly invites: Map<LegId, TransactionId>;
  /** By leg: the flow its dialog runs over; in-dialog requests must come from there. */
  readonly flows: Map<LegId, Flow>;
}

export interface TransactionOwner {
  readonly live: LiveCall;
  readonly leg: LegId;
  readonly method: string;
}

export interface MediaOwner {
  readonly live: LiveCall;
  readonly leg: LegId;
}

export class CallTable {
  readonly #calls = new Map<string, LiveCall>();
  readonly #byDialog = new Map<string, MediaOwner>();
  readonly #byTransaction = new Map<TransactionId, TransactionOwner>();
  readonly #bySequence = new Map<number, MediaOwner>();
  readonly #agenda = new Agenda<string>();
  #sequence = 0;

  get size(): number {
    return this.#calls.size;
  }

  /** What the audits count: all zero once every call is over. */
  get alive() {
    return {
      calls: this.#calls.size,
      dialogs: this.#byDialog.size,
      callTransactions: this.#byTransaction.size,
      mediaCommands: this.#bySequence.size,
    };
  }

  all(): IterableIterator<LiveCall> {
    return this.#calls.values();
  }

  get(id: string): LiveCall | undefined {
    return this.#calls.get(id);
  }

  add(live: LiveCall): void {
    this.#calls.set(live.id, live);
  }

  /** Takes a call that is over out of every index. */
  remove(live: LiveCall): void {
    this.#calls.delete(live.id);
    this.#agenda.set(live.id, undefined);
    for (const index of [this.#byDialog, this.#byTransaction, this.#bySequence]) {
      for (const [key, owner] of index as Map<unknown, { live: LiveCall }>) {
        if (owner.live === live) index.delete(key as never);
      }
    }
  }

  /** Looks at the call's deadline again, after anything happened to it. */
  schedule(live: LiveCall): void {
    if (this.#calls.has(live.id)) this.#agenda.set(live.id, live.call.deadline());
  }

  deadline(): Millis | undefined {
    return this.#agenda.next();
  }

  takeDue(now: Millis): LiveCall | undefined {
    const id = this.#agenda.takeDue(now);
    return id === undefined ? undefined : this.#calls.get(id);
  }

  indexDialog(callId: string, localTag: string, owner: MediaOwner): void {
    this.#byDialog.set(`${callId} ${localTag}`, owner);
  }

  byDialog(callId: string, localTag: string): MediaOwner | undefined {
    return this.#byDialog.get(`${callId} ${localTag}`);
  }

  indexTransaction(transaction: TransactionId, owner: TransactionOwner): void {
    this.#byTransaction.set(transaction, owner);
    if (owner.method === "INVITE") owner.live.invites.set(owner.leg, transaction);
  }

  byTransaction(transaction: TransactionId): TransactionOwner | undefined {
    return this.#byTransaction.get(transaction);
  }

  forgetTransaction(transaction: TransactionId): void {
    this.#byTransaction.delete(transaction);
  }

  /** The number under which the worker will answer a command. */
  nextSequence(owner: MediaOwner): number {
    this.#sequence += 1;
    this.#bySequence.set(this.#sequence, owner);
    return this.#sequence;
  }

  takeSequence(sequence: number): MediaOwner | undefined {
    const owner = this.#bySequence.get(sequence);
    this.#bySequence.delete(sequence);
    return owner;
  }
}
