/**
 * Tables whose rows follow live data. A row belongs to a key and stays the same element as long as
 * the key is there: only cells that differ are replaced, so that focus, selection and open menus
 * outlive two hundred calls changing around them.
 */
import { byId, type Child, h, setText } from "./dom.ts";

/** What a cell shows: a text, or elements. */
export type Cell = string | Child[];

export interface RowsOptions<Item> {
  /** The table's id, as in the view's `<Table id=…>`. */
  readonly id: string;
  key(item: Item): string;
  /** By column of the view's table, in order. */
  cells(item: Item): readonly Cell[];
  /** What `<button data-action="NAME">` in a row does, with the item as it is then. */
  readonly actions?: Readonly<Record<string, (item: Item, button: HTMLElement) => void>>;
  /** A class of the whole row. */
  rowClass?(item: Item): string;
}

export interface Rows<Item> {
  show(items: readonly Item[]): void;
}

interface Shown<Item> {
  readonly row: HTMLTableRowElement;
  item: Item;
  signature: string;
}

export function keyedRows<Item>(options: RowsOptions<Item>): Rows<Item> {
  const table = byId<HTMLTableElement>(options.id);
  const body = table.tBodies[0] ?? table.createTBody();
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  const shown = new Map<string, Shown<Item>>();
  body.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-action]");
    const key = button?.closest("tr")?.dataset["key"];
    const it = key === undefined ? undefined : shown.get(key);
    if (button && it) options.actions?.[button.dataset["action"] ?? ""]?.(it.item, button);
  });

  const patch = (it: Shown<Item>, item: Item) => {
    it.item = item;
    // What is equal in all it says shows equal.
    const signature = JSON.stringify(item);
    if (signature === it.signature) return;
    it.signature = signature;
    it.row.className = options.rowClass?.(item) ?? "";
    for (const [index, content] of options.cells(item).entries()) {
      patchCell(cellAt(it.row, index, heads[index]), content);
    }
  };

  return {
    show: (items) => {
      const keys = new Set<string>();
      let place = body.firstElementChild;
      for (const item of items) {
        const key = options.key(item);
        if (keys.has(key)) continue;
        keys.add(key);
        const known = shown.get(key);
        const it = known ?? { row: h("tr", { "data-key": key }), item, signature: "" };
        if (!known) shown.set(key, it);
        patch(it, item);
        if (it.row === place) place = place.nextElementSibling;
        else body.insertBefore(it.row, place);
      }
      for (const [key, { row }] of shown) {
        if (keys.has(key)) continue;
        row.remove();
        shown.delete(key);
      }
      showCount(options.id, keys.size);
    },
  };
}

/** The count beside the title, and what stands there when there is nothing. */
function showCount(id: string, count: number): void {
  const counter = document.getElementById(`${id}-count`);
  if (counter) setText(counter, count > 0 ? String(count) : "");
  const empty = document.getElementById(`${id}-empty`);
  if (!empty) return;
  empty.hidden = count > 0;
  const scroll = byId(id).closest<HTMLElement>(".scroll");
  if (scroll) scroll.hidden = count === 0;
}

function cellAt(
  row: HTMLTableRowElement,
  index: number,
  head: HTMLTableCellElement | undefined,
): HTMLTableCellElement {
  const present = row.cells[index];
  if (present) return present;
  // On a phone rows are cards, and each cell says itself what it is.
  const cell = h("td", { "data-label": head?.textContent ?? "", class: head?.className });
  row.append(cell);
  return cell;
}

function patchCell(cell: HTMLTableCellElement, content: Cell): void {
  if (typeof content === "string") {
    if (cell.childElementCount > 0 || cell.textContent !== content) cell.textContent = content;
    return;
  }
  // One box for all, so that on a phone they stand together beside the column's name.
  const wanted = h("div", {}, ...content);
  if (!wanted.isEqualNode(cell.firstChild)) cell.replaceChildren(wanted);
}
