/**
 * What every page has: navigation on a phone, light and dark, lines to copy, times that count. A page's own script imports what it needs besides.
 */
import { all } from "./dom.ts";
import { showKeptToast, toast } from "./notify.ts";
import { tick } from "./time.ts";

const YEAR_SECONDS = 31_536_000;

export function startShell(): void {
  openableNavigation();
  for (const button of all("[data-theme-toggle]")) button.addEventListener("click", toggleTheme);
  document.addEventListener("click", (event) => void copyOf(event));
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
