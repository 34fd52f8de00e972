/**
 * JsSIP and SIP.js, unmodified, in Debian's Firefox-ESR: its ICE, DTLS and Opus are other code than
 * Chromium's. Calls in both directions are heard both ways, held and taken back.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { CAROL, Company, HUMS } from "../rigs/company.ts";
import { type FirefoxTab, hasFirefox } from "../rigs/firefox.ts";
import { untilGone, untilHeard } from "../rigs/listening.ts";
import { LIBRARIES, Softphones } from "../rigs/softphones.ts";

const TEST_MS = 60_000;
let company: Company<FirefoxTab>;

beforeAll(async () => {
  if (hasFirefox) company = await Company.openWith(await Softphones.inFirefox());
}, TEST_MS);

afterEach(async () => {
  if (hasFirefox) await company.clear();
});

afterAll(async () => {
  if (hasFirefox) await company.close();
});

describe.skipIf(!hasFirefox).each(LIBRARIES)("Firefox, %s", (library) => {
  test(
    "calls the PBX, holds, takes it back, and hangs up",
    async () => {
      const alice = await company.softphone(library, "alice");
      const { line: carol } = await company.callOut(alice, CAROL);
      await Promise.all([untilHeard(alice, HUMS.carol), untilHeard(carol.phone, HUMS.alice)]);
      expect((await alice.act("codecs")).sent).toEqual(["audio/opus"]);

      await alice.act("hold", 0, true);
      await Promise.all([untilGone(alice, HUMS.carol), untilGone(carol.phone, HUMS.alice)]);
      await alice.act("hold", 0, false);
      await Promise.all([untilHeard(alice, HUMS.carol), untilHeard(carol.phone, HUMS.alice)]);
      await alice.act("hangUp", 0);
      await carol.ended;
      await company.free();
    },
    TEST_MS,
  );

  test(
    "is called by the PBX, which hangs up",
    async () => {
      const alice = await company.softphone(library, "alice", { answers: true });
      const caller = await company.pbx.call(company.gateway.sipPort, "alice", HUMS.caller);
      await alice.untilLine(0, "connected");
      await Promise.all([untilHeard(alice, HUMS.caller), untilHeard(caller.phone, HUMS.alice)]);
      await caller.hangUp();
      await alice.untilLine(0, "ended");
      await company.free();
    },
    TEST_MS,
  );

  test(
    "calls a colleague: Opus both ways",
    async () => {
      const alice = await company.softphone(library, "alice");
      const bob = await company.softphone(library, "bob", { answers: true });
      await alice.act("call", "bob");
      await Promise.all([untilHeard(alice, HUMS.bob), untilHeard(bob, HUMS.alice)]);
      await alice.act("hangUp", 0);
      await bob.untilLine(0, "ended");
      await company.free();
    },
    TEST_MS,
  );
});
