/**
 * Text messages (RFC 3428) between softphones, and to and from PBXs: a B2BUA's, so each side has its
 * own transaction. To a user it goes to every device; the first that takes it answers for all.
 */
import { MESSAGE_BYTES_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import type { LegId } from "../media/protocol.ts";
import { type Random, randomToken } from "../random.ts";
import { contentType } from "../sip/accessors.ts";
import { createRequest, createResponse } from "../sip/build.ts";
import { answerChallenge } from "../sip/digest-client.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import type { Stack } from "../sip/stack.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import type { Effect } from "./call-control.ts";
import type { Destination } from "./destination.ts";
import { bestFailure } from "./forking.ts";
import { type Ending, reasonOf, refusal } from "./reason.ts";
import type { Trunk } from "./trunk.ts";

interface Message {
  readonly incoming: TransactionId;
  readonly request: SipRequest;
  /** Copies without an answer. */
  readonly open: Set<Copy>;
  readonly failures: Ending[];
  isTaken: boolean;
}

interface Copy {
  readonly id: LegId;
  readonly message: Message;
  readonly candidate: Destination["candidates"][number];
  flow: Flow | undefined;
  sent: SipRequest | undefined;
  isChallenged: boolean;
  cseq: number;
}

export interface MessagesOptions {
  readonly stack: Stack;
  readonly random: Random;
  readonly trunkOf: (connection: number) => Trunk | undefined;
}

/** Headers that go along; a stranger's own do not (RFC 3428 §7 says nothing of them). */
const PASSED = ["Subject", "Content-Language", "Date"];

export class Messages {
  readonly #options: MessagesOptions;
  readonly #byTransaction = new Map<TransactionId, Copy>();
  readonly #byKey = new Map<LegId, Copy>();
  #count = 0;

  constructor(options: MessagesOptions) {
    this.#options = options;
  }

  get alive() {
    return { messages: this.#byTransaction.size + this.#byKey.size };
  }

  /** Sends a message that was admitted and routed on to all candidates. */
  send(flow: Flow, request: SipRequest, destination: Destination, now: Millis): Effect[] {
    const { stack } = this.#options;
    const refuse = (status: number, reason: string) =>
      stack.reply(flow, refusal(request, status, reason));
    if (request.body.length > MESSAGE_BYTES_MAX) {
      return refuse(413, `a message has at most ${MESSAGE_BYTES_MAX} bytes here`);
    }
    if (request.body.length > 0 && contentType(request) === undefined) {
      return refuse(415, "a message says of what type it is");
    }
    const { transaction, outputs } = stack.serve(flow, request, now);
    const message: Message = {
      incoming: transaction,
      request,
      open: new Set(),
      failures: [],
      isTaken: false,
    };
    const effects: Effect[] = [...outputs];
    for (const candidate of destination.candidates) {
      this.#count += 1;
      const id = `message-${this.#count}` as LegId;
      const copy: Copy = {
        id,
        message,
        candidate,
        flow: candidate.flow,
        sent: undefined,
        isChallenged: false,
        cseq: 0,
      };
      message.open.add(copy);
      effects.push(...this.#start(copy, now));
    }
    return effects;
  }

  response(
    transaction: TransactionId,
    response: SipResponse,
    flow: Flow,
    now: Millis,
  ): Effect[] | undefined {
    const copy = this.#byTransaction.get(transaction);
    if (!copy) return undefined;
    if (response.status < 200) return [];
    this.#byTransaction.delete(transaction);
    const { credentials } = copy.candidate.invitation;
    const isChallenge = response.status === 401 || response.status === 407;
    // S6: credentials go only to whom the message went.
    if (
      isChallenge &&
      credentials &&
      copy.sent &&
      !copy.isChallenged &&
      flow.id === copy.flow?.id
    ) {
      const { random } = this.#options;
      const answer = answerChallenge(response, credentials, copy.sent, {}, random);
      copy.isChallenged = true;
      if (answer.ok) return this.#send(copy, copy.flow, answer.headers, now);
    }
    const { status } = response;
    if (status < 300) return this.#taken(copy, now);
    const reason = reasonOf(response) ?? response.reason;
    return this.#lost(copy, { status: isChallenge ? 503 : status, reason }, now);
  }

  failed(transaction: TransactionId, now: Millis): Effect[] | undefined {
    const copy = this.#byTransaction.get(transaction);
    if (!copy) return undefined;
    this.#byTransaction.delete(transaction);
    return this.#lost(copy, { status: 408, reason: "nobody took the message in time" }, now);
  }

  /** The flow to a PBX; undefined when the key is no message's. */
  reached(key: string, flow: Flow, now: Millis): Effect[] | undefined {
    const copy = this.#takeKey(key);
    if (!copy) return undefined;
    return this.#send(copy, flow, [], now);
  }

  unreached(key: string, reason: string, now: Millis): Effect[] | undefined {
    const copy = this.#takeKey(key);
    return copy && this.#lost(copy, { status: 503, reason }, now);
  }

  #takeKey(key: string): Copy | undefined {
    const copy = this.#byKey.get(key as LegId);
    this.#byKey.delete(key as LegId);
    return copy;
  }

  #start(copy: Copy, now: Millis): Effect[] {
    if (copy.flow) return this.#send(copy, copy.flow, [], now);
    const { connection } = copy.candidate;
    const trunk = connection === undefined ? undefined : this.#options.trunkOf(connection);
    if (!trunk) return this.#lost(copy, { status: 503, reason: "there is no way there" }, now);
    this.#byKey.set(copy.id, copy);
    return [{ type: "reach", trunk, leg: copy.id }];
  }

  #send(copy: Copy, flow: Flow, more: [string, string][], now: Millis): Effect[] {
    const { stack, random } = this.#options;
    const { uri, from, to, routes, maxForwards, headers } = copy.candidate.invitation;
    const { request } = copy.message;
    copy.flow = flow;
    copy.cseq += 1;
    const type = contentType(request);
    const passed = PASSED.flatMap((name) =>
      request.headers.all(name).map((value): [string, string] => [name, value]),
    );
    copy.sent = createRequest({
      method: "MESSAGE",
      uri,
      from: { ...from, params: new Map([...from.params, ["tag", randomToken(random, 6)]]) },
      to,
      callId: randomToken(random, 12),
      cseq: copy.cseq,
      maxForwards,
      routes: [...routes],
      headers: [...headers, ...passed, ...more],
      ...(type === undefined ? {} : { body: { type, bytes: request.body } }),
    });
    const sent = stack.request(flow, copy.sent, now);
    this.#byTransaction.set(sent.transaction, copy);
    return sent.outputs;
  }

  #taken(copy: Copy, now: Millis): Effect[] {
    const { message } = copy;
    message.open.delete(copy);
    if (message.isTaken) return [];
    message.isTaken = true;
    const response = createResponse(message.request, 200);
    return this.#options.stack.respond(message.incoming, response, now);
  }

  #lost(copy: Copy, failure: Ending, now: Millis): Effect[] {
    const { message } = copy;
    message.open.delete(copy);
    message.failures.push(failure);
    if (message.isTaken || message.open.size > 0) return [];
    const { status, reason } = bestFailure(message.failures);
    const response = refusal(message.request, Math.max(status, 400), reason);
    return this.#options.stack.respond(message.incoming, response, now);
  }
}
