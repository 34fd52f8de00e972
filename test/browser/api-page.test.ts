/** The API's page: every route with who may, what it takes and answers; schemas open by their links. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { PERMISSIONS } from "../../admin/permissions.ts";
import { CHROMIUM, type Desk, openDesk } from "../rigs/admin-desk.ts";

const OUTPUT = join(import.meta.dir, "..", "output", "admin");

let desk: Desk;
beforeAll(async () => {
  if (CHROMIUM === null) return;
  mkdirSync(OUTPUT, { recursive: true });
  desk = await openDesk();
});
afterAll(() => desk?.close());

test.skipIf(CHROMIUM === null)(
  "each route says who may, and each schema it names is there, with its fields' bounds",
  async () => {
    const { page, url, complaints } = desk;
    await page.goto(`${url}/api`);
    const shown = (await page.locator("#routes summary").allTextContents()).map((text) =>
      text.trim().split(/\s+/).slice(0, 2).join(" "),
    );
    const wanted = Object.keys(PERMISSIONS)
      .filter((route) => route.includes(" /api/v1/"))
      .map((route) => route.replace(/:(\w+)/g, "{$1}"));
    expect(shown.toSorted()).toEqual(wanted.toSorted());
    const links = await page
      .locator("main a[href^='#schema-']")
      .evaluateAll((all) => all.map((it) => it.getAttribute("href") ?? ""));
    expect(links.length).toBeGreaterThan(40);
    for (const link of new Set(links)) {
      expect([link, await page.locator(link).count()]).toEqual([link, 1]);
    }

    const route = page.locator("details", { hasText: "Add a connection" }).first();
    await route.locator("summary").click();
    expect(await route.locator("dl").textContent()).toBe(
      "MayadminTakesConnectionInputAnswers201, Connection",
    );
    await route.getByRole("link", { name: "ConnectionInput" }).click();
    const schema = page.locator("#schema-ConnectionInput");
    const row = (name: string) =>
      schema.locator("tr", { has: page.locator("code", { hasText: new RegExp(`^${name}$`) }) });
    await row("weight").waitFor();
    expect(await row("weight").textContent()).toBe("weightinteger100 unless given");
    expect(await row("transport").textContent()).toContain('"udp" or "tcp" or "tls" or "auto"');
    expect(await row("patterns\\[\\].pattern").count()).toBe(1);
    const isWider = () =>
      page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    expect(await isWider()).toBe(0);
    await page
      .locator("#schema-ConnectionInput")
      .screenshot({ path: join(OUTPUT, "api-schema-light.png") });
    await page.screenshot({ path: join(OUTPUT, "api-open-light.png"), fullPage: true });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.screenshot({ path: join(OUTPUT, "api-open-phone.png") });
    expect(await isWider()).toBe(0);
    expect(complaints).toEqual([]);
  },
  30_000,
);
