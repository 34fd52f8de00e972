/**
 * A flood of strangers' messages on a gateway of our own, and what the rest of the world sees of it
 * meanwhile: how long registering takes, the gateway's own page, memory, what is made of strangers.
 */
import { type FloodPlan, type FloodReport, flood } from "../../test/rigs/flood.ts";
import type { GatewayRig } from "../../test/rigs/gateway.ts";
import { VirtualSoftphone } from "../endpoints/virtual-softphone.ts";
import { residentBytes } from "../load/proc.ts";

export interface Seen {
  readonly name: string;
  readonly plan: FloodPlan;
  readonly flood: FloodReport;
  /** Of memory, bytes. */
  readonly growth: number;
  /** Of a softphone that registers meanwhile, ms. */
  readonly registrations: readonly number[];
  /** Of the gateway's own page, ms. */
  readonly answers: readonly number[];
  /** Most at a time: what must not grow by a flood. */
  readonly serverTransactions: number;
  readonly dialogs: number;
  /** Until a softphone is registered after the end, ms. */
  readonly recovery: number;
}

export interface Account {
  readonly user: string;
  readonly password: string;
}

const LOOK_EVERY_MS = 100;

export async function endure(
  gateway: GatewayRig,
  account: Account,
  name: string,
  plan: FloodPlan,
): Promise<Seen> {
  const before = residentBytes(gateway.pid);
  const [registrations, answers]: [number[], number[]] = [[], []];
  let [serverTransactions, dialogs, isOver] = [0, 0, false];
  const register = () => timed(() => registered(gateway, account));
  const look = async () => {
    while (!isOver) {
      registrations.push(await register());
      answers.push(await timed(() => fetch(`${gateway.url}/healthz`)));
      const { alive } = await gateway.status();
      serverTransactions = Math.max(serverTransactions, alive["serverTransactions"] ?? 0);
      dialogs = Math.max(dialogs, alive["dialogs"] ?? 0);
      await Bun.sleep(LOOK_EVERY_MS);
    }
  };
  const looking = look();
  const report = await flood(plan);
  isOver = true;
  const recovery = await register();
  await looking;
  const growth = residentBytes(gateway.pid) - before;
  const seen = { registrations, answers, serverTransactions, dialogs, recovery };
  return { name, plan, flood: report, growth, ...seen };
}

async function registered(gateway: GatewayRig, account: Account): Promise<void> {
  const server = gateway.socketUrl;
  const softphone = await VirtualSoftphone.connect({
    ...account,
    server,
    plays: new Int16Array(0),
  });
  try {
    const status = await softphone.register();
    if (status !== 200) throw new Error(`a softphone could not register: ${status}`);
  } finally {
    softphone.close();
  }
}

async function timed(what: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await what();
  return performance.now() - started;
}
