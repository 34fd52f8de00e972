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
  "X3: a number beside the form's test is called unsaved; Enter calls, and saves nothing",
  async () => {
    const { page, url, client, complaints } = desk;
    client.gateway.testEvents = [
      { begun: "dns" },
      verdictOf("dns", "resolved", { tookMs: 9, facts: ["udp 10.0.0.5:5060"] }),
      { begun: "call" },
      {
        ...verdictOf("call", "call-answered", { tookMs: 640, facts: ["by New PBX"] }),
        call: "c2",
      },
      { begun: "talk" },
      { ...verdictOf("talk", "hears-echo", { tookMs: 4_801, facts: [] }), call: "c2" },
    ];
    client.clock.now += 5_000;
    await page.goto(`${url}/connections/new`);
    await page.fill("[name=name]", "New PBX");
    await page.fill("[name=host]", "pbx.new.example");
    await page.fill("[name=username]", "jack");
    await page.fill("[name=password]", "a-password");
    await page.getByLabel("Whom to call unsaved").fill("*43");
    await page.getByLabel("Whom to call unsaved").press("Enter");
    await page.getByText("both ways are heard").waitFor();
    expect(await page.locator("#test-steps li").count()).toBe(3);
    expect(client.gateway.testCalls.at(-1)).toMatchObject({
      ...{ number: "*43", draft: { host: "pbx.new.example", username: "jack" } },
    });
    expect(page.url()).toBe(`${url}/connections/new`);
    for (const [look, width] of [
      ["light", 1280],
      ["phone", 390],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.screenshot({ path: join(OUTPUT, `draft-call-${look}.png`), fullPage: true });
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(complaints.filter((it) => it !== "dialog: ")).toEqual([]);
    complaints.length = 0;
  },
  60_000,
);

test.skipIf(CHROMIUM === null)(
  "CON-22, CON-27, TST-03: type, details as a provider's mail gives them, the test of the draft, then saved and in force",
  async () => {
    const { page, url, client, complaints } = desk;
    client.gateway.testEvents = [
      { begun: "routing" },
      verdictOf("routing", "no-pattern", { tookMs: 0, facts: [] }),
    ];
    await page.goto(`${url}/connections`);
    await page.locator("a[href='/connections/new']").first().click();
    await page.locator("[name=host]").waitFor();
    const order = await page.evaluate(
      "[...document.querySelectorAll('form [name]')].map((it) => it.name).slice(0, 8)",
    );
    expect(order).toEqual([
      ...["name", "type", "enabled", "host", "port", "transport", "username", "password"],
    ]);
    await page.fill("[name=name]", "Carrier of the mail");
    await page.selectOption("[name=type]", "outbound-trunk");
    await page.fill("[name=host]", "sip.carrier.example");
    await page.fill("[name=allow]", "192.0.2.77");
    client.clock.now += 5_000;
    await page.click("#test");
    const verdict = page.locator("#test-steps li").first();
    await verdict.locator(".badge.warn").waitFor();
    expect(await verdict.textContent()).toContain("dial pattern");
    const saved = () =>
      client.gateway.applied.at(-1)?.connections.find((it) => it.name === "Carrier of the mail");
    expect(saved()).toBeUndefined();
    await page.getByRole("button", { name: "Add a pattern" }).click();
    await page.fill("[name=pattern]", "^0");
    await page.getByRole("button", { name: "Save" }).click();
    // Back at the list, which has it.
    await page.getByRole("link", { name: "Carrier of the mail" }).waitFor();
    expect(saved()).toMatchObject({ type: "outbound-trunk", host: "sip.carrier.example" });
    // The browser asks before what was typed above is lost.
    expect(complaints.filter((it) => it !== "dialog: ")).toEqual([]);
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

test.skipIf(CHROMIUM === null)(
  "ADM-02, ADM-05: each row of the list has its test, which begins at once; a bare link begins none",
  async () => {
    const { page, url, client, complaints } = desk;
    client.gateway.testEvents = [
      { begun: "dns" },
      verdictOf("dns", "no-address", { tookMs: 3, facts: [] }),
    ];
    // The browser asks before what was typed above is lost.
    await page.goto("about:blank");
    complaints.length = 0;
    const before = client.gateway.tested.length;
    const [first] = (await client.store.load()).connections;
    if (!first) throw new Error("there is no connection");
    await page.goto(`${url}/connections/${first.id}?test`);
    await page.locator("#test").waitFor();
    await page.goto(`${url}/connections`);
    client.clock.now += 5_000;
    await page.getByTitle(`Test ${first.name}`, { exact: true }).click();
    await page.locator("#test-steps .badge.bad").waitFor();
    expect(client.gateway.tested.slice(before).map(({ id }) => id)).toEqual([first.id]);
    expect(complaints).toEqual([]);
  },
  60_000,
);

test.skipIf(CHROMIUM === null)(
  "X3, TST-08, TST-09: a saved connection is called by its page, and calls; it tells what is heard, when it last passed, and since when it is verified",
  async () => {
    const { page, url, client, complaints } = desk;
    client.gateway.testEvents = [
      { begun: "call" },
      {
        ...verdictOf("call", "call-answered", { tookMs: 840, facts: ["by Head office"] }),
        call: "c1",
      },
      { begun: "talk" },
      {
        ...verdictOf("talk", "hears-echo", {
          tookMs: 4_802,
          facts: ["12 dB below full scale at its loudest", "82 ms there and back"],
        }),
        call: "c1",
      },
    ];
    const [{ id } = { id: 0 }] = (await client.store.load()).connections;
    await page.goto(`${url}/connections/${id}`);
    await page.getByText("No test call has passed yet").waitFor();
    // The form of the test before was left with changes.
    complaints.length = 0;
    await page.getByLabel("Number to call").fill("112");
    await page.getByRole("button", { name: "Call it" }).click();
    await page.getByText("an emergency number is called in an emergency").waitFor();
    await page.getByLabel("Number to call").fill("*43");
    await page.getByRole("button", { name: "Call it" }).click();
    await page.getByText("both ways are heard").waitFor();
    expect(await page.locator("#call-steps a").first().getAttribute("href")).toBe("/calls/c1");
    for (const [look, width] of [
      ["light", 1280],
      ["phone", 390],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.screenshot({ path: join(OUTPUT, `test-call-${look}.png`), fullPage: true });
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    const badge = async () => {
      await page.reload();
      return page.locator("[data-test-call] h2 .badge").innerText();
    };
    expect(await badge()).toBe("Passed today");
    const told = page.locator("#verified");
    expect(await told.innerText()).toContain("Not verified yet: a call out was heard");
    client.gateway.testEvents = [
      { begun: "incoming" },
      { ...verdictOf("incoming", "came-in", { tookMs: 9_120, facts: [] }), call: "c3" },
      { begun: "talk" },
      { ...verdictOf("talk", "received-heard", { tookMs: 12_031, facts: [] }), call: "c3" },
    ];
    await page.getByRole("button", { name: "Wait for a call" }).click();
    await page.getByText("both sides sent sound to each other").waitFor();
    while ((await client.happenings.changes(id, 9)).length < 2) await Bun.sleep(10);
    await Bun.sleep(50);
    expect(await badge()).toBe("Passed today");
    const day = new Date(client.clock.now).toISOString().slice(0, 10);
    expect(await told.innerText()).toBe(`Verified on ${day}: heard both ways, out and in.`);
    await page.screenshot({ path: join(OUTPUT, "verified-light.png") });
    const old = client.clock.now - 31 * 86_400_000;
    await client.database.updateTable("status_change").set({ at: old }).execute();
    expect(await badge()).toBe("Passed 31 days ago: call again");
    expect(complaints.filter((it) => !it.includes("422"))).toEqual([]);
  },
  60_000,
);
