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
import { earliest, type Millis } from "../machine.ts";
import { type Random, randomToken } from "../random.ts";
import { to } from "./accessors.ts";
import { createResponse } from "./build.ts";
import type { Flow, FlowId } from "./flow.ts";
import { isReliable } from "./flow.ts";
import {
  acknowledgementOf,
  cancellationOf,
  isForUs,
  statelessTags,
  withReceived,
  withToTag,
  withVia,
} from "./hop.ts";
import { InviteClientTransaction } from "./invite-client-transaction.ts";
import { InviteServerTransaction } from "./invite-server-transaction.ts";
import { LargeRequests, type Outgoing } from "./large-requests.ts";
import { acknowledgementKey, clientKey, clientKeyOf, mergeKey, serverKey } from "./matching.ts";
import type { SipRequest, SipResponse } from "./message.ts";
import { tagOf } from "./name-addr.ts";
import { NonInviteClientTransaction } from "./non-invite-client-transaction.ts";
import { NonInviteServerTransaction } from "./non-invite-server-transaction.ts";
import { parseMessage } from "./parse.ts";
import { printMessage } from "./print.ts";
import type { StackOptions, StackOutput } from "./stack-output.ts";
import { type Framed, StreamFraming } from "./stream-framing.ts";
import { eventOf } from "./table-machine.ts";
import {
  type ClientTransaction,
  isUnanswered,
  type ServerTransaction,
  type TransactionId,
  TransactionTable,
} from "./transaction-table.ts";

/** A client transaction at its beginning; `request` has our Via. */
type Started = Pick<ClientTransaction, "id" | "flow" | "request" | "bytes" | "large" | "cancel">;

const CRLF = utf8("\r\n");
const RETRY_AFTER: [string, string] = ["Retry-After", "10"];
/** Why a transaction failed, by what its machine says. */
const REASONS = {
  reportTimeout: "timeout",
  reportUnacknowledged: "unacknowledged",
  reportTransportError: "transport",
} as const;

export class Stack {
  readonly #random: Random;
  readonly #tagged: (response: SipResponse) => SipResponse;
  readonly #heard: StackOptions["heard"];
  readonly #framings = new Map<FlowId, StreamFraming>();
  readonly #table = new TransactionTable();
  readonly #agenda = new Agenda<TransactionId>();
  readonly #large = new LargeRequests();

  constructor(options: StackOptions) {
    this.#random = options.random;
    this.#tagged = statelessTags(options.random);
    this.#heard = options.heard;
  }

  /** What the audits count: all zero when everything has come to its end. */
  get alive() {
    const { clientTransactions, serverTransactions } = this.#table.alive;
    return {
      clientTransactions: clientTransactions + this.#large.size,
      serverTransactions,
      framings: this.#framings.size,
    };
  }

