/**
 * R7 and X1 at full scale, in virtual time: calls of JsSIP and SIP.js, unmodified, whose WebSocket
 * is away for up to 30 s, again and again, at any moment. A failure prints its seed and the ladder.
 */
import { expect, test } from "bun:test";
import { scaled } from "../rigs/scale.ts";
import { LIBRARIES, type Library } from "../rigs/softphones.ts";
import { VirtualClient } from "../rigs/virtual-client.ts";
import { seededRandom } from "./random.ts";

/** What HARDENING.md asks for, and how much of it is run unless asked. */
const CALLS = 100;
const SHARE = 0.2;
const ONLY = process.env["JACKFIELD_SEED"];
const AWAY_MAX_MS = 28_000;
/** JsSIP waits up to 30 s between two attempts. */
const BACK_MS = 32_000;
const SETTLED_MS = 100_000;
const ENDS = ["softphone", "PBX", "PBX while it is away"] as const;

async function play(client: VirtualClient, seed: number): Promise<void> {
  const { softphone, pbx, b2bua } = client;
  const random = seededRandom(seed);
  const end = random.pick(ENDS);
  const calledOut = random.fraction() < 0.5;
  if (calledOut) softphone.call("250");
  else pbx.call("sip:alice@10.0.0.1");
  await client.pass(3_000);
  expect(softphone.state().lines[0]?.state).toBe("connected");

  const breaks = 1 + random.below(4);
  for (let count = 1; count <= breaks; count++) {
    // Anything up to half an hour: refreshes and registrations are hit as well.
    await client.pass(random.below(30 * 60_000));
    client.isNetworkDown = true;
    client.breakConnection();
    await client.pass(100 + random.below(AWAY_MAX_MS));
    if (count === breaks && end === "PBX while it is away") pbx.hangUp();
    client.isNetworkDown = false;
    await client.pass(BACK_MS);
    expect(b2bua.status(client.now).bindings).toHaveLength(1);
    if (count === breaks && end === "PBX while it is away") break;
    expect(softphone.state().lines[0]?.state).toBe("connected");
    expect(pbx.views).toHaveLength(1);
  }
  if (end === "softphone") softphone.hangUp(0);
  else if (end === "PBX") pbx.hangUp();
  await client.pass(SETTLED_MS);
  expect(softphone.state().lines[0]?.state).toBe("ended");
  expect(pbx.views).toHaveLength(0);
  expect(client.leftOver()).toEqual([]);
}

async function survives(library: Library, seed: number): Promise<void> {
  const client = await VirtualClient.start(library, seed);
  try {
    await play(client, seed);
  } catch (error) {
    const { message } = error as Error;
    const ladder = client.ladder.slice(-60).join("\n");
    throw new Error(`JACKFIELD_SEED=${seed}\n${ladder}\n${message}`, { cause: error });
  } finally {
    client.stop();
  }
}

test.each([
  ...LIBRARIES,
])("R7: %s's calls survive every outage and end as they should", async (library) => {
  if (ONLY !== undefined) {
    await survives(library, Number(ONLY));
    return;
  }
  const calls = scaled(`R7, calls of ${library}`, CALLS, SHARE);
  for (let seed = 1; seed <= calls; seed++) await survives(library, seed);
}, 120_000);
