/** @jsxImportSource hono/jsx */
/** Parts pages are made of. `client/rows`, `client/shell` and `client/chart` bring them to life. */
import type { Child } from "hono/jsx";
import { Icon } from "./icons.tsx";

/** A card. `id` names its title `ID-title` and its count `ID-count`. */
export function Card(props: {
  id?: string;
  title?: string;
  note?: Child;
  actions?: Child;
  /** False where the content brings its own space, as a table does. */
  padded?: boolean;
  children?: Child;
}) {
  const { id, title, note, actions, padded = true, children } = props;
  const named = id && title ? { "aria-labelledby": `${id}-title` } : {};
  return (
    <section class="card" {...named}>
      {title ? (
        <div class="head">
          <h2 id={id ? `${id}-title` : undefined}>{title}</h2>
          {id ? <span class="count" id={`${id}-count`} /> : null}
          {actions ? <div class="actions">{actions}</div> : null}
          {note ? <p>{note}</p> : null}
        </div>
      ) : null}
      {padded ? <div class="body">{children}</div> : children}
    </section>
  );
}

export interface Column {
  readonly name: string;
  /** `number`: to the right; `wide`: may break; `end`: buttons. */
  readonly as?: "number" | "wide" | "end";
}

/**
 * A table, filled by `keyedRows({ id, … })` or by children. On a phone each row is a card, whose
 * cells need `data-label` (live rows bring it).
 */
export function Table(props: {
  id: string;
  /** For who can't see it, where no card names it. */
  label?: string;
  columns: readonly (string | Column)[];
  children?: Child;
}) {
  const columns = props.columns.map((it) => (typeof it === "string" ? { name: it } : it));
  return (
    <div class="scroll">
      <table id={props.id} class="cards" aria-label={props.label}>
        <thead>
          <tr>
            {columns.map(({ name, as }) => (
              <th scope="col" class={as}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </div>
  );
}

/** What stands where nothing is; `id` is the table's, whose script shows and hides it. */
export function Empty(props: {
  id?: string;
  title: string;
  hidden?: boolean;
  /** What to do about it. */
  children?: Child;
}) {
  return (
    <div
      class="empty"
      id={props.id ? `${props.id}-empty` : undefined}
      hidden={props.hidden ?? props.id !== undefined}
    >
      <strong>{props.title}</strong>
      {props.children}
    </div>
  );
}

/** A card with a live table, and what stands there while it is empty. */
export function TableCard(props: {
  id: string;
  title: string;
  note?: Child;
  actions?: Child;
  columns: readonly (string | Column)[];
  empty: string;
  /** What to do about it. */
  emptyHint?: Child;
  children?: Child;
}) {
  const { id, title, note, actions, columns, empty, emptyHint, children } = props;
  return (
    <Card id={id} title={title} note={note} actions={actions} padded={false}>
      <Table id={id} label={title} columns={columns}>
        {children}
      </Table>
      <Empty id={id} title={empty}>
        {emptyHint}
      </Empty>
    </Card>
  );
}

export type Tone = "good" | "warn" | "bad" | "busy" | "idle";

/** A status: its word carries the meaning, the colour only helps. */
export function Badge({ tone, children }: { tone: Tone; children?: Child }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** Something the person should read before going on. */
export function Notice(props: { tone?: Tone; id?: string; hidden?: boolean; children?: Child }) {
  const { tone = "busy", id, hidden, children } = props;
  return (
    <div class={`notice ${tone}`} id={id} hidden={hidden} role={tone === "bad" ? "alert" : "note"}>
      <Icon name={tone === "bad" || tone === "warn" ? "warn" : "info"} />
      <div>{children}</div>
    </div>
  );
}

/** A link that looks like a button. */
export function ButtonLink(props: { href: string; primary?: boolean; children?: Child }) {
  return (
    <a href={props.href} class={`button${props.primary ? " primary" : ""}`}>
      {props.children}
    </a>
  );
}

/** Deletes what the page is about, by the API and after a question. */
export function DeleteButton(props: { path: string; name: string; back: string; text: string }) {
  return (
    <button
      type="button"
      class="button danger"
      data-delete={props.path}
      data-name={props.name}
      data-back={props.back}
      data-text={props.text}
    >
      Delete
    </button>
  );
}

/** Lines to copy. `id`: its `<pre>`, for a script that fills it in. */
export function CodeBlock({ text, id, label }: { text: string; id?: string; label?: string }) {
  return (
    <section class="code" aria-label={label ?? "Lines to copy"}>
      <pre id={id} tabindex={0}>
        {text}
      </pre>
      <button type="button" class="button small" data-copy="">
        Copy
      </button>
    </section>
  );
}

/** Names with their values. */
export function Facts({ rows }: { rows: readonly (readonly [name: string, value: Child])[] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}

/** One figure with its chart: `ID-value`, `ID-note` and `ID-chart` are a script's. */
export function Figure(props: { id: string; name: string; unit?: string }) {
  return (
    <div class="card figure">
      <span class="name">{props.name}</span>
      <span class="value">
        <span id={`${props.id}-value`}>–</span>
        {props.unit ? <span class="unit"> {props.unit}</span> : null}
      </span>
      <span class="note" id={`${props.id}-note`} />
      <svg class="chart" id={`${props.id}-chart`} />
    </div>
  );
}

/** Pages that belong together, as links: the settings. */
export function PageTabs(props: {
  label: string;
  at: string;
  tabs: readonly (readonly [path: string, name: string])[];
}) {
  return (
    <nav class="tabs" aria-label={props.label}>
      {props.tabs.map(([path, name]) => (
        <a href={path} aria-current={path === props.at ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}
