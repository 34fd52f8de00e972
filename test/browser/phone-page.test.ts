/**
 * The built-in softphone as a person uses it: signing in, calling and being called, with what is
 * heard on both sides, keys, hold, mute and both transfers; seen in light, dark and on a telephone.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { BuiltInPhone } from "../rigs/built-in-phone.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { untilGone, untilHeard } from "../rigs/listening.ts";
import { Pbx } from "../rigs/pbx.ts";
import { hasChromium } from "../rigs/softphones.ts";

const ALICE_HZ = 440;
const CAROL_HZ = 1_000;
const DAVE_HZ = 1_270;
const CALLER_HZ = 1_530;
const PASSWORD = "alice-password";
const TEST_MS = 60_000;
const OUTPUT = join(import.meta.dir, "..", "output", "phone");

let gateway: GatewayRig;
let pbx: Pbx;
let phone: BuiltInPhone;

beforeAll(async () => {
  if (!hasChromium) return;
  mkdirSync(OUTPUT, { recursive: true });
  pbx = await Pbx.start({
    "210": { frequencyHz: CAROL_HZ },
    "211": { frequencyHz: DAVE_HZ },
    "230": { frequencyHz: DAVE_HZ, refuses: 486 },
  });
  gateway = await GatewayRig.start();
  const user = await gateway.api("POST", "/users", { name: "alice", password: PASSWORD });
  await gateway.api("POST", "/connections", {
    name: "PBX",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: pbx.port,
    patterns: [{ pattern: "^2\\d{2}$" }],
    codecs: ["PCMA"],
    allow: ["127.0.0.1"],
    inboundUser: user["id"],
  });
  phone = await BuiltInPhone.open(gateway.url, ALICE_HZ);
}, TEST_MS);

afterEach(async () => {
  if (hasChromium) await gateway.until("free of calls", ({ calls }) => calls.length === 0);
});

afterAll(async () => {
  if (!hasChromium) return;
  await phone.close();
  pbx.stop();
  await gateway.stop();
});

/** What a page lacks for who sees badly or uses no mouse, and a picture of it. */
async function look(name: string): Promise<void> {
  const { page } = phone;
  for (const [kind, scheme, width] of [
    ["light", "light", 1_100],
    ["dark", "dark", 1_100],
    ["phone", "light", 390],
  ] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 844 });
    await page.screenshot({ path: join(OUTPUT, `${name}-${kind}.png`), fullPage: true });
    await page.evaluate(axe.source);
    const found = (await page.evaluate(
      "axe.run(document, { resultTypes: ['violations'] }).then((it) => it.violations)",
    )) as { id: string; impact: string; nodes: { target: string[] }[] }[];
    const serious = found.filter(({ impact }) => impact === "serious" || impact === "critical");
    expect(serious.map(({ id, nodes }) => [id, nodes.map(({ target }) => target)])).toEqual([]);
    const wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    expect(await page.evaluate(wider)).toBe(0);
  }
  await page.setViewportSize({ width: 1_100, height: 844 });
}

test.skipIf(!hasChromium)(
  "signing in: a wrong password is told so, the right one makes it ready",
  async () => {
    await look("sign-in");
    await phone.signIn("alice", "wrong-password");
    await phone.page.getByText("does not know this name and password").waitFor();
    await phone.signIn("alice", PASSWORD);
    await phone.page.getByText("Ready", { exact: true }).waitFor();
    await look("ready");
  },
  TEST_MS,
);

test.skipIf(!hasChromium)(
  "a call out: both hear each other; keys, mute and hold do what they say",
  async () => {
    await phone.dial("210");
    await phone.untilCall("210", "Connected");
    const carol = await pbx.line("210");
    await Promise.all([untilHeard(phone, CAROL_HZ), untilHeard(carol.phone, ALICE_HZ)]);
    await look("call");

    const { keys } = carol.phone;
    for (const [index, key] of [..."15#"].entries()) {
      await phone.key(key);
      const deadline = performance.now() + 5_000;
      while (keys.length <= index && performance.now() < deadline) await Bun.sleep(20);
    }
    expect(keys.join("")).toBe("15#");

    await phone.press("Mute", "210");
    await untilGone(carol.phone, ALICE_HZ);
    await phone.press("Unmute", "210");
    await untilHeard(carol.phone, ALICE_HZ);

    await phone.press("Hold", "210");
    await phone.untilCall("210", "On hold");
    await Promise.all([untilGone(phone, CAROL_HZ), untilGone(carol.phone, ALICE_HZ)]);
    await phone.press("Resume", "210");
    await Promise.all([untilHeard(phone, CAROL_HZ), untilHeard(carol.phone, ALICE_HZ)]);

    await phone.press("Hang up", "210");
    await carol.ended;
    await phone.page.locator("#recent").getByText("210").waitFor();
  },
  TEST_MS,
);

test.skipIf(!hasChromium)(
  "a call in rings until it is answered, and the reason of a refused one is shown",
  async () => {
    const calling = pbx.call(gateway.sipPort, "alice", CALLER_HZ);
    await phone.press("Answer");
    const caller = await calling;
    await Promise.all([untilHeard(phone, CALLER_HZ), untilHeard(caller.phone, ALICE_HZ)]);
    await caller.hangUp();
    await phone.page.getByText("Ended", { exact: true }).first().waitFor();

    await phone.page.getByLabel("Number or name", { exact: true }).fill("230");
    await phone.press("Call");
    await phone.call("230").getByText(/busy/i).waitFor();
    await phone.dial("999");
    await phone
      .call("999")
      .getByText(/no connection|matches/i)
      .waitFor();
  },
  TEST_MS,
);

test.skipIf(!hasChromium)(
  "transfers: blind to a number, and attended after asking there first",
  async () => {
    const before = { carol: pbx.linesOf("210").length, dave: pbx.linesOf("211").length };
    await phone.dial("210");
    await phone.untilCall("210", "Connected");
    const carol = await pbx.line("210", before.carol);
    await phone.press("Transfer", "210");
    await phone.call("210").getByLabel("Number to transfer to").fill("211");
    await phone.press("Send the caller there", "210");
    const dave = await pbx.line("211", before.dave);
    await Promise.all([untilHeard(carol.phone, DAVE_HZ), untilHeard(dave.phone, CAROL_HZ)]);
    await dave.hangUp();
    await carol.ended;
    await phone.call("210").waitFor({ state: "detached" });

    await phone.dial("210");
    await phone.untilCall("210", "Connected");
    const again = await pbx.line("210", before.carol + 1);
    await phone.press("Hold", "210");
    await phone.untilCall("210", "On hold");
    await phone.dial("211");
    await phone.untilCall("211", "Connected");
    const asked = await pbx.line("211", before.dave + 1);
    await untilHeard(asked.phone, ALICE_HZ);
    await phone.press("Transfer", "210");
    await look("transfer");
    await phone.press("Join with 211", "210");
    await Promise.all([untilHeard(again.phone, DAVE_HZ), untilHeard(asked.phone, CAROL_HZ)]);
    await asked.hangUp();
    await again.ended;
    await phone.call("211").waitFor({ state: "detached" });
  },
  TEST_MS,
);

test.skipIf(!hasChromium)(
  "signing out withdraws the registration, and nothing complained",
  async () => {
    await phone.press("Sign out");
    await phone.page.getByRole("button", { name: "Sign in" }).waitFor();
    await gateway.until("free of devices", ({ bindings }) => bindings.length === 0);
    expect(phone.complaints).toEqual([]);
  },
  TEST_MS,
);
