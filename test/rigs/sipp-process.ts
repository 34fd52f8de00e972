/**
 * sipp (Debian) as a process that follows a scenario of `test/interop/sipp`: as callee it waits for
 * calls at an address of its own, as caller it makes them. `runSipp` is for scenarios of one test.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";

const SCENARIOS = join(import.meta.dir, "..", "interop", "sipp");
/** More calls than this, and their messages aren't kept. */
const TRACED_CALLS_MAX = 20;

export interface SippProcessOptions {
  /** Where its logs go. */
  directory: string;
  /** A file of `test/interop/sipp`, without `.xml`. */
  scenario: string;
  /** Where it is, IPv6 without brackets. */
  address: string;
  port: number;
  transport?: "udp" | "tcp";
  /** `host:port` to call; absent: it waits for calls. */
  target?: string;
  /** The user that is called; `alice` unless given. */
  service?: string;
  calls?: number;
  perSecond?: number;
  /** What else the scenario writes in brackets. */
  keys?: Record<string, string>;
  /** Further arguments. */
  more?: string[];
  timeoutSeconds?: number;
}

let started = 0;

export class SippProcess {
  readonly #options: SippProcessOptions;
  readonly #process: Subprocess;
  readonly #name: string;

  private constructor(options: SippProcessOptions, process: Subprocess, name: string) {
    this.#options = options;
    this.#process = process;
    this.#name = name;
  }

  /** Resolves when it listens. */
  static async start(options: SippProcessOptions): Promise<SippProcess> {
    const { directory, scenario, address, port, transport = "udp", calls = 1 } = options;
    started += 1;
    const name = `${scenario}-${started}`;
    const keys = Object.entries(options.keys ?? {});
    const traced = ["-trace_msg", "-message_file", `${name}-messages.log`];
    const process = Bun.spawn(
      [
        ...["sipp", "-sf", join(SCENARIOS, `${scenario}.xml`), "-i", address, "-p", String(port)],
        ...["-t", transport === "udp" ? "u1" : "t1", "-m", String(calls), "-nostdin"],
        ...["-timeout", String(options.timeoutSeconds ?? 25), "-timeout_error"],
        ...["-s", options.service ?? "alice", "-r", String(options.perSecond ?? 10)],
        ...["-trace_err", "-error_file", `${name}-errors.log`],
        ...(calls > TRACED_CALLS_MAX ? [] : traced),
        ...keys.flatMap(([key, value]) => ["-key", key, value]),
        ...(options.more ?? []),
        ...(options.target === undefined ? [] : [options.target]),
      ],
      { cwd: directory, stdio: ["ignore", "ignore", "ignore"] },
    );
    const sipp = new SippProcess(options, process, name);
    await sipp.#listens();
    return sipp;
  }

  /** Resolves when every call went as the scenario says; rejects with what sipp objected to. */
  async passed(): Promise<void> {
    const status = await this.#process.exited;
    if (status === 0) return;
    const said = `${this.#log("errors")}\n${this.messages()}`;
    throw new Error(`sipp's ${this.#name} ended with ${status}:\n${said.slice(0, 12_000)}`);
  }

  /** Every message that passed, as sipp wrote them down. */
  messages(): string {
    return this.#log("messages");
  }

  /** Ends it from one moment to the next, as a power failure would. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  async #listens(): Promise<void> {
    const { port, transport = "udp", target } = this.#options;
    // A caller over TCP has no socket before its first call.
    if (transport === "tcp" && target !== undefined) return;
    const hex = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
    const isThere = () =>
      [transport, `${transport}6`].some((table) =>
        readFileSync(`/proc/net/${table}`, "utf8").includes(hex),
      );
    for (let tries = 0; !isThere() && this.#process.exitCode === null; tries++) {
      if (tries === 250) throw new Error(`sipp's ${this.#name} never listened`);
      await Bun.sleep(20);
    }
  }

  #log(kind: "errors" | "messages"): string {
    const { directory } = this.#options;
    return readdirSync(directory)
      .filter((file) => file === `${this.#name}-${kind}.log`)
      .map((file) => readFileSync(join(directory, file), "utf8"))
      .join("\n");
  }
}
