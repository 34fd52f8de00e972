/**
 * Keep-alives on a flow we opened (RFC 5626 §3.5.1 and §4.4): a double line break now and then, so
 * that NATs and firewalls keep the path open. Who has answered one with a single line break once is
 * held to it: silence then means that the flow is dead. Who never did may not know RFC 5626.
 *
 *   waiting ─due─► "ping" ─pong─► waiting
 *                    └─ 10 s, from a peer that answers ─► "dead"
 */
import { utf8 } from "../bytes.ts";
import { type Millis, Timers } from "../machine.ts";
import { type Random, randomFraction } from "../random.ts";
import { isReliable, type Transport } from "./flow.ts";

/** §3.5.1: what a keep-alive is, on any transport. */
export const PING = utf8("\r\n\r\n");
/** §4.4.1: 80 to 100 % of two minutes on streams; a NAT forgets UDP after 30 s (RFC 4787). */
const STREAM_MS = 120_000;
const DATAGRAM_MS = 29_000;
const PONG_MS = 10_000;

export class KeepAlive {
  readonly #isStream: boolean;
  readonly #random: Random;
  readonly #timers = new Timers<"ping" | "pong">();
  #peerAnswers = false;

  constructor(transport: Transport, random: Random, now: Millis) {
    this.#isStream = isReliable(transport);
    this.#random = random;
    this.#wait(now);
  }

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  /** The peer answered. */
  pong(): void {
    this.#peerAnswers = true;
    this.#timers.cancel("pong");
  }

  /** What is due: bytes to send, or the end of the flow. */
  timeout(now: Millis): "ping" | "dead" | undefined {
    const due = this.#timers.takeDue(now);
    if (!due) return undefined;
    if (due.name === "pong") {
      this.#timers.cancelAll();
      return "dead";
    }
    if (this.#isStream && this.#peerAnswers) this.#timers.arm("pong", now + PONG_MS);
    this.#wait(now);
    return "ping";
  }

  #wait(now: Millis): void {
    const whole = this.#isStream ? STREAM_MS : DATAGRAM_MS;
    const ms = whole * (0.8 + 0.2 * randomFraction(this.#random));
    this.#timers.arm("ping", now + Math.round(ms));
  }
}
