/**
 * Every page as it is seen: axe finds no serious fault in light, dark and on a phone, nothing is
 * wider than a phone, the console is silent, and screenshots are left in test/output for review.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { gzipSync } from "bun";
import type { Response } from "playwright-core";
import { CHROMIUM, type Desk, openDesk } from "../rigs/admin-desk.ts";
import { PAGES } from "../rigs/admin-pages.ts";
import { furnish } from "../rigs/admin-sample.ts";

const OUTPUT = join(import.meta.dir, "..", "output", "admin");

const LOOKS = [
  { look: "light", scheme: "light", width: 1280, height: 900, rules: [] },
  // What the light may change: the rest was asked.
  { look: "dark", scheme: "dark", width: 1280, height: 900, rules: ["color-contrast"] },
  { look: "phone", scheme: "light", width: 390, height: 844, rules: ["target-size", "list"] },
] as const;

let desk: Desk;
beforeAll(async () => {
  if (CHROMIUM === null) return;
  mkdirSync(OUTPUT, { recursive: true });
  desk = await openDesk();
  await furnish(desk);
});
afterAll(() => desk?.close());

interface Violation {
  id: string;
  impact: string;
  nodes: { target: string[]; failureSummary: string }[];
}

/** What hinders people who see badly or use no mouse, of the page as it is. */
async function seriousFaults({ page }: Desk, rules: readonly string[]): Promise<string[]> {
  if (!(await page.evaluate("'axe' in globalThis"))) {
    // By the debugger's door, not as an element: the page's own policy lets no script in.
    await page.evaluate(axe.source);
  }
  const options = JSON.stringify({
    resultTypes: ["violations"],
    ...(rules.length > 0 ? { runOnly: rules } : {}),
  });
  const found = (await page.evaluate(
    `axe.run(document, ${options}).then((it) => it.violations)`,
  )) as Violation[];
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((it) => `${id}: ${it.target.join(" ")}`));
}

for (const { look, scheme, width, height, rules } of LOOKS) {
  test.skipIf(CHROMIUM === null)(
    `axe finds no serious fault on any page, and nothing sticks out: ${look}`,
    async () => {
      const { page, url, complaints } = desk;
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: scheme });
      for (const [name, path, filled] of PAGES) {
        await page.goto(url + path);
        await page.locator(filled).first().waitFor();
        await page.screenshot({ path: join(OUTPUT, `${name}-${look}.png`), fullPage: true });
        expect([name, await seriousFaults(desk, rules)]).toEqual([name, []]);
        const wider = await page.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        expect([name, wider]).toEqual([name, 0]);
        // A table that has to be scrolled sideways hides what it is looked at for.
        const scrolled = await page.evaluate(
          "[...document.querySelectorAll('table')].filter((it) => it.parentElement.scrollWidth > it.parentElement.clientWidth).map((it) => it.id)",
        );
        expect([name, scrolled]).toEqual([name, []]);
      }
      expect(complaints).toEqual([]);
    },
    120_000,
  );
}

test.skipIf(CHROMIUM === null)(
  "the first load of any page is below 150 KB gzipped",
  async () => {
    const { page, url, browser } = desk;
    const cookies = await page.context().cookies();
    const heaviest = PAGES.filter(([name]) => ["dashboard", "connection", "api"].includes(name));
    for (const [name, path] of heaviest) {
      const context = await browser.newContext();
      await context.addCookies(cookies);
      const fresh = await context.newPage();
      const sizes: Promise<number>[] = [];
      const weigh = (response: Response) => {
        if (response.url().endsWith("/events")) return;
        sizes.push(response.body().then((body) => gzipSync(new Uint8Array(body)).length));
      };
      fresh.on("response", weigh);
      await fresh.goto(url + path, { waitUntil: "load" });
      fresh.off("response", weigh);
      const total = (await Promise.all(sizes)).reduce((sum, it) => sum + it, 0);
      expect([name, total > 2_000, total < 150_000, total]).toEqual([name, true, true, total]);
      await context.close();
    }
  },
  60_000,
);
