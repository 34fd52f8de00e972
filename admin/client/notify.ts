/** Short messages at the page's corner, and questions before something is done for good. */
import { ApiError } from "./api.ts";
import { byId, h, type Tone } from "./dom.ts";

const SHOWN_MS = 6_000;
const KEPT = "toast";

/** What went wrong stays until it is closed; the rest leaves by itself. */
export function toast(text: string, tone: Tone = "good"): void {
  const close = h("button", { type: "button", "aria-label": "Close" }, "×");
  const element = h("div", { class: `toast ${tone}` }, h("span", {}, text), close);
  close.addEventListener("click", () => element.remove());
  byId("toasts").append(element);
  if (tone !== "bad") setTimeout(() => element.remove(), SHOWN_MS);
}

/** Does it, and tells what the gateway refused; resolves with whether it was done. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(error.text, "bad");
    return false;
  }
}

/** Shown by the page that comes next. */
export function toastNext(text: string, tone: Tone = "good"): void {
  sessionStorage.setItem(KEPT, JSON.stringify([text, tone]));
}

/** Once for a page: what the page before left to say. */
export function showKeptToast(): void {
  const kept = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  if (kept) toast(...(JSON.parse(kept) as [string, Tone]));
}

export interface Question {
  readonly title: string;
  readonly text?: string;
  /** On the button that does it. */
  readonly yes: string;
  readonly isDangerous?: boolean;
}

/** Resolves with whether it shall be done. Escape means no. */
export function confirmed({ title, text, yes, isDangerous = false }: Question): Promise<boolean> {
  const danger = isDangerous ? " danger" : "";
  const dialog = h(
    "dialog",
    { "aria-labelledby": "question-title" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "question-title" }, title),
      text === undefined ? undefined : h("p", { class: "soft wrap" }, text),
      h(
        "div",
        { class: "actions" },
        h("button", { class: "button", value: "no", autofocus: isDangerous }, "Cancel"),
        h("button", { class: `button primary${danger}`, value: "yes" }, yes),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** What nobody sees again: it stays until it was written down. */
export async function shownOnce({ username, password }: Credentials): Promise<void> {
  const title = "Write this down: the password is not shown again";
  const text = `User name: ${username}\nPassword: ${password}`;
  await confirmed({ title, text, yes: "I have it" });
}
