/**
 * Every live call, and the ways something finds its leg: by the dialog a request belongs to, by the
 * transaction a response belongs to, by the number of a media command. A leg finds its call, and
 * may go over to another one. No behaviour: the call control asks, the calls act.
 */
import type { UserId } from "../../schema/config.ts";
import { Agenda } from "../agenda.ts";
import type { Millis } from "../machine.ts";
import type { LegId } from "../media/protocol.ts";
import type { FlowId } from "../sip/flow.ts";
import type { SipRequest } from "../sip/message.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import type { Call } from "./call.ts";
import type { Trunk } from "./trunk.ts";

export interface LiveCall {
  readonly id: string;
  readonly call: Call;
  readonly legs: Set<LiveLeg>;
  /** Whose call it is: the users on both sides, as far as they are ours. */
  readonly users: readonly UserId[];
  /** A call of the same user's when this one began: the two may be joined one day. */
  readonly near: string | undefined;
}

/** A leg with what the call control must know to carry its orders out. */
export interface LiveLeg {
  readonly id: LegId;
  live: LiveCall;
  /** Its INVITEs that may still bring something: the first and the last one. */
  readonly invites: TransactionId[];
  /** The last INVITE of the peer's: for CANCEL, and for an ACK that never comes. */
  served: TransactionId | undefined;
  /** The connection it uses. */
  trunk: Trunk | undefined;
  /** Its dialog is up, and that was told of the call it is in. */
  stands: boolean;
  readonly dialogs: string[];
  readonly transactions: Set<TransactionId>;
}

export interface TransactionOwner {
  readonly leg: LiveLeg;
  readonly request: SipRequest;
}

export class CallTable {
  readonly #calls = new Map<string, LiveCall>();
  readonly #legs = new Map<LegId, LiveLeg>();
  readonly #byDialog = new Map<string, LiveLeg>();
  readonly #byTransaction = new Map<TransactionId, TransactionOwner>();
  readonly #bySequence = new Map<number, LegId>();
  /** A call of each user's, of several the first. */
  readonly #byUser = new Map<UserId, LiveCall>();
  readonly #agenda = new Agenda<string>();
  #sequence = 0;
  #legCount = 0;

  get size(): number {
    return this.#calls.size;
  }

  /** What the audits count: all zero once every call is over. */
  get alive() {
    return {
      calls: this.#calls.size,
      legs: this.#legs.size,
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
    for (const user of live.users) if (!this.#byUser.has(user)) this.#byUser.set(user, live);
  }

  /** A call of one of these users. */
  callOf(users: readonly UserId[]): LiveCall | undefined {
    for (const user of users) {
      const live = this.#byUser.get(user);
      if (live) return live;
    }
    return undefined;
  }

  nextLegId(): LegId {
    this.#legCount += 1;
    return `leg-${this.#legCount}` as LegId;
  }

  /** The leg's place in the table, made when it is first asked for. */
  leg(live: LiveCall, id: LegId): LiveLeg {
    let leg = this.#legs.get(id);
    if (!leg) {
      leg = {
        id,
        live,
        invites: [],
        served: undefined,
        trunk: undefined,
        stands: false,
        dialogs: [],
        transactions: new Set(),
      };
      this.#legs.set(id, leg);
      live.legs.add(leg);
    }
    return leg;
  }

  /** The leg goes over to another call. */
  move(leg: LiveLeg, live: LiveCall): void {
    leg.live.legs.delete(leg);
    live.legs.add(leg);
    leg.live = live;
    leg.stands = false;
  }

  legById(id: LegId): LiveLeg | undefined {
    return this.#legs.get(id);
  }

  /** Calls with a leg whose dialog runs over the flow. */
  callsOn(flow: FlowId): LiveCall[] {
    const found = new Set<LiveCall>();
    for (const leg of this.#legs.values()) {
      if (leg.live.call.legOf(leg.id)?.flow?.id === flow) found.add(leg.live);
    }
    return [...found];
  }

  /** Takes a leg that is over out of every index. */
  removeLeg(id: LegId): LiveLeg | undefined {
    const leg = this.#legs.get(id);
    if (!leg) return undefined;
    this.#legs.delete(id);
    leg.live.legs.delete(leg);
    for (const key of leg.dialogs) this.#byDialog.delete(key);
    for (const transaction of leg.transactions) this.#byTransaction.delete(transaction);
    for (const [sequence, owner] of this.#bySequence) {
      if (owner === id) this.#bySequence.delete(sequence);
    }
    return leg;
  }

  remove(live: LiveCall): void {
    this.#calls.delete(live.id);
    for (const user of live.users) {
      if (this.#byUser.get(user) === live) this.#byUser.delete(user);
    }
    this.#agenda.set(live.id, undefined);
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

  indexDialog(callId: string, localTag: string, leg: LiveLeg): void {
    const key = `${callId} ${localTag}`;
    this.#byDialog.set(key, leg);
    leg.dialogs.push(key);
  }

  byDialog(callId: string, localTag: string): LiveLeg | undefined {
    return this.#byDialog.get(`${callId} ${localTag}`);
  }

  indexTransaction(transaction: TransactionId, leg: LiveLeg, request: SipRequest): void {
    this.#byTransaction.set(transaction, { leg, request });
    leg.transactions.add(transaction);
    if (request.method !== "INVITE") return;
    const [first, last] = leg.invites;
    // The first may be forked and bring 2xx late; of re-INVITEs only the last one can.
    if (last !== undefined) this.forgetTransaction(last);
    leg.invites.splice(0, 2, ...(first === undefined ? [] : [first]), transaction);
  }

  /** An INVITE of the peer's: the one before it is done with. */
  indexServed(transaction: TransactionId, leg: LiveLeg, request: SipRequest): void {
    if (leg.served !== undefined) this.forgetTransaction(leg.served);
    leg.served = transaction;
    this.#byTransaction.set(transaction, { leg, request });
    leg.transactions.add(transaction);
  }

  byTransaction(transaction: TransactionId): TransactionOwner | undefined {
    return this.#byTransaction.get(transaction);
  }

  forgetTransaction(transaction: TransactionId): void {
    this.#byTransaction.get(transaction)?.leg.transactions.delete(transaction);
    this.#byTransaction.delete(transaction);
  }

  /** The number under which the worker will answer a command. */
  nextSequence(leg: LegId): number {
    this.#sequence += 1;
    this.#bySequence.set(this.#sequence, leg);
    return this.#sequence;
  }

  takeSequence(sequence: number): LiveLeg | undefined {
    const id = this.#bySequence.get(sequence);
    this.#bySequence.delete(sequence);
    return id === undefined ? undefined : this.#legs.get(id);
  }
}
