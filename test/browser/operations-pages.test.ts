/** Alerts, backups, export and import as an administrator uses their pages (OPS-02, OPS-03, SEC-11). */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { WallMillis } from "../../gateway/machine.ts";
import { CHROMIUM, type Desk, openDesk } from "../rigs/admin-desk.ts";

const TEST_MS = 60_000;
const PASSPHRASE = "a long passphrase";

let desk: Desk;
beforeAll(async () => {
  if (CHROMIUM === null) return;
  desk = await openDesk();
  await desk.page.request.post(`${desk.url}/api/v1/users`, {
    data: { name: "alice", password: "alice-password" },
    headers: { Origin: desk.url },
  });
}, TEST_MS);
afterAll(() => desk?.close());

/** What the page offers to save, as text. */
async function exported(passphrase: string): Promise<string> {
  const { page, url } = desk;
  await page.goto(`${url}/settings/backup`);
  await page.locator("#export [name=passphrase]").fill(passphrase);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  return readFileSync(await (await download).path(), "utf8");
}

async function tryDocument(text: string, passphrase = ""): Promise<void> {
  const { page, url } = desk;
  await page.goto(`${url}/settings/backup`);
  const file = { name: "export.json", mimeType: "application/json", buffer: Buffer.from(text) };
  await page.locator("#import [name=file]").setInputFiles(file);
  await page.locator("#import [name=passphrase]").fill(passphrase);
  await page.getByRole("button", { name: "What would it do?" }).click();
}

test.skipIf(CHROMIUM === null)(
  "OPS-02: an export is changed by hand, tried, and taken over; what is no document is told so",
  async () => {
    const { page, url, complaints } = desk;
    const text = await exported("");
    expect(text).toContain('"alice"');
    await tryDocument(text);
    await page.getByText("It is what is here already.").waitFor();

    await tryDocument("no JSON");
    await page.getByText("The file is no JSON document").waitFor();

    await tryDocument(text.replace('"displayName": ""', '"displayName": "Alice Example"'));
    await page.locator("#changes").getByText("Changed").waitFor();
    await page.getByRole("button", { name: "Do it" }).click();
    await page.getByText("The document was taken over").waitFor();
    const users = (await (await page.request.get(`${url}/api/v1/users`)).json()) as object[];
    expect(users).toMatchObject([{ name: "alice", displayName: "Alice Example" }]);
    expect(complaints).toEqual([]);
  },
  TEST_MS,
);

test.skipIf(CHROMIUM === null)(
  "SEC-11: with a passphrase the secrets go along, sealed; another passphrase opens nothing",
  async () => {
    const { page } = desk;
    const text = await exported(PASSPHRASE);
    await tryDocument(text, "another passphrase");
    await page
      .getByText(/passphrase/i)
      .last()
      .waitFor();
    expect(await page.locator("#apply").isVisible()).toBe(false);
    await tryDocument(text, PASSPHRASE);
    await page.getByText("It is what is here already.").waitFor();
  },
  TEST_MS,
);

test.skipIf(CHROMIUM === null)(
  "OPS-03: the web hook is set, tried and given a key, which is shown once",
  async () => {
    const { page, url } = desk;
    await page.goto(`${url}/settings/alerts`);
    await page.getByLabel("URL").fill("https://hooks.example.com/jackfield");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved", { exact: true }).waitFor();
    expect(await page.getByLabel("URL").inputValue()).toBe("https://hooks.example.com/jackfield");
    await page.getByRole("button", { name: "Send a test" }).click();
    await page.getByText("The web hook took the test").waitFor();
    await page.getByRole("button", { name: "Make a new key" }).click();
    await page.getByRole("button", { name: "Make it" }).click();
    await page.locator("#key-text").filter({ hasText: "a new secret" }).waitFor();
    await page.reload();
    expect(await page.locator("#key-text").isVisible()).toBe(false);
  },
  TEST_MS,
);

test.skipIf(CHROMIUM === null)(
  "S4: a ban is seen as it comes, and is ended by whoever may",
  async () => {
    const { page, url, client, tell } = desk;
    await page.goto(`${url}/settings/bans`);
    await page.getByText("Nobody is banned").waitFor();
    const until = (Date.now() + 60_000) as WallMillis;
    tell({ bans: [{ source: "2001:db8:1:2::/64", reason: "wrong password", until }] });
    await page.getByRole("button", { name: "Listen again" }).click();
    await page.getByText("2001:db8:1:2::/64 is listened to again").waitFor();
    expect(client.gateway.unbanned).toEqual(["2001:db8:1:2::/64"]);
    tell({ bans: [] });
    await page.getByText("Nobody is banned").waitFor();
    const gone = await page.request.delete(`${url}/api/v1/bans/192.0.2.1`, {
      headers: { Origin: url },
    });
    expect(gone.status()).toBe(404);
  },
  TEST_MS,
);

test.skipIf(CHROMIUM === null)(
  "NAT-02, AMB-04: addresses and the number plan are set on the page, and what is wrong stands at its field",
  async () => {
    const { page, url } = desk;
    await page.goto(`${url}/settings`);
    await page.getByLabel("Public address").fill("not an address");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("an IP address is expected").waitFor();
    await page.getByLabel("Public address").fill("203.0.113.7");
    await page.getByLabel("Local networks").fill("192.168.1.0/24, 10.0.0.0/8");
    await page.getByLabel("Country code", { exact: true }).fill("49");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved", { exact: true }).waitFor();
    const saved = await (await page.request.get(`${url}/api/v1/settings`)).json();
    expect(saved).toMatchObject({
      externalAddress: "203.0.113.7",
      localNetworks: ["192.168.1.0/24", "10.0.0.0/8"],
      numberPlan: { countryCode: "49" },
      // What another page set stays.
      alerts: { webhook: "https://hooks.example.com/jackfield" },
    });
  },
  TEST_MS,
);
