/** Beside the pattern editor: what the patterns as they stand make of sample numbers. */
import { ApiError, api } from "./api.ts";
import { badge, byId, h } from "./dom.ts";
import { valuesOf } from "./form-values.ts";

interface Pattern {
  readonly pattern: string;
  readonly strip?: number;
  readonly prepend?: string;
}

interface Trial {
  readonly number: string;
  readonly pattern?: number;
  readonly sent?: string;
}

const QUIET_MS = 300;

export function tryPatternsWhileTyping(form: HTMLFormElement): void {
  const samples = byId<HTMLInputElement>("samples");
  const results = byId("sample-results");
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ask = async () => {
    const numbers = samples.value.split(/[\s,;]+/).filter(Boolean);
    const patterns = (valuesOf(form, true)["patterns"] ?? []) as Pattern[];
    if (numbers.length === 0) {
      results.replaceChildren();
      return;
    }
    try {
      const body = { patterns, numbers };
      const trials = await api<Trial[]>("POST", "/dial-plan/try", { body });
      results.replaceChildren(...trials.map((it) => lineOf(it, patterns)));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      results.replaceChildren(h("li", { class: "soft" }, error.text));
    }
  };
  const soon = ({ target }: Event) => {
    const field = target as HTMLElement;
    if (field !== samples && !field.closest("[data-list=patterns]")) return;
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), QUIET_MS);
  };
  form.addEventListener("input", soon);
  samples.addEventListener("input", soon);
}

function lineOf({ number, pattern, sent }: Trial, patterns: readonly Pattern[]): HTMLLIElement {
  const taken = pattern === undefined ? undefined : patterns[pattern];
  if (!taken) return h("li", {}, badge("idle", "no match"), " ", h("code", {}, number));
  const as = sent === number ? "" : ` and is sent as ${sent}`;
  return h(
    "li",
    {},
    badge("good", "match"),
    " ",
    h("code", {}, number),
    " by ",
    h("code", { class: "tag" }, taken.pattern),
    as,
  );
}
