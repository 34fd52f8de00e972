/** The first admin page in a browser: live rows, forms, and texts from SIP that want to be scripts. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Browser, chromium, type Page } from "playwright-core";
import type { CallStatus, ConnectionStatus, Status } from "../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../gateway/machine.ts";
import type { ConnectionId, UserId } from "../../schema/config.ts";
import { type Client, IDLE, openClient, PASSWORD } from "../unit/admin/client.ts";

const program = Bun.which("chromium");

/** Each reports itself when it is run. */
const HOSTILE = [
  '<img src=x onerror="globalThis.executed=1">',
  '"><svg/onload=globalThis.executed=1>',
  "<script>globalThis.executed=1</script>",
  "javascript:globalThis.executed=1",
  "{{constructor.constructor('globalThis.executed=1')()}}",
  "\u202egnp.exe<b>bold</b>",
  "</script></title><script>globalThis.executed=1</script>",
];

const ago = (seconds: number) => (Date.now() - seconds * 1_000) as WallMillis;

function connectionOf(index: number, changes: Partial<ConnectionStatus> = {}): ConnectionStatus {
  const reason = "accepted by the registrar";
  const base = {
    id: index as ConnectionId,
    name: `PBX ${index}`,
    registration: "registered",
  } as const;
  return { ...base, reason, since: ago(90), callsNow: 0, ...changes };
}

function callOf(id: string, changes: Partial<CallStatus> = {}): CallStatus {
  const base = { id, direction: "outbound", state: "connected", started: ago(65) } as const;
  return { ...base, caller: "alice", callee: "+442079460000", ...changes };
}

function hostileStatus(): Status {
  return {
    ...IDLE,
    connections: HOSTILE.map((text, index) =>
      connectionOf(index + 1, { name: text, reason: text }),
    ),
    calls: HOSTILE.map((text, index) =>
      callOf(`${index}${text}`, {
        caller: text,
        callee: text,
        codecs: { webrtc: text, trunk: text },
      }),
    ),
    bindings: HOSTILE.map((text) => ({
      user: 1 as UserId,
      userAgent: text,
      remote: text,
      since: ago(5),
      expires: ago(-60),
    })),
  };
}

let browser: Browser;
beforeAll(async () => {
  if (program === null) return;
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath: program, headless: true, args });
});
afterAll(() => browser?.close());

/** The admin on a port of its own, logged in to by the form, on its first page. */
async function openPage(): Promise<{
  client: Client;
  page: Page;
  complaints: string[];
  close(): Promise<void>;
}> {
  const client = await openClient();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => client.app.fetch(request, { remoteAddress: "127.0.0.1" }),
  });
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.accept();
  });
  await page.goto(`http://127.0.0.1:${server.port}/login`);
  await page.fill("[name=password]", PASSWORD);
  await page.click("button[type=submit]");
  await page.waitForURL("**/");
  const close = async () => {
    await page.close();
    await server.stop(true);
    await client.close();
  };
  return { client, page, complaints, close };
}

function tell(client: Client, status: Status): void {
  client.gateway.status = status;
  for (const listener of client.listeners) listener();
}

test.skipIf(program === null)(
  "W6: what SIP brings is shown as it is and never run",
  async () => {
    const { client, page, complaints, close } = await openPage();
    for (const [index, displayName] of HOSTILE.entries()) {
      const name = `user-${index}`;
      await client.asProgram("POST", "/api/v1/users", {
        body: { name, displayName, password: "password1" },
      });
    }
    tell(client, hostileStatus());
    await page
      .locator("#softphones tbody tr")
      .nth(HOSTILE.length - 1)
      .waitFor();
    await page.reload();
    await page
      .locator("#softphones tbody tr")
      .nth(HOSTILE.length - 1)
      .waitFor();
    const agents = await page.locator("#softphones tbody td:nth-child(2)").allTextContents();
    expect(agents).toEqual(HOSTILE);
    expect(await page.locator("#calls tbody td:nth-child(1)").allTextContents()).toEqual(HOSTILE);
    expect(await page.locator("tbody img, tbody svg, tbody script, tbody b").count()).toBe(0);
    expect(await page.evaluate("globalThis.executed")).toBeUndefined();
    expect(complaints).toEqual([]);
    await close();
  },
  30_000,
);

test.skipIf(program === null)(
  "rows follow the gateway; the buttons act on it",
  async () => {
    const { client, page, complaints, close } = await openPage();
    await page.getByText("No call right now.").waitFor();
    tell(client, { ...IDLE, connections: [connectionOf(1)], calls: [callOf("a/b?c")] });
    await page.getByText("+442079460000").waitFor();
    await page.getByRole("button", { name: "Hang up" }).click();
    while (client.gateway.hungUp.length === 0) await Bun.sleep(10);
    expect(client.gateway.hungUp).toEqual(["a/b?c"]);
    tell(client, IDLE);
    await page.getByText("No call right now.").waitFor();
    expect(complaints).toEqual([]);
    await close();
  },
  30_000,
);

test.skipIf(program === null)(
  "the forms add a user and a connection, and say what is wrong",
  async () => {
    const { client, page, close } = await openPage();
    const user = page.locator("form[data-resource$=users]");
    await page.getByText("Add a user").click();
    await user.locator("[name=name]").fill("alice smith");
    await user.locator("[name=password]").fill("password1");
    await user.getByRole("button").click();
    await page.getByText("letters, digits").waitFor();
    await user.locator("[name=name]").fill("alice");
    await user.getByRole("button").click();
    await page
      .locator("[name=inboundUser] option", { hasText: "alice" })
      .waitFor({ state: "attached" });

    const connection = page.locator("form[data-resource$=connections]");
    await page.getByText("Add a connection").click();
    await connection.locator("[name=name]").fill("Head office");
    await connection.locator("[name=type]").selectOption("outbound-trunk");
    await connection.locator("[name=host]").fill("192.0.2.7");
    await connection.locator("[name=allow]").fill("0.0.0.0/0");
    await connection.getByRole("button").click();
    await page.getByText("covers the whole address space").waitFor();
    await connection.locator("[name=allow]").fill("192.0.2.7, 192.0.2.128/25");
    await connection.locator("[name=pattern]").fill("^2\\d{2}$");
    await connection.locator("[name=inboundUser]").selectOption({ label: "alice" });
    const navigated = page.waitForEvent("load");
    await connection.getByRole("button").click();
    await navigated;
    const config = await client.store.load();
    expect(config.users.map(({ name }) => name)).toEqual(["alice"]);
    expect(config.connections).toMatchObject([
      { name: "Head office", allow: ["192.0.2.7/32", "192.0.2.128/25"], inboundUser: 1 },
    ]);
    await close();
  },
  30_000,
);
