/** Times as people say them. `ago` elements count on by themselves. */
import { all, h, setText } from "./dom.ts";

/** "5 s", "3 min", "2 h 5 min", "4 d". */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) {
    return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  }
  return `${Math.floor(seconds / 86_400)} d`;
}

/** "4:07", "1:02:33": how long a call lasts. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const pad = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  const rest = pad(seconds % 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** The day is left out where it is today. */
export function moment(at: number): string {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday
    ? date.toLocaleTimeString()
    : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** An element that says how long it is since then, and goes on saying it. */
export function ago(at: number, as: "span" | "duration" = "span"): HTMLElement {
  // Its text is the ticker's: an element made anew must equal the one that counts already.
  const element = h("time", { "data-since": at, "data-as": as, title: moment(at) });
  element.textContent = textOf(element);
  return element;
}

function textOf({ dataset }: HTMLElement): string {
  const ms = Date.now() - Number(dataset["since"]);
  return dataset["as"] === "duration" ? duration(ms) : span(ms);
}

/** Once for a page. */
export function tick(): void {
  setInterval(() => {
    for (const element of all("time[data-since]")) setText(element, textOf(element));
  }, 1_000);
}
