/**
 * Call records on their way to the disk, some together: each write is a sync of the disk on the
 * thread that speaks SIP, and calls end many a second. A disk that can't be written is tried again
 * and again (D4); what kills the process without a word costs the records of the last moment.
 */
import type { Log } from "./log.ts";

/** How long a record waits for others. */
const TOGETHER_MS = 200;
/** After a write that failed. */
const AGAIN_MS = 5_000;
/** What waits for a disk; past it the oldest are lost. */
const WAITING_MAX = 20_000;

export interface RecordWriterOptions<Item> {
  /** Writes them all or rejects. */
  write: (records: readonly Item[]) => Promise<void>;
  /** How many may be written at once; more are not waited for. */
  atOnce: number;
  log: Log;
}

/** `Item`: a record, or what else of a call is to be in order with it. */
export class RecordWriter<Item extends { readonly id: string }> {
  readonly #options: RecordWriterOptions<Item>;
  #waiting: Item[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #written: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(options: RecordWriterOptions<Item>) {
    this.#options = options;
  }

  add(record: Item): void {
    this.#waiting.push(record);
    if (this.#waiting.length > WAITING_MAX) this.#lose(this.#waiting.splice(0, 1), "too many wait");
    // While the disk can't be written, only the next try writes.
    if (this.#hasFailed) return;
    if (this.#waiting.length >= this.#options.atOnce) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), TOGETHER_MS);
  }

  /** Resolves when all that was added was tried to be written; what could not be waits. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#written = this.#written.then(() => this.#write());
    return this.#written;
  }

  /** The last try: what still can't be written is lost, and named in the log. */
  async close(): Promise<void> {
    await this.flush();
    clearTimeout(this.#timer);
    if (this.#waiting.length > 0) this.#lose(this.#waiting.splice(0), "the gateway ends");
  }

  async #write(): Promise<void> {
    const { write, atOnce, log } = this.#options;
    while (this.#waiting.length > 0) {
      const records = this.#waiting.splice(0, atOnce);
      try {
        await write(records);
        this.#hasFailed = false;
      } catch (error) {
        this.#waiting.unshift(...records);
        const reason = (error as Error).message;
        if (!this.#hasFailed) log("error", "records-wait", { count: this.#waiting.length, reason });
        this.#hasFailed = true;
        this.#timer ??= setTimeout(() => void this.flush(), AGAIN_MS);
        return;
      }
    }
  }

  #lose(records: readonly Item[], reason: string): void {
    const calls = records.map(({ id }) => id).join(" ");
    this.#options.log("error", "records-lost", { count: records.length, calls, reason });
  }
}
