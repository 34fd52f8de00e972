/**
 * R7 and X1 with JsSIP and SIP.js, unmodified, in Chromium: the WebSocket breaks in a call, in each
 * of the ways networks have, and the call does not notice. In virtual time the same libraries do it
 * at full scale: `test/sim/library-reconnect.test.ts`.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { CAROL, CAROLS, Company, HUMS } from "../rigs/company.ts";
import { longestGapMs, shareOf, untilHeard } from "../rigs/listening.ts";
import type { PbxLine } from "../rigs/pbx.ts";
import { Relay } from "../rigs/relay.ts";
import { scaled } from "../rigs/scale.ts";
import type { SoftphonePage } from "../rigs/softphone-page.ts";
import { hasChromium, LIBRARIES, type Library } from "../rigs/softphones.ts";

const TEST_MS = 55_000;
/** What HARDENING.md asks for, and how much of it is run unless asked. */
const CALLS = 100;
const SHARE = 0.04;
const FULL_MS = 600_000;
const LISTEN_MS = 5_000;

let company: Company;

beforeAll(async () => {
  if (hasChromium) company = await Company.open();
}, TEST_MS);

afterEach(async () => {
  if (hasChromium) await company.clear();
});

afterAll(async () => {
  if (hasChromium) await company.close();
});

/** The ways a connection breaks under a softphone. */
const BREAKS: Record<string, (relay: Relay) => void> = {
  closed: (relay) => relay.close(),
  reset: (relay) => relay.reset(),
  swallowed: (relay) => relay.swallow(),
  "from another network": (relay) => {
    relay.from = "127.0.0.9";
    relay.reset();
  },
};
type Ender = "the PBX" | "the softphone";

interface Talk {
  library: Library;
  way: string;
  ender: Ender;
  relay: Relay;
  alice: SoftphonePage;
  carol: PbxLine;
}

/** A call through a relay, heard at both ends. */
async function talk(library: Library, way: string, number: string, ender: Ender): Promise<Talk> {
  const relay = await Relay.start({ address: "127.0.0.1", port: company.httpPort });
  const server = `ws://127.0.0.1:${relay.port}/sip`;
  const alice = await company.softphone(library, "alice", { server });
  const { line: carol } = await company.callOut(alice, number);
  await Promise.all([untilHeard(alice, HUMS.carol), untilHeard(carol.phone, HUMS.alice)]);
  return { library, way, ender, relay, alice, carol };
}

/** The call's connection breaks while both ends listen; then one of them hangs up. */
async function survive({ library, way, ender, relay, alice, carol }: Talk): Promise<void> {
  const { registrations } = await alice.act("state");
  const before = await alice.act("packets");
  carol.phone.watchGaps();
  const both = Promise.all([alice.listen(LISTEN_MS), carol.phone.listen(LISTEN_MS)]);
  BREAKS[way]?.(relay);
  await alice.until("registered again", (state) => state.registrations > registrations);
  const [atAlice, atCarol] = await both;
  const after = await alice.act("packets");
  const lost = {
    toCarol: carol.phone.packetsLost + after.reportedLost - before.reportedLost,
    toAlice: after.lost - before.lost,
  };
  const gapsMs = {
    atCarol: longestGapMs(atCarol, HUMS.alice),
    atAlice: longestGapMs(atAlice, HUMS.carol),
  };
  const figures = JSON.stringify({ lost, gapsMs, sent: after.sent - before.sent });
  console.log(`${library}, ${way}, ended by ${ender}: ${figures}`);
  expect(lost).toEqual({ toCarol: 0, toAlice: 0 });
  expect(shareOf(atCarol, HUMS.alice)).toBeGreaterThan(0.95);
  expect(shareOf(atAlice, HUMS.carol)).toBeGreaterThan(0.95);
  expect(atCarol.pcm.length / atCarol.sampleRate).toBeGreaterThan(LISTEN_MS / 1_000 - 0.3);

  // Only a new network needs new ICE, and so an offer.
  const offers = await alice.passed(/^< INVITE .*a=ice-ufrag:/s);
  expect(offers).toHaveLength(way === "from another network" ? 1 : 0);

  if (ender === "the PBX") await carol.hangUp();
  else await alice.act("hangUp", 0);
  await Promise.all([carol.ended, alice.untilLine(0, "ended")]);
  await relay.stop();
}

describe.skipIf(!hasChromium).each(LIBRARIES)("%s", (library) => {
  test(
    "R7: calls survive the loss of their WebSocket, without a packet lost",
    async () => {
      const ways = Object.keys(BREAKS);
      const rounds = Math.ceil(scaled(`R7, calls of ${library}`, CALLS, SHARE) / ways.length);
      for (let round = 0; round < rounds; round++) {
        const enders: Ender[] = ["the PBX", "the softphone"];
        const talks: Talk[] = [];
        for (const [index, way] of ways.entries()) {
          const ender = enders[(index + round) % 2] ?? "the PBX";
          talks.push(await talk(library, way, CAROLS[index] ?? CAROL, ender));
        }
        await Promise.all(talks.map((it) => survive(it)));
        await company.free();
      }
    },
    FULL_MS,
  );

  test(
    "R7: the PBX hangs up while the softphone is away; it learns of it when it is back",
    async () => {
      const relay = await Relay.start({ address: "127.0.0.1", port: company.httpPort });
      const server = `ws://127.0.0.1:${relay.port}/sip`;
      const alice = await company.softphone(library, "alice", { server });
      const { line: carol } = await company.callOut(alice, CAROL);
      await untilHeard(carol.phone, HUMS.alice);
      relay.isDown = true;
      relay.reset();
      const isAway = ({ bindings }: { bindings: readonly unknown[] }) => bindings.length === 0;
      await company.gateway.until("without the softphone", isAway);
      await carol.hangUp();
      expect((await alice.act("state")).lines[0]?.state).toBe("connected");
      relay.isDown = false;
      await alice.untilLine(0, "ended");
      await company.free();
      await relay.stop();
    },
    TEST_MS,
  );
});
