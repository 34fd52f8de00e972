/** Every live transaction with what belongs to it, found by id, by key, by ACK and by twin. */
import { callId, cseq, from, to } from "./accessors.ts";
import type { Flow, FlowId } from "./flow.ts";
import type { InviteClientTransaction } from "./invite-client-transaction.ts";
import type { InviteServerTransaction } from "./invite-server-transaction.ts";
import type { Outgoing } from "./large-requests.ts";
import type { SipRequest, SipResponse } from "./message.ts";
import { tagOf } from "./name-addr.ts";
import type { NonInviteClientTransaction } from "./non-invite-client-transaction.ts";
import type { NonInviteServerTransaction } from "./non-invite-server-transaction.ts";

export type TransactionId = string & { readonly brand: "TransactionId" };

export interface ClientTransaction {
  readonly id: TransactionId;
  readonly key: string;
  readonly flow: Flow;
  readonly request: SipRequest;
  readonly bytes: Uint8Array;
  readonly machine: InviteClientTransaction | NonInviteClientTransaction;
  /** By To tag: the ACK that answers a repeated 2xx, and where it goes. */
  readonly acknowledgements: Map<string, { flow: FlowId; bytes: Uint8Array }>;
  /** What it carries over a stream in the place of a UDP flow (§18.1.1). */
  readonly large?: Outgoing;
  /** Set once the user above wants it cancelled. */
  cancel?: { reason: string | undefined };
  /** A CANCEL's own transaction tells nobody how it went. */
  silent?: boolean;
}

export interface ServerTransaction {
  readonly id: TransactionId;
  readonly key: string;
  readonly flow: Flow;
  readonly request: SipRequest;
  readonly machine: InviteServerTransaction | NonInviteServerTransaction;
  readonly mergeKey: string | undefined;
  /** The To tag of responses that bring none of their own (§8.2.6.2). */
  readonly localTag: string;
  /** The last response sent, for repetitions. */
  response?: Uint8Array;
  /** Under which its 2xx's ACK will come. */
  acknowledgementKey?: string;
}

export class TransactionTable {
  readonly #clients = new Map<TransactionId, ClientTransaction>();
  readonly #servers = new Map<TransactionId, ServerTransaction>();
  readonly #clientsByKey = new Map<string, ClientTransaction>();
  readonly #serversByKey = new Map<string, ServerTransaction>();
  readonly #byAcknowledgement = new Map<string, ServerTransaction>();
  readonly #byMerge = new Map<string, ServerTransaction>();
  #count = 0;

  get size(): number {
    return this.#clients.size + this.#servers.size;
  }

  get alive() {
    return { clientTransactions: this.#clients.size, serverTransactions: this.#servers.size };
  }

  nextId(): TransactionId {
    this.#count += 1;
    return `t${this.#count}` as TransactionId;
  }

  client(id: TransactionId): ClientTransaction | undefined {
    return this.#clients.get(id);
  }

  server(id: TransactionId): ServerTransaction | undefined {
    return this.#servers.get(id);
  }

  clientByKey(key: string): ClientTransaction | undefined {
    return this.#clientsByKey.get(key);
  }

  serverByKey(key: string): ServerTransaction | undefined {
    return this.#serversByKey.get(key);
  }

  serverByAcknowledgement(key: string): ServerTransaction | undefined {
    return this.#byAcknowledgement.get(key);
  }

  isMerged(key: string | undefined): boolean {
    return key !== undefined && this.#byMerge.has(key);
  }

  clientsOn(flow: FlowId): ClientTransaction[] {
    return [...this.#clients.values()].filter((transaction) => transaction.flow.id === flow);
  }

  addClient(transaction: ClientTransaction): void {
    this.#clients.set(transaction.id, transaction);
    this.#clientsByKey.set(transaction.key, transaction);
  }

  addServer(transaction: ServerTransaction): void {
    this.#servers.set(transaction.id, transaction);
    this.#serversByKey.set(transaction.key, transaction);
    if (transaction.mergeKey !== undefined) this.#byMerge.set(transaction.mergeKey, transaction);
  }

  /** The ACK of this 2xx is a request of its own and finds the INVITE by its dialog (§13.3.1.4). */
  awaitAcknowledgement(transaction: ServerTransaction, response: SipResponse): void {
    const { request } = transaction;
    const localTag = tagOf(to(response)) ?? "";
    const key = `${callId(request)} ${localTag} ${tagOf(from(request)) ?? ""} ${cseq(request).number}`;
    transaction.acknowledgementKey = key;
    this.#byAcknowledgement.set(key, transaction);
  }

  remove(id: TransactionId): void {
    const client = this.#clients.get(id);
    if (client) {
      this.#clients.delete(id);
      this.#clientsByKey.delete(client.key);
    }
    const server = this.#servers.get(id);
    if (!server) return;
    this.#servers.delete(id);
    this.#serversByKey.delete(server.key);
    if (server.mergeKey !== undefined) this.#byMerge.delete(server.mergeKey);
    if (server.acknowledgementKey !== undefined)
      this.#byAcknowledgement.delete(server.acknowledgementKey);
  }
}

/** True for what went over a stream for its size and was not answered yet. */
export function isUnanswered({ large, machine }: ClientTransaction): boolean {
  return large !== undefined && (machine.state === "calling" || machine.state === "trying");
}
