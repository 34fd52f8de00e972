/**
 * The gateway as its users run it: a process of its own with an empty data directory, set up
 * through its API. Everything on loopback and on ports the system chose.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import type { CallRecord, Status } from "../../gateway/b2bua/status.ts";

export const ADMIN_PASSWORD = "a-password-for-tests";
const root = join(import.meta.dir, "..", "..");

export interface GatewayRigOptions {
  /** The command that starts it; from source unless given. */
  command?: string[];
  /** Where it runs and keeps its data; a temporary directory unless given. */
  directory?: string;
  /** Leaves the directory behind, for a gateway that is started there again. */
  keepsDirectory?: boolean;
  /** The HTTP listener's; the system's choice unless given. */
  httpPort?: number;
  /** Web origins of softphone pages. */
  origins?: string[];
  rtpPorts?: string;
  /** Media workers; one unless given. */
  workers?: number;
  /** Where SIP and media listen; 127.0.0.1 unless given. IPv6 without brackets. */
  address?: string;
  /** How long SIGTERM leaves calls alone; 2 seconds unless given. */
  drainSeconds?: number;
  environment?: Record<string, string>;
  /** False: the administrator's password is not set yet, and the rig has no token. */
  isSetUp?: boolean;
  /** How many times as fast its SIP clocks run; see `fast-clock`. */
  clockFactor?: number;
}

export class GatewayRig {
  readonly #process: Subprocess<"ignore", "pipe", "pipe">;
  /** Where it runs; its data is below. */
  readonly directory: string;
  readonly #keepsDirectory: boolean;
  readonly log: string[] = [];
  url = "";
  sipPort = 0;
  token = "";

  private constructor(
    process: Subprocess<"ignore", "pipe", "pipe">,
    directory: string,
    keepsDirectory: boolean,
  ) {
    this.#process = process;
    this.directory = directory;
    this.#keepsDirectory = keepsDirectory;
    void this.#follow(process.stdout);
    void this.#follow(process.stderr);
  }

