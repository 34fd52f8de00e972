/**
 * Forms of the configuration: saved over the version they were loaded from (`data-resource`,
 * `data-version`, `data-back`), checked by the gateway's own validators while one types where
 * `data-check` names a dry run.
 */
import { ApiError, api, type Problem } from "./api.ts";
import { all } from "./dom.ts";
import { clearProblems, describeFields, showAtFields, showRefusal } from "./form-problems.ts";
import { valuesOf } from "./form-values.ts";
import { editableLists } from "./list-editor.ts";
import { type Credentials, confirmed, shownOnce, toast, toastNext } from "./notify.ts";

/** Quiet for so long means that the person stopped typing. */
const TYPING_MS = 400;

interface Answer {
  readonly id?: number;
  readonly warnings?: readonly Problem[];
  /** Of a PBX that registers here, just made. */
  readonly credentials?: Credentials;
}

/** Told to the document when a form was saved; who has more to save says until when to wait. */
export type SavedEvent = CustomEvent<{
  readonly id: number | undefined;
  readonly until: (work: Promise<unknown>) => void;
}>;

/** Once for a page: every `<Form>` of it. */
export function startForms(): void {
  for (const form of all<HTMLFormElement>("form[data-resource]")) {
    describeFields(form);
    editableLists(form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void save(form);
    });
    if (form.dataset["check"]) checkWhileTyping(form, form.dataset["check"]);
    warnOfUnsaved(form);
  }
  for (const button of all<HTMLButtonElement>("button[data-delete]")) {
    button.addEventListener("click", () => void remove(button));
    if (document.body.dataset["role"] === "admin") continue;
    button.disabled = true;
    button.title = "This needs an account with the role admin.";
  }
}

async function save(form: HTMLFormElement): Promise<void> {
  const { resource = "", version, back = "/" } = form.dataset;
  const isNew = version === undefined;
  const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
  if (button) button.disabled = true;
  try {
    const body = valuesOf(form, isNew);
    const path = resource.replace(/^\/api\/v1/, "");
    const answer = await api<Answer>(isNew ? "POST" : "PATCH", path, { body, version });
    form.dataset["saved"] = "";
    if (answer?.credentials) await shownOnce(answer.credentials);
    const warnings = (answer?.warnings ?? []).map((it) => `${it.path}: ${it.message}`);
    if (warnings.length > 0) toastNext(["Saved, but:", ...warnings].join("\n"), "warn");
    else toastNext("Saved");
    const work: Promise<unknown>[] = [];
    const detail = { id: answer?.id, until: (it: Promise<unknown>) => work.push(it) };
    form.dispatchEvent(new CustomEvent("saved", { detail, bubbles: true }));
    await Promise.all(work);
    location.assign(back.replace("{id}", String(answer?.id ?? "")));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    showRefusal(form, error);
    if (button) button.disabled = false;
  }
}

/** A dry run: what is wrong stands under its field before anybody presses Save. */
function checkWhileTyping(form: HTMLFormElement, path: string): void {
  const touched = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: AbortController | undefined;
  const check = async () => {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    const id = form.dataset["id"];
    const query = id === undefined ? "" : `?id=${id}`;
    try {
      const body = valuesOf(form, true);
      const found = await api<{ problems: Problem[]; warnings: Problem[] }>(
        "POST",
        `${path}${query}`,
        { body, signal },
      );
      clearProblems(form);
      // What nobody has got to yet is not wrong yet.
      const isTouched = ({ path: at }: Problem) =>
        touched.has(at.replace(/\[\d+\]/g, "")) || touched.has(at.replace(/\[.*$/, ""));
      showAtFields(form, found.problems.filter(isTouched));
      showAtFields(form, found.warnings.filter(isTouched), "warning");
    } catch (error) {
      if (!signal.aborted && !(error instanceof ApiError)) throw error;
    }
  };
  const noticed = ({ target }: Event) => {
    const field = target as HTMLInputElement;
    const list = field.closest<HTMLElement>("[data-list]")?.dataset["list"];
    touched.add(list && list !== field.name ? `${list}.${field.name}` : field.name);
    if (list) touched.add(list);
    clearTimeout(timer);
    timer = setTimeout(() => void check(), TYPING_MS);
  };
  form.addEventListener("input", noticed);
  form.addEventListener("change", noticed);
}

/** The browser asks before what was typed is lost. */
function warnOfUnsaved(form: HTMLFormElement): void {
  let isDirty = false;
  form.addEventListener("input", () => {
    isDirty = true;
  });
  addEventListener("beforeunload", (event) => {
    if (isDirty && form.dataset["saved"] === undefined) event.preventDefault();
  });
}

/** `<button data-delete="/users/3" data-name="alice" data-back="/users">`. */
async function remove(button: HTMLButtonElement): Promise<void> {
  const { delete: path = "", name = "it", back = "/", text } = button.dataset;
  const title = `Delete ${name}?`;
  const question = { title, yes: "Delete", isDangerous: true };
  if (!(await confirmed(text === undefined ? question : { ...question, text }))) return;
  try {
    await api("DELETE", path);
    toastNext(`${name} is deleted`);
    for (const form of all<HTMLFormElement>("form[data-resource]")) form.dataset["saved"] = "";
    location.assign(back);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(error.text, "bad");
  }
}
