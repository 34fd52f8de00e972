/**
 * Calls of an hour by JsSIP and SIP.js, unmodified, in virtual time: session timers (RFC 4028) and
 * registrations are refreshed without a gap, and by us, so that a softphone whose connection breaks
 * owes nothing.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { Library } from "../rigs/softphones.ts";
import { VirtualClient } from "../rigs/virtual-client.ts";

const MINUTE_MS = 60_000;
const SETTLED_MS = 40_000;
const SEED = 7;

let client: VirtualClient | undefined;

afterEach(() => {
  client?.stop();
  client = undefined;
});

/** A call that is up, made by the softphone or by the PBX. */
async function call(library: Library, direction: "out" | "in"): Promise<VirtualClient> {
  const started = await VirtualClient.start(library, SEED);
  client = started;
  if (direction === "out") started.softphone.call("250");
  else started.pbx.call("sip:alice@10.0.0.1");
  await started.pass(5_000);
  expect(started.softphone.state().lines[0]?.state).toBe("connected");
  expect(started.pbx.views).toHaveLength(1);
  return started;
}

const cases = (["jssip", "sipjs"] as const).flatMap((library) =>
  (["out", "in"] as const).map((direction) => ({ library, direction })),
);

test.each(cases)("$library, called $direction, talks for an hour", async (given) => {
  const { library, direction } = given;
  const world = await call(library, direction);
  const { softphone, pbx, b2bua } = world;
  const setUp = world.ladder.length;
  for (let minute = 0; minute < 60; minute++) {
    await world.pass(MINUTE_MS);
    expect(b2bua.status(world.now).bindings).toHaveLength(1);
  }
  expect(softphone.state().lines[0]?.state).toBe("connected");
  expect(pbx.views).toHaveLength(1);

  // The softphone refreshes its registration and nothing else; nobody refuses anything.
  const since = world.ladder.slice(setUp).join("\n");
  expect(since).not.toMatch(/softphone → gateway: (?!REGISTER|SIP\/2\.0 (?:100|200))/);
  expect(since).not.toMatch(/gateway → softphone: (?!UPDATE|INVITE|ACK|SIP\/2\.0 (?:200|401))/);
  expect(since).not.toMatch(/PBX → gateway: (?!SIP\/2\.0 200)/);
  // We refresh at half of 1800 s, and say each time that we do. SIP.js keeps no timer.
  const refreshes = since.match(/gateway → softphone: (UPDATE|INVITE) .*\{1800;refresher=uac\}/g);
  expect(refreshes?.length ?? 0).toBe(library === "jssip" ? 4 : 0);

  if (direction === "out") softphone.hangUp(0);
  else pbx.hangUp();
  await world.pass(SETTLED_MS);
  expect(softphone.state().lines[0]?.state).toBe("ended");
  expect(pbx.views).toHaveLength(0);
  expect(world.leftOver()).toEqual([]);
});

describe("jssip", () => {
  test("its own UPDATE is answered here and does not trouble the PBX", async () => {
    const world = await call("jssip", "out");
    const before = world.passed(/gateway → PBX/).length;
    const updated = world.softphone.update(0);
    await world.pass(2_000);
    await updated;
    expect(world.passed(/softphone → gateway: UPDATE/)).toHaveLength(1);
    expect(world.passed(/gateway → PBX/)).toHaveLength(before);
    expect(world.softphone.state().lines[0]?.state).toBe("connected");
  });
});
