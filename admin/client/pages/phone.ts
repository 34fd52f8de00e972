/** The built-in softphone: signing in, dialling, and the calls there are. */
import { all, badge, byId, h, setText, type Tone } from "../dom.ts";
import {
  type Account,
  forgetAccount,
  keepAccount,
  keptAccount,
  linkedName,
} from "../phone/account.ts";
import { startDevices } from "../phone/devices.ts";
import type { Line } from "../phone/line.ts";
import { LineCard } from "../phone/line-card.ts";
import { Phone, type Registration } from "../phone/phone.ts";
import { RecentCalls } from "../phone/recent.ts";
import { Sound } from "../phone/sound.ts";
import { startShell } from "../shell.ts";

const STATES: Readonly<Record<Registration, readonly [Tone, string]>> = {
  connecting: ["busy", "Connecting"],
  registered: ["good", "Ready"],
  refused: ["bad", "Refused"],
  lost: ["warn", "No connection, trying again"],
};

const sound = new Sound();
const cards = new Map<Line, LineCard>();
const numberField = byId<HTMLInputElement>("number");
let phone: Phone | undefined;
let recent: RecentCalls | undefined;

function signIn(account: Account): void {
  phone = new Phone(account, sound, { changed: show, ended: (line) => recent?.add(line) });
  recent = new RecentCalls(account.name, byId("recent"), (number) => {
    numberField.value = number;
    dial();
  });
  setText(byId("account"), account.name);
  show();
}

function signOut(): void {
  phone?.stop();
  phone = undefined;
  forgetAccount();
  show();
}

function dial(): void {
  const number = numberField.value.trim();
  if (number === "") {
    numberField.focus();
    return;
  }
  phone?.call(number);
  numberField.value = "";
}

/** A key is typed into the number, or sent to whom one is talking to. */
function press(key: string): void {
  const line = phone?.lines.find(({ isActive }) => isActive);
  if (line) line.key(key);
  else numberField.value += key;
}

function show(): void {
  const isSignedIn = phone !== undefined && phone.registration !== "refused";
  byId("sign-in").hidden = isSignedIn;
  byId("board").hidden = !isSignedIn;
  byId("leave").hidden = !isSignedIn;
  const [tone, word] = phone ? STATES[phone.registration] : (["idle", "Signed out"] as const);
  byId("state").replaceChildren(badge(tone, word));
  setText(byId("refusal"), phone?.registration === "refused" ? phone.reason : "");
  byId("refusal").hidden = phone?.registration !== "refused";
  const lines = phone?.lines ?? [];
  showLines(lines);
  const active = lines.find(({ isActive }) => isActive);
  setText(
    byId("keys-hint"),
    active ? `Keys go to ${active.displayName || active.number}` : "Keys type a number",
  );
  byId("idle").hidden = lines.length > 0;
  const ringing = lines.find(({ state }) => state === "incoming");
  sound.ring(ringing !== undefined);
  document.title = ringing ? `${ringing.displayName || ringing.number} calls` : "Phone · Jackfield";
}

function showLines(lines: readonly Line[]): void {
  for (const line of lines) {
    if (cards.has(line) || !phone) continue;
    const card = new LineCard(line, phone, sound);
    cards.set(line, card);
    byId("lines").append(card.element);
  }
  for (const [line, card] of cards) {
    card.show();
    if (lines.includes(line)) continue;
    card.element.remove();
    cards.delete(line);
  }
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = new FormData(event.target as HTMLFormElement);
  const text = (name: string) => String(fields.get(name) ?? "");
  const account = { name: text("name").trim(), password: text("password") };
  phone?.stop();
  keepAccount(account, fields.has("remember"));
  signIn(account);
});
byId("leave").addEventListener("click", signOut);
byId("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  dial();
});
for (const key of all("[data-key]")) {
  key.addEventListener("click", () => press(key.dataset["key"] ?? ""));
}
byId("erase").addEventListener("click", () => {
  numberField.value = numberField.value.slice(0, -1);
});
addEventListener("pagehide", () => phone?.stop());

startShell();
startDevices(sound, () => phone);
byId<HTMLInputElement>("name").value = linkedName();
const kept = keptAccount();
if (kept) signIn(kept);
else show();
// Only pages that came by TLS, or from this machine, are given a microphone.
if (!globalThis.isSecureContext) {
  const text = "The browser gives its microphone only to pages that come by https.";
  byId("idle").replaceChildren(h("strong", {}, text));
}
