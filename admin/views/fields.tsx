/** @jsxImportSource hono/jsx */
/**
 * The parts of forms. A field's name is its path in the API's JSON (`tls.verify`); `data-as` tells
 * `client/form-values` what its text becomes. Hints and what is wrong stand beside the label, not in
 * it: the field's name stays its name.
 */
import type { Child } from "hono/jsx";
import type { Role } from "../../schema/roles.ts";
import { useMay } from "./page.tsx";

/** A value as it stands in the configuration: by path, empty where there is none. */
export function valueAt(item: object | undefined, path: string): string {
  let value: unknown = item;
  for (const key of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[key];
  if (Array.isArray(value)) return value.join(", ");
  return value === undefined || value === null ? "" : String(value);
}

interface FieldProps {
  readonly item: object | undefined;
  readonly name: string;
  readonly label: string;
  readonly note?: string;
  readonly placeholder?: string;
  readonly required?: boolean;
  /** `list`: words with commas or lines between them. */
  readonly as?: "text" | "number" | "list";
  /** For addresses, patterns and the like. */
  readonly mono?: boolean;
  /** Over the whole width. */
  readonly whole?: boolean;
}

export function Field({ item, name, label, note, as = "text", mono, whole, ...rest }: FieldProps) {
  const common = {
    ...{ name, class: mono ? "mono" : undefined, "data-as": as },
    ...{ autocomplete: "off", spellcheck: false, ...rest },
  };
  return (
    <div class={whole ? "field whole" : "field"}>
      {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the Entry. */}
      <label>
        <span class="label">{label}</span>
        <Entry as={as} value={valueAt(item, name)} common={common} />
      </label>
      <Note text={note} />
    </div>
  );
}

/** AMB-15: pasted into one line, a list of lines would lose what stands between them. */
function Entry({ as, value, common }: { as: string; value: string; common: object }) {
  if (as === "list") {
    return (
      <textarea {...common} rows={1}>
        {value}
      </textarea>
    );
  }
  const mode = as === "number" ? "numeric" : undefined;
  return <input {...common} type="text" inputmode={mode} value={value} />;
}

/** Write-only: what is set is never shown. */
export function PasswordField(props: {
  label: string;
  isSet: boolean;
  required?: boolean;
  note?: string;
}) {
  const note = props.isSet ? "One is set; leave this empty to keep it." : props.note;
  return (
    <div class="field">
      <label>
        <span class="label">{props.label}</span>
        <input
          name="password"
          type="password"
          data-as="secret"
          autocomplete="new-password"
          required={props.required === true}
        />
      </label>
      <Note text={note} />
    </div>
  );
}

export type Options = readonly (readonly [value: string, label: string])[];

export function Choice(props: {
  item: object | undefined;
  name: string;
  label: string;
  options: Options;
  note?: string;
  as?: "text" | "number";
}) {
  const { item, name, label, options, note, as = "text" } = props;
  const value = valueAt(item, name);
  return (
    <div class="field">
      <label>
        <span class="label">{label}</span>
        <select name={name} data-as={as}>
          {options.map(([option, text]) => (
            <option value={option} selected={option === value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <Note text={note} />
    </div>
  );
}

/** Several of many. */
export function Choices(props: {
  name: string;
  label: string;
  options: Options;
  chosen: readonly number[];
  note?: string;
}) {
  return (
    <div class="field">
      <label>
        <span class="label">{props.label}</span>
        <select name={props.name} data-as="choices" multiple size={3}>
          {props.options.map(([value, text]) => (
            <option value={value} selected={props.chosen.some((it) => String(it) === value)}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <Note text={props.note} />
    </div>
  );
}

/** A switch. */
export function Check(props: {
  item: object | undefined;
  name: string;
  label: string;
  note?: string;
  /** Of a new item, and of one that doesn't say. */
  byDefault?: boolean;
}) {
  const value = valueAt(props.item, props.name);
  const isChecked = value === "" ? props.byDefault === true : value === "true";
  return (
    <div class="field">
      <label class="switch">
        <input name={props.name} type="checkbox" data-as="boolean" checked={isChecked} />
        <span class="label">{props.label}</span>
      </label>
      <Note text={props.note} />
    </div>
  );
}

interface GroupProps {
  readonly title: string;
  /** The object its fields make up, which is taken away whole when all of them are empty. */
  readonly of?: string;
  /** `first`: the object is taken away when its first field is empty, whatever the others say. */
  readonly by?: "first";
  readonly note?: Child;
  readonly children?: Child;
}

/** A section that is always open: a card of fields. */
export function Group({ title, of, by, note, children }: GroupProps) {
  return (
    <fieldset class="card" data-object={of} data-by={by}>
      <legend>{title}</legend>
      {note ? <p class="hint">{note}</p> : null}
      <div class="fields">{children}</div>
    </fieldset>
  );
}

/** A section that opens: for what few people need. `summary` says what it is set to. */
export function Section(
  props: GroupProps & { id?: string; open?: boolean; summary?: string; plain?: boolean },
) {
  const { id, title, of, by, note, open, summary, plain, children } = props;
  return (
    <details class="card section" id={id} open={open} data-object={of} data-by={by}>
      <summary>
        {title}
        {summary ? <span class="note">{summary}</span> : null}
      </summary>
      {note ? <p class="hint">{note}</p> : null}
      {plain ? children : <div class="fields">{children}</div>}
    </details>
  );
}

/**
 * `resource`: where it is posted, or patched where it has a version. `back`: where it leads then,
 * `{id}` being what was made. `check`: a dry run below `/api/v1` that validates as one types.
 */
export function Form(props: {
  resource: string;
  version?: number | undefined;
  back: string;
  check?: string;
  /** Of what is changed, for the dry run. */
  id?: number | undefined;
  save?: string;
  /** The role that may save it; an admin unless given. */
  needs?: Role;
  children?: Child;
}) {
  const { resource, version, back, check, id, save = "Save", children } = props;
  const { needs = "admin" } = props;
  const maySave = useMay(needs);
  const data = {
    "data-resource": resource,
    "data-back": back,
    "data-check": check,
    "data-id": id === undefined ? undefined : String(id),
    "data-version": version === undefined ? undefined : String(version),
  };
  return (
    <form class="sheet" {...data} novalidate>
      {children}
      <div class="form-end">
        <p class="problem" role="alert" hidden />
        <button type="submit" class="button primary" disabled={!maySave}>
          {save}
        </button>
        {maySave ? null : <p class="hint">Your account may look only: this needs an {needs}.</p>}
        <a class="button plain" href={back.replace("/{id}", "")}>
          Cancel
        </a>
      </div>
    </form>
  );
}

function Note({ text }: { text: string | undefined }) {
  return text === undefined ? null : <span class="note">{text}</span>;
}
