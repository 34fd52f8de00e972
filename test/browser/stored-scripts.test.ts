/**
 * W6: forty texts that want to be scripts or to mislead, in every place where a text of strangers, of
 * PBXs or of colleagues is kept, and every page of the admin looked at: none is run, none becomes an
 * element, and where one is shown it is shown as it is. A call's own page has its test of its own.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../gateway/machine.ts";
import { Audit } from "../../schema/audit.ts";
import type { ConnectionId } from "../../schema/config.ts";
import { Happenings } from "../../schema/happenings.ts";
import { Records } from "../../schema/records.ts";
import {
  ago,
  bindingOf,
  CHROMIUM,
  callOf,
  connectionOf,
  type Desk,
  openDesk,
} from "../rigs/admin-desk.ts";
import { PAGES } from "../rigs/admin-pages.ts";
import { PAYLOADS } from "../rigs/payloads.ts";

let desk: Desk;
beforeAll(async () => {
  if (CHROMIUM === null) return;
  desk = await openDesk();
  await furnish(desk);
}, 60_000);
afterAll(() => desk?.close());

/** Names are one line and short; control characters in them are refused, as their own tests say. */
const NAMES = PAYLOADS.filter((it) => it.length <= 64 && !/\p{C}/u.test(it));

async function furnish({ client, tell }: Desk): Promise<void> {
  const post = async (path: string, body: object) => {
    const response = await client.asProgram("POST", path, { body });
    if (!response.ok) throw new Error(`${path} ${JSON.stringify(body)}: ${await response.text()}`);
  };
  for (const [index, displayName] of NAMES.entries()) {
    await post("/api/v1/users", { name: `user-${index}`, displayName, password: "password1" });
    await post("/api/v1/connections", {
      name: displayName,
      type: "outbound-trunk",
      host: "192.0.2.7",
      allow: ["192.0.2.7"],
      patterns: [{ pattern: `^${index}$` }],
      failoverGroup: { name: displayName },
    });
    await post("/api/v1/tokens", { name: displayName });
  }
  await new Records(client.database).add(PAYLOADS.map(recordOf));
  const happenings = new Happenings(client.database);
  const audit = new Audit({ database: client.database, now: () => Date.now() });
  const changes = PAYLOADS.map((reason, at) => ({
    ...{ connection: 1 as ConnectionId, at: ago(at), reason },
    ...({ aspect: "registration", state: "auth-failed" } as const),
  }));
  await happenings.addChanges(changes);
  for (const text of PAYLOADS) {
    const alert = { rule: "ban", subject: text, text, at: ago(9) } as const;
    await happenings.addAlert({ change: "raised", ...alert });
    // Somebody who tries to log in says a name too.
    const name = text.replace(/[\r\n]/g, "");
    await audit.add({ name, source: text }, { action: "log-in-failed", name, kind: text });
  }
  client.gateway.strangers = PAYLOADS.map(recordOf);
  tell({
    connections: NAMES.map((name, index) => connectionOf(index + 1, { name, reason: name })),
    calls: PAYLOADS.map((text, index) =>
      callOf(`${index}${text}`, {
        caller: text,
        callee: text,
        codecs: { webrtc: text, trunk: text },
        notices: [text],
      }),
    ),
    bindings: PAYLOADS.map((text) => bindingOf(1, { userAgent: text, remote: text })),
    bans: PAYLOADS.map((text) => ({ source: text, reason: text, until: ago(-60) })),
  });
}

function recordOf(text: string, index: number): CallRecord {
  return {
    id: `record-${index}`,
    direction: "inbound",
    caller: text,
    callee: text,
    connection: 1 as ConnectionId,
    started: ago(100 + index) as WallMillis,
    ended: ago(90 + index) as WallMillis,
    status: 486,
    endedBy: "callee",
    reason: text,
    notices: [text],
    finding: { cause: "callee-busy", weight: "fault", sentence: text, suggestion: text },
  };
}

/** Where each page shows them, and which. */
const SHOWN: Readonly<Record<string, readonly [cells: string, texts: readonly string[]]>> = {
  dashboard: ["#calls tbody td:nth-child(1)", PAYLOADS],
  calls: ["#records tbody td:nth-child(2)", PAYLOADS],
  connections: ["#connections tbody td:nth-child(1) a", NAMES],
  users: ["#softphones tbody td:nth-child(2)", PAYLOADS],
  tokens: ["#tokens tbody td:nth-child(1)", NAMES],
  alerts: ["#alerts tbody td:nth-child(3)", PAYLOADS],
  bans: ["#bans tbody td:nth-child(1)", PAYLOADS],
};

test.skipIf(CHROMIUM === null)(
  "W6: forty payloads in every view of the admin are text, and never run",
  async () => {
    const { page, url, complaints } = desk;
    expect(PAYLOADS.length).toBe(40);
    for (const [name, path] of PAGES) {
      await page.goto(url + path);
      const [cells, texts] = SHOWN[name] ?? ["main", []];
      await page
        .locator(cells)
        .nth(Math.max(0, texts.length - 1))
        .waitFor();
      const shown = new Set(await page.locator(cells).allTextContents());
      const isShown = (text: string) => [...shown].some((it) => it.includes(text));
      expect([name, texts.filter((text) => !isShown(text))]).toEqual([name, []]);
      const made = await page.evaluate(
        "[...document.querySelectorAll('main *')].filter((it) => [...it.attributes].some(({ name }) => name.startsWith('on')) || ['SCRIPT', 'IFRAME', 'IMG', 'OBJECT', 'EMBED', 'STYLE', 'META', 'BASE', 'MATH', 'VIDEO', 'B'].includes(it.tagName)).map((it) => it.outerHTML)",
      );
      expect([name, made]).toEqual([name, []]);
      const links = await page.evaluate(
        "[...document.links].map(({ protocol }) => protocol).filter((it) => !/^https?:$/.test(it))",
      );
      expect([name, links]).toEqual([name, []]);
      expect([name, await page.evaluate("globalThis.hacked === undefined")]).toEqual([name, true]);
    }
    // No script was asked for from elsewhere, and the policy had nothing to forbid.
    expect(complaints).toEqual([]);
  },
  120_000,
);
