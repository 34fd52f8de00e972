/** Backups, export, and import: first what it would do, then the doing. */
import { api, type Problem } from "../api.ts";
import { badge, byId, h, setText, type Tone } from "../dom.ts";
import { attempt, toast } from "../notify.ts";
import { keyedRows } from "../rows.ts";
import { moment } from "../time.ts";

interface Backup {
  readonly name: string;
  readonly at: number;
  readonly sizeBytes: number;
}

interface Change {
  readonly kind: string;
  readonly name: string;
}

interface Trial {
  readonly created: readonly Change[];
  readonly changed: readonly Change[];
  readonly deleted: readonly Change[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  readonly revision: number;
}

const WORDS: readonly (readonly [keyof Trial & `${string}ed`, Tone, string])[] = [
  ["created", "good", "Added"],
  ["changed", "busy", "Changed"],
  ["deleted", "bad", "Deleted"],
];

const backups = keyedRows<Backup>({
  id: "backups",
  key: ({ name }) => name,
  cells: ({ name, at, sizeBytes }) => [
    [h("code", {}, name)],
    moment(at),
    `${Math.ceil(sizeBytes / 1_024)} KiB`,
  ],
});

const changes = keyedRows<Change & { readonly tone: Tone; readonly word: string }>({
  id: "changes",
  key: ({ word, kind, name }) => `${word} ${kind} ${name}`,
  cells: ({ tone, word, kind, name }) => [[badge(tone, word)], kind, name],
});

/** What was tried, to be done as it was told. */
let tried: { readonly body: object; readonly revision: number } | undefined;

async function load(): Promise<void> {
  backups.show((await api<Backup[]>("GET", "/backups")).toReversed());
}

function save(document_: unknown): void {
  const text = JSON.stringify(document_, undefined, 2);
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  h("a", { href: url, download: "jackfield-export.json" }).click();
  URL.revokeObjectURL(url);
}

async function exportAll(form: HTMLFormElement): Promise<void> {
  const passphrase = String(new FormData(form).get("passphrase") ?? "");
  const document_ =
    passphrase === ""
      ? await api("GET", "/export")
      : await api("POST", "/export", { body: { passphrase } });
  form.reset();
  save(document_);
}

async function tryImport(form: HTMLFormElement): Promise<void> {
  const fields = new FormData(form);
  const file = fields.get("file");
  const passphrase = String(fields.get("passphrase") ?? "");
  let document_: unknown;
  try {
    document_ = JSON.parse(file instanceof File ? await file.text() : "");
  } catch {
    toast("The file is no JSON document: choose one that an export made", "bad");
    return;
  }
  const body = {
    document: document_,
    mode: String(fields.get("mode")),
    ...(passphrase === "" ? {} : { passphrase }),
  };
  const trial = await api<Trial>("POST", "/import", { body });
  tried = { body, revision: trial.revision };
  showTrial(trial);
}

function showTrial(trial: Trial): void {
  const rows = WORDS.flatMap(([field, tone, word]) =>
    trial[field].map((it) => ({ ...it, tone, word })),
  );
  changes.show(rows);
  const { problems, warnings } = trial;
  const lines = [...problems, ...warnings].map(({ path, message }) => `${path}: ${message}`);
  const nothing = rows.length === 0 && lines.length === 0 ? ["It is what is here already."] : [];
  setText(byId("import-problems"), [...lines, ...nothing].join("\n"));
  byId("import-problems").hidden = lines.length + nothing.length === 0;
  byId("apply").hidden = problems.length > 0 || rows.length === 0;
  byId("trial").hidden = false;
}

async function applyTried(): Promise<void> {
  if (!tried) return;
  const { body, revision } = tried;
  await api("POST", "/import", { body: { ...body, apply: true, revision } });
  byId("trial").hidden = true;
  tried = undefined;
  toast("The document was taken over");
}

async function backUp(): Promise<void> {
  const { name } = await api<{ name: string }>("POST", "/backups");
  toast(`Saved as ${name}`);
  await load();
}

for (const [id, work] of [
  ["export", exportAll],
  ["import", tryImport],
] as const) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt(() => work(event.target as HTMLFormElement));
  });
}
byId("apply").addEventListener("click", () => void attempt(applyTried));
byId("back-up").addEventListener("click", () => void attempt(backUp));
await attempt(load);
