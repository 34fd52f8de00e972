/**
 * The admin on a port of its own, over a gateway that only remembers, and a browser before it: for
 * tests that walk its pages. What the gateway is said to do is the test's to say (`tell`).
 */
import { type Browser, chromium, type Page } from "playwright-core";
import type {
  BindingStatus,
  CallStatus,
  ConnectionStatus,
  Status,
} from "../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../gateway/machine.ts";
import type { ConnectionId, UserId } from "../../schema/config.ts";
import { type Client, IDLE, openClient, PASSWORD } from "../unit/admin/client.ts";

export const CHROMIUM = Bun.which("chromium");

export interface Desk {
  readonly client: Client;
  readonly url: string;
  readonly browser: Browser;
  readonly page: Page;
  /** What the console, the page or a dialog complained of. */
  readonly complaints: string[];
  tell(status: Partial<Status>): void;
  close(): Promise<void>;
}

/** Logged in by the form, on the dashboard. The clock is the real one: sessions must not expire. */
export async function openDesk(options: { loggedIn?: boolean } = {}): Promise<Desk> {
  const client = await openClient();
  client.clock.now = Date.now();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 120,
    fetch: (request) => client.app.fetch(request, { remoteAddress: "127.0.0.1" }),
  });
  const browser = await chromium.launch({
    executablePath: CHROMIUM ?? "chromium",
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.accept();
  });
  const url = `http://127.0.0.1:${server.port}`;
  if (options.loggedIn !== false) {
    await page.goto(`${url}/login`);
    await page.fill("[name=password]", PASSWORD);
    await page.click("button[type=submit]");
    await page.waitForURL(`${url}/`);
  }
  return {
    client,
    url,
    browser,
    page,
    complaints,
    tell: (status) => {
      client.gateway.status = { ...IDLE, ...status };
      for (const listener of client.listeners) listener();
    },
    close: async () => {
      await browser.close();
      await server.stop(true);
      await client.close();
    },
  };
}

export const ago = (seconds: number) => (Date.now() - seconds * 1_000) as WallMillis;

export function connectionOf(
  index: number,
  changes: Partial<ConnectionStatus> = {},
): ConnectionStatus {
  return {
    id: index as ConnectionId,
    name: `PBX ${index}`,
    registration: "registered",
    reason: "accepted by the registrar",
    since: ago(90),
    callsNow: 0,
    ...changes,
  };
}

export function callOf(id: string, changes: Partial<CallStatus> = {}): CallStatus {
  const base = { id, direction: "outbound", state: "connected", started: ago(65) } as const;
  return { ...base, caller: "alice", callee: "+442079460000", ...changes };
}

export function bindingOf(user: number, changes: Partial<BindingStatus> = {}): BindingStatus {
  return {
    user: user as UserId,
    userAgent: "JsSIP 3.13.8",
    remote: "203.0.113.7:51812",
    since: ago(4_000),
    expires: ago(-200),
    ...changes,
  };
}

/** A direction of a call's audio with that score. */
export function heard(mosNow: number) {
  return {
    basis: "reported" as const,
    loss: 0.002,
    lossNow: mosNow < 3.6 ? 0.06 : 0.001,
    burstRatio: 1,
    jitterMs: 6,
    mos: mosNow,
    mosNow,
    mosWorst: mosNow - 0.2,
  };
}
