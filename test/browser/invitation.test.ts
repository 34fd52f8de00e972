/**
 * An invitation as two people live it: one makes the link, the other opens it in a browser of their
 * own and has a telephone that calls.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { BuiltInPhone } from "../rigs/built-in-phone.ts";
import { ADMIN_PASSWORD, GatewayRig } from "../rigs/gateway.ts";
import { untilHeard } from "../rigs/listening.ts";
import { Pbx } from "../rigs/pbx.ts";

const OUTPUT = join(import.meta.dir, "..", "output", "admin");
const canRun = Bun.which("chromium") !== null;
const CAROL_HZ = 1_000;
const ALICE_HZ = 440;

let gateway: GatewayRig;
let pbx: Pbx;
beforeAll(async () => {
  if (!canRun) return;
  mkdirSync(OUTPUT, { recursive: true });
  pbx = await Pbx.start({ "210": { frequencyHz: CAROL_HZ } });
  gateway = await GatewayRig.start();
  const user = { name: "alice", displayName: "Alice Ames", password: "known to nobody" };
  await gateway.api("POST", "/users", user);
  await gateway.api("POST", "/connections", {
    name: "PBX",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: pbx.port,
    patterns: [{ pattern: "." }],
    allow: ["127.0.0.1"],
  });
}, 30_000);
afterAll(async () => {
  if (!canRun) return;
  pbx.stop();
  await gateway.stop();
});

test.skipIf(!canRun)(
  "from the link to a call heard both ways, with no password typed",
  async () => {
    const phone = await BuiltInPhone.open(gateway.url, ALICE_HZ);
    try {
      const admin = await (await phone.page.context().browser()?.newContext())?.newPage();
      if (!admin) throw new Error("no browser");
      await admin.goto(`${gateway.url}/login`);
      await admin.getByLabel("Password").fill(ADMIN_PASSWORD);
      await admin.getByRole("button", { name: "Log in" }).click();
      await admin.goto(`${gateway.url}/users/1`);
      await admin.getByText("There is none that is good.").waitFor();
      await admin.getByRole("button", { name: "Make a link" }).click();
      const link = await admin.locator("#link", { hasText: "/invitation/" }).textContent();
      await admin.getByRole("img", { name: "The link as a QR code" }).waitFor();
      await admin.screenshot({ path: join(OUTPUT, "user-invited-light.png"), fullPage: true });
      await admin.setViewportSize({ width: 390, height: 844 });
      await admin.emulateMedia({ colorScheme: "dark" });
      await admin.screenshot({ path: join(OUTPUT, "user-invited-phone.png"), fullPage: true });

      const { page } = phone;
      await page.goto(link ?? "");
      await page.getByRole("heading", { name: "A telephone for Alice Ames" }).waitFor();
      await page.screenshot({ path: join(OUTPUT, "invitation-light.png") });
      await page.getByRole("button", { name: "Set up my telephone" }).click();
      await page.getByRole("heading", { name: "Your telephone is ready" }).waitFor();
      await page.getByText("JsSIP", { exact: true }).click();
      await page.screenshot({ path: join(OUTPUT, "invited-light.png"), fullPage: true });
      await page.evaluate(axe.source);
      const faults = await page.evaluate(
        "axe.run(document).then((it) => it.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id }) => id))",
      );
      expect(faults).toEqual([]);
      await page.getByRole("button", { name: "Use this browser as the telephone" }).click();
      await page.getByText("Ready", { exact: true }).waitFor();

      await phone.dial("210");
      await phone.untilCall("210", "Connected");
      const line = await pbx.line("210", 0);
      await Promise.all([untilHeard(phone, CAROL_HZ), untilHeard(line.phone, ALICE_HZ)]);
      await phone.press("Hang up", "210");
      await line.ended;
      expect(phone.complaints).toEqual([]);

      await admin.goto(link ?? "");
      await admin.getByText("This link was used already").waitFor();
    } finally {
      await phone.close();
    }
  },
  60_000,
);
