/**
 * Alerts on their way to a web hook (OPS-03): one after the other in their order, signed, tried again
 * with growing pauses, and bounded: who can't be reached for long loses the oldest.
 */
import { hmac } from "../crypto.ts";
import type { AlertChange } from "../watch/alert-rules.ts";
import type { Log } from "./log.ts";

export interface WebhookTarget {
  url: string;
  /** The signature's key; absent: alerts are not signed. */
  secret?: string;
}

export interface WebhookOptions {
  /** Where they go now; undefined: nowhere. */
  target: () => Promise<WebhookTarget | undefined>;
  /** Resolves with the HTTP status. */
  post: (url: URL, headers: Record<string, string>, body: string) => Promise<number>;
  /** The wall clock, in milliseconds. */
  now: () => number;
  /** Resolves after so many milliseconds. */
  pause: (forMs: number) => Promise<void>;
  log: Log;
}

const QUEUE_MAX = 200;
/** Between the tries of one alert; then it is given up. */
const PAUSES_MS = [1_000, 5_000, 30_000, 120_000, 600_000];

export class Webhook {
  readonly #options: WebhookOptions;
  readonly #queue: AlertChange[] = [];
  #lost = 0;
  #running = false;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  add(alert: AlertChange): void {
    this.#queue.push(alert);
    if (this.#queue.length > QUEUE_MAX) {
      this.#queue.shift();
      this.#lost++;
    }
    if (!this.#running) void this.#run();
  }

  /** One try, for the page's button: why it didn't work, or nothing. */
  async try(alert: AlertChange): Promise<string | undefined> {
    const target = await this.#options.target();
    if (!target) return "no web hook is set: set alerts.webhook in the settings";
    return this.#send(target, alert).then(
      () => undefined,
      (error: Error) => error.message,
    );
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let alert = this.#queue.shift(); alert; alert = this.#queue.shift()) {
      await this.#deliver(alert);
    }
    this.#running = false;
  }

  async #deliver(alert: AlertChange): Promise<void> {
    const { log, pause } = this.#options;
    for (const forMs of [...PAUSES_MS, undefined]) {
      try {
        const target = await this.#options.target();
        if (target) await this.#send(target, alert);
        return;
      } catch (error) {
        const { rule, subject } = alert;
        const reason = (error as Error).message;
        const event = forMs === undefined ? "alert-lost" : "alert-delayed";
        log("warning", event, { rule, subject, reason });
        if (forMs !== undefined) await pause(forMs);
      }
    }
  }

  async #send({ url, secret }: WebhookTarget, alert: AlertChange): Promise<void> {
    const lost = this.#lost > 0 ? { lostBefore: this.#lost } : {};
    const body = JSON.stringify({ ...alert, ...lost });
    const at = Math.floor(this.#options.now() / 1_000);
    const status = await this.#options.post(new URL(url), headersOf(body, at, secret), body);
    if (status < 200 || status > 299) throw new Error(`the web hook answered ${status}`);
    this.#lost = 0;
  }
}

/** HMAC-SHA256 over time and body, so that an old alert can't be sent again as a new one. */
function headersOf(body: string, at: number, secret: string | undefined): Record<string, string> {
  const type = { "Content-Type": "application/json" };
  if (secret === undefined) return type;
  const code = hmac("sha256", new TextEncoder().encode(secret), `${at}.${body}`).toHex();
  return { ...type, "Jackfield-Signature": `t=${at},v1=${code}` };
}