  static async start(options: GatewayRigOptions = {}): Promise<GatewayRig> {
    const directory = options.directory ?? mkdtempSync(join(tmpdir(), "gateway-"));
    const { address = "127.0.0.1", drainSeconds = 2 } = options;
    const sipHost = address.includes(":") ? `[${address}]` : address;
    const command = options.command ?? commandOf(options.clockFactor);
    const { clockFactor = 1 } = options;
    const child = Bun.spawn(
      [
        ...command,
        "--data=data",
        `--http=127.0.0.1:${options.httpPort ?? 0}`,
        `--sip=${sipHost}:0`,
        `--media=${address}`,
        "--webrtc-port=0",
        `--workers=${options.workers ?? 1}`,
        `--rtp-ports=${options.rtpPorts ?? "31000-31999"}`,
        `--drain-timeout=${drainSeconds}`,
        ...(options.origins ? [`--origin=${options.origins.join(",")}`] : []),
      ],
      {
        cwd: directory,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...process.env,
          ...(options.isSetUp === false ? {} : { JACKFIELD_ADMIN_PASSWORD: ADMIN_PASSWORD }),
          JACKFIELD_CLOCK_FACTOR: String(clockFactor),
          ...options.environment,
        },
      },
    );
    const rig = new GatewayRig(child, directory, options.keepsDirectory ?? false);
    const started = await rig.line(/ started .*http=(\S+) sip=\S*:(\d+)/);
    rig.url = started[1] ?? "";
    rig.sipPort = Number(started[2]);
    if (options.isSetUp !== false) await rig.#logIn();
    return rig;
  }

  /** The link the first start prints. */
  async setUpLink(): Promise<string> {
    return (await this.line(/(http\S+\/setup\?token=\S+)/))[1] ?? "";
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The SIP WebSocket's address. */
  get socketUrl(): string {
    return `${this.url.replace("http", "ws")}/sip`;
  }

  /** Resolves with the first log line that matches, past ones included. */
  async line(pattern: RegExp, withinMs = 20_000): Promise<RegExpExecArray> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      for (const line of this.log) {
        const match = pattern.exec(line);
        if (match) return match;
      }
      if (performance.now() > deadline || this.#process.exitCode !== null) {
        throw new Error(`the gateway never wrote ${pattern}:\n${this.log.join("\n")}`);
      }
      await Bun.sleep(20);
    }
  }

  /** A request to the API; returns the parsed body, throws with it when refused. */
  async api<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: object,
  ): Promise<Body> {
    const response = await this.#fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? {} : JSON.parse(text)) as Body;
  }

  status(): Promise<Status> {
    return this.api<Status>("GET", "/status");
  }

  /** Waits until the status is as wanted. */
  async until(what: string, isSo: (status: Status) => boolean, withinMs = 20_000): Promise<Status> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const status = await this.status();
      if (isSo(status)) return status;
      if (performance.now() > deadline) {
        throw new Error(
          `never ${what}: ${JSON.stringify(status, undefined, 1)}\n${this.log.join("\n")}`,
        );
      }
      await Bun.sleep(50);
    }
  }

  /**
   * Waits until nothing is left of any call: transactions end by their timers within 40 s, and the
   * workers hold no session and no leg.
   */
  untilIdle(withinMs = 45_000): Promise<Status> {
    return this.until("idle", (status) => isFree(status, ["bindings", "framings"]), withinMs);
  }

  /** The same but for SIP's transactions, which only wait for repetitions. */
  untilFree(withinMs = 10_000): Promise<Status> {
    const lasting = ["bindings", "framings", "clientTransactions", "serverTransactions"];
    return this.until("free of calls", (status) => isFree(status, lasting), withinMs);
  }

  /** The newest call record, once there are `count`: records are written behind the call. */
  async newestRecord(count: number, withinMs = 5_000): Promise<CallRecord | undefined> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const records = await this.api<CallRecord[]>("GET", "/call-records?limit=500");
      if (records.length >= count || performance.now() > deadline) return records[0];
      await Bun.sleep(20);
    }
  }

  /** SIGTERM, as an operator stops it. */
  terminate(): void {
    this.#process.kill("SIGTERM");
  }

  /** SIGKILL, as a machine that fails; resolves once it is gone. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.exited();
  }

  /** SIGTERM; returns the exit status. */
  async stop(): Promise<number> {
    this.terminate();
    return this.exited();
  }

  /** The exit status, once it has come to its end. */
  async exited(): Promise<number> {
    const status = await this.#process.exited;
    if (!this.#keepsDirectory) rmSync(this.directory, { recursive: true, force: true });
    return status;
  }

  /** Its certificate is not looked at. */
  #fetch(url: string, init: RequestInit): Promise<Response> {
    return fetch(url, { ...init, tls: { rejectUnauthorized: false } });
  }

  async #logIn(): Promise<void> {
    const response = await this.#fetch(`${this.url}/login`, {
      method: "POST",
      headers: { Origin: this.url },
      body: new URLSearchParams({ password: ADMIN_PASSWORD }),
      redirect: "manual",
    });
    const cookie = response.headers.get("set-cookie")?.split(";")[0] ?? "";
    const made = await this.#fetch(`${this.url}/api/v1/tokens`, {
      method: "POST",
      headers: { Origin: this.url, Cookie: cookie, "Content-Type": "application/json" },
      body: JSON.stringify({ name: "tests" }),
    });
    const { token } = (await made.json()) as { token: string };
    this.token = token;
  }

  async #follow(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      this.log.push(...lines);
    }
  }
}

/** From source, with its clocks replaced where a test wants them faster. */
function commandOf(clockFactor: number | undefined): string[] {
  const preload =
    clockFactor === undefined ? [] : ["--preload", join(root, "test/rigs/fast-clock.ts")];
  return [process.execPath, ...preload, join(root, "gateway/main.ts")];
}

/** True where nothing is alive but what is `lasting`. */
function isFree({ alive, calls, workers }: Status, lasting: readonly string[]): boolean {
  return (
    calls.length === 0 &&
    workers.every(({ sessions, legs }) => sessions === 0 && legs === 0) &&
    Object.entries(alive).every(([name, count]) => count === 0 || lasting.includes(name))
  );
}
