/**
 * A SIP user agent's shell for load generators and tests: the stack of `gateway/sip` over real
 * sockets, with promises where a script wants to wait. The virtual softphone and the virtual PBX
 * stand on it; what they do with requests is their business.
 */
import { systemRandom } from "../io/random.ts";
import { callId, cseq, to } from "../sip/accessors.ts";
import { createResponse } from "../sip/build.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { tagOf } from "../sip/name-addr.ts";
import { Stack } from "../sip/stack.ts";
import type { StackOutput } from "../sip/stack-output.ts";
import type { TransactionId } from "../sip/transaction-table.ts";

/** A request that came in, and the way to answer it. */
export interface Served {
  readonly flow: Flow;
  readonly request: SipRequest;
  respond(status: number, options?: Parameters<typeof createResponse>[2]): void;
  /** Resolves when the peer cancels it (INVITE only). */
  readonly cancelled: Promise<void>;
}

/** A request that went out. */
export interface Sent {
  readonly transaction: TransactionId;
  /** The final response; rejects when none comes. */
  readonly final: Promise<SipResponse>;
}

export type OnRequest = (served: Served) => void;

interface Pending {
  resolve: (response: SipResponse) => void;
  reject: (error: Error) => void;
  progress: (response: SipResponse) => void;
}

export class SipEndpoint {
  readonly #stack = new Stack({ random: systemRandom });
  readonly #send: (flow: FlowId, bytes: Uint8Array) => void;
  readonly #onRequest: OnRequest;
  readonly #pending = new Map<TransactionId, Pending>();
  readonly #cancels = new Map<TransactionId, () => void>();
  /** By Call-ID and our tag: told when the ACK of our 2xx came. */
  readonly #acknowledgements = new Map<string, (ack: SipRequest) => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (flow: FlowId, bytes: Uint8Array) => void, onRequest: OnRequest) {
    this.#send = send;
    this.#onRequest = onRequest;
  }

  receive(flow: Flow, bytes: Uint8Array): void {
    this.#carry(this.#stack.receive(flow, bytes, performance.now()));
  }

  closed(flow: FlowId): void {
    this.#carry(this.#stack.close(flow, performance.now()));
  }

  request(flow: Flow, request: SipRequest, progress: Pending["progress"] = () => {}): Sent {
    const { transaction, outputs } = this.#stack.request(flow, request, performance.now());
    const { promise, resolve, reject } = Promise.withResolvers<SipResponse>();
    this.#pending.set(transaction, { resolve, reject, progress });
    this.#carry(outputs);
    return { transaction, final: promise };
  }

  cancel(transaction: TransactionId): void {
    this.#carry(this.#stack.cancel(transaction, performance.now()));
  }

  acknowledge(transaction: TransactionId, flow: Flow, ack: SipRequest): void {
    this.#carry(this.#stack.acknowledge(transaction, flow, ack, performance.now()));
  }

  /** Resolves with the ACK of the 2xx we sent in that dialog. */
  acknowledged(call: string, localTag: string): Promise<SipRequest> {
    return new Promise((resolve) => this.#acknowledgements.set(`${call} ${localTag}`, resolve));
  }

  /** Transactions alive: zero when everything has come to its end. */
  get alive(): number {
    const { clientTransactions, serverTransactions } = this.#stack.alive;
    return clientTransactions + serverTransactions;
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const { reject } of this.#pending.values()) reject(new Error("the endpoint was stopped"));
    this.#pending.clear();
  }

  #carry(outputs: readonly StackOutput[]): void {
    for (const output of outputs) this.#output(output);
    this.#schedule();
  }

  #output(output: StackOutput): void {
    switch (output.type) {
      case "send":
        this.#send(output.flow, output.bytes);
        break;
      case "request":
        this.#serve(output.flow, output.request);
        break;
      case "ack": {
        const key = `${callId(output.request)} ${tagOf(to(output.request)) ?? ""}`;
        this.#acknowledgements.get(key)?.(output.request);
        this.#acknowledgements.delete(key);
        break;
      }
      case "cancelled":
        this.#cancels.get(output.transaction)?.();
        break;
      case "response": {
        const pending = this.#pending.get(output.transaction);
        if (output.response.status < 200) pending?.progress(output.response);
        else {
          this.#pending.delete(output.transaction);
          pending?.resolve(output.response);
        }
        break;
      }
      case "failed":
        this.#pending.get(output.transaction)?.reject(new Error(`no answer: ${output.reason}`));
        this.#pending.delete(output.transaction);
        break;
      default:
    }
  }

  #serve(flow: Flow, request: SipRequest): void {
    const { transaction, outputs } = this.#stack.serve(flow, request, performance.now());
    const { promise: cancelled, resolve } = Promise.withResolvers<void>();
    this.#cancels.set(transaction, resolve);
    this.#carry(outputs);
    this.#onRequest({
      flow,
      request,
      cancelled,
      respond: (status, options) => {
        if (status >= 200) this.#cancels.delete(transaction);
        const response = createResponse(request, status, options);
        this.#carry(this.#stack.respond(transaction, response, performance.now()));
      },
    });
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const at = this.#stack.deadline();
    if (at === undefined) return;
    const wait = Math.max(0, at - performance.now());
    this.#timer = setTimeout(() => this.#carry(this.#stack.timeout(performance.now())), wait);
  }
}

/** The CSeq number of a message, for the scripts that build the next one. */
export function sequenceOf(message: SipRequest | SipResponse): number {
  return cseq(message).number;
}
