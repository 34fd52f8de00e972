/** Tokens: made, shown once, revoked. */
import { api } from "../api.ts";
import { byId, h, setText } from "../dom.ts";
import { attempt, confirmed } from "../notify.ts";
import { keyedRows } from "../rows.ts";
import { moment } from "../time.ts";

const SCOPES = { read: "Look", operate: "Operate", all: "Everything" } as const;

interface Token {
  readonly id: number;
  readonly name: string;
  readonly scope: keyof typeof SCOPES;
  readonly created: number;
  readonly lastUsed: number | null;
}

const table = keyedRows<Token>({
  id: "tokens",
  key: ({ id }) => String(id),
  cells: (it) => [
    it.name,
    SCOPES[it.scope],
    moment(it.created),
    it.lastUsed === null ? "never" : moment(it.lastUsed),
    [
      h(
        "button",
        { type: "button", class: "button small danger", "data-action": "revoke" },
        "Revoke",
      ),
    ],
  ],
  actions: { revoke: (it) => void revoke(it) },
});

async function load(): Promise<void> {
  table.show(await api<Token[]>("GET", "/tokens"));
}

async function change(work: () => Promise<unknown>): Promise<void> {
  await attempt(work);
  await load();
}

async function revoke({ id, name }: Token): Promise<void> {
  const text = "Programs that use it are refused from now on.";
  const question = { title: `Revoke ${name}?`, text, yes: "Revoke", isDangerous: true };
  if (await confirmed(question)) await change(() => api("DELETE", `/tokens/${id}`));
}

byId<HTMLFormElement>("make").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget as HTMLFormElement;
  const fields = new FormData(form);
  const body = { name: fields.get("name"), scope: fields.get("scope") };
  void change(async () => {
    const { token } = await api<{ token: string }>("POST", "/tokens", { body });
    setText(byId("token"), token);
    byId("made").hidden = false;
    form.reset();
  });
});
void load();
