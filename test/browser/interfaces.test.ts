/** Further interfaces: added in the settings, chosen in a connection, told by its firewall card. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CHROMIUM, type Desk, openDesk } from "../rigs/admin-desk.ts";
import { furnish } from "../rigs/admin-sample.ts";
import { IDLE } from "../unit/admin/client.ts";

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
  "CON-20, CON-21, NAT-07: an interface is added, chosen, and what firewalls must let through follows",
  async () => {
    const { page, url, client, tell, complaints } = desk;
    await page.goto(`${url}/settings`);
    await page.getByRole("button", { name: "Add an interface" }).click();
    const list = page.locator("[data-list=interfaces]");
    await list.getByLabel("Name").fill("carrier");
    await list.getByLabel("Address", { exact: true }).fill("192.0.2.999");
    await list.getByLabel("SIP port").fill("5070");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("one IP address of this machine is expected").waitFor();
    await list.getByLabel("Address", { exact: true }).fill("192.0.2.10");
    await page.getByRole("button", { name: "Save" }).click();
    const saved = () => client.gateway.applied.at(-1)?.settings?.interfaces;
    await page.getByText("Saved").waitFor();
    expect(saved()).toEqual([{ name: "carrier", address: "192.0.2.10", sipPort: 5_070 }]);
    const carrier = { name: "carrier", address: "192.0.2.10", bound: "192.0.2.10", sipPort: 5_070 };
    const lost = { ...carrier, name: "lost", problem: "192.0.2.10:5070 can't be opened for SIP" };
    tell({ network: { ...IDLE.network, interfaces: [carrier, lost] } });
    await page.goto(`${url}/settings`);
    const facts = page.locator("dl.facts");
    expect(await facts.textContent()).toContain("192.0.2.10, SIP port 5070");
    expect(await facts.textContent()).toContain("can't be opened for SIP");
    await page.screenshot({ path: join(OUTPUT, "interfaces-settings.png"), fullPage: true });

    const [{ id } = { id: 0 }] = (await client.store.load()).connections;
    await page.goto(`${url}/connections/${id}`);
    const firewall = page.locator("[aria-labelledby=firewall-title]");
    expect(await firewall.textContent()).toContain(IDLE.network.address);
    await page.getByText("Where we are for it").click();
    await page.selectOption("[name=interface]", "carrier");
    await page.selectOption("[name=nat]", "yes");
    await page.getByRole("button", { name: "Save" }).click();
    const chosen = () => client.gateway.applied.at(-1)?.connections.find((it) => it.id === id);
    await page.getByText("Saved").waitFor();
    expect(chosen()).toMatchObject({ interface: "carrier", nat: "yes" });
    expect(chosen()).not.toHaveProperty("mediaInterface");

    await page.goto(`${url}/connections/${id}`);
    expect(await firewall.locator("dd").first().textContent()).toBe("192.0.2.10");
    expect(await firewall.textContent()).toContain("port 5070");
    const lines = firewall.getByRole("region", { name: "Lines for nftables" });
    await page.getByText("Lines for nftables").click();
    expect(await lines.locator("pre").textContent()).toContain("dport 5070 accept");
    expect(await lines.getByRole("button", { name: "Copy" }).isVisible()).toBe(true);
    await page.getByText("Where we are for it").click();
    for (const [look, width] of [
      ["light", 1280],
      ["phone", 390],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.screenshot({ path: join(OUTPUT, `firewall-${look}.png`), fullPage: true });
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    // The browser notes the answer that is no 2xx.
    expect(complaints.filter((it) => !/status of 422|^dialog: $/.test(it))).toEqual([]);
  },
  60_000,
);
