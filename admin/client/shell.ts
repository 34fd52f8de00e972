/**
 * What every page has: navigation on a phone, light and dark, tabs, lines to copy, times that count,
 * questions before forms that delete. A page's own script imports what it needs besides.
 */
import { all } from "./dom.ts";
import { confirmed, showKeptToast, toast } from "./notify.ts";
import { tick } from "./time.ts";

const YEAR_SECONDS = 31_536_000;

export function startShell(): void {
  openableNavigation();
  for (const button of all("[data-theme-toggle]")) button.addEventListener("click", toggleTheme);
  for (const list of all("[role=tablist]")) tabs(list);
  document.addEventListener("click", (event) => void copyOf(event));
  document.addEventListener("submit", (event) => void askBefore(event), true);
  showKeptToast();
  tick();
}

function openableNavigation(): void {
  const side = document.getElementById("side");
  const button = document.getElementById("menu");
  if (!side || !button) return;
  const set = (isOpen: boolean) => {
    side.toggleAttribute("data-open", isOpen);
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) side.querySelector("a")?.focus();
  };
  button.addEventListener("click", () => set(!side.hasAttribute("data-open")));
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !side.hasAttribute("data-open")) return;
    set(false);
    button.focus();
  });
  document.addEventListener("click", ({ target }) => {
    if (!side.contains(target as Node) && !button.contains(target as Node)) set(false);
  });
}

/** From what is seen to the other; kept in a cookie, so that the next page comes right at once. */
function toggleTheme(): void {
  const root = document.documentElement;
  const chosen = root.dataset["theme"];
  const isDark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = isDark ? "light" : "dark";
  root.dataset["theme"] = theme;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store is not in every browser
  document.cookie = `theme=${theme}; path=/; max-age=${YEAR_SECONDS}; SameSite=Lax`;
}

/** WAI-ARIA tabs: arrows move, the panel is named by `aria-controls`; the address keeps which. */
function tabs(list: HTMLElement): void {
  const items = all("[role=tab]", list);
  const select = (chosen: HTMLElement) => {
    for (const tab of items) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
      if (panel) panel.hidden = !isChosen;
    }
    history.replaceState(undefined, "", `#${chosen.getAttribute("aria-controls")}`);
  };
  list.addEventListener("click", ({ target }) => {
    const tab = (target as Element).closest<HTMLElement>("[role=tab]");
    if (tab) select(tab);
  });
  list.addEventListener("keydown", ({ key }) => {
    const at = items.indexOf(document.activeElement as HTMLElement);
    const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
    const next = items[(at + step + items.length) % items.length];
    if (step === 0 || at < 0 || !next) return;
    select(next);
    next.focus();
  });
  const named = items.find((it) => `#${it.getAttribute("aria-controls")}` === location.hash);
  if (named) select(named);
}

/** `<button data-copy="TEXT">`, or without a text what stands in the block around it. */
async function copyOf(event: Event): Promise<void> {
  const button = (event.target as Element).closest<HTMLElement>("[data-copy]");
  if (!button) return;
  const text = button.dataset["copy"] || button.closest(".code")?.querySelector("pre")?.textContent;
  try {
    await navigator.clipboard.writeText(text ?? "");
    toast("Copied");
  } catch {
    toast("The browser did not allow copying: select the text instead", "warn");
  }
}

/** `<form data-confirm="Delete it?" data-yes="Delete">` is sent only after a yes. */
async function askBefore(event: SubmitEvent): Promise<void> {
  const form = event.target as HTMLFormElement;
  const { confirm: title, yes = "Go on" } = form.dataset;
  if (title === undefined || form.dataset["confirmed"] !== undefined) return;
  event.preventDefault();
  event.stopPropagation();
  if (!(await confirmed({ title, yes, isDangerous: true }))) return;
  form.dataset["confirmed"] = "";
  form.requestSubmit();
}
