/**
 * A form as the API's JSON: a field's name is its path (`tls.verify`), `data-as` says what its text
 * becomes, lists and objects are marked in the view. See README.md.
 */
import { textList } from "../text-list.ts";
import { all } from "./dom.ts";

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
type Json = Record<string, unknown>;

const READ: Readonly<Record<string, (field: Field) => unknown>> = {
  text: (field) => field.value.trim() || null,
  number: (field) => (field.value.trim() === "" ? null : Number(field.value)),
  list: (field) => textList(field.value),
  boolean: (field) => (field as HTMLInputElement).checked,
  choices: (field) =>
    [...(field as HTMLSelectElement).selectedOptions].map(({ value }) => Number(value)),
  // What the view decides.
  json: (field) => JSON.parse(field.value) as unknown,
  // What is not written anew stays as it is.
  secret: (field) => field.value || undefined,
};

/** Of what has no empty value nothing is said. */
const EMPTY: Readonly<Record<string, unknown>> = { text: null, number: null, list: [] };

/** What another choice has hidden is not meant, whatever still stands there. */
function read(field: Field): unknown {
  const as = field.dataset["as"] ?? "text";
  if (field.closest("[hidden]")) return EMPTY[as];
  return READ[as]?.(field);
}

/** Sets `tls.verify` in nested objects. */
function put(body: Json, path: string, value: unknown): void {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let at = body;
  for (const key of keys) {
    at[key] ??= {};
    at = at[key] as Json;
  }
  at[last] = value;
}

/** Rows whose first field says something; others are none. */
export function filledRows(list: HTMLElement): HTMLElement[] {
  return all(".row", list).filter((row) => {
    const first = row.querySelector<Field>("[name]");
    return first !== null && first.value.trim() !== "";
  });
}

function rowsOf(list: HTMLElement): unknown[] {
  const [single] = all<Field>(".row [data-as]", list);
  return filledRows(list).map((row) => {
    const fields = all<Field>("[data-as]", row);
    // A list of plain values has one field without a name of its own.
    if (single?.name === list.dataset["list"] && fields[0]) return read(fields[0]);
    return withoutNulls(Object.fromEntries(fields.map((field) => [field.name, read(field)])));
  });
}

/** In the order they stand in, those that are switched on. */
function chosenOf(list: HTMLElement): string[] {
  return all<HTMLInputElement>("input[type=checkbox]", list)
    .filter((it) => it.checked)
    .map((it) => it.value);
}

/** The body of a POST (what is empty is absent), or of a merge patch (null takes a field away). */
export function valuesOf(form: HTMLFormElement, isNew: boolean): Json {
  const body: Json = {};
  for (const field of all<Field>("[data-as]", form)) {
    if (field.closest("[data-list]")) continue;
    const value = read(field);
    // What a new one has where nothing is listed is the gateway's to say.
    if (isNew && Array.isArray(value) && value.length === 0) continue;
    if (value !== undefined) put(body, field.name, value);
  }
  for (const list of all("[data-list]", form)) {
    const rows = rowsOf(list);
    if (!isNew || rows.length > 0) put(body, list.dataset["list"] ?? "", rows);
  }
  for (const list of all("[data-order]", form)) {
    put(body, list.dataset["order"] ?? "", chosenOf(list));
  }
  for (const object of all("[data-object]", form)) {
    const name = object.dataset["object"] ?? "";
    const first = object.querySelector<Field>("[data-as]")?.name.split(".").at(-1) ?? "";
    const made = (body[name] ?? {}) as Json;
    const isEmpty = Object.values(made).every(isNothing);
    // A choice is never empty: what it belongs to decides.
    const isUnnamed = object.dataset["by"] === "first" && isNothing(made[first]);
    if (isEmpty || isUnnamed) body[name] = null;
  }
  return isNew ? (withoutNulls(body) as Json) : body;
}

function isNothing(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value) || value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).filter(([, it]) => it !== null);
  return Object.fromEntries(entries.map(([key, it]) => [key, withoutNulls(it)]));
}

/** The field a problem is about: `patterns[1].strip` is in the second row that says something. */
export function fieldOf(form: HTMLFormElement, path: string): HTMLElement | undefined {
  const inRow = /^([\w.]+)\[(\d+)\](?:\.(\w+))?/.exec(path);
  const list =
    inRow && form.querySelector<HTMLElement>(`[data-list="${CSS.escape(inRow[1] ?? "")}"]`);
  if (inRow && list) {
    const row = filledRows(list)[Number(inRow[2])];
    const name = inRow[3] ?? inRow[1] ?? "";
    return row?.querySelector<HTMLElement>(`[name="${CSS.escape(name)}"]`) ?? undefined;
  }
  const name = CSS.escape(path.replace(/\[\d+\]$/, ""));
  return (
    form.querySelector<HTMLElement>(`[name="${name}"]`) ??
    form.querySelector<HTMLElement>(`[data-list="${name}"], [data-order="${name}"]`) ??
    undefined
  );
}
