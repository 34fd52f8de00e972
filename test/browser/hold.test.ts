/**
 * Hold and resume with JsSIP and SIP.js, unmodified, in Chromium, from either side: the offers that
 * carry it reach the other end, and what is heard goes with them.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { CAROL, Company, HUMS } from "../rigs/company.ts";
import { untilGone, untilHeard } from "../rigs/listening.ts";
import { hasChromium, LIBRARIES } from "../rigs/softphones.ts";

const TEST_MS = 40_000;
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

describe.skipIf(!hasChromium).each(LIBRARIES)("%s", (library) => {
  test(
    "the softphone holds and resumes: the PBX is offered sendonly, then sendrecv",
    async () => {
      const alice = await company.softphone(library, "alice");
      const { line: carol } = await company.callOut(alice, CAROL);
      await Promise.all([untilHeard(alice, HUMS.carol), untilHeard(carol.phone, HUMS.alice)]);

      await alice.act("hold", 0, true);
      expect(carol.requests.at(-1)).toMatch(/^(INVITE|UPDATE) (sendonly|inactive)$/);
      await Promise.all([untilGone(alice, HUMS.carol), untilGone(carol.phone, HUMS.alice)]);
      expect(carol.phone.talks).toBe(false);

      await alice.act("hold", 0, false);
      expect(carol.requests.at(-1)).toMatch(/^(INVITE|UPDATE) sendrecv$/);
      await Promise.all([untilHeard(alice, HUMS.carol), untilHeard(carol.phone, HUMS.alice)]);
      await alice.act("hangUp", 0);
      await carol.ended;
      await company.free();
    },
    TEST_MS,
  );

  test(
    "the PBX holds and resumes a call it made: the softphone is offered the same",
    async () => {
      const alice = await company.softphone(library, "alice", { answers: true });
      const caller = await company.pbx.call(company.gateway.sipPort, "alice", HUMS.caller);
      await alice.untilLine(0, "connected");
      await Promise.all([untilHeard(alice, HUMS.caller), untilHeard(caller.phone, HUMS.alice)]);

      expect(await caller.hold(true)).toMatch(/^(recvonly|inactive)$/);
      const offered = await alice.untilPassed(/^< (INVITE|UPDATE).*a=(sendonly|inactive)/s);
      expect(offered).toHaveLength(1);
      await untilGone(alice, HUMS.caller);
      expect(await caller.hold(false)).toBe("sendrecv");
      await Promise.all([untilHeard(alice, HUMS.caller), untilHeard(caller.phone, HUMS.alice)]);
      await caller.hangUp();
      await alice.untilLine(0, "ended");
      await company.free();
    },
    TEST_MS,
  );
});
