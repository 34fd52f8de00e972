/** What is wrong, under the field it is wrong with; what belongs to none, at the form's end. */
import type { Problem } from "./api.ts";
import { all, h } from "./dom.ts";
import { fieldOf } from "./form-values.ts";

let made = 0;

/** Hints belong to their fields for who can't see that they do. Once for what is new on the page. */
export function describeFields(within: HTMLElement): void {
  for (const hint of all(".field > .note:not([id])", within)) {
    made += 1;
    hint.id = `hint-${made}`;
    hint.parentElement?.querySelector("[name]")?.setAttribute("aria-describedby", hint.id);
  }
}

/** Takes away what was shown. */
export function clearProblems(form: HTMLFormElement): void {
  for (const shown of all(".field-problem, .field-warning", form)) {
    const field = form.querySelector(`[aria-describedby~="${shown.id}"]`);
    shown.remove();
    if (!field) continue;
    field.removeAttribute("aria-invalid");
    const others = field.getAttribute("aria-describedby")?.split(" ") ?? [];
    const left = others.filter((id) => id !== shown.id).join(" ");
    if (left) field.setAttribute("aria-describedby", left);
    else field.removeAttribute("aria-describedby");
  }
  const rest = form.querySelector<HTMLElement>(".problem");
  if (rest) rest.hidden = true;
}

/** Returns those that have no field. */
export function showAtFields(
  form: HTMLFormElement,
  problems: readonly Problem[],
  kind: "problem" | "warning" = "problem",
): { others: readonly Problem[]; first: HTMLElement | undefined } {
  const others: Problem[] = [];
  let first: HTMLElement | undefined;
  for (const problem of problems) {
    const field = fieldOf(form, problem.path);
    if (!field) {
      others.push(problem);
      continue;
    }
    made += 1;
    const note = h("span", { class: `field-${kind}`, id: `problem-${made}` }, problem.message);
    // Beside the label, not in it: the field's name stays its name.
    (field.closest("label") ?? field).after(note);
    if (kind === "problem") field.setAttribute("aria-invalid", "true");
    const described = field.getAttribute("aria-describedby");
    field.setAttribute("aria-describedby", [note.id, described].filter(Boolean).join(" "));
    // A section that is closed would hide it.
    for (let it = field.closest("details"); it; it = it.parentElement?.closest("details") ?? null) {
      it.open = true;
    }
    first ??= field;
  }
  return { others, first };
}

/** After a save that was refused; the first field that is wrong gets the focus. */
export function showRefusal(
  form: HTMLFormElement,
  error: { readonly message: string; readonly problems: readonly Problem[] },
): void {
  clearProblems(form);
  const { others, first } = showAtFields(form, error.problems);
  const texts = others.map(({ path, message }) => (path ? `${path}: ${message}` : message));
  if (error.problems.length === 0) texts.push(error.message);
  const rest = form.querySelector<HTMLElement>(".problem");
  if (rest) {
    rest.textContent = texts.join("\n");
    rest.hidden = texts.length === 0;
  }
  first?.focus();
}
