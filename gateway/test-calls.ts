/** Test calls put together: the phone and its thread, and the caller in the configuration (X3). */
import type { Config, User, UserId } from "../schema/config.ts";
import { type TestCaller, withTestCaller } from "./b2bua/test-caller.ts";
import { heardAs } from "./b2bua/test-verdicts.ts";
import { systemRandom } from "./io/random.ts";
import type { Runtime } from "./io/runtime.ts";
import { TestPhone } from "./io/test-phone.ts";
import { digestHa1 } from "./sip/digest.ts";

export interface TestCallsParts {
  readonly feed: Runtime["feed"];
  /** The address media is bound to. */
  readonly address: string;
  /** The newest configuration, and the way to have it taken over anew. */
  readonly config: () => Config | undefined;
  readonly retake: () => void;
}

export interface TestCalls {
  readonly phone: TestPhone;
  /** The configuration with who calls at the moment. */
  shown(config: Config): Config;
}

/** Where media is bound to every address, the phone takes this machine's own. */
const ANY: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);
/** In no database: no user of it has that id. */
const CALLER_ID = 0 as UserId;

export function openTestCalls({ feed, address, config, retake }: TestCallsParts): TestCalls {
  let caller: TestCaller | undefined;
  const nameOf = (id: number | undefined) => config()?.connections.find((it) => it.id === id)?.name;
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
  return { phone, shown: (it) => (caller ? withTestCaller(it, caller) : it) };
}

function userOf(name: string, password: string, realm: string): User {
  const ha1 = {
    md5: digestHa1("MD5", name, realm, password),
    sha256: digestHa1("SHA-256", name, realm, password),
  };
  return { id: CALLER_ID, name, displayName: "Test call", enabled: true, ha1 };
}
