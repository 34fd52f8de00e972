/**
 * The gateway's status, live: one stream of server-sent events for the whole page, however many
 * parts of it listen. What was told last is told at once to who comes later.
 */
import type { Status } from "../../gateway/b2bua/status.ts";
import { api } from "./api.ts";
import { setText } from "./dom.ts";

type Listener = (status: Status) => void;

const listeners = new Set<Listener>();
let last: Status | undefined;
let isOpen = false;
const RETRY_MS = 5_000;

/** Calls back with each status; returns the way out. */
export function live(listener: Listener): () => void {
  listeners.add(listener);
  if (last) listener(last);
  if (!isOpen) open();
  return () => listeners.delete(listener);
}

function open(): void {
  isOpen = true;
  const events = new EventSource("/events");
  events.addEventListener("status", ({ data }: MessageEvent<string>) => {
    last = JSON.parse(data) as Status;
    say("live", last.draining ? "Shutting down" : "Live");
    for (const listener of listeners) listener(last);
  });
  events.addEventListener("error", () => {
    say("lost", "The gateway does not answer; trying again …");
    // Closed means refused, and the browser tries no more: `api` knows whether the log-in has ended.
    if (events.readyState !== EventSource.CLOSED) return;
    api("GET", "/account").catch(() => undefined);
    setTimeout(open, RETRY_MS);
  });
}

/** At the foot of the navigation. */
function say(state: "live" | "lost", text: string): void {
  const line = document.getElementById("live-state");
  if (!line) return;
  line.dataset["state"] = state;
  const badge = line.firstElementChild as HTMLElement | null;
  if (!badge) return;
  badge.hidden = false;
  badge.className = `badge ${state === "live" ? "good" : "warn"}`;
  setText(badge, text);
}
