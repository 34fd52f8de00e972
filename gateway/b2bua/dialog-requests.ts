/**
 * Our requests inside a dialog: sent, remembered until their final answer, sent once more with
 * credentials when they are challenged (RFC 3261 §22.2), and kept back while the peer's connection
 * is away (X1).
 */
import type { LegId } from "../media/protocol.ts";
import { cseq } from "../sip/accessors.ts";
import { type Dialog, type InDialogParts, requestIn } from "../sip/dialog.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import type { CallOrder } from "./order.ts";

export interface RequestPort {
  readonly id: LegId;
  readonly dialog: Dialog | undefined;
  readonly flow: Flow | undefined;
  order(order: CallOrder): void;
  contact(): string;
  /** The headers that answer a challenge; undefined where there are no credentials for it. */
  authorize(response: SipResponse, request: SipRequest, flow: Flow): [string, string][] | undefined;
}

/** What a request that is sent again keeps of its headers. */
const KEPT = ["Reason", "Event", "Subscription-State", "Session-Expires", "Min-SE", "Supported"];

export class DialogRequests {
  readonly #port: RequestPort;
  readonly #sent = new Map<number, SipRequest>();
  /** What waits for the peer to come back; undefined while it is there. */
  #waiting: SipRequest[] | undefined;
  #wasChallenged = false;

  constructor(port: RequestPort) {
    this.#port = port;
  }

  get isParked(): boolean {
    return this.#waiting !== undefined;
  }

  park(): void {
    this.#waiting ??= [];
  }

  /** What waited goes out. */
  unpark(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const request of waiting) this.dispatch(request);
  }

  send(method: string, parts: InDialogParts): void {
    if (!this.#port.dialog) throw new Error(`${method} needs a dialog`);
    this.dispatch(requestIn(this.#port.dialog, method, parts));
  }

  dispatch(request: SipRequest): void {
    if (this.#waiting) {
      // Only what must be said is kept: a digit or a report would come too late.
      if (request.method === "BYE") this.#waiting.push(request);
      return;
    }
    const { id: leg, flow } = this.#port;
    if (!flow) throw new Error("a leg without a flow can't send");
    this.#sent.set(cseq(request).number, request);
    this.#port.order({ type: "request", leg, flow, request });
  }

  /** The request with that CSeq, when it is ours and has no final answer yet; it is forgotten. */
  take(sequence: number): SipRequest | undefined {
    const request = this.#sent.get(sequence);
    this.#sent.delete(sequence);
    return request;
  }

  /** True when the answer was a challenge and the request is out again, with credentials. */
  answersChallenge(request: SipRequest, response: SipResponse, flow: Flow): boolean {
    const isChallenge = response.status === 401 || response.status === 407;
    const again = isChallenge && !this.#wasChallenged;
    this.#wasChallenged = again;
    const credentials = again ? this.#port.authorize(response, request, flow) : undefined;
    if (!credentials) return false;
    const type = request.headers.get("Content-Type");
    const headers = KEPT.flatMap((name) =>
      request.headers.all(name).map((value): [string, string] => [name, value]),
    );
    this.send(request.method, {
      ...(request.headers.has("Contact") ? { contact: this.#port.contact() } : {}),
      headers: [...headers, ...credentials],
      ...(type === undefined ? {} : { body: { type, bytes: request.body } }),
    });
    return true;
  }
}
