/**
 * Hosts of their own, each in a network namespace at the end of a cable (veth), with a PBX that grants
 * registrations. A cable can be pulled, and a host can move to another address. Needs root and
 * iproute2 (ip-netns(8)).
 */
import { join } from "node:path";
import type { Subprocess } from "bun";

export const canHaveHosts = process.getuid?.() === 0 && Bun.which("ip") !== null && mayUnshare();

function mayUnshare(): boolean {
  const name = `probe-${process.pid}`;
  const isMade = Bun.spawnSync(["ip", "netns", "add", name], { stderr: "ignore" }).success;
  if (isMade) Bun.spawnSync(["ip", "netns", "del", name]);
  return isMade;
}

/** Throws with what `ip` said. */
function ip(...args: string[]): void {
  const { success, stderr } = Bun.spawnSync(["ip", ...args], { stderr: "pipe" });
  if (!success) throw new Error(`ip ${args.join(" ")}: ${stderr.toString()}`);
}

/** The gateway's own address towards them, on loopback; `undo` takes it away. */
export function ownAddress(address: string): () => void {
  ip("address", "add", `${address}/32`, "dev", "lo");
  return () => ip("address", "del", `${address}/32`, "dev", "lo");
}

export class RemoteHost {
  readonly #name: string;
  readonly #cable: string;
  readonly #gateway: string;
  readonly #program: Subprocess<"ignore", "pipe", "inherit">;
  readonly #ready = Promise.withResolvers<void>();
  #address: string;
  /** When which Call-ID was registered, ms since the epoch. */
  readonly grants: { readonly at: number; readonly callId: string }[] = [];

  private constructor(index: number, address: string, gateway: string, seconds: number) {
    this.#name = `pbx-${process.pid}-${index}`;
    this.#cable = `v${process.pid % 100_000}x${index}`;
    this.#gateway = gateway;
    this.#address = address;
    ip("netns", "add", this.#name);
    ip("link", "add", this.#cable, "type", "veth", "peer", "name", "eth0", "netns", this.#name);
    ip("link", "set", this.#cable, "up");
    this.#inside("link", "set", "eth0", "up");
    this.#settle(address);
    const program = join(import.meta.dir, "remote-registrar.ts");
    this.#program = Bun.spawn(
      ["ip", "netns", "exec", this.#name, process.execPath, program, "5060", String(seconds)],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    void this.#follow();
  }

  /** At `address`, granting registrations for so many seconds; reached from `gateway`. */
  static async start(
    index: number,
    address: string,
    gateway: string,
    seconds: number,
  ): Promise<RemoteHost> {
    const host = new RemoteHost(index, address, gateway, seconds);
    await host.#ready.promise;
    return host;
  }

  get address(): string {
    return this.#address;
  }

  cutOff(): void {
    ip("link", "set", this.#cable, "down");
  }

  /** The cable is in again. */
  restore(): void {
    ip("link", "set", this.#cable, "up");
    ip("route", "replace", `${this.#address}/32`, "dev", this.#cable);
  }

  /** From now on it is there and nowhere else. */
  renumber(address: string): void {
    this.#inside("address", "flush", "dev", "eth0");
    ip("route", "del", `${this.#address}/32`);
    this.#settle(address);
  }

  async stop(): Promise<void> {
    this.#program.kill();
    await this.#program.exited;
    ip("netns", "del", this.#name);
  }

  #settle(address: string): void {
    this.#address = address;
    this.#inside("address", "add", `${address}/32`, "dev", "eth0");
    this.#inside("route", "replace", `${this.#gateway}/32`, "dev", "eth0");
    ip("route", "replace", `${address}/32`, "dev", this.#cable);
  }

  #inside(...args: string[]): void {
    ip("-n", this.#name, ...args);
  }

  async #follow(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#program.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "ready") this.#ready.resolve();
        const [at = "", callId = ""] = line.split(" ");
        if (callId !== "") this.grants.push({ at: Number(at), callId });
      }
    }
  }
}
