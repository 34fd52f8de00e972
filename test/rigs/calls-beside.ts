/** Calls with audio both ways while something else goes on: what it costs them is heard. */
import { expect } from "bun:test";
import type { GeneratorProcess } from "../../bench/load/generator-process.ts";
import { measure, type RunFigures } from "../../bench/load/measure.ts";
import type { Target } from "../../bench/load/targets.ts";
import type { GatewayRig } from "./gateway.ts";

interface Load {
  calls: number;
  /** How long they last once all are up. */
  seconds: number;
  pbxPort: number;
  /** Who calls. */
  user: string;
  password: string;
}

/** Makes who calls, and the PBX that numbers beginning with 2 lead to. */
export async function prepareCalls(
  gateway: GatewayRig,
  { pbxPort, user, password }: Pick<Load, "pbxPort" | "user" | "password">,
): Promise<void> {
  await gateway.api("POST", "/users", { name: user, password });
  await gateway.api("POST", "/connections", {
    name: "PBX",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: pbxPort,
    patterns: [{ pattern: "^2" }],
    allow: ["127.0.0.1"],
    codecs: ["G722"],
  });
}

/** Through a PBX that numbers beginning with 2 lead to; `during` begins when all calls are up. */
export async function callsBeside<Outcome>(
  gateway: GatewayRig,
  generator: GeneratorProcess,
  { calls, seconds, pbxPort, user, password }: Load,
  during: () => Promise<Outcome>,
): Promise<{ run: RunFigures; outcome: Outcome }> {
  const target: Target = {
    name: "gateway",
    pid: gateway.pid,
    path: {
      kind: "sip",
      server: gateway.socketUrl,
      ...{ user, password, pbxPort },
      pbxTransport: "udp",
      address: "127.0.0.1",
      prefix: "2",
    },
    stop: async () => {},
  };
  const steady = Promise.withResolvers<void>();
  const load = {
    ...{ calls, seconds, listen: calls },
    ramp: 10,
    softphoneCodec: "opus",
    pbxCodec: "G722",
  };
  const events = { onProgress: () => {}, onSteady: steady.resolve };
  const measured = measure(generator, target, load, 0, events);
  await Promise.race([steady.promise, measured]);
  const outcome = await during();
  return { run: await measured, outcome };
}

/** All of them, both ways, with at most that share of the audio missing. */
export function areHeard(what: string, run: RunFigures, calls: number, lossMax: number): void {
  const { toPbx, toSoftphone, delivered } = run;
  console.log(`${what} calls: ${(100 * delivered).toFixed(2)} % delivered`, { toPbx, toSoftphone });
  expect(run.calls).toBe(calls);
  for (const { loss, correlation } of [toPbx, toSoftphone]) {
    expect(correlation).toBeGreaterThan(0.8);
    expect(loss).toBeLessThan(lossMax);
  }
}
