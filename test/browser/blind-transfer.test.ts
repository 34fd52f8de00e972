/**
 * Blind transfer by JsSIP and SIP.js, unmodified, in Chromium (RFC 3515, RFC 5589 §6): to a number
 * of the PBX, to a colleague's softphone, and in vain. Who talks with whom is told by tones.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { BUSY, CAROL, Company, DAVE, HUMS } from "../rigs/company.ts";
import { type Ear, shareOf, untilHeard } from "../rigs/listening.ts";
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
    "blind to another number of the PBX: its two phones talk, the softphone is out",
    async () => {
      const alice = await company.softphone(library, "alice");
      const { line: carol } = await company.callOut(alice, CAROL);
      await talking(alice, HUMS.alice, carol.phone, HUMS.carol);
      const before = company.pbx.linesOf(DAVE).length;
      await alice.act("refer", 0, DAVE);
      const dave = await company.pbx.line(DAVE, before);
      await talking(carol.phone, HUMS.carol, dave.phone, HUMS.dave);
      const { referrals } = await alice.until("told", (it) => it.referrals.includes("200 OK"));
      expect(referrals).toContain("accepted");
      expect(referrals.at(-1)).toBe("200 OK");
      expect(referrals.some((it) => it.startsWith("1"))).toBe(true);
      await alice.untilLine(0, "ended");
      expect(shareOf(await carol.phone.listen(300), HUMS.alice)).toBe(0);
      await dave.hangUp();
      await carol.ended;
      await company.free();
    },
    TEST_MS,
  );

  test(
    "blind to a colleague's softphone, of a call the PBX made",
    async () => {
      const alice = await company.softphone(library, "alice", { answers: true });
      const bob = await company.softphone(library, "bob", { answers: true });
      const caller = await company.pbx.call(company.gateway.sipPort, "alice", HUMS.caller);
      await talking(alice, HUMS.alice, caller.phone, HUMS.caller);
      await alice.act("refer", 0, "bob");
      await talking(bob, HUMS.bob, caller.phone, HUMS.caller);
      await alice.until("told", ({ referrals }) => referrals.includes("200 OK"));
      await alice.untilLine(0, "ended");
      await bob.act("hangUp", 0);
      await caller.ended;
      await company.free();
    },
    TEST_MS,
  );

  test(
    "blind to a number that is busy: the softphone is told and talks on",
    async () => {
      const alice = await company.softphone(library, "alice");
      const { line: carol } = await company.callOut(alice, CAROL);
      await talking(alice, HUMS.alice, carol.phone, HUMS.carol);
      await alice.act("refer", 0, BUSY);
      const isTold = ({ referrals }: { referrals: string[] }) =>
        referrals.some((it) => it.startsWith("486"));
      await alice.until("told that it is busy", isTold);
      await talking(alice, HUMS.alice, carol.phone, HUMS.carol);
      await alice.act("hangUp", 0);
      await carol.ended;
      await company.free();
    },
    TEST_MS,
  );
});
