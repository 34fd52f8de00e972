/** Accounts: roles are changed in the table, and accounts taken away. */
import type { Account } from "../../../schema/account.ts";
import { api } from "../api.ts";
import { badge, h, type Tone } from "../dom.ts";
import { attempt, confirmed, toast } from "../notify.ts";
import { keyedRows } from "../rows.ts";
import { ago } from "../time.ts";

const mayChange = document.body.dataset["role"] === "admin";

const WORDS: Readonly<Record<Account["role"], readonly [Tone, string]>> = {
  viewer: ["idle", "Viewer"],
  operator: ["busy", "Operator"],
  admin: ["good", "Admin"],
};

const button = (action: string, text: string, style = "") =>
  h("button", { type: "button", class: `button small ${style}`, "data-action": action }, text);

const changesOf = (it: Account) => [
  ...(["viewer", "operator", "admin"] as const)
    .filter((role) => role !== it.role)
    .flatMap((role) => [button(role, `Make ${WORDS[role][1].toLowerCase()}`), " "]),
  button("remove", "Delete", "danger"),
];

const table = keyedRows<Account>({
  id: "accounts",
  key: ({ id }) => String(id),
  cells: (it) => [
    mayChange ? [h("a", { href: `/settings/accounts/${it.id}` }, it.name)] : it.name,
    [badge(...WORDS[it.role]), " ", !it.enabled && badge("idle", "Switched off")],
    it.lastLogIn === null ? "Never" : [ago(it.lastLogIn)],
    mayChange ? changesOf(it) : [],
  ],
  actions: {
    viewer: (it) => void setRole(it, "viewer"),
    operator: (it) => void setRole(it, "operator"),
    admin: (it) => void setRole(it, "admin"),
    remove: (it) => void remove(it),
  },
});

async function load(): Promise<void> {
  table.show(await api<Account[]>("GET", "/accounts"));
}

async function change(work: () => Promise<unknown>, done: string): Promise<void> {
  if (await attempt(work)) toast(done);
  await load();
}

async function setRole({ id, name }: Account, role: Account["role"]): Promise<void> {
  const work = () => api("PATCH", `/accounts/${id}`, { body: { role } });
  await change(work, `${name} is ${WORDS[role][1].toLowerCase()} now`);
}

async function remove({ id, name }: Account): Promise<void> {
  const title = `Delete ${name}?`;
  const text = "Its log-ins end at once.";
  if (!(await confirmed({ title, text, yes: "Delete", isDangerous: true }))) return;
  await change(() => api("DELETE", `/accounts/${id}`), `${name} is deleted`);
}

void load();
