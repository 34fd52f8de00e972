/** Test calls put together: the phone and its thread, and who calls in the configuration (X3). */
import type { TestCallPlan, TestEvent } from "../admin/services.ts";
import type { Config, Connection, User, UserId } from "../schema/config.ts";
import { targetOf } from "./b2bua/identity.ts";
import type { StandingCall } from "./b2bua/standing.ts";
import type { CallRecord } from "./b2bua/status.ts";
import { DRAFT_ID, type TestCaller, withTestCaller } from "./b2bua/test-caller.ts";
import { heardAs, verdictOf } from "./b2bua/test-verdicts.ts";
import { monotonicNow } from "./io/clock.ts";
import { systemRandom } from "./io/random.ts";
import { ReceivedCalls } from "./io/received-calls.ts";
import { ForbiddenTarget, type Resolver } from "./io/resolver.ts";
import type { Runtime } from "./io/runtime.ts";
import { TestPhone } from "./io/test-phone.ts";
import { digestHa1 } from "./sip/digest.ts";
import { printHostPort } from "./sip/grammar.ts";

export interface TestCallsParts {
  readonly feed: Runtime["feed"];
  /** The address media is bound to. */
  readonly address: string;
  readonly resolver: Resolver;
  /** The newest configuration, and the way to have it taken over anew. */
  readonly config: () => Config | undefined;
  readonly retake: () => void;
}

export interface TestCalls {
  readonly phone: TestPhone;
  /** Resolves when the call is over; rejects while another one is under way. */
  call(plan: TestCallPlan, tell: (event: TestEvent) => void, signal: AbortSignal): Promise<void>;
  /** Resolves when a call came in by the connection and is over, or none came; see `ReceivedCalls`. */
  wait: ReceivedCalls["wait"];
  /** The B2BUA says that a call is up, and that it is over. */
  saw(call: StandingCall["call"]): void;
  ended(record: CallRecord): void;
  /** The configuration with who calls at the moment, and by what that is not saved. */
  shown(config: Config): Config;
}

/** Where media is bound to every address, the phone takes this machine's own. */
const ANY: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);
/** In no database: no user of it has that id. */
const CALLER_ID = 0 as UserId;

export function openTestCalls(parts: TestCallsParts): TestCalls {
  const { feed, address, config, retake, resolver } = parts;
  let caller: TestCaller | undefined;
  let draft: Connection | undefined;
  const nameOf = (id: number | undefined) =>
    id === DRAFT_ID ? draft?.name : config()?.connections.find((it) => it.id === id)?.name;
  const phone = new TestPhone({
    spawn: () => new Worker(new URL("./phone/worker.ts", import.meta.url)),
    random: systemRandom,
    address: ANY.get(address) ?? address,
    feed,
    introduce: (next) => {
      caller = next;
      retake();
    },
    callerOf: (name, password, only) => ({
      ...userOf(name, password, config()?.realm ?? ""),
      only,
    }),
    stepOf: (step, connection) => heardAs(step, nameOf(connection)),
  });
  const received = new ReceivedCalls({ now: monotonicNow, verdictOf });
  return {
    phone,
    wait: (...all) => received.wait(...all),
    saw: (call) => {
      phone.saw(call);
      received.saw(call);
    },
    ended: (record) => {
      phone.saw(record);
      received.ended(record);
    },
    call: async (plan, tell, signal) => {
      if ("connections" in plan) return phone.call(plan, tell, signal);
      if (!(await isFound(plan.draft, resolver, tell)) || signal.aborted) return undefined;
      draft = plan.draft;
      return phone.call({ connections: [DRAFT_ID], number: plan.number }, tell, signal);
    },
    shown: (it) => {
      if (!caller) return it;
      return withTestCaller(it, caller, caller.only.includes(DRAFT_ID) ? draft : undefined);
    },
  };
}

/** Whether a draft leads to where it may lead, before anybody is called by it (W8). */
async function isFound(
  draft: Connection,
  resolver: Resolver,
  tell: (event: TestEvent) => void,
): Promise<boolean> {
  tell({ begun: "dns" });
  const began = monotonicNow();
  const end = (verdict: "resolved" | "no-address" | "forbidden-address", facts: string[] = []) =>
    tell(verdictOf("dns", verdict, { tookMs: Math.round(monotonicNow() - began), facts }));
  try {
    const found = await resolver.resolveAll({ ...targetOf(draft), isOnTrial: true });
    end(
      "resolved",
      found.map(({ remote: { transport, address: host, port } }) => {
        return `${transport} ${printHostPort({ host, port })}`;
      }),
    );
    return true;
  } catch (error) {
    end(error instanceof ForbiddenTarget ? "forbidden-address" : "no-address");
    return false;
  }
}

function userOf(name: string, password: string, realm: string): User {
  const ha1 = {
    md5: digestHa1("MD5", name, realm, password),
    sha256: digestHa1("SHA-256", name, realm, password),
  };
  return { id: CALLER_ID, name, displayName: "Test call", enabled: true, ha1 };
}
