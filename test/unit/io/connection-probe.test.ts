/** The socket of Test connection, where the machine it runs on has none to give. */
import { dlopen, ptr } from "bun:ffi";
import { expect, test } from "bun:test";
import type { TestInput, TestOutput } from "../../../gateway/b2bua/connection-test.ts";
import { probe, type TestMachine } from "../../../gateway/io/connection-probe.ts";

/** Connects to that address first of all, and is done when it hears how that went. */
function machineFor(address: string) {
  const heard: TestInput[] = [];
  const machine: TestMachine = {
    isDone: false,
    deadline: () => undefined,
    handle(input): TestOutput[] {
      if (input.type === "start") {
        return [{ type: "connect", target: { address, port: 5_060, transport: "udp" } }];
      }
      heard.push(input);
      return [{ type: "done" }];
    },
  };
  return { heard, machine };
}

const nobody = () => Promise.resolve([]);

function run(machine: TestMachine): Promise<void> {
  return probe({
    machine,
    tls: { verify: "strict" },
    name: "pbx.example",
    dns: { naptr: nobody, srv: nobody, addresses: nobody },
    chance: () => 0,
    localHostFor: () => "192.0.2.1",
    tell: () => {},
    signal: new AbortController().signal,
  });
}

/** Runs `work` while the process gets no descriptor, as on a machine without IPv6 no such socket. */
async function withoutSockets(work: () => Promise<void>): Promise<void> {
  const RLIMIT_NOFILE = 7;
  const { symbols } = dlopen("libc.so.6", {
    getrlimit: { args: ["i32", "ptr"], returns: "i32" },
    setrlimit: { args: ["i32", "ptr"], returns: "i32" },
  });
  const before = new BigUint64Array(new ArrayBuffer(16));
  expect(symbols.getrlimit(RLIMIT_NOFILE, ptr(before))).toBe(0);
  const none = new BigUint64Array(before);
  none[0] = 0n;
  expect(symbols.setrlimit(RLIMIT_NOFILE, ptr(none))).toBe(0);
  try {
    await work();
  } finally {
    symbols.setrlimit(RLIMIT_NOFILE, ptr(before));
  }
}

test.skipIf(process.platform !== "linux").each(["192.0.2.1", "2001:db8::1"])(
  "TST-01: where no socket is to be had, %s is unreachable, and nothing is thrown",
  async (address) => {
    const { heard, machine } = machineFor(address);
    await withoutSockets(() => run(machine));
    expect(heard).toEqual([{ type: "refused", verdict: "unreachable" }]);
  },
);

test("a probe's flow names the host its peer is told of, and its own port", async () => {
  const { heard, machine } = machineFor("127.0.0.1");
  await run(machine);
  const [connected] = heard;
  if (connected?.type !== "connected") throw new Error("It is not connected.");
  const { sentBy, local, remote } = connected.flow;
  expect(local.port).toBeGreaterThan(0);
  expect({ sentBy, local, remote }).toEqual({
    sentBy: `192.0.2.1:${local.port}`,
    local: { address: "192.0.2.1", port: local.port },
    remote: { address: "127.0.0.1", port: 5_060 },
  });
});
