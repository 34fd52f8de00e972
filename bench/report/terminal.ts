/**
 * What is happening now, on standard error: on a terminal two lines that are written over, with a bar
 * and what is left; elsewhere a plain line when another stage begins, and one every ten seconds.
 */

const CELLS = 30;
const PLAIN_EVERY_MS = 10_000;

/** The part of a stream that is needed here: standard error, or a test's. */
export interface TerminalStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export class Terminal {
  readonly #stream: TerminalStream;
  readonly #now: () => number;
  readonly #name: string;
  readonly #started: number;
  #lines = 0;
  #stage = "";
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(
    name = "bench",
    stream: TerminalStream = process.stderr,
    now = () => performance.now(),
  ) {
    this.#name = name;
    this.#stream = stream;
    this.#now = now;
    this.#started = now();
  }

  /** `share` of the whole that is done, 0 to 1; unknown while undefined. */
  update(text: string, share?: number): void {
    if (this.#stream.isTTY) this.#draw(text, share);
    else this.#say(text);
  }

  /** Takes away what was drawn. */
  clear(): void {
    if (this.#lines === 0) return;
    this.#stream.write(`\r\x1b[${this.#lines - 1}A\x1b[J`);
    this.#lines = 0;
  }

  #draw(text: string, share: number | undefined): void {
    const width = (this.#stream.columns ?? 80) - 1;
    const lines = [this.#headline(share).slice(0, width), `  ${text}`.slice(0, width)];
    const back = this.#lines > 1 ? `\r\x1b[${this.#lines - 1}A` : "\r";
    this.#stream.write(back + lines.map((line) => `\x1b[K${line}`).join("\n"));
    this.#lines = lines.length;
  }

  #headline(share: number | undefined): string {
    const elapsed = (this.#now() - this.#started) / 1_000;
    if (share === undefined) return `${this.#name}  ${clock(elapsed)}`;
    const done = Math.max(0, Math.min(1, share));
    const full = Math.round(CELLS * done);
    const bar = "━".repeat(full) + "─".repeat(CELLS - full);
    const left = done > 0.02 ? `, ${clock((elapsed * (1 - done)) / done)} left` : "";
    return `${this.#name} ${bar} ${(100 * done).toFixed(0).padStart(3)} %  ${clock(elapsed)}${left}`;
  }

  /** The same with other numbers is the same stage. */
  #say(text: string): void {
    const stage = text.replace(/: .*|[\d.]+ of [\d.]+|[\d.]+/g, "");
    const now = this.#now();
    if (stage === this.#stage && now - this.#toldAt < PLAIN_EVERY_MS) return;
    this.#stage = stage;
    this.#toldAt = now;
    this.#stream.write(`${this.#name}: ${text}\n`);
  }
}

function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3_600);
  const minutes = String(Math.floor(whole / 60) % 60).padStart(hours > 0 ? 2 : 1, "0");
  return `${hours > 0 ? `${hours}:` : ""}${minutes}:${String(whole % 60).padStart(2, "0")}`;
}
