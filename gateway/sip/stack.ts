/**
 * The transaction layer: RFC 3261 §17 and §18, for every flow. Bytes in, bytes out; above it stands
 * the transaction user with its requests and responses, inside it one machine a transaction.
 *
 * A request nobody has a transaction for is handed up first and costs nothing: the user above
 * takes it into a transaction (`serve`) or answers it without one (`reply`).
 */
import { Agenda } from "../agenda.ts";
import { utf8 } from "../bytes.ts";
import { TRANSACTIONS_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import { type Random, randomToken } from "../random.ts";
import { to } from "./accessors.ts";
import { createResponse } from "./build.ts";
import type { Flow, FlowId } from "./flow.ts";
import { isReliable } from "./flow.ts";
import { acknowledgementOf, cancellationOf, isForUs, withReceived, withVia } from "./hop.ts";
import { InviteClientTransaction } from "./invite-client-transaction.ts";
import { InviteServerTransaction } from "./invite-server-transaction.ts";
import { acknowledgementKey, clientKey, clientKeyOf, mergeKey, serverKey } from "./matching.ts";
import type { SipRequest, SipResponse } from "./message.ts";
import { parseNameAddr, tagOf } from "./name-addr.ts";
import { NonInviteClientTransaction } from "./non-invite-client-transaction.ts";
import { NonInviteServerTransaction } from "./non-invite-server-transaction.ts";
import { parseMessage } from "./parse.ts";
import { printMessage } from "./print.ts";
import { type Framed, StreamFraming } from "./stream-framing.ts";
import {
  type ClientTransaction,
  type ServerTransaction,
  type TransactionId,
  TransactionTable,
} from "./transaction-table.ts";

export type StackOutput =
  | { type: "send"; flow: FlowId; bytes: Uint8Array }
  /** A new request without a transaction; never ACK or CANCEL. */
  | { type: "request"; flow: Flow; request: SipRequest }
  /** The ACK of a 2xx of ours, once. */
  | { type: "ack"; flow: Flow; request: SipRequest }
  /** A CANCEL for our INVITE server transaction; it is answered already. */
  | { type: "cancelled"; transaction: TransactionId; request: SipRequest }
  /** Provisionals but 100, each 2xx of a fork once, other finals once. */
  | { type: "response"; transaction: TransactionId; flow: Flow; response: SipResponse }
  | {
      type: "failed";
      transaction: TransactionId;
      reason: "timeout" | "transport" | "unacknowledged";
    }
  | { type: "dropped"; flow: Flow; reason: string }
  | { type: "closeFlow"; flow: FlowId; reason: string };

const CRLF = utf8("\r\n");

export class Stack {
  readonly #random: Random;
  readonly #framings = new Map<FlowId, StreamFraming>();
  readonly #table = new TransactionTable();
  readonly #agenda = new Agenda<TransactionId>();

  constructor(options: { random: Random }) {
    this.#random = options.random;
  }

  /** What the audits count: all zero when everything has come to its end. */
  get alive() {
    return { ...this.#table.alive, framings: this.#framings.size };
  }

  deadline(): Millis | undefined {
    return this.#agenda.next();
  }

  /** A datagram, a WebSocket message, or any piece of a stream. */
  receive(flow: Flow, bytes: Uint8Array, now: Millis): StackOutput[] {
    if (flow.transport === "tcp" || flow.transport === "tls") return this.#stream(flow, bytes, now);
    // RFC 5626 §3.5.1 and E2: only line breaks is a keep-alive; the double one wants an answer.
    if (bytes.every((byte) => byte === 13 || byte === 10)) {
      return bytes.length === 4 ? [{ type: "send", flow: flow.id, bytes: CRLF }] : [];
    }
    return this.#message(flow, bytes, now);
  }

  /** Sends a request of ours, with our Via on top, through a client transaction of its own. */
  request(
    flow: Flow,
    request: SipRequest,
    now: Millis,
  ): { transaction: TransactionId; outputs: StackOutput[] } {
    return this.#start(
      flow,
      withVia(flow, request, `z9hG4bK${randomToken(this.#random, 10)}`),
      now,
    );
  }

  /** CANCELs our INVITE as soon as a provisional response allows it (§9.1). */
  cancel(id: TransactionId, now: Millis, reason?: string): StackOutput[] {
    const transaction = this.#table.client(id);
    if (!transaction || !(transaction.machine instanceof InviteClientTransaction)) return [];
    transaction.cancel = { reason };
    return transaction.machine.state === "proceeding" ? this.#sendCancel(transaction, now) : [];
  }

  /** Sends the ACK of a 2xx, and again whenever that 2xx is repeated (§13.2.2.4). */
  acknowledge(id: TransactionId, flow: Flow, ack: SipRequest, _now: Millis): StackOutput[] {
    const branch = `z9hG4bK${randomToken(this.#random, 10)}`;
    const bytes = printMessage(withVia(flow, ack, branch));
    this.#table.client(id)?.acknowledgements.set(tagOf(to(ack)) ?? "", bytes);
    return [{ type: "send", flow: flow.id, bytes }];
  }

  /** Takes a request that was handed up into a server transaction. */
  serve(
    flow: Flow,
    request: SipRequest,
    now: Millis,
  ): { transaction: TransactionId; outputs: StackOutput[] } {
    const id = this.#nextId();
    const reliable = isReliable(flow.transport);
    const machine =
      request.method === "INVITE"
        ? new InviteServerTransaction(reliable, now)
        : new NonInviteServerTransaction(reliable);
    const key = serverKey(flow, request, request.method);
    const localTag = randomToken(this.#random, 6);
    this.#table.addServer({
      id,
      key,
      flow,
      request,
      machine,
      localTag,
      mergeKey: mergeKey(request),
    });
    this.#agenda.set(id, machine.deadline());
    return { transaction: id, outputs: [] };
  }

  /** Answers without a transaction (§8.2.7). */
  reply(flow: Flow, response: SipResponse): StackOutput[] {
    const tagged = withToTag(response, randomToken(this.#random, 6));
    return [{ type: "send", flow: flow.id, bytes: printMessage(tagged) }];
  }

  /** Answers through the server transaction; a 2xx to INVITE is repeated until its ACK comes. */
  respond(id: TransactionId, response: SipResponse, now: Millis): StackOutput[] {
    const transaction = this.#table.server(id);
    if (!transaction) return [];
    transaction.response = printMessage(withToTag(response, transaction.localTag));
    if (transaction.machine instanceof NonInviteServerTransaction) {
      const event = response.status < 200 ? "provisional" : "final";
      return this.#serverActions(transaction, transaction.machine.handle(event, now));
    }
    if (response.status >= 200 && response.status < 300) {
      this.#table.awaitAcknowledgement(transaction, response);
    }
    const event = eventOf(response.status);
    return this.#serverActions(transaction, transaction.machine.handle(event, now));
  }

  /** The flow is gone: what was on its way over it fails. */
  close(flow: FlowId, now: Millis): StackOutput[] {
    this.#framings.delete(flow);
    const outputs: StackOutput[] = [];
    for (const transaction of this.#table.clientsOn(flow)) {
      outputs.push(
        ...this.#clientActions(transaction, transaction.machine.handle("transportError", now)),
      );
    }
    return outputs;
  }

  timeout(now: Millis): StackOutput[] {
    const outputs: StackOutput[] = [];
    for (let id = this.#agenda.takeDue(now); id; id = this.#agenda.takeDue(now)) {
      const client = this.#table.client(id);
      if (client) outputs.push(...this.#clientActions(client, client.machine.timeout(now)));
      const server = this.#table.server(id);
      if (server) outputs.push(...this.#serverActions(server, server.machine.timeout(now)));
    }
    return outputs;
  }

  // What comes in -------------------------------------------------------------------------------

  #stream(flow: Flow, piece: Uint8Array, now: Millis): StackOutput[] {
    let framing = this.#framings.get(flow.id);
    if (!framing) {
      framing = new StreamFraming();
      this.#framings.set(flow.id, framing);
    }
    return framing.feed(piece).flatMap((framed) => this.#framed(flow, framed, now));
  }

  #framed(flow: Flow, framed: Framed, now: Millis): StackOutput[] {
    switch (framed.type) {
      case "message":
        return this.#message(flow, framed.bytes, now);
      case "ping":
        return [{ type: "send", flow: flow.id, bytes: CRLF }];
      case "pong":
        return [];
      case "error":
        return this.#framingLost(flow, framed);
    }
  }

  /** What could be read is refused; then there is no telling where the next message begins. */
  #framingLost(flow: Flow, framed: Extract<Framed, { type: "error" }>): StackOutput[] {
    const { reason, status } = framed;
    const parsed = framed.head ? parseMessage(framed.head) : undefined;
    const request = parsed?.ok ? parsed.message : parsed?.request;
    const answerable = request?.kind === "request" && request.method !== "ACK";
    const refusal = answerable ? this.reply(flow, createResponse(request, status)) : [];
    return [
      ...refusal,
      { type: "dropped", flow, reason },
      { type: "closeFlow", flow: flow.id, reason },
    ];
  }

  #message(flow: Flow, bytes: Uint8Array, now: Millis): StackOutput[] {
    const parsed = parseMessage(bytes);
    if (parsed.ok) {
      return parsed.message.kind === "request"
        ? this.#request(flow, parsed.message, now)
        : this.#response(flow, parsed.message, now);
    }
    const dropped: StackOutput = { type: "dropped", flow, reason: parsed.reason };
    if (!parsed.request || parsed.status === 0) return [dropped];
    const { status, reason } = parsed;
    const warning: [string, string] = [
      "Warning",
      `399 jackfield "${reason.replace(/["\\]/g, "'")}"`,
    ];
    return [
      ...this.reply(flow, createResponse(parsed.request, status, { headers: [warning] })),
      dropped,
    ];
  }

  #request(flow: Flow, received: SipRequest, now: Millis): StackOutput[] {
    const request = withReceived(flow, received);
    if (request.method === "ACK") return this.#ack(flow, request, now);
    if (request.method === "CANCEL") return this.#cancel(flow, request, now);
    const known = this.#table.serverByKey(serverKey(flow, request, request.method));
    if (known) return this.#serverActions(known, known.machine.handle("request", now));
    if (this.#table.isMerged(mergeKey(request))) {
      return this.reply(flow, createResponse(request, 482, { reason: "Loop Detected" }));
    }
    if (this.#table.size >= TRANSACTIONS_MAX) {
      return this.reply(flow, createResponse(request, 503, { headers: [["Retry-After", "10"]] }));
    }
    return [{ type: "request", flow, request }];
  }

  #ack(flow: Flow, ack: SipRequest, now: Millis): StackOutput[] {
    const invite =
      this.#table.serverByKey(serverKey(flow, ack, "INVITE")) ??
      this.#table.serverByAcknowledgement(acknowledgementKey(ack));
    if (!invite || !(invite.machine instanceof InviteServerTransaction)) return [];
    const actions = invite.machine.handle("ack", now);
    const isNews = actions.includes("passAckUp");
    return [
      ...this.#serverActions(invite, actions),
      ...(isNews ? [{ type: "ack", flow, request: ack } as const] : []),
    ];
  }

  #cancel(flow: Flow, cancel: SipRequest, now: Millis): StackOutput[] {
    const repeated = this.#table.serverByKey(serverKey(flow, cancel, "CANCEL"));
    if (repeated) return this.#serverActions(repeated, repeated.machine.handle("request", now));
    const invite = this.#table.serverByKey(serverKey(flow, cancel, "INVITE"));
    if (!invite) return this.reply(flow, createResponse(cancel, 481));
    const { transaction } = this.serve(flow, cancel, now);
    const answer = this.respond(transaction, createResponse(cancel, 200), now);
    // §9.2: a CANCEL that comes after the final response changes nothing.
    const isPending = invite.machine.state === "proceeding";
    return isPending
      ? [...answer, { type: "cancelled", transaction: invite.id, request: cancel }]
      : answer;
  }

  #response(flow: Flow, response: SipResponse, now: Millis): StackOutput[] {
    const key = clientKeyOf(response);
    const transaction = key === undefined ? undefined : this.#table.clientByKey(key);
    if (!transaction || !isForUs(transaction.flow, response)) {
      return [{ type: "dropped", flow, reason: "a response to no request of ours" }];
    }
    const { machine } = transaction;
    if (machine instanceof NonInviteClientTransaction) {
      const event = response.status < 200 ? "provisional" : "final";
      return this.#clientActions(transaction, machine.handle(event, now), flow, response);
    }
    const actions = machine.handle(eventOf(response.status), now);
    const outputs = this.#clientActions(transaction, actions, flow, response);
    const cancels = transaction.cancel && machine.state === "proceeding";
    return cancels ? [...outputs, ...this.#sendCancel(transaction, now)] : outputs;
  }

  // What goes out -------------------------------------------------------------------------------

  #start(
    flow: Flow,
    request: SipRequest,
    now: Millis,
  ): { transaction: TransactionId; outputs: StackOutput[] } {
    const id = this.#nextId();
    const reliable = isReliable(flow.transport);
    const machine =
      request.method === "INVITE"
        ? new InviteClientTransaction(reliable, now)
        : new NonInviteClientTransaction(reliable, now);
    const bytes = printMessage(request);
    const branch = /;branch=([^;]+)/.exec(request.headers.get("Via") ?? "")?.[1] ?? "";
    const key = clientKey(branch, request.method);
    this.#table.addClient({ id, key, flow, request, bytes, machine, acknowledgements: new Map() });
    this.#agenda.set(id, machine.deadline());
    return { transaction: id, outputs: [{ type: "send", flow: flow.id, bytes }] };
  }

  #sendCancel(transaction: ClientTransaction, now: Millis): StackOutput[] {
    const { machine, flow, request, cancel } = transaction;
    if (!(machine instanceof InviteClientTransaction)) return [];
    machine.handle("cancel", now);
    this.#agenda.set(transaction.id, machine.deadline());
    const { outputs, transaction: id } = this.#start(
      flow,
      cancellationOf(request, cancel?.reason),
      now,
    );
    const own = this.#table.client(id);
    // Nobody waits for the answer to a CANCEL: the INVITE's own final response tells.
    if (own) own.silent = true;
    return outputs;
  }

  #clientActions(
    transaction: ClientTransaction,
    actions: readonly string[],
    flow: Flow = transaction.flow,
    response?: SipResponse,
  ): StackOutput[] {
    const outputs = actions.flatMap((action): StackOutput[] => {
      const { id: own, bytes } = transaction;
      switch (action) {
        case "sendRequest":
          return [{ type: "send", flow: transaction.flow.id, bytes }];
        case "sendAck":
          return response ? [this.#sendAck(transaction, response)] : [];
        case "passUp":
          return response ? this.#passUp(transaction, flow, response) : [];
        case "reportTimeout":
          return transaction.silent
            ? []
            : [{ type: "failed", transaction: own, reason: "timeout" }];
        case "reportTransportError":
          return transaction.silent
            ? []
            : [{ type: "failed", transaction: own, reason: "transport" }];
        default:
          return [];
      }
    });
    this.#settle(transaction);
    return outputs;
  }

  #sendAck(transaction: ClientTransaction, response: SipResponse): StackOutput {
    const bytes = printMessage(acknowledgementOf(transaction.request, response));
    return { type: "send", flow: transaction.flow.id, bytes };
  }

  /** A repeated 2xx is answered with its ACK here; the first of each tag goes up. */
  #passUp(transaction: ClientTransaction, flow: Flow, response: SipResponse): StackOutput[] {
    if (transaction.silent || response.status === 100) return [];
    const up: StackOutput = { type: "response", transaction: transaction.id, flow, response };
    if (
      transaction.request.method !== "INVITE" ||
      response.status < 200 ||
      response.status >= 300
    ) {
      return [up];
    }
    const tag = tagOf(to(response)) ?? "";
    const acknowledgement = transaction.acknowledgements.get(tag);
    if (acknowledgement)
      return [{ type: "send", flow: transaction.flow.id, bytes: acknowledgement }];
    return [up];
  }

  #serverActions(transaction: ServerTransaction, actions: readonly string[]): StackOutput[] {
    const outputs = actions.flatMap((action): StackOutput[] => {
      const { id: own, flow, response } = transaction;
      switch (action) {
        case "sendTrying": {
          const trying = printMessage(createResponse(transaction.request, 100));
          transaction.response ??= trying;
          return [{ type: "send", flow: flow.id, bytes: trying }];
        }
        case "sendResponse":
        case "repeatResponse":
          return response ? [{ type: "send", flow: flow.id, bytes: response }] : [];
        case "reportTimeout":
          return [{ type: "failed", transaction: own, reason: "timeout" }];
        case "reportUnacknowledged":
          return [{ type: "failed", transaction: own, reason: "unacknowledged" }];
        case "reportTransportError":
          return [{ type: "failed", transaction: own, reason: "transport" }];
        default:
          return [];
      }
    });
    this.#settle(transaction);
    return outputs;
  }

  /** Looks at the transaction's timers again; one that is terminated is forgotten. */
  #settle(transaction: ClientTransaction | ServerTransaction): void {
    const { id, machine } = transaction;
    if (machine.state === "terminated") {
      this.#table.remove(id);
      this.#agenda.set(id, undefined);
    } else {
      this.#agenda.set(id, machine.deadline());
    }
  }

  #nextId(): TransactionId {
    return this.#table.nextId();
  }
}

function eventOf(status: number): "provisional" | "success" | "failure" {
  if (status < 200) return "provisional";
  return status < 300 ? "success" : "failure";
}

/** §8.2.6.2: every response but a 100 carries a To tag; one that can't be read stays as it is. */
function withToTag(response: SipResponse, tag: string): SipResponse {
  const value = response.headers.get("To");
  const parsed = value === undefined ? undefined : parseNameAddr(value);
  if (!parsed || response.status === 100 || tagOf(parsed) !== undefined) return response;
  const headers = response.headers.clone();
  headers.set("To", `${value};tag=${tag}`);
  return { ...response, headers };
}
