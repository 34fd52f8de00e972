/**
 * The button on the connection's form: steps as they come, what went wrong with the way to its field,
 * a refusal in words; and the way from a call to the field that mends it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { verdictOf } from "../../gateway/b2bua/test-verdicts.ts";
import { CHROMIUM, type Desk, openDesk } from "../rigs/admin-desk.ts";
import { furnish } from "../rigs/admin-sample.ts";

const OUTPUT = join(import.meta.dir, "..", "output", "admin");

let desk: Desk;
beforeAll(async () => {
  if (CHROMIUM === null) return;
  mkdirSync(OUTPUT, { recursive: true });
  desk = await openDesk();
  await furnish(desk);
}, 60_000);
afterAll(() => desk?.close());

test.skipIf(CHROMIUM === null)(
  "TST-01, TST-02: the form's draft is tested, each step shows itself, a failure leads to its field",
  async () => {
    const { page, url, client, complaints } = desk;
    client.gateway.testEvents = [
      { begun: "dns" },
      verdictOf("dns", "resolved", {
        tookMs: 12,
        facts: ["SRV _sip._udp.pbx: 2", "udp 10.0.0.5:5060"],
      }),
      { begun: "connect" },
      verdictOf("connect", "no-connection-needed", { tookMs: 0, facts: [] }),
      { begun: "options" },
      verdictOf("options", "answers", { tookMs: 31, facts: [] }),
      { begun: "digest" },
      verdictOf("digest", "realm", { tookMs: 44, facts: [] }),
    ];
    await page.goto(`${url}/connections/new`);
    await page.fill("[name=name]", "New PBX");
    await page.fill("[name=host]", "pbx.new.example");
    await page.fill("[name=username]", "jack");
    await page.click("#test");
    await page.locator("#test-steps li").nth(3).locator(".badge.bad").waitFor();
    const lines = await page.locator("#test-steps li").allTextContents();
    expect(lines.length).toBe(4);
    expect(lines[0]).toContain("udp 10.0.0.5:5060");
    expect(lines[3]).toContain("another realm");
    expect(client.gateway.tested.at(-1)).toMatchObject({
      host: "pbx.new.example",
      username: "jack",
    });
    expect(
      client.gateway.applied.some(({ connections }) =>
        connections.some((it) => it.name === "New PBX"),
      ),
    ).toBe(false);
    for (const [look, width] of [
      ["light", 1280],
      ["phone", 390],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.screenshot({ path: join(OUTPUT, `connection-test-${look}.png`), fullPage: true });
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.locator("#test-steps li").nth(3).locator("button").click();
    expect(await page.evaluate("document.activeElement.name")).toBe("realm");
    expect(complaints).toEqual([]);
  },
  60_000,
);

test.skipIf(CHROMIUM === null)(
  "W8, X2: a refusal is told in words, and a call's page leads to the field",
  async () => {
    const { page, url, complaints } = desk;
    await page.goto(`${url}/connections/1?field=tls.verify`);
    await page.waitForFunction("document.activeElement.name === 'tls.verify'");
    await page.fill("[name=host]", "http://127.0.0.1");
    desk.client.clock.now += 5_000;
    await page.click("#test");
    await page.locator("#test-steps .badge.bad").waitFor();
    expect(await page.locator("#test-steps").textContent()).toContain("host");
    // The browser notes each answer that is no 2xx, and asks before what was typed is lost.
    expect(complaints.filter((it) => !/status of 4\d\d|^dialog: $/.test(it))).toEqual([]);
  },
  60_000,
);