  deadline(): Millis | undefined {
    return earliest(this.#agenda.next(), this.#large.deadline());
  }

  /** The UDP flow in whose place a connection of the stack's own was opened. */
  baseOf(flow: FlowId): Flow | undefined {
    return this.#large.baseOf(flow);
  }

  /** A flow came up; undefined where the stack asked for none such. */
  opened(flow: Flow, now: Millis): StackOutput[] | undefined {
    const waited = this.#large.opened(flow, now);
    return waited?.flatMap((outgoing) => this.#startOver(flow, outgoing, now));
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

  /**
   * Sends a request of ours, with our Via on top, through a client transaction of its own. One that
   * is too large for UDP goes over TCP where the peer takes that (§18.1.1).
   */
  request(
    flow: Flow,
    request: SipRequest,
    now: Millis,
  ): { transaction: TransactionId; outputs: StackOutput[] } {
    const id = this.#table.nextId();
    const branch = `z9hG4bK${randomToken(this.#random, 10)}`;
    const sent = withVia(flow, request, branch);
    const bytes = printMessage(sent);
    const outgoing: Outgoing = { id, flow, request, branch };
    const { over, open } = this.#large.nextHop(outgoing, bytes.length, now);
    if (over === flow) {
      return { transaction: id, outputs: this.#start({ id, flow, request: sent, bytes }, now) };
    }
    if (over) return { transaction: id, outputs: this.#startOver(over, outgoing, now) };
    return { transaction: id, outputs: open ? [{ type: "openFlow", ...open }] : [] };
  }

  /** CANCELs our INVITE as soon as a provisional response allows it (§9.1). */
  cancel(id: TransactionId, now: Millis, reason?: string): StackOutput[] {
    const held = this.#large.held(id);
    if (held) held.cancel = { reason };
    const transaction = this.#table.client(id);
    if (!transaction || !(transaction.machine instanceof InviteClientTransaction)) return [];
    transaction.cancel = { reason };
    return transaction.machine.state === "proceeding" ? this.#sendCancel(transaction, now) : [];
  }

  /** Sends the ACK of a 2xx, and again whenever that 2xx is repeated (§13.2.2.4). */
  acknowledge(id: TransactionId, flow: Flow, ack: SipRequest, now: Millis): StackOutput[] {
    const branch = `z9hG4bK${randomToken(this.#random, 10)}`;
    const datagram = printMessage(withVia(flow, ack, branch));
    const stream = this.#large.streamFor(flow, ack, datagram.length, now);
    const sent = stream
      ? { flow: stream.id, bytes: printMessage(withVia(stream, ack, branch)) }
      : { flow: flow.id, bytes: datagram };
    this.#table.client(id)?.acknowledgements.set(tagOf(to(ack)) ?? "", sent);
    return [{ type: "send", ...sent }];
  }

  /** Takes a request that was handed up into a server transaction. */
  serve(
    flow: Flow,
    request: SipRequest,
    now: Millis,
  ): { transaction: TransactionId; outputs: StackOutput[] } {
    const id = this.#table.nextId();
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

  /** Answers without a transaction; the same request again gets the same To tag (§8.2.7). */
  reply(flow: Flow, response: SipResponse): Extract<StackOutput, { type: "send" }>[] {
    return [{ type: "send", flow: flow.id, bytes: printMessage(this.#tagged(response)) }];
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

  /**
   * The flow is gone: what was on its way over it fails; but what went over TCP for its size alone,
   * and was not answered, goes over UDP.
   */
  close(flow: FlowId, now: Millis): StackOutput[] {
    this.#framings.delete(flow);
    const released = this.#large.released(flow);
    const unanswered = this.#table.clientsOn(flow).filter(isUnanswered);
    if (unanswered.length > 0) this.#large.failed(flow, now);
    const waited = this.#large.closed(flow, now);
    for (const { id, large, cancel } of unanswered) {
      this.#forget(id);
      if (large) waited.push(cancel ? { ...large, cancel } : large);
    }
    const outputs = waited.flatMap((outgoing) => this.#startOver(outgoing.flow, outgoing, now));
    outputs.push(...this.#failOn(flow, now));
    if (!released) return outputs;
    for (const { id: transaction } of released.waiting) {
      outputs.push({ type: "failed", transaction, reason: "transport" });
    }
    const reason = "the flow it was opened for is gone";
    const close: StackOutput = { type: "closeFlow", flow: released.stream, reason };
    return [...outputs, close, ...this.#failOn(released.stream, now)];
  }

  timeout(now: Millis): StackOutput[] {
    const { overDatagram, unused } = this.#large.timeout(now);
    const outputs = overDatagram.flatMap((it) => this.#startOver(it.flow, it, now));
    for (const flow of unused) {
      outputs.push({ type: "closeFlow", flow, reason: "nobody has used it for long" });
    }
    for (let id = this.#agenda.takeDue(now); id; id = this.#agenda.takeDue(now)) {
      const client = this.#table.client(id);
      if (client) outputs.push(...this.#clientTimeout(client, now));
      const server = this.#table.server(id);
      if (server) outputs.push(...this.#serverActions(server, server.machine.timeout(now)));
    }
    return outputs;
  }

  #clientTimeout(client: ClientTransaction, now: Millis): StackOutput[] {
    const actions = client.machine.timeout(now);
    const outputs = this.#clientActions(client, actions);
    const { large, flow } = client;
    const isDeaf = large && actions.includes("reportTimeout") && !this.#large.isHeard(flow.id);
    if (!isDeaf) return outputs;
    this.#large.failed(flow.id, now);
    const reason = "the peer answers nothing over TCP";
    return [...outputs, { type: "closeFlow", flow: flow.id, reason }];
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
        return [{ type: "pong", flow }];
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
    const refusal = answerable ? this.#refuse(flow, request, status, reason) : [];
    return [
      ...refusal,
      { type: "dropped", flow, reason },
      { type: "closeFlow", flow: flow.id, reason },
    ];
  }

  /** Of our own accord, before anybody looked who it is; with a sentence that says why (§20.43). */
  #refuse(
    flow: Flow,
    request: SipRequest,
    status: number,
    reason: string,
    more: [string, string][] = [],
  ): StackOutput[] {
    const warning = `399 jackfield "${reason.replace(/["\\]/g, "'")}"`;
    const response = createResponse(request, status, { headers: [["Warning", warning], ...more] });
    return this.reply(flow, response).map((it) => ({ ...it, refuses: flow }));
  }

  #message(flow: Flow, bytes: Uint8Array, now: Millis): StackOutput[] {
    const parsed = parseMessage(bytes);
    if (parsed.ok) {
      this.#heard?.(parsed.message, bytes, now);
      return parsed.message.kind === "request"
        ? this.#request(flow, parsed.message, now)
        : this.#response(flow, parsed.message, now);
    }
    const dropped: StackOutput = { type: "dropped", flow, reason: parsed.reason };
    if (!parsed.request || parsed.status === 0) return [dropped];
    return [...this.#refuse(flow, parsed.request, parsed.status, parsed.reason), dropped];
  }

  #request(flow: Flow, received: SipRequest, now: Millis): StackOutput[] {
    const request = withReceived(flow, received);
    if (request.method === "ACK") return this.#ack(flow, request, now);
    if (request.method === "CANCEL") return this.#cancel(flow, request, now);
    const known = this.#table.serverByKey(serverKey(flow, request, request.method));
    if (known) return this.#serverActions(known, known.machine.handle("request", now));
    const isMerged = this.#table.isMerged(mergeKey(request));
    if (isMerged) return this.#refuse(flow, request, 482, "the same request came by another way");
    if (this.#table.size >= TRANSACTIONS_MAX) {
      return this.#refuse(flow, request, 503, "too many requests wait here", [RETRY_AFTER]);
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
    if (!invite) return this.#refuse(flow, cancel, 481, "there is nothing to cancel");
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
      const reason = "a response to no request of ours";
      return [{ type: "dropped", flow, reason, isReadable: true }];
    }
    const { machine, large } = transaction;
    // The user above knows the flow it asked for, not the one that stands in for it.
    const from = large && flow.id === transaction.flow.id ? large.flow : flow;
    if (large) this.#large.heard(flow.id);
    if (machine instanceof NonInviteClientTransaction) {
      const event = response.status < 200 ? "provisional" : "final";
      return this.#clientActions(transaction, machine.handle(event, now), from, response);
    }
    const actions = machine.handle(eventOf(response.status), now);
    const outputs = this.#clientActions(transaction, actions, from, response);
    const cancels = transaction.cancel && machine.state === "proceeding";
    return cancels ? [...outputs, ...this.#sendCancel(transaction, now)] : outputs;
  }

  // What goes out -------------------------------------------------------------------------------

  #start(started: Started, now: Millis): StackOutput[] {
    const { id, flow, request, bytes } = started;
    const reliable = isReliable(flow.transport);
    const machine =
      request.method === "INVITE"
        ? new InviteClientTransaction(reliable, now)
        : new NonInviteClientTransaction(reliable, now);
    const branch = /;branch=([^;]+)/.exec(request.headers.get("Via") ?? "")?.[1] ?? "";
    const key = clientKey(branch, request.method);
    this.#table.addClient({ ...started, key, machine, acknowledgements: new Map() });
    this.#agenda.set(id, machine.deadline());
    return [{ type: "send", flow: flow.id, bytes }];
  }

  /** Starts what was too large for a datagram over a stream, or over UDP after all. */
  #startOver(flow: Flow, outgoing: Outgoing, now: Millis): StackOutput[] {
    const { id, branch, cancel } = outgoing;
    const request = withVia(flow, outgoing.request, branch);
    const large = flow === outgoing.flow ? {} : { large: outgoing };
    const cancelled = cancel ? { cancel } : {};
    const bytes = printMessage(request);
    return this.#start({ id, flow, request, bytes, ...large, ...cancelled }, now);
  }

  /** What is on its way over the flow will not arrive. */
  #failOn(flow: FlowId, now: Millis): StackOutput[] {
    return this.#table
      .clientsOn(flow)
      .flatMap((it) => this.#clientActions(it, it.machine.handle("transportError", now)));
  }

  #sendCancel(transaction: ClientTransaction, now: Millis): StackOutput[] {
    const { machine, flow, request, cancel } = transaction;
    if (!(machine instanceof InviteClientTransaction)) return [];
    machine.handle("cancel", now);
    this.#agenda.set(transaction.id, machine.deadline());
    const id = this.#table.nextId();
    const cancellation = cancellationOf(request, cancel?.reason);
    const bytes = printMessage(cancellation);
    const outputs = this.#start({ id, flow, request: cancellation, bytes }, now);
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
    const outputs: StackOutput[] = [];
    const { id: own, bytes, silent } = transaction;
    for (const action of actions) {
      switch (action) {
        case "sendRequest":
          outputs.push({ type: "send", flow: transaction.flow.id, bytes });
          break;
        case "sendAck":
          if (response) outputs.push(this.#sendAck(transaction, response));
          break;
        case "passUp":
          if (response && !silent) outputs.push(this.#passUp(transaction, flow, response));
          break;
        case "reportTimeout":
        case "reportTransportError":
          if (!silent) outputs.push({ type: "failed", transaction: own, reason: REASONS[action] });
          break;
        default:
      }
    }
    this.#settle(transaction);
    return outputs;
  }

  #sendAck(transaction: ClientTransaction, response: SipResponse): StackOutput {
    const bytes = printMessage(acknowledgementOf(transaction.request, response));
    return { type: "send", flow: transaction.flow.id, bytes };
  }

  /** A repeated 2xx is answered with its ACK here; the first of each tag goes up. */
  #passUp(transaction: ClientTransaction, flow: Flow, response: SipResponse): StackOutput {
    const up: StackOutput = { type: "response", transaction: transaction.id, flow, response };
    const isAnswer =
      transaction.request.method === "INVITE" && eventOf(response.status) === "success";
    if (!isAnswer) return up;
    const tag = tagOf(to(response)) ?? "";
    const acknowledgement = transaction.acknowledgements.get(tag);
    return acknowledgement ? { type: "send", ...acknowledgement } : up;
  }

  #serverActions(transaction: ServerTransaction, actions: readonly string[]): StackOutput[] {
    const outputs: StackOutput[] = [];
    const { id: own, flow } = transaction;
    for (const action of actions) {
      switch (action) {
        case "sendTrying": {
          const trying = printMessage(createResponse(transaction.request, 100));
          transaction.response ??= trying;
          outputs.push({ type: "send", flow: flow.id, bytes: trying });
          break;
        }
        case "sendResponse":
        case "repeatResponse":
          if (transaction.response) {
            outputs.push({ type: "send", flow: flow.id, bytes: transaction.response });
          }
          break;
        case "reportTimeout":
        case "reportUnacknowledged":
        case "reportTransportError":
          outputs.push({ type: "failed", transaction: own, reason: REASONS[action] });
          break;
        default:
      }
    }
    this.#settle(transaction);
    return outputs;
  }

  /** Looks at the transaction's timers again; one that is terminated is forgotten. */
  #settle(transaction: ClientTransaction | ServerTransaction): void {
    const { id, machine } = transaction;
    if (machine.state === "terminated") this.#forget(id);
    else this.#agenda.set(id, machine.deadline());
  }

  #forget(id: TransactionId): void {
    this.#table.remove(id);
    this.#agenda.set(id, undefined);
  }
}
