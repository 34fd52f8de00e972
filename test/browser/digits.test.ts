/**
 * Keys pressed in calls of JsSIP and SIP.js, unmodified, in Chromium: by INFO and as telephone
 * events (RFC 4733), both become telephone events at the PBX; and the PBX's keys are heard in the
 * page.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { CAROL, Company, HUMS } from "../rigs/company.ts";
import { shareOf, untilHeard } from "../rigs/listening.ts";
import { hasChromium, LIBRARIES } from "../rigs/softphones.ts";

const TEST_MS = 30_000;
const KEYS = "047*#";
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

/** Waits until as many keys are there as were pressed; returns them. */
async function pressed(keys: readonly string[], count: number): Promise<string> {
  const deadline = performance.now() + 10_000;
  while (keys.length < count && performance.now() < deadline) await Bun.sleep(20);
  // One too many would come about now.
  await Bun.sleep(300);
  return keys.join("");
}

describe.skipIf(!hasChromium).each(LIBRARIES)("%s", (library) => {
  test(
    "INFO application/dtmf-relay: each key is one telephone event, answered at once",
    async () => {
      const alice = await company.softphone(library, "alice");
      const { line: carol } = await company.callOut(alice, CAROL);
      await untilHeard(carol.phone, HUMS.alice);
      for (const [index, key] of [..."15*#"].entries()) {
        await alice.act("digit", 0, key, "info");
        await alice.untilPassed(/^< SIP\/2\.0 200.*CSeq: \d+ INFO/s, index + 1);
      }
      expect(await pressed(carol.phone.keys, 4)).toBe("15*#");
      // The voice goes on afterwards.
      await untilHeard(carol.phone, HUMS.alice);
    },
    TEST_MS,
  );

  test(
    "RTCDTMFSender: every key arrives, once, at the PBX",
    async () => {
      const alice = await company.softphone(library, "alice");
      const { line: carol } = await company.callOut(alice, CAROL);
      await untilHeard(carol.phone, HUMS.alice);
      for (const [index, key] of [...KEYS].entries()) {
        await alice.act("digit", 0, key, "rtp");
        const isThere = () => carol.phone.keys.length > index;
        const deadline = performance.now() + 5_000;
        while (!isThere() && performance.now() < deadline) await Bun.sleep(20);
        // The browser leaves at least 70 ms between two keys, and so does a finger.
        await Bun.sleep(150);
      }
      expect(await pressed(carol.phone.keys, KEYS.length)).toBe(KEYS);
      await untilHeard(carol.phone, HUMS.alice);
    },
    TEST_MS,
  );

  test(
    "the PBX's keys are played by the page",
    async () => {
      const alice = await company.softphone(library, "alice");
      const { line: carol } = await company.callOut(alice, CAROL);
      await untilHeard(alice, HUMS.carol);
      const before = await alice.act("packets");
      const listening = alice.listen(1_500);
      for (const key of "59#") {
        await carol.phone.press(key);
        await Bun.sleep(100);
      }
      const heard = await listening;
      const after = await alice.act("packets");
      // Chromium plays the events it gets: 5 is 770 and 1336 Hz, 9 is 852 and 1477, # 941 and 1477.
      for (const hertz of [770, 852, 941, 1_336, 1_477]) {
        expect(shareOf(heard, hertz)).toBeGreaterThan(0.05);
      }
      for (const hertz of [697, 1_209, 1_633]) expect(shareOf(heard, hertz)).toBe(0);
      // The PBX hums on beneath its keys; where they sound, nothing else does.
      const hum = shareOf(heard, HUMS.carol);
      expect(hum).toBeGreaterThan(0.3);
      expect(hum).toBeLessThan(0.95);
      expect(after.received - before.received).toBeGreaterThanOrEqual(3 * 4);
      expect(after.lost).toBe(before.lost);
      await untilHeard(alice, HUMS.carol);
    },
    TEST_MS,
  );
});
