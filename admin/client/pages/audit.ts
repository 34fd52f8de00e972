/** The audit log, a page at a time, and the way back to an earlier state. */
import type { AuditEntry, FieldChange } from "../../../schema/audit-entry.ts";
import { api } from "../api.ts";
import { byId, h, note } from "../dom.ts";
import { attempt, type Credentials, confirmed, shownOnce, toast } from "../notify.ts";
import { keyedRows } from "../rows.ts";
import { moment } from "../time.ts";

const PAGE = 50;
const WORDS: Readonly<Record<string, string>> = {
  create: "Added",
  update: "Changed",
  delete: "Deleted",
  "log-in": "Logged in",
  "log-in-failed": "Log-in failed",
  invite: "Invited",
  invited: "Set up by invitation",
  "invitation-revoked": "Invitation revoked",
  ban: "Banned",
  unban: "Listened to again",
  "hang-up": "Hung up",
  transfer: "Transferred",
  "set-up": "Set up",
  test: "Tested",
  "test-web-hook": "Tested the web hook",
  "web-hook-secret": "New key of the web hook",
  backup: "Backed up",
  "password-change-failed": "Password not changed",
  "export-secrets": "Exported secrets",
  "password-reset": "Password reset at the console",
  "key-rotated": "Secret key rotated",
};
const VALUE_LENGTH_MAX = 80;
const filter = byId<HTMLFormElement>("filter");
let entries: AuditEntry[] = [];

const value = (it: unknown) =>
  it === undefined ? "nothing" : JSON.stringify(it).slice(0, VALUE_LENGTH_MAX);

const fieldText = ({ path, before, after }: FieldChange) =>
  `${path}: ${value(before)} → ${value(after)}`;

const isItem = ({ kind }: AuditEntry) => ["user", "connection", "settings"].includes(kind ?? "");

const table = keyedRows<AuditEntry>({
  id: "entries",
  key: ({ id }) => String(id),
  cells: (it) => [
    moment(it.at),
    [it.actor, note(it.source ?? "")],
    [WORDS[it.action] ?? it.action, note([it.kind, it.name].filter(Boolean).join(" "))],
    it.fields.map((field) => h("div", {}, fieldText(field))),
    isItem(it) && it.before
      ? [
          h(
            "button",
            { type: "button", class: "button small", "data-action": "restore" },
            "Restore",
          ),
        ]
      : "",
  ],
  actions: { restore: (it) => void restore(it) },
});

async function restore(it: AuditEntry): Promise<void> {
  const isSure = await confirmed({
    title: `Restore ${it.name ?? it.kind}?`,
    text: "It becomes as it was before this entry, as a change of its own. Passwords stay as they are.",
    yes: "Restore",
  });
  if (!isSure) return;
  await attempt(async () => {
    const body = { state: "before" };
    const path = `/audit/${it.id}/restore`;
    const { credentials } = await api<{ credentials?: Credentials }>("POST", path, { body });
    toast("Restored");
    if (credentials) await shownOnce(credentials);
    await ask();
  });
}

async function older(): Promise<void> {
  const about = () => String(new FormData(filter).get("about") ?? "");
  const asked = about();
  const query = new URLSearchParams(asked);
  query.set("limit", String(PAGE));
  const last = entries.at(-1);
  if (last) query.set("before", String(last.id));
  const found = await api<AuditEntry[]>("GET", `/audit?${query}`);
  // Another question was asked meanwhile.
  if (asked !== about()) return;
  entries = [...entries, ...found];
  table.show(entries);
  byId("more").hidden = found.length < PAGE;
}

async function ask(): Promise<void> {
  entries = [];
  await older();
}

byId("more").addEventListener("click", () => void older());
filter.addEventListener("change", () => void ask());
filter.addEventListener("submit", (event) => event.preventDefault());
await ask();
