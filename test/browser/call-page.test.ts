/**
 * A call's page in Chromium: why it went so, the ladder, what a click shows; texts of strangers in
 * every place stay text (W6); axe finds no serious fault in light, dark and on a phone.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { CHROMIUM, callOf, type Desk, openDesk } from "../rigs/admin-desk.ts";
import { furnish } from "../rigs/admin-sample.ts";
import { hostileCall, sampleCall } from "../rigs/call-sample.ts";
import { PAYLOADS } from "../rigs/payloads.ts";

const OUTPUT = join(import.meta.dir, "..", "output", "admin");
const QUALITY = { party: "caller", kind: "webrtc", codec: "opus" } as const;
const LOOKS = [
  { look: "light", scheme: "light", width: 1280, height: 900 },
  { look: "dark", scheme: "dark", width: 1280, height: 900 },
  { look: "phone", scheme: "light", width: 390, height: 844 },
] as const;

let desk: Desk;
beforeAll(async () => {
  if (CHROMIUM === null) return;
  mkdirSync(OUTPUT, { recursive: true });
  desk = await openDesk();
  await furnish(desk);
  const { reports } = desk.client.gateway;
  for (const [id, manner] of [
    ["refused", { answer: 488, afterMs: 30 }],
    ["spoken", undefined],
  ] as const) {
    const { record, ...rest } = sampleCall(manner);
    reports.set(id, record ? { ...rest, record: { ...record, id } } : rest);
  }
}, 60_000);
afterAll(() => desk?.close());

test.skipIf(CHROMIUM === null)(
  "X2: the page says why, draws the ladder and opens a message, in every look",
  async () => {
    const { page, url, complaints } = desk;
    for (const { look, scheme, width, height } of LOOKS) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: scheme });
      for (const name of ["refused", "spoken"]) {
        await page.goto(`${url}/calls/${name}`);
        await page.locator(".verdict .main").waitFor();
        const opened = page.locator(".ladder details").first();
        await opened.locator("summary").click();
        await opened.locator("pre").waitFor();
        expect(await opened.locator("pre").textContent()).toContain("INVITE sip:250@");
        await page.screenshot({ path: join(OUTPUT, `call-${name}-${look}.png`), fullPage: true });
        if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe.source);
        const faults = await page.evaluate(
          "axe.run(document).then((it) => it.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => id + ' ' + nodes[0].target))",
        );
        expect([name, look, faults]).toEqual([name, look, []]);
        const wider = await page.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        expect([name, look, wider]).toEqual([name, look, 0]);
      }
    }
    await page.goto(`${url}/calls/spoken`);
    await page
      .getByRole("img", { name: "alice to us, MOS: last 4.4, at worst 3.1", exact: true })
      .waitFor();
    await page.getByRole("img", { name: "us to PBX, Jitter: last 4 ms, at worst 6 ms" }).waitFor();
    expect(await page.locator("#timeline tbody tr").count()).toBe(4);
    await page.goto(`${url}/calls/refused`);
    expect(await page.locator("#timeline").isVisible()).toBe(false);
    const verdict = await page.locator(".verdict").first().textContent();
    expect(verdict).toContain("answered 488");
    expect(await page.locator(".verdict a").first().getAttribute("href")).toBe(
      "/connections/1?field=codecs",
    );
    expect(complaints).toEqual([]);
  },
  120_000,
);

test.skipIf(CHROMIUM === null)(
  "W6: whatever a stranger writes is text on the page, in the lists and in the files",
  async () => {
    const { page, url, client, complaints } = desk;
    await page.setViewportSize({ width: 1280, height: 900 });
    const reports = PAYLOADS.map((payload, index) => {
      const report = hostileCall(payload);
      return report.record ? { ...report, record: { ...report.record, id: `h${index}` } } : report;
    });
    client.gateway.strangers = reports.flatMap(({ record }) => record ?? []);
    for (const [index, report] of reports.entries()) {
      const id = report.record?.id ?? "";
      client.gateway.reports.set(id, report);
      await page.goto(`${url}/calls/${id}`);
      await page.locator(".ladder details summary").first().click();
      const shown = await page.locator(".ladder pre").first().textContent();
      expect(shown).toContain(PAYLOADS[index] ?? "");
      for (const file of ["text", "pcap", "ladder", ""]) {
        const path = `/api/v1/calls/${id}${file === "" ? "" : `/${file}`}`;
        const { headers, status } = await client.asProgram("GET", path);
        expect([path, status]).toEqual([path, 200]);
        expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
        expect(headers.get("Content-Type")).not.toContain("html");
      }
    }
    await page.goto(`${url}/calls`);
    await page
      .locator("#refused tbody tr")
      .nth(PAYLOADS.length - 1)
      .waitFor();
    expect(await page.evaluate("globalThis.hacked === undefined")).toBe(true);
    expect(await page.locator("main img, main script, main svg[onload]").count()).toBe(0);
    await page.screenshot({ path: join(OUTPUT, "calls-strangers-light.png"), fullPage: true });
    expect(complaints).toEqual([]);
  },
  120_000,
);

test.skipIf(CHROMIUM === null)(
  "the charts of a call in progress move with it, and keep what they are",
  async () => {
    const { page, url, client, tell, complaints } = desk;
    const spoken = sampleCall(undefined);
    const { trace } = spoken;
    if (!trace) throw new Error("no trace");
    const until = (moments: number) => {
      const parties = trace.parties.map((party) => ({
        ...party,
        timeline: party.timeline?.slice(0, moments) ?? [],
      }));
      const call = callOf("talking", { quality: [{ ...QUALITY, roundTripMs: moments }] });
      client.gateway.reports.set("talking", {
        status: call,
        findings: [],
        trace: { ...trace, parties },
      });
      tell({ calls: [call] });
    };
    until(1);
    await page.goto(`${url}/calls/talking`);
    await page.getByRole("button", { name: "Hang up" }).waitFor();
    expect(await page.locator("#timeline").isVisible()).toBe(false);
    until(8);
    const mos = page.getByRole("img", { name: "alice to us, MOS: " });
    await mos.waitFor();
    expect(await mos.getAttribute("aria-label")).toEndWith("last 4.4, at worst 4.4");
    const before = await mos.locator(".line").getAttribute("d");
    await page.evaluate("document.querySelector('#timeline tbody tr').wasMarked = true");
    until(20);
    await page
      .getByRole("img", { name: /^alice to us, MOS: last 3\.\d, at worst 3\.1$/ })
      .waitFor();
    expect(await mos.locator(".line").getAttribute("d")).not.toBe(before);
    expect(await page.evaluate("document.querySelector('#timeline tbody tr').wasMarked")).toBe(
      true,
    );
    await page.screenshot({ path: join(OUTPUT, "call-talking-light.png"), fullPage: true });
    await page.getByRole("button", { name: "Transfer" }).click();
    await page.getByLabel("To the number or colleague").fill("251");
    await page.getByLabel("In the place of").selectOption("callee");
    await page.screenshot({ path: join(OUTPUT, "call-transfer-light.png") });
    await page.getByRole("dialog").getByRole("button", { name: "Transfer" }).click();
    await page.getByText("251 is called").waitFor();
    expect(client.gateway.transferred).toEqual([["talking", { leaves: "callee", number: "251" }]]);
    expect(complaints).toEqual([]);
  },
  60_000,
);
