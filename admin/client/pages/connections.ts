/** The list of connections: the configuration by the API, the status live. */
import type { ConnectionStatus } from "../../../gateway/b2bua/status.ts";
import type { Connection } from "../../../schema/config.ts";
import { api } from "../api.ts";
import { badge, h, note } from "../dom.ts";
import { live } from "../live.ts";
import { keyedRows } from "../rows.ts";
import { ago } from "../time.ts";
import { healthOf } from "../words.ts";

type Listed = Connection & { readonly status?: ConnectionStatus };

const ENCRYPTION = { none: "RTP", sdes: "SRTP (SDES)", dtls: "SRTP (DTLS)" } as const;
const UNLIMITED = 9_999;

const table = keyedRows<Listed>({
  id: "connections",
  key: ({ id }) => String(id),
  rowClass: ({ enabled }) => (enabled ? "" : "quiet-row"),
  cells: (it) => [
    [h("a", { href: `/connections/${it.id}` }, it.name)],
    statusOf(it),
    [h("span", { class: "wrap" }, placeOf(it)), note(wayOf(it))],
    [h("span", { class: "wrap" }, it.username ?? "–"), numbersOf(it)],
    it.patterns.length > 0
      ? it.patterns.map(({ pattern }) => h("code", { class: "tag" }, pattern))
      : "–",
    String(it.weight),
    [callsOf(it), testOf(it)],
  ],
});

function statusOf({ enabled, status }: Listed): (HTMLElement | string | undefined)[] {
  if (!enabled) return [badge("idle", "Switched off")];
  if (!status) return [badge("idle", "Not yet known")];
  const { tone, word, reason } = healthOf(status);
  return [badge(tone, word), " ", ago(status.since), reason ? note(reason) : undefined];
}

/** ADM-05: leads to its page, where the test begins at once. A PBX that registers here is asked nothing. */
function testOf({ id, name, type }: Listed): HTMLElement | undefined {
  if (type === "inbound-registration") return undefined;
  const title = `Test ${name}`;
  return h("a", { class: "note", href: `/connections/${id}?test`, title }, "Test");
}

/** A PBX that registers here says by itself where it is. */
function placeOf({ host, port }: Listed): string {
  if (host === "") return "–";
  return port === undefined ? host : `${host}:${port}`;
}

function wayOf({ transport, mediaEncryption = "none" }: Listed): string {
  const signalling = transport === "auto" ? "by DNS" : transport.toUpperCase();
  return `${signalling} · ${ENCRYPTION[mediaEncryption]}`;
}

function numbersOf({ inboundNumbers = [] }: Listed): HTMLElement | undefined {
  return inboundNumbers.length > 0
    ? note(inboundNumbers.map(({ number }) => number).join(", "))
    : undefined;
}

/** Calls now, of how many at once. */
function callsOf({ status, maxCalls }: Listed): string {
  const now = String(status?.callsNow ?? 0);
  return maxCalls === undefined || maxCalls >= UNLIMITED ? now : `${now} / ${maxCalls}`;
}

let listed: Listed[] = [];
let statuses: readonly ConnectionStatus[] = [];

function show(): void {
  const items = listed.map((it) => {
    const status = statuses.find(({ id }) => id === it.id) ?? it.status;
    return status ? { ...it, status } : it;
  });
  table.show([...items].sort((a, b) => a.weight - b.weight || a.id - b.id));
}

async function load(): Promise<void> {
  listed = await api<Listed[]>("GET", "/connections");
  show();
}

await load();
live(({ connections }) => {
  statuses = connections;
  const ids = new Set(listed.map(({ id }) => id));
  const isOther = connections.length !== listed.length || connections.some((it) => !ids.has(it.id));
  if (isOther) void load();
  show();
});
