/** Softphones beside the calls of a soak, which register, refresh and come back. */
import { join } from "node:path";
import { makeAccounts, placesAt } from "../estate/accounts.ts";
import { HelperProcess } from "../estate/helper-process.ts";
import type { FromSwarm, SwarmPlan, SwarmSeen, ToSwarm } from "../estate/protocol.ts";
import type { Target } from "../load/targets.ts";

export interface RegisteringOptions {
  softphones: number;
  /** Seconds between the REGISTERs of one of them. */
  every: number;
  /** One REGISTER of so many is its connection's last; 0: none. */
  reconnectEvery: number;
}

const PASSWORD = "soak-password";
const SWARM = join(import.meta.dir, "..", "estate", "swarm.ts");
/** That begin in a second. */
const RAMP = 50;

/** Softphones that only register, and now and then come back over another WebSocket (R15). */
export class Registering {
  readonly #target: Target;
  readonly #options: RegisteringOptions;
  #swarm: HelperProcess<ToSwarm, FromSwarm> | undefined;
  #seen: SwarmSeen | undefined;

  constructor(target: Target, options: RegisteringOptions) {
    this.#target = target;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { rig } = this.#target;
    const { softphones, every, reconnectEvery } = this.#options;
    if (!rig || softphones === 0) return;
    await makeAccounts(rig, { softphones, password: PASSWORD });
    this.#swarm = await HelperProcess.start<ToSwarm, FromSwarm>(SWARM);
    const plan: SwarmPlan = {
      ...placesAt(rig),
      ...{ softphones, password: PASSWORD, ramp: RAMP, everySeconds: every },
      ...{ returnWithinSeconds: 1, reconnectEvery },
    };
    this.#swarm.send({ type: "open", plan });
  }

  /** All their connections are closed; what they saw. */
  async stop(): Promise<SwarmSeen | undefined> {
    const swarm = this.#swarm;
    this.#swarm = undefined;
    this.#seen ??= await swarm?.ask({ type: "tell" }, "seen").catch(() => undefined);
    await swarm?.stop();
    return this.#seen;
  }
}
