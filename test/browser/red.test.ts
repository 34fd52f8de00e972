/**
 * RED (RFC 2198) with a real Chromium: a page that wants to send it says so by its order, as
 * setCodecPreferences writes it, and is heard; one that says nothing sends Opus alone.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { CAROL, Company, HUMS } from "../rigs/company.ts";
import { untilHeard } from "../rigs/listening.ts";
import { hasChromium } from "../rigs/softphones.ts";

const TEST_MS = 60_000;
const PACKETS = 100;
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

/** For the page to run: every offer of its names RED first. */
const PREFER_RED = `
  const { createOffer } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.createOffer = function (...given) {
    const { codecs } = RTCRtpReceiver.getCapabilities("audio");
    const rank = ({ mimeType }) => (mimeType === "audio/red" ? 0 : 1);
    const ordered = [...codecs].sort((a, b) => rank(a) - rank(b));
    for (const transceiver of this.getTransceivers()) transceiver.setCodecPreferences(ordered);
    return createOffer.apply(this, given);
  };
  undefined;
`;

/** A call both hear; the mean payload of what Chromium sent, in bytes. */
async function payloadBytes(prefersRed: boolean): Promise<number> {
  const alice = await company.softphone("jssip", "alice");
  if (prefersRed) await alice.tab.page.evaluate(PREFER_RED);
  const { line: carol } = await company.callOut(alice, CAROL);
  await Promise.all([untilHeard(alice, HUMS.carol), untilHeard(carol.phone, HUMS.alice)]);
  for (;;) {
    const { sent, sentBytes, reportedLost } = await alice.act("packets");
    if (sent < PACKETS) {
      await Bun.sleep(50);
      continue;
    }
    await untilHeard(carol.phone, HUMS.alice);
    expect(reportedLost).toBe(0);
    await alice.act("hangUp", 0);
    await carol.ended;
    await company.clear();
    return sentBytes / sent;
  }
}

describe.skipIf(!hasChromium)("Chromium", () => {
  test(
    "sends RED where it named it first, and is understood",
    async () => {
      const alone = await payloadBytes(false);
      const twice = await payloadBytes(true);
      console.log(`payload: ${alone.toFixed(0)} bytes of Opus, ${twice.toFixed(0)} bytes of RED`);
      expect(twice).toBeGreaterThan(1.6 * alone);
    },
    TEST_MS,
  );
});
