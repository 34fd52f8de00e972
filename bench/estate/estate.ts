/**
 * A gateway with very many connections and softphones that do nothing but register: PBXs and phones
 * are programs of their own. It can be killed and started again on what its database has.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayRig } from "../../test/rigs/gateway.ts";
import { processSeconds, residentBytes } from "../load/proc.ts";
import { placesAt, USER } from "./accounts.ts";
import { HelperProcess } from "./helper-process.ts";
import type {
  FromRegistrar,
  FromSwarm,
  RegistrarPlan,
  RegistrarsSeen,
  SwarmPlan,
  SwarmSeen,
  ToRegistrar,
  ToSwarm,
} from "./protocol.ts";

export interface EstateOptions {
  readonly connections: number;
  /** PBX hosts they are spread over, at most 250. */
  readonly hosts: number;
  /** What the PBXs grant, seconds. */
  readonly expires: number;
  readonly softphones: number;
  readonly perUser: number;
  /** Between a softphone's registrations, seconds. */
  readonly every: number;
  /** Softphones that begin in a second. */
  readonly ramp: number;
}

const PASSWORD = "estate-password";
const REGISTRAR_PORT = 27_500;
const RETURN_WITHIN_SECONDS = 5;
/** Requests to the API at once. */
const REQUESTS = 8;
const POLL_MS = 250;

export class Estate {
  readonly options: EstateOptions;
  readonly registrars: HelperProcess<ToRegistrar, FromRegistrar>;
  readonly swarm: HelperProcess<ToSwarm, FromSwarm>;
  readonly #directory: string;
  #gateway: GatewayRig;

  private constructor(
    options: EstateOptions,
    parts: {
      directory: string;
      gateway: GatewayRig;
      registrars: HelperProcess<ToRegistrar, FromRegistrar>;
      swarm: HelperProcess<ToSwarm, FromSwarm>;
    },
  ) {
    this.options = options;
    this.#directory = parts.directory;
    this.#gateway = parts.gateway;
    this.registrars = parts.registrars;
    this.swarm = parts.swarm;
  }

  /** The gateway, empty, and its neighbours, who wait. */
  static async open(options: EstateOptions): Promise<Estate> {
    const directory = mkdtempSync(join(tmpdir(), "estate-"));
    const program = (name: string) => join(import.meta.dir, name);
    const [gateway, registrars, swarm] = await Promise.all([
      GatewayRig.start({ directory, keepsDirectory: true }),
      HelperProcess.start<ToRegistrar, FromRegistrar>(program("registrar.ts")),
      HelperProcess.start<ToSwarm, FromSwarm>(program("swarm.ts")),
    ]);
    const estate = new Estate(options, { directory, gateway, registrars, swarm });
    const plan: RegistrarPlan = {
      hosts: Array.from({ length: options.hosts }, (_, host) => hostOf(host)),
      port: REGISTRAR_PORT,
      password: PASSWORD,
      expiresSeconds: options.expires,
    };
    await registrars.ask({ type: "open", plan }, "open");
    return estate;
  }

  get pid(): number {
    return this.#gateway.pid;
  }

  get gateway(): GatewayRig {
    return this.#gateway;
  }

  get residentBytes(): number {
    return residentBytes(this.pid);
  }

  /** CPU seconds of the gateway up to now. */
  get cpuSeconds(): number {
    return processSeconds(this.pid);
  }

  /** Makes all users and connections; `progress` from 0 to 1. */
  async furnish(progress: (share: number) => void): Promise<void> {
    const { connections, hosts, softphones, perUser } = this.options;
    const users = Math.ceil(softphones / perUser);
    let done = 0;
    const make = async (path: string, count: number, bodyOf: (index: number) => object) => {
      let next = 0;
      const one = async () => {
        while (next < count) {
          const index = next++;
          await this.#gateway.api("POST", path, bodyOf(index));
          done += 1;
          progress(done / (users + connections));
        }
      };
      await Promise.all(Array.from({ length: REQUESTS }, one));
    };
    await make("/users", users, (index) => ({ name: `${USER}${index}`, password: PASSWORD }));
    await make("/connections", connections, (index) => ({
      name: `PBX ${index}`,
      type: "outbound-registration",
      host: hostOf(index % hosts),
      port: REGISTRAR_PORT,
      username: `line${index}`,
      password: PASSWORD,
      registrationExpires: this.options.expires,
      patterns: [],
    }));
  }

  /** Softphones begin to register. */
  populate(): void {
    const { softphones, perUser, every, ramp } = this.options;
    const plan: SwarmPlan = {
      ...placesAt(this.#gateway),
      ...{ softphones, perUser, ramp, password: PASSWORD },
      everySeconds: every,
      returnWithinSeconds: RETURN_WITHIN_SECONDS,
      reconnectEvery: 0,
    };
    this.swarm.send({ type: "open", plan });
  }

  async seen(): Promise<{ pbxs: RegistrarsSeen; phones: SwarmSeen }> {
    const [pbxs, phones] = await Promise.all([
      this.registrars.ask({ type: "tell" }, "seen"),
      this.swarm.ask({ type: "tell" }, "seen"),
    ]);
    return { pbxs, phones };
  }

  /** What was seen before counts no more. */
  async forget(): Promise<void> {
    await this.registrars.ask({ type: "forget" }, "forgotten");
    await this.swarm.ask({ type: "forget" }, "forgotten");
  }

  /**
   * Until every connection and every softphone is registered, or `withinSeconds` are over; what was
   * seen then. `told` on the way.
   */
  async untilAll(withinSeconds: number, told: (text: string, share: number) => void) {
    const { connections, softphones } = this.options;
    const deadline = performance.now() + 1_000 * withinSeconds;
    for (;;) {
      const seen = await this.seen();
      const { accounts } = seen.pbxs;
      const { registered } = seen.phones;
      told(
        `${accounts} of ${connections} connections, ${registered} of ${softphones} softphones`,
        (accounts + registered) / (connections + softphones),
      );
      const isDone = accounts >= connections && registered >= softphones;
      if (isDone || performance.now() > deadline) return { ...seen, isDone };
      await Bun.sleep(POLL_MS);
    }
  }

  /** `kill -9`, and the same again on what the database has; when it was started, ms since the epoch. */
  async restart(): Promise<number> {
    const httpPort = Number(new URL(this.#gateway.url).port);
    await this.#gateway.kill();
    await this.forget();
    const started = Date.now();
    this.#gateway = await GatewayRig.start({
      directory: this.#directory,
      keepsDirectory: true,
      httpPort,
    });
    return started;
  }

  async close(): Promise<void> {
    await Promise.all([this.swarm.stop(), this.registrars.stop()]);
    await this.#gateway.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function hostOf(index: number): string {
  return `127.40.0.${index + 1}`;
}
