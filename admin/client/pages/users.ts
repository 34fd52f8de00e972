/** Users and their devices: accounts by the API, who is online live. */
import type { BindingStatus } from "../../../gateway/b2bua/status.ts";
import type { User } from "../../../schema/config.ts";
import { api } from "../api.ts";
import { badge, h } from "../dom.ts";
import { live } from "../live.ts";
import { keyedRows } from "../rows.ts";
import { ago } from "../time.ts";

type Listed = Pick<User, "id" | "name" | "displayName" | "enabled" | "forward"> & {
  readonly online: number;
};

const table = keyedRows<Listed>({
  id: "users",
  key: ({ id }) => String(id),
  rowClass: ({ enabled }) => (enabled ? "" : "quiet-row"),
  cells: (it) => [
    [h("a", { href: `/users/${it.id}` }, it.name)],
    it.displayName,
    [statusOf(it)],
    forwarding(it),
  ],
});

const devices = keyedRows<BindingStatus & { readonly name: string; readonly index: number }>({
  id: "softphones",
  // One user may have two devices behind one address: their place tells them apart.
  key: ({ user, remote, since, index }) => `${user} ${remote} ${since} ${index}`,
  cells: (it) => [
    [h("a", { href: `/users/${it.user}` }, it.name)],
    it.userAgent,
    it.remote,
    [ago(it.since)],
  ],
});

function statusOf({ enabled, online }: Listed): HTMLElement {
  if (!enabled) return badge("idle", "Switched off");
  if (online === 0) return badge("idle", "Offline");
  return badge("good", online === 1 ? "Online" : `${online} devices`);
}

function forwarding({ forward = {} }: Listed): string {
  const parts = [
    forward.always && `always to ${forward.always}`,
    forward.busy && `busy: ${forward.busy}`,
    forward.noAnswer && `no answer: ${forward.noAnswer}`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(", ") : "–";
}

let users: Listed[] = [];
let bindings: readonly BindingStatus[] = [];

function show(): void {
  const online = (id: number) => bindings.filter(({ user }) => user === id).length;
  table.show(users.map((it) => ({ ...it, online: online(it.id) })));
  const names = new Map(users.map(({ id, name }) => [id, name]));
  const named = bindings.map((it, index) => ({
    ...it,
    index,
    name: names.get(it.user) ?? String(it.user),
  }));
  devices.show(named);
}

async function load(): Promise<void> {
  users = await api<Listed[]>("GET", "/users");
  show();
}

await load();
live((status) => {
  bindings = status.bindings;
  show();
  if (bindings.some(({ user }) => !users.some(({ id }) => id === user))) void load();
});
