/** @jsxImportSource hono/jsx */
/** Lists in forms; `client/list-editor` adds, removes and moves their rows. */
import type { Child } from "hono/jsx";
import { Icon } from "./icons.tsx";

/**
 * Rows of fields, an array of objects in the API's JSON. `row` makes one: of `undefined` the empty
 * one that "add" brings. Rows whose first field is empty are left out.
 */
export function ListEditor<Item>(props: {
  /** The array's path. */
  name: string;
  items: readonly Item[];
  row: (item: Item | undefined) => Child;
  /** "Add a pattern". */
  add: string;
  /** "pattern": on the buttons of a row. */
  noun: string;
  /** Whether their order means something. */
  ordered?: boolean;
}) {
  const { name, items, row, add, noun, ordered = false } = props;
  return (
    <div class="list" data-list={name}>
      <ol class="rows">
        {items.map((item) => (
          <Row noun={noun} ordered={ordered}>
            {row(item)}
          </Row>
        ))}
      </ol>
      <template>
        <Row noun={noun} ordered={ordered}>
          {row(undefined)}
        </Row>
      </template>
      <div>
        <button type="button" class="button small" data-add>
          <Icon name="plus" /> {add}
        </button>
      </div>
    </div>
  );
}

function Row(props: { noun: string; ordered: boolean; children?: Child }) {
  return (
    <li class="row">
      {props.ordered ? <Grip /> : null}
      <div class="fields">{props.children}</div>
      <div class="tools">
        {props.ordered ? <Movers noun={props.noun} /> : null}
        <button type="button" class="button plain icon-only" data-remove>
          <Icon name="trash" />
          <span class="unseen">Remove this {props.noun}</span>
        </button>
      </div>
    </li>
  );
}

/** A fixed set that is switched on and put in order: codecs. An array of the values, best first. */
export function OrderEditor(props: {
  name: string;
  label: string;
  /** All there are, with their names. */
  options: readonly (readonly [value: string, label: string, note?: string])[];
  /** Those that are on, in order; the others follow, switched off. */
  chosen: readonly string[];
}) {
  const { name, label, options, chosen } = props;
  const rank = (value: string) => {
    const at = chosen.indexOf(value);
    return at < 0 ? options.length : at;
  };
  const sorted = [...options].sort(([a], [b]) => rank(a) - rank(b));
  return (
    <fieldset class="list" data-order={name} aria-label={label}>
      <ol class="rows">
        {sorted.map(([value, text, note]) => (
          <li class="row slim">
            <Grip />
            <label class="switch grow">
              <input type="checkbox" value={value} checked={chosen.includes(value)} />
              <span class="label">{text}</span>
              {note ? <span class="note">{note}</span> : null}
            </label>
            <div class="tools">
              <Movers noun={text} />
            </div>
          </li>
        ))}
      </ol>
    </fieldset>
  );
}

function Grip() {
  return (
    <span class="grip" aria-hidden="true">
      <Icon name="grip" />
    </span>
  );
}

function Movers({ noun }: { noun: string }) {
  return (
    <>
      <button type="button" class="button plain icon-only" data-move="up">
        <Icon name="up" />
        <span class="unseen">Move {noun} up</span>
      </button>
      <button type="button" class="button plain icon-only" data-move="down">
        <Icon name="down" />
        <span class="unseen">Move {noun} down</span>
      </button>
    </>
  );
}
