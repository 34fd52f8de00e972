/**
 * One subscription, the notifier's side: RFC 6665 §4.2. Somebody watches; it is told the state when
 * it begins, when it asks, when the state changes, and that it is over.
 *
 *   active ─expiry, SUBSCRIBE with Expires: 0, end()─► terminated (told by a last NOTIFY)
 *      └─ NOTIFY refused or unanswered ─► terminated (told nobody)
 *
 * One NOTIFY is on its way at a time; what changes meanwhile is told in the next one.
 */
import { type Millis, Timers } from "../machine.ts";
import { expires } from "./accessors.ts";
import type { Body } from "./build.ts";
import {
  acceptRequest,
  type Dialog,
  dialogFromRequest,
  type Refused,
  requestIn,
} from "./dialog.ts";
import type { SipRequest } from "./message.ts";

/** Seconds a subscription lasts at most, and what it gets that asks for nothing. */
export const SUBSCRIPTION_SECONDS_MAX = 3_600;
/** Shorter ones are 423 (§4.2.1.1), but for 0. */
export const SUBSCRIPTION_SECONDS_MIN = 60;
/** §4.2.2 asks the notifier not to tell every flicker. */
const NOTIFY_EVERY_MS = 500;

/** The state as a body; `version` grows with each NOTIFY of this subscription. */
export type Document = (version: number) => Body | undefined;

export class NotifierSubscription {
  readonly event: string;
  readonly #dialog: Dialog;
  readonly #contact: string;
  readonly #timers = new Timers<"expire" | "notify">();
  #document: Document;
  #version = 0;
  #isWaiting = false;
  #isDirty = false;
  #expiresAt: Millis = 0;
  #ended: string | undefined;
  #isOver = false;

  /** `event` as the SUBSCRIBE wrote it, id parameter included; `contact` the header's value. */
  constructor(
    subscribe: SipRequest,
    localTag: string,
    event: string,
    contact: string,
    document: Document,
  ) {
    this.event = event;
    this.#dialog = dialogFromRequest(subscribe, localTag);
    this.#contact = contact;
    this.#document = document;
  }

  get callId(): string {
    return this.#dialog.callId;
  }

  get localTag(): string {
    return this.#dialog.localTag;
  }

  /** Nothing more will be said or heard. */
  get isOver(): boolean {
    return this.#isOver;
  }

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  /** Grants a SUBSCRIBE, the first or a refresh; the seconds for its 200. 0 ends it. */
  grant(subscribe: SipRequest, now: Millis): number {
    const wanted = expires(subscribe) ?? SUBSCRIPTION_SECONDS_MAX;
    const seconds = Math.min(wanted, SUBSCRIPTION_SECONDS_MAX);
    this.#expiresAt = now + seconds * 1_000;
    if (seconds === 0) this.#ended ??= "timeout";
    else this.#timers.arm("expire", this.#expiresAt);
    this.#isDirty = true;
    return seconds;
  }

  /** A refresh inside the dialog: the status to refuse it with; undefined when it is in order. */
  refuses(subscribe: SipRequest): Refused | undefined {
    const verdict = acceptRequest(this.#dialog, subscribe);
    return verdict.ok ? undefined : verdict;
  }

  /** The state has changed; it is told soon. */
  changed(document: Document, now: Millis): void {
    this.#document = document;
    this.#isDirty = true;
    if (this.#timers.at("notify") === undefined) this.#timers.arm("notify", now + NOTIFY_EVERY_MS);
  }

  /** Ends it from our side; `reason` is a word of §4.1.3. */
  end(reason: "deactivated" | "noresource" | "timeout"): void {
    this.#ended ??= reason;
    this.#isDirty = true;
  }

  /** What is to be sent now: at most one NOTIFY. */
  next(now: Millis): SipRequest | undefined {
    if (this.#isOver || this.#isWaiting || !this.#isDirty) return undefined;
    this.#timers.cancel("notify");
    this.#isDirty = false;
    this.#isWaiting = true;
    const body = this.#document(this.#version);
    this.#version += 1;
    const left = Math.max(0, Math.ceil((this.#expiresAt - now) / 1_000));
    const state =
      this.#ended === undefined ? `active;expires=${left}` : `terminated;reason=${this.#ended}`;
    return requestIn(this.#dialog, "NOTIFY", {
      contact: this.#contact,
      headers: [
        ["Event", this.event],
        ["Subscription-State", state],
      ],
      ...(body ? { body } : {}),
    });
  }

  /** The NOTIFY was answered; `status` 408 stands for silence (§4.2.2). */
  answered(status: number): void {
    this.#isWaiting = false;
    const isRefused = status >= 400 && status !== 401 && status !== 407;
    if (isRefused || (this.#ended !== undefined && !this.#isDirty)) this.#finish();
  }

  /** What is due: the end, or a change that waited. */
  timeout(now: Millis): void {
    for (let due = this.#timers.takeDue(now); due; due = this.#timers.takeDue(now)) {
      if (due.name === "expire") this.end("timeout");
    }
  }

  #finish(): void {
    this.#isOver = true;
    this.#timers.cancelAll();
  }
}
