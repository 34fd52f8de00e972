/**
 * Attended transfer by JsSIP and SIP.js, unmodified, in Chromium (RFC 3891, RFC 5589 §7): the two
 * others talk with each other afterwards, which is told by tones.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { CAROL, Company, DAVE, HUMS } from "../rigs/company.ts";
import { type Ear, untilHeard } from "../rigs/listening.ts";
import { hasChromium, LIBRARIES } from "../rigs/softphones.ts";

const TEST_MS = 30_000;
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

/** Both hear each other. */
async function talking(a: Ear, aHz: number, b: Ear, bHz: number): Promise<void> {
  await Promise.all([untilHeard(a, bHz), untilHeard(b, aHz)]);
}

describe.skipIf(!hasChromium).each(LIBRARIES)("%s", (library) => {
  test(
    "attended between two numbers of the PBX: they talk, the softphone is out of both",
    async () => {
      const alice = await company.softphone(library, "alice");
      const { line: carol } = await company.callOut(alice, CAROL);
      await alice.act("hold", 0, true);
      const { line: dave } = await company.callOut(alice, DAVE);
      await talking(alice, HUMS.alice, dave.phone, HUMS.dave);
      await alice.act("attend", 0, 1);
      await talking(carol.phone, HUMS.carol, dave.phone, HUMS.dave);
      await alice.until("told", ({ referrals }) => referrals.includes("200 OK"));
      expect(await alice.untilPassed(/^> REFER .*\nRefer-To:[^\n]*Replaces=/s)).toHaveLength(1);
      await Promise.all([alice.untilLine(0, "ended"), alice.untilLine(1, "ended")]);
      await carol.hangUp();
      await dave.ended;
      await company.free();
    },
    TEST_MS,
  );

  test(
    "attended between the PBX and a colleague's softphone",
    async () => {
      const alice = await company.softphone(library, "alice", { answers: true });
      const bob = await company.softphone(library, "bob", { answers: true });
      const caller = await company.pbx.call(company.gateway.sipPort, "alice", HUMS.caller);
      await alice.untilLine(0, "connected");
      await alice.act("hold", 0, true);
      await alice.act("call", "bob");
      await alice.untilLine(1, "connected");
      await talking(alice, HUMS.alice, bob, HUMS.bob);
      await alice.act("attend", 0, 1);
      await talking(caller.phone, HUMS.caller, bob, HUMS.bob);
      await Promise.all([alice.untilLine(0, "ended"), alice.untilLine(1, "ended")]);
      await caller.hangUp();
      await bob.untilLine(0, "ended");
      await company.free();
    },
    TEST_MS,
  );
});
