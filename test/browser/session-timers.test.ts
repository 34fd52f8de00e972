/**
 * A call of 35 minutes by JsSIP and SIP.js, unmodified, in Chromium (RFC 4028): the clocks of the
 * gateway and of the page run twenty times as fast, the audio in real time. The sessions are kept by
 * our refreshes alone. In virtual time the same is done for hours: `test/sim/session-timers.test.ts`.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { CAROL, Company, DAVE, HUMS } from "../rigs/company.ts";
import { untilHeard } from "../rigs/listening.ts";
import type { SoftphonePage } from "../rigs/softphone-page.ts";
import { type ChromiumTab, hasChromium } from "../rigs/softphones.ts";

const FACTOR = 20;
const CALL_MS = 35 * 60_000;
const STEP_MS = 250;
const TEST_MS = 240_000;

let company: Company;

beforeAll(async () => {
  if (hasChromium) company = await Company.open({ clockFactor: FACTOR });
}, TEST_MS);

afterAll(async () => {
  if (hasChromium) await company.close();
});

/** Lets the pages' clocks keep up with the gateway's for `ms` of theirs. */
async function pass(phones: SoftphonePage<ChromiumTab>[], ms: number): Promise<void> {
  const end = performance.now() + ms / FACTOR;
  let before = performance.now();
  while (before < end) {
    await Bun.sleep(STEP_MS);
    const now = performance.now();
    // The page's clock runs by itself as well.
    const behind = Math.round((now - before) * (FACTOR - 1));
    before = now;
    await Promise.all(phones.map((phone) => phone.tab.page.clock.runFor(behind)));
  }
}

test.skipIf(!hasChromium)(
  "JsSIP and SIP.js talk for 35 minutes; JsSIP's own UPDATE is answered",
  async () => {
    const alice = await company.page("jssip", "alice");
    const bob = await company.page("sipjs", "bob");
    for (const phone of [alice, bob]) await phone.tab.page.clock.install();
    await alice.start(company.settings("alice", { expires: 600 }));
    await bob.start(company.settings("bob", { expires: 600 }));
    const { line: carol } = await company.callOut(alice, CAROL);
    const { line: dave } = await company.callOut(bob, DAVE);
    await Promise.all([untilHeard(alice, HUMS.carol), untilHeard(bob, HUMS.dave)]);

    await pass([alice, bob], CALL_MS);
    // Half of 1800 s has passed twice; SIP.js keeps no timer and is asked for none.
    const refreshes = /^< (UPDATE|INVITE) .*\r\nSession-Expires: ?1800; ?refresher=uac\r/s;
    await alice.untilPassed(refreshes, 2);
    expect(await bob.passed(refreshes)).toHaveLength(0);
    expect((await alice.passed(/^> REGISTER/)).length).toBeGreaterThanOrEqual(4);
    await Promise.all([
      untilHeard(alice, HUMS.carol),
      untilHeard(carol.phone, HUMS.alice),
      untilHeard(bob, HUMS.dave),
      untilHeard(dave.phone, HUMS.bob),
    ]);

    await alice.act("update", 0);
    expect(await alice.untilPassed(/^< SIP\/2\.0 200 .*CSeq: \d+ UPDATE/s)).toHaveLength(1);
    await Promise.all([untilHeard(alice, HUMS.carol), untilHeard(carol.phone, HUMS.alice)]);

    await alice.act("hangUp", 0);
    await dave.hangUp();
    await Promise.all([carol.ended, bob.untilLine(0, "ended")]);
    await company.free();
  },
  TEST_MS,
);
