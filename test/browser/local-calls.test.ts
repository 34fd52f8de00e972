/**
 * Calls between softphones of the house, JsSIP and SIP.js, unmodified, in Chromium: heard both ways
 * in Opus, held, forwarded, and taken by one of several devices.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { CAROL, Company, HUMS } from "../rigs/company.ts";
import { untilHeard } from "../rigs/listening.ts";
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

describe.skipIf(!hasChromium).each(LIBRARIES)("%s", (library) => {
  const other = library === "jssip" ? "sipjs" : "jssip";

  for (const callee of LIBRARIES) {
    test(
      `calls a colleague's ${callee}: Opus both ways`,
      async () => {
        const alice = await company.softphone(library, "alice");
        const bob = await company.softphone(callee, "bob");
        await alice.act("call", "bob");
        await bob.untilLine(0, "ringing");
        await alice.untilLine(0, "ringing");
        await bob.act("answer", 0);
        await Promise.all([untilHeard(alice, HUMS.bob), untilHeard(bob, HUMS.alice)]);
        const [call] = (await company.gateway.status()).calls;
        expect(call).toMatchObject({ direction: "internal", state: "connected" });
        for (const phone of [alice, bob]) {
          expect(await phone.act("codecs")).toEqual({
            sent: ["audio/opus"],
            received: ["audio/opus"],
          });
        }
        await bob.act("hangUp", 0);
        await alice.untilLine(0, "ended");
        await company.free();
      },
      TEST_MS,
    );
  }

  test(
    "holds a colleague and takes it back",
    async () => {
      const alice = await company.softphone(library, "alice");
      const bob = await company.softphone(other, "bob", { answers: true });
      await alice.act("call", "bob");
      await Promise.all([untilHeard(alice, HUMS.bob), untilHeard(bob, HUMS.alice)]);
      await alice.act("hold", 0, true);
      const held = await bob.untilPassed(/^< (INVITE|UPDATE) .*a=(sendonly|inactive)/s);
      expect(held).toHaveLength(1);
      await alice.act("hold", 0, false);
      await Promise.all([untilHeard(alice, HUMS.bob), untilHeard(bob, HUMS.alice)]);
      await alice.act("hangUp", 0);
      await bob.untilLine(0, "ended");
      await company.free();
    },
    TEST_MS,
  );

  test(
    "two devices ring, one answers: the other is told that it was completed elsewhere",
    async () => {
      const desk = await company.softphone(library, "alice");
      const mobile = await company.softphone(other, "alice");
      const calling = company.pbx.call(company.gateway.sipPort, "alice", HUMS.caller);
      await Promise.all([desk.untilLine(0, "ringing"), mobile.untilLine(0, "ringing")]);
      await mobile.act("answer", 0);
      const caller = await calling;
      await untilHeard(mobile, HUMS.caller);
      await desk.untilLine(0, "ended");
      const [cancel] = await desk.untilPassed(/^< CANCEL /);
      expect(cancel).toMatch(
        /^Reason: SIP ?; ?cause=200 ?; ?text="Call completed elsewhere", Q\.850;cause=26\r$/m,
      );
      await caller.hangUp();
      await mobile.untilLine(0, "ended");
      await company.free();
    },
    TEST_MS,
  );

  test(
    "forwarded: always to a number, when nobody answers to a colleague",
    async () => {
      const bobs = `/users/${company.userId("bob")}`;
      const alice = await company.softphone(library, "alice");
      const bob = await company.softphone(other, "bob");
      try {
        await company.gateway.api("PATCH", bobs, { forward: { always: CAROL } });
        const before = company.pbx.linesOf(CAROL).length;
        await alice.act("call", "bob");
        const carol = await company.pbx.line(CAROL, before);
        await Promise.all([untilHeard(alice, HUMS.carol), untilHeard(carol.phone, HUMS.alice)]);
        expect((await bob.act("state")).lines).toEqual([]);
        await alice.act("hangUp", 0);
        await carol.ended;

        // The one who does not answer hears it stop; the call goes on elsewhere.
        await company.gateway.api("PATCH", bobs, {
          forward: { always: null, noAnswer: CAROL, noAnswerSeconds: 5 },
        });
        await alice.act("call", "bob");
        await bob.untilLine(0, "ringing");
        const again = await company.pbx.line(CAROL, before + 1);
        await bob.untilLine(0, "ended");
        await untilHeard(alice, HUMS.carol);
        await again.hangUp();
        await alice.untilLine(1, "ended");
        await company.free();
      } finally {
        await company.gateway.api("PATCH", bobs, { forward: null });
      }
    },
    TEST_MS,
  );
});
