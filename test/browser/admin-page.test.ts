/** The admin's pages in a browser: live rows, and forms. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { CHROMIUM, callOf, connectionOf, type Desk, openDesk } from "../rigs/admin-desk.ts";
import { PAYLOADS } from "../rigs/payloads.ts";
import { IDLE } from "../unit/admin/client.ts";

const CALL_WORDS: Readonly<Record<string, string>> = {
  routing: "Routing",
  ringing: "Ringing",
  early: "Early media",
  connected: "Connected",
};

/** Chance that comes the same again (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

let desk: Desk;
beforeAll(async () => {
  if (CHROMIUM !== null) desk = await openDesk();
});
afterAll(() => desk?.close());

test.skipIf(CHROMIUM === null)(
  "rows follow the gateway; the buttons act on it after a question",
  async () => {
    const { client, page, url, tell, complaints } = desk;
    tell(IDLE);
    await page.goto(url);
    await page.getByText("No call right now.").waitFor();
    tell({ connections: [connectionOf(1)], calls: [callOf("a/b?c")] });
    await page.getByText("+442079460000").waitFor();
    await page.getByRole("button", { name: "Hang up" }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    expect(client.gateway.hungUp).toEqual([]);
    await page.getByRole("button", { name: "Hang up" }).click();
    await page.locator("dialog").getByRole("button", { name: "Hang up" }).click();
    while (client.gateway.hungUp.length === 0) await Bun.sleep(10);
    expect(client.gateway.hungUp).toEqual(["a/b?c"]);
    tell(IDLE);
    await page.getByText("No call right now.").waitFor();
    expect(complaints).toEqual([]);
  },
  30_000,
);

test.skipIf(CHROMIUM === null)(
  "the dashboard stays right while two hundred calls change under it, and keeps the focus",
  async () => {
    const { page, url, tell, complaints } = desk;
    const chance = seeded(7);
    const states = ["routing", "ringing", "early", "connected"] as const;
    let next = 0;
    const newCall = () => {
      next += 1;
      const state = states[Math.floor(chance() * states.length)] ?? "routing";
      return callOf(`call-${next}`, { caller: `user-${next}`, state });
    };
    let calls = [callOf("steady", { caller: "steady" }), ...Array.from({ length: 199 }, newCall)];
    const shown = () =>
      page.evaluate(
        "[...document.querySelectorAll('#calls tbody tr')].map((it) => [it.dataset.key, it.cells[0].innerText, it.cells[2].innerText].join(' '))",
      );
    const wanted = () =>
      calls.map(({ id, caller, state }) => `${id} ${caller} ${CALL_WORDS[state] ?? state}`);
    tell({ calls });
    await page.goto(url);
    await page.locator("tr[data-key=steady] button").focus();
    await page.evaluate("document.activeElement.closest('tr').wasMarked = true");
    for (let round = 0; round < 8; round += 1) {
      const kept = calls.filter(({ id }) => id === "steady" || chance() > 0.3);
      const changed = kept.map((it) =>
        chance() > 0.5 ? { ...it, state: states[Math.floor(chance() * 4)] ?? it.state } : it,
      );
      const added = Array.from({ length: 200 - changed.length }, newCall);
      calls = [...added, ...changed].sort((a, b) => (a.caller < b.caller ? -1 : 1));
      tell({ calls });
      await page.locator(`tr[data-key=${added.at(-1)?.id}]`).waitFor();
      expect(await shown()).toEqual(wanted());
      expect(await page.locator("#calls-now-value").textContent()).toBe("200");
    }
    expect(
      await page.evaluate(
        "[document.activeElement.closest('tr').dataset.key, document.activeElement.closest('tr').wasMarked]",
      ),
    ).toEqual(["steady", true]);
    tell(IDLE);
    await page.getByText("No call right now.").waitFor();
    expect(complaints).toEqual([]);
  },
  60_000,
);

test.skipIf(CHROMIUM === null)(
  "AMB-15: the forms add and change a user and a connection, and say what is wrong where it is wrong",
  async () => {
    const { client, page, url } = desk;
    const save = page.getByRole("button", { name: "Save" });
    await page.goto(`${url}/users`);
    await page.getByRole("link", { name: "Add a user" }).first().click();
    await page.getByLabel("Name", { exact: true }).fill("alice smith");
    await page.getByLabel("Password").fill("password1");
    await save.click();
    await page.getByText("letters, digits").waitFor();
    expect(await page.locator("[name=name]").getAttribute("aria-invalid")).toBe("true");
    await page.getByLabel("Name", { exact: true }).fill("alice");
    await save.click();
    await page.waitForURL("**/users");
    await page.getByRole("link", { name: "alice" }).click();
    await page.getByLabel("When busy").fill("250");
    await save.click();
    await page.getByText("busy: 250").waitFor();

    await page.goto(`${url}/connections`);
    await page.getByRole("link", { name: "Add a connection" }).first().click();
    await page.getByLabel("Name", { exact: true }).fill("Head office");
    await page.getByLabel("Type").selectOption("outbound-trunk");
    await page.getByLabel("Host", { exact: true }).fill("192.0.2.7");
    // Before anybody saves: the gateway's own validators look while one types.
    await page.getByLabel("They may come from").fill("0.0.0.0/0");
    await page.getByText("covers the whole address space").waitFor();
    await page.getByLabel("Weight", { exact: true }).fill("70000");
    await page.getByText("65535").waitFor();
    await page.getByLabel("Weight", { exact: true }).fill("50");
    // AMB-24: the first connection is for all numbers, unless something else is said.
    expect(await page.getByLabel("Pattern").first().inputValue()).toBe(".");
    await page.getByLabel("Pattern").first().fill("2d{2}");
    await page.getByText("did you mean \\d?").waitFor();
    await page.getByLabel("Pattern").first().fill("^2\\d{2}$");
    await page.getByLabel("Numbers to try").fill("204, 2040");
    await page.locator("#sample-results .badge.good").waitFor();
    expect(await page.locator("#sample-results li").allTextContents()).toEqual([
      "match 204 by ^2\\d{2}$",
      "no match 2040",
    ]);
    await page.getByRole("button", { name: "Add a pattern" }).click();
    await page.getByLabel("Pattern").nth(1).fill("(");
    const refused = page.waitForResponse(
      (response) => response.request().method() === "POST" && response.status() === 422,
    );
    await save.click();
    await refused;
    await page.getByText("covers the whole address space").waitFor();
    expect(await page.locator("[name=allow]").getAttribute("aria-invalid")).toBe("true");
    expect(new URL(page.url()).pathname).toBe("/connections/new");
    expect(await page.locator("[name=pattern]").nth(1).getAttribute("aria-invalid")).toBe("true");
    await page.getByLabel("Pattern").nth(1).fill("^3");
    await page.getByLabel("What it is for").nth(1).fill("The branch in Lyon");
    await page.getByLabel("They may come from").fill("192.0.2.7\n192.0.2.128/25");
    await page.getByLabel("They ring").selectOption({ label: "alice" });
    await page.getByRole("button", { name: "Add a number" }).click();
    await page.getByLabel("Number", { exact: true }).fill("+49301234567");
    await page.getByLabel("Rings").selectOption({ label: "alice" });
    await page.getByText("Limits and failover").click();
    await page.getByLabel("Group").fill("carriers");
    await page.getByRole("button", { name: "Add a host" }).click();
    await page.getByLabel("Further host", { exact: true }).fill("192.0.2.8");
    await page.getByLabel("Its port").fill("5070");
    await save.click();
    await page.waitForURL("**/connections");
    const { users, connections } = await client.store.load();
    const alice = users[0]?.id;
    const [made] = connections;
    expect(made).toMatchObject({
      name: "Head office",
      allow: ["192.0.2.7/32", "192.0.2.128/25"],
      inboundUser: alice,
      patterns: [{ pattern: "^2\\d{2}$" }, { pattern: "^3", comment: "The branch in Lyon" }],
      furtherHosts: [{ host: "192.0.2.8", port: 5_070 }],
      codecs: ["G722", "PCMA", "PCMU"],
      failoverGroup: { name: "carriers", strategy: "ordered" },
      inboundNumbers: [{ number: "+49301234567", users: [alice] }],
    });
    expect(made).not.toHaveProperty("tls");
    await page.goto(`${url}/dial-plan`);
    await page.getByText("The branch in Lyon").waitFor();

    await page.goto(`${url}/connections/${made?.id}`);
    await page.getByText("Limits and failover").click();
    await page.getByLabel("Group").fill("");
    await page.getByLabel("All calls").fill("10");
    await page.getByLabel("Switched on").uncheck();
    await save.click();
    await page.waitForURL("**/connections");
    const [changed] = (await client.store.load()).connections;
    expect(changed).toMatchObject({ name: "Head office", maxCalls: 10, enabled: false });
    expect(changed).not.toHaveProperty("failoverGroup");
  },
  60_000,
);

