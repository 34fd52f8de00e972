/** Alerts as they come, a test of the web hook, and a key for its signatures. */
import { api } from "../api.ts";
import { badge, byId, note, setText } from "../dom.ts";
import { attempt, confirmed, toast } from "../notify.ts";
import { keyedRows } from "../rows.ts";
import { ago, moment, span } from "../time.ts";

interface Alert {
  readonly id: number;
  readonly rule: string;
  readonly subject: string;
  readonly text: string;
  readonly raised: number;
  readonly recovered?: number;
}

const RELOAD_MS = 10_000;

const table = keyedRows<Alert>({
  id: "alerts",
  key: ({ id }) => String(id),
  rowClass: ({ recovered }) => (recovered === undefined ? "" : "quiet-row"),
  cells: (it) => [
    [it.recovered === undefined ? badge("bad", "Now") : badge("idle", "Over")],
    [it.subject, note(it.rule.replaceAll("-", " "))],
    it.text,
    moment(it.raised),
    it.recovered === undefined ? [ago(it.raised)] : span(it.recovered - it.raised),
  ],
});

async function load(): Promise<void> {
  table.show(await api<Alert[]>("GET", "/alerts?limit=100"));
}

async function sendTest(): Promise<void> {
  const { sent, reason } = await api<{ sent: boolean; reason?: string }>("POST", "/alerts/test");
  if (sent) toast("The web hook took the test");
  else toast(`The web hook did not take it: ${reason ?? "no reason is known"}`, "bad");
}

async function makeKey(): Promise<void> {
  const isSure = await confirmed({
    title: "Make a new key?",
    text: "Alerts are signed with it from now on; one made before is worth nothing then.",
    yes: "Make it",
  });
  if (!isSure) return;
  const { secret } = await api<{ secret: string }>("POST", "/alerts/secret");
  setText(byId("key-text"), secret);
  byId("key").hidden = false;
}

byId("try").addEventListener("click", () => void attempt(sendTest));
byId("new-key").addEventListener("click", () => void attempt(makeKey));
await attempt(load);
setInterval(() => void attempt(load), RELOAD_MS);
