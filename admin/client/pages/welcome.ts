/** The set-up: who rings for a connection, how a softphone is set, and what has come of it. */
import type { CallStatus, Status } from "../../../gateway/b2bua/status.ts";
import { ApiError, api } from "../api.ts";
import { showConnectionStatuses } from "../connection-status.ts";
import { all, setText } from "../dom.ts";
import type { SavedEvent } from "../form.ts";
import { live } from "../live.ts";
import { toastNext } from "../notify.ts";

/** The connections whose switch is on ring for whom was just made. */
async function ringFor(user: number): Promise<void> {
  for (const it of all<HTMLInputElement>("[data-rings]")) {
    if (!it.checked) continue;
    try {
      await api("PATCH", `/connections/${it.dataset["rings"]}`, { body: { inboundUser: user } });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toastNext(error.text, "bad");
    }
  }
}

function showSoftphoneSettings(): void {
  const address = document.querySelector("[data-socket-address]");
  const user = document.querySelector<HTMLElement>("[data-sip-address]");
  const lines = document.getElementById("jssip");
  if (!address || !user || !lines) return;
  const socket = `${location.protocol.replace("http", "ws")}//${location.host}/sip`;
  const uri = `sip:${user.dataset["sipAddress"]}@${location.hostname}`;
  setText(address, socket);
  setText(user, uri);
  lines.textContent = [
    `const socket = new JsSIP.WebSocketInterface("${socket}");`,
    `const phone = new JsSIP.UA({ sockets: [socket], uri: "${uri}", password: "…" });`,
    "phone.start();",
    'phone.call("…", { mediaConstraints: { audio: true }, pcConfig: { iceServers: [] } });',
  ].join("\n");
}

const reached = new Set<string>();

function reach(goal: string, detail: string): void {
  reached.add(goal);
  const line = document.getElementById(`goal-${goal}`);
  const [badge, note] = [line?.querySelector(".badge"), line?.querySelector(".note")];
  if (!badge || !note) return;
  badge.className = "badge good";
  setText(badge, "Done");
  setText(note, detail);
}

/** Audio comes from both parties. */
function isHeard({ quality = [] }: CallStatus): boolean {
  const parties = new Set(quality.filter((it) => it.received).map(({ party }) => party));
  return parties.size === 2;
}

function follow({ bindings, calls }: Status): void {
  const [phone] = bindings;
  if (phone) reach("registered", `${phone.userAgent} from ${phone.remote}`);
  const call = calls.find(({ state }) => state !== "ending");
  if (call) reach("called", `${call.caller} calls ${call.callee}: ${call.state}`);
  const heard = calls.find(isHeard);
  if (heard) reach("heard", `${heard.caller} and ${heard.callee}`);
  const done = document.getElementById("all-done");
  if (done) done.hidden = reached.size < 3;
}

document.addEventListener("saved", (event) => {
  const { id, until } = (event as SavedEvent).detail;
  if (id !== undefined) until(ringFor(id));
});
showConnectionStatuses();
showSoftphoneSettings();
if (document.getElementById("goal-registered")) live(follow);
