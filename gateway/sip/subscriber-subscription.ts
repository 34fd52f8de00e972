/**
 * One subscription, the subscriber's side: RFC 6665 §4.1. We watch something at a PBX, with its
 * credentials where it asks for them, refresh before it runs out and begin again after a failure.
 *
 *   asking ─2xx─► active ─refresh due─► asking …
 *      └─ refused, NOTIFY terminated, silence ─► resting ─later─► asking (a new dialog)
 *   stop(): un-subscribes, then over
 */
import { type Millis, Timers } from "../machine.ts";
import { type Random, randomToken } from "../random.ts";
import { callId, cseq, expires } from "./accessors.ts";
import { createRequest } from "./build.ts";
import { acceptRequest, type Dialog, dialogFromResponse, requestIn } from "./dialog.ts";
import { answerChallenge, type DigestCredentials, type DigestState } from "./digest-client.ts";
import type { SipRequest, SipResponse } from "./message.ts";
import type { NameAddr } from "./name-addr.ts";

export interface SubscriberOptions {
  readonly event: string;
  /** The media types we read. */
  readonly accept: string;
  readonly uri: string;
  readonly from: NameAddr;
  readonly routes: readonly string[];
  readonly credentials?: DigestCredentials;
  readonly random: Random;
}

const WANTED_SECONDS = 600;
const RETRY_MS = 60_000;
/** What is refused for good is asked again all the same, in case somebody switches it on. */
const REFUSED_RETRY_MS = 1_800_000;
/** §4.1.2.4: the NOTIFY that belongs to a 2xx has come by then. */
const FINAL = new Set([403, 404, 405, 489, 501]);

export class SubscriberSubscription {
  readonly #options: SubscriberOptions;
  readonly #timers = new Timers<"ask">();
  #callId = "";
  #localTag = "";
  #sequence = 0;
  #dialog: Dialog | undefined;
  #request: SipRequest | undefined;
  #digest: DigestState = {};
  #isStopping = false;
  #isOver = false;

  constructor(options: SubscriberOptions, now: Millis) {
    this.#options = options;
    this.#renew();
    this.#timers.arm("ask", now);
  }

  /** What a NOTIFY of this subscription has in common with it: Call-ID and To tag. */
  get key(): string {
    return `${this.#callId} ${this.#localTag}`;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  /** True when a SUBSCRIBE wants to be sent: `subscribe` makes it once there is a flow. */
  timeout(now: Millis): boolean {
    return this.#timers.takeDue(now) !== undefined;
  }

  /** The SUBSCRIBE to send now. */
  subscribe(contact: string, more: [string, string][] = []): SipRequest {
    const { event, accept, uri, from, routes } = this.#options;
    const seconds = this.#isStopping ? 0 : WANTED_SECONDS;
    const headers: [string, string][] = [
      ["Event", event],
      ["Accept", accept],
      ["Expires", String(seconds)],
      ...more,
    ];
    if (this.#dialog) {
      this.#request = requestIn(this.#dialog, "SUBSCRIBE", { contact, headers });
      return this.#request;
    }
    this.#sequence += 1;
    this.#request = createRequest({
      method: "SUBSCRIBE",
      uri,
      from: { ...from, params: new Map([...from.params, ["tag", this.#localTag]]) },
      to: { uri, params: new Map() },
      callId: this.#callId,
      cseq: this.#sequence,
      contact,
      routes: [...routes],
      headers,
    });
    return this.#request;
  }

  /** The final answer; headers when it has to be asked again with credentials. */
  answered(response: SipResponse, now: Millis): [string, string][] | undefined {
    const request = this.#request;
    if (!request || cseq(response).number !== cseq(request).number) return undefined;
    const { status } = response;
    if (status === 401 || status === 407) {
      const { credentials, random } = this.#options;
      const answer =
        credentials && answerChallenge(response, credentials, request, this.#digest, random);
      if (answer?.ok) return answer.headers;
    }
    this.#digest = {};
    if (this.#isStopping) this.#finish();
    else if (status >= 200 && status < 300) {
      this.#dialog ??= dialogFromResponse(request, response);
      const granted = Math.max(expires(response) ?? WANTED_SECONDS, 60);
      this.#timers.arm("ask", now + granted * 900);
    } else {
      this.#rest(FINAL.has(status) ? REFUSED_RETRY_MS : RETRY_MS, now);
    }
    return undefined;
  }

  /** No answer came, or there was no way to the PBX. */
  failed(now: Millis): void {
    if (this.#isStopping) this.#finish();
    else this.#rest(RETRY_MS, now);
  }

  /** A NOTIFY for us: its status; `ends` where the PBX ends the subscription. */
  notified(notify: SipRequest, now: Millis): number {
    // §4.4.1: it may overtake the 2xx; then there is no dialog to check it against yet.
    const verdict = this.#dialog ? acceptRequest(this.#dialog, notify) : { ok: true as const };
    if (!verdict.ok) return verdict.status;
    const state = notify.headers.get("Subscription-State")?.trim().toLowerCase() ?? "";
    if (state.startsWith("terminated") && !this.#isStopping) {
      const isFinal = /reason\s*=\s*(rejected|noresource)/.test(state);
      this.#rest(isFinal ? REFUSED_RETRY_MS : RETRY_MS, now);
    }
    return callId(notify) === this.#callId ? 200 : 481;
  }

  /** Nobody wants it any more; true when a SUBSCRIBE has to say so. */
  stop(): boolean {
    this.#isStopping = true;
    this.#timers.cancelAll();
    if (!this.#dialog) this.#finish();
    return !this.#isOver;
  }

  #rest(ms: Millis, now: Millis): void {
    this.#renew();
    this.#timers.arm("ask", now + ms);
  }

  /** The next attempt is a dialog of its own. */
  #renew(): void {
    const { random } = this.#options;
    this.#dialog = undefined;
    this.#callId = randomToken(random, 12);
    this.#localTag = randomToken(random, 8);
  }

  #finish(): void {
    this.#isOver = true;
    this.#timers.cancelAll();
  }
}
