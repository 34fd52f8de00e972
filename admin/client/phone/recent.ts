/** The last calls of this account on this device, to be called again. */
import { h, note } from "../dom.ts";
import { moment } from "../time.ts";
import type { Line } from "./line.ts";

interface Recent {
  readonly number: string;
  readonly displayName: string;
  readonly isIncoming: boolean;
  readonly at: number;
  /** Empty for a call that was answered. */
  readonly outcome: string;
}

const KEPT_MAX = 20;

export class RecentCalls {
  readonly #key: string;
  readonly #list: HTMLElement;
  readonly #call: (number: string) => void;

  constructor(account: string, list: HTMLElement, call: (number: string) => void) {
    this.#key = `phone-recent-${account}`;
    this.#list = list;
    this.#call = call;
    this.#show();
  }

  add(line: Line): void {
    const { number, displayName, isIncoming, startedAt: at, connectedAt, outcome } = line;
    const recent = { number, displayName, isIncoming, at, outcome: connectedAt ? "" : outcome };
    const kept = [recent, ...this.#load()].slice(0, KEPT_MAX);
    localStorage.setItem(this.#key, JSON.stringify(kept));
    this.#show();
  }

  #load(): Recent[] {
    return JSON.parse(localStorage.getItem(this.#key) ?? "[]") as Recent[];
  }

  #show(): void {
    const items = this.#load().map((it) => {
      const direction = it.isIncoming ? (it.outcome ? "Missed" : "Came in") : "Went out";
      const words = [direction, moment(it.at), it.outcome].filter((word) => word !== "");
      return h(
        "li",
        {},
        h(
          "button",
          { type: "button", class: "recent", onclick: () => this.#call(it.number) },
          h("span", { class: "who" }, it.displayName || it.number),
          note(words.join(" · ")),
        ),
      );
    });
    this.#list.replaceChildren(...items);
    this.#list.closest("section")?.toggleAttribute("hidden", items.length === 0);
  }
}
