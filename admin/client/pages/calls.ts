/** Calls in progress, live, and call records, a page at a time. */
import type { CallRecord } from "../../../gateway/b2bua/status.ts";
import { api } from "../api.ts";
import { badge, byId, h, note } from "../dom.ts";
import { live } from "../live.ts";
import { liveCalls } from "../live-calls.ts";
import { may } from "../role.ts";
import { keyedRows } from "../rows.ts";
import { duration, moment } from "../time.ts";

const PAGE = 50;
const names = new Map<number, string>();
const calls = liveCalls("calls");
const mayOperate = may("operator");
let records: CallRecord[] = [];

const filter = byId<HTMLFormElement>("filter");

/** How it ended, in the words of the evidence where there are some. */
function ending(it: CallRecord): HTMLElement[] {
  const { status, finding, reason, notices = [] } = it;
  const isFine = finding ? finding.weight !== "fault" : status < 300;
  const tone = status === 487 ? "idle" : isFine && status < 400 ? "good" : "bad";
  return [badge(tone, String(status)), note([finding?.sentence ?? reason, ...notices].join(" "))];
}

const path = (id: string) => `/calls/${encodeURIComponent(id)}`;

const table = keyedRows<CallRecord>({
  id: "records",
  key: ({ id }) => id,
  cells: (it) => [
    [mayOperate ? h("a", { href: path(it.id) }, moment(it.started)) : moment(it.started)],
    it.caller,
    it.callee,
    (it.connection === undefined ? undefined : names.get(it.connection)) ?? "–",
    it.answered === undefined ? "–" : duration(it.ended - it.answered),
    ending(it),
  ],
});

/** The filter as a query; empty fields ask for nothing. */
function query(more: Readonly<Record<string, string>> = {}): string {
  const fields = [...new FormData(filter)].map(([name, value]) => [name, String(value)]);
  const given = [...fields, ...Object.entries(more)].filter(([, value]) => value !== "");
  return new URLSearchParams(given as [string, string][]).toString();
}

async function older(): Promise<void> {
  const before = records.at(-1)?.ended;
  const more = before === undefined ? {} : { before: String(before) };
  const asked = query();
  const found = await api<CallRecord[]>(
    "GET",
    `/call-records?${query({ limit: String(PAGE), ...more })}`,
  );
  // Another question was asked meanwhile.
  if (asked !== query()) return;
  records = [...records, ...found];
  table.show(records);
  byId("more").hidden = found.length < PAGE;
}

/** Those that ended since the newest that is shown. */
async function newer(): Promise<void> {
  const found = await api<CallRecord[]>("GET", `/call-records?${query({ limit: String(PAGE) })}`);
  const known = new Set(records.map(({ id }) => id));
  records = [...found.filter(({ id }) => !known.has(id)), ...records];
  table.show(records);
}

async function showRefused(): Promise<void> {
  const refused = keyedRows<CallRecord>({
    id: "refused",
    key: ({ id }) => id,
    cells: (it) => [
      [h("a", { href: path(it.id) }, moment(it.started))],
      it.caller,
      it.callee,
      it.finding?.sentence ?? it.reason,
    ],
  });
  refused.show(await api<CallRecord[]>("GET", "/calls/refused"));
}

async function ask(): Promise<void> {
  const csv = document.getElementById("csv") as HTMLAnchorElement | null;
  if (csv) csv.href = `/api/v1/call-records/csv?${query()}`;
  records = [];
  await older();
}

for (const { id, name } of await api<{ id: number; name: string }[]>("GET", "/connections")) {
  names.set(id, name);
  byId("connection").append(h("option", { value: String(id) }, name));
}
byId("more").addEventListener("click", () => void older());
let typing: ReturnType<typeof setTimeout> | undefined;
filter.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => void ask(), 200);
});
filter.addEventListener("submit", (event) => event.preventDefault());
await ask();
// Strangers' numbers are an operator's to see: a viewer's page has no such table.
if (document.getElementById("refused")) await showRefused();
let ids = new Set<string>();
live((status) => {
  calls.show(status.calls);
  const now = new Set(status.calls.map(({ id }) => id));
  if ([...ids].some((id) => !now.has(id))) void newer();
  ids = now;
});