test.skipIf(CHROMIUM === null)(
  "AMB-24: of another connection that calls out, the form wants to know which numbers go there",
  async () => {
    const { client, page, url } = desk;
    await page.goto(`${url}/connections/new`);
    expect(await page.locator("[name=pattern]").count()).toBe(0);
    await page.getByLabel("Name", { exact: true }).fill("Branch");
    await page.getByLabel("Host", { exact: true }).fill("192.0.2.9");
    await page.getByLabel("User name").first().fill("jack");
    await page.getByLabel("Password", { exact: true }).fill("secret enough");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("say which numbers go there").waitFor();
    expect((await client.store.load()).connections).toHaveLength(1);
  },
  30_000,
);

test.skipIf(CHROMIUM === null)(
  "lists are put in order by keyboard and by drag, and rows are taken away",
  async () => {
    const { client, page, url } = desk;
    const [{ id } = { id: 0 }] = (await client.store.load()).connections;
    await page.goto(`${url}/connections/${id}`);
    await page.locator("summary", { hasText: "Audio" }).click();
    await page.getByRole("button", { name: "Move G.711 A-law up" }).focus();
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.innerText")).toBe("Move G.711 A-law up");
    await page.getByText("Now 1 of 4").waitFor({ state: "attached" });
    await page.getByLabel("Opus").check();
    const grips = page.locator("[data-list=patterns] .grip");
    await grips.nth(1).dragTo(grips.nth(0));
    await page.getByRole("button", { name: "Remove this number" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL("**/connections");
    const [changed] = (await client.store.load()).connections;
    expect(changed?.codecs).toEqual(["PCMA", "G722", "PCMU", "opus"]);
    expect(changed?.patterns.map(({ pattern }) => pattern)).toEqual(["^3", "^2\\d{2}$"]);
    expect(changed?.inboundNumbers ?? []).toEqual([]);
  },
  60_000,
);

test.skipIf(CHROMIUM === null)(
  "D8: a change made meanwhile is not overwritten",
  async () => {
    const { client, page, url } = desk;
    const [{ id } = { id: 0 }] = (await client.store.load()).users;
    await page.goto(`${url}/users/${id}`);
    await client.asProgram("PATCH", `/api/v1/users/${id}`, { body: { displayName: "Alice Ames" } });
    await page.getByLabel("Shown as").fill("Somebody");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("somebody else changed it meanwhile").waitFor();
    expect((await client.store.load()).users[0]?.displayName).toBe("Alice Ames");
  },
  30_000,
);

test.skipIf(CHROMIUM === null)(
  "RTE-16: what would happen is asked on the dial plan's page, and shown as text",
  async () => {
    const { client, page, url } = desk;
    const steps = PAYLOADS.map((text) => ({ connection: text, outcome: text }));
    client.gateway.explanation = { number: "250", ways: [], steps, reason: "nothing matches" };
    await page.goto(`${url}/dial-plan`);
    await page.getByLabel("dialled").fill("250");
    await page.getByRole("button", { name: "Ask" }).click();
    await page.getByText("Nobody would be reached: nothing matches.").waitFor();
    expect(await page.locator("#answer strong").allTextContents()).toEqual([...PAYLOADS]);
    expect(await page.evaluate("globalThis.hacked")).toBeUndefined();
  },
  30_000,
);

test.skipIf(CHROMIUM === null)(
  "RTE-16: the dial plan's page asks about a time that is past, in the browser's own hours",
  async () => {
    const { client, page, url, complaints } = desk;
    complaints.length = 0;
    const asked: (number | undefined)[] = [];
    client.gateway.explanation = { number: "250", ways: [], steps: [], reason: "PBX is down" };
    client.gateway.explain = (_user, _number, past) => {
      asked.push(past?.at);
      return client.gateway.explanation;
    };
    await page.goto(`${url}/dial-plan`);
    await page.getByLabel("dialled").fill("250");
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 16);
    const time = page.getByLabel("at (empty: now)");
    const ask = page.getByRole("button", { name: "Ask" });
    await time.fill(yesterday);
    await ask.click();
    await page.getByText("with the plan as it is now").waitFor();
    const inBrowser = await page.evaluate(`new Date("${yesterday}").getTime()`);
    expect(asked).toEqual([inBrowser as number]);
    // Empty again, it is now; what is to come is refused.
    await time.fill("");
    await ask.click();
    await page.getByText("with the plan as it is now").waitFor({ state: "detached" });
    expect(asked[1]).toBeUndefined();
    expect(complaints).toEqual([]);
    await time.fill("2099-01-01T00:00");
    await ask.click();
    await page.getByText("at is in the future").waitFor();
    expect(asked).toHaveLength(2);
  },
  30_000,
);

test.skipIf(CHROMIUM === null)(
  "accounts are added, given a role and taken away; a token is shown once; the last admin stays",
  async () => {
    const { client, page, url } = desk;
    await page.goto(`${url}/settings/accounts`);
    await page.getByLabel("Name", { exact: true }).fill("olga");
    await page.getByLabel("Password").fill("too short");
    await page.getByRole("button", { name: "Add the account" }).click();
    await page.getByText("at least 12 characters are expected").waitFor();
    await page.getByLabel("Password").fill("a long enough password");
    await page.getByRole("button", { name: "Add the account" }).click();
    const row = page.locator("#accounts tbody tr", { hasText: "olga" });
    await row.getByRole("button", { name: "Make viewer" }).click();
    await row.locator(".badge", { hasText: "Viewer" }).waitFor();
    await row.getByRole("button", { name: "Delete" }).click();
    await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
    await row.waitFor({ state: "detached" });
    const own = page.locator("#accounts tbody tr", { hasText: "administrator" });
    await own.getByRole("button", { name: "Make viewer" }).click();
    await page.locator(".toast.bad").waitFor();
    await own.locator(".badge", { hasText: "Admin" }).waitFor();

    await page.goto(`${url}/settings/tokens`);
    await page.getByLabel("What for").fill("monitoring");
    await page.getByRole("button", { name: "Make it" }).click();
    const token = (await page.locator("#token", { hasText: "jf_" }).textContent()) ?? "";
    const asked = await client.raw("GET", "/api/v1/status", {
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(asked.status).toBe(200);
    const made = page.locator("#tokens tbody tr", { hasText: "monitoring" });
    await made.getByRole("button", { name: "Revoke" }).click();
    await page.locator("dialog").getByRole("button", { name: "Revoke" }).click();
    await made.waitFor({ state: "detached" });
  },
  30_000,
);

test.skipIf(CHROMIUM === null)(
  "what another choice has hidden is not saved, whatever was typed there before",
  async () => {
    const { client, page, url } = desk;
    await page.goto(`${url}/connections/new`);
    await page.getByLabel("Name", { exact: true }).fill("Branch");
    await page.getByLabel("Host", { exact: true }).fill("pbx.example.com");
    await page.getByLabel("User name", { exact: true }).fill("typed-too-early");
    await page.getByLabel("Type").selectOption("inbound-registration");
    await page.getByRole("button", { name: "Add a pattern" }).click();
    await page.getByLabel("Pattern").first().fill("^4");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("the password is not shown again").waitFor();
    await page.getByRole("button", { name: "I have it" }).click();
    await page.waitForURL((at) => at.pathname !== "/connections/new");
    const made = (await client.store.load()).connections.find(({ name }) => name === "Branch");
    expect(made).toMatchObject({ type: "inbound-registration", host: "" });
    expect(made?.username).toStartWith("pbx");
  },
  30_000,
);
