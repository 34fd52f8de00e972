/**
 * Lists in forms: `data-list` has rows made from the view's `<template>`, `data-order` a fixed set
 * that is switched on and put in order. Rows move by drag, and by their up and down buttons.
 */
import { all, h } from "./dom.ts";
import { describeFields } from "./form-problems.ts";

export function editableLists(form: HTMLElement): void {
  for (const list of all("[data-list]", form)) editable(list);
  for (const list of all("[data-order]", form)) movable(list);
}

function editable(list: HTMLElement): void {
  const template = list.querySelector("template");
  const rows = list.querySelector<HTMLElement>(".rows");
  if (!template || !rows) return;
  list.querySelector("[data-add]")?.addEventListener("click", () => {
    rows.append(template.content.cloneNode(true));
    describeFields(rows);
    rows.lastElementChild?.querySelector<HTMLElement>("[name]")?.focus();
    changed(list);
  });
  rows.addEventListener("click", ({ target }) => {
    const button = (target as Element).closest("[data-remove]");
    const row = button?.closest(".row");
    if (!row) return;
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    const focused = next?.querySelector<HTMLElement>("[data-remove]");
    (focused ?? list.querySelector<HTMLElement>("[data-add]"))?.focus();
    changed(list);
  });
  movable(list);
}

function movable(list: HTMLElement): void {
  const rows = list.querySelector<HTMLElement>(".rows");
  if (!rows) return;
  const spoken = h("span", { class: "unseen", role: "status" });
  list.append(spoken);
  const tell = (row: Element) => {
    const place = [...rows.children].indexOf(row) + 1;
    spoken.textContent = `Now ${place} of ${rows.children.length}`;
    changed(list);
  };
  rows.addEventListener("click", ({ target }) => {
    const button = (target as Element).closest<HTMLElement>("[data-move]");
    const row = button?.closest(".row");
    if (!button || !row) return;
    if (button.dataset["move"] === "up") row.previousElementSibling?.before(row);
    else row.nextElementSibling?.after(row);
    button.focus();
    tell(row);
  });
  drag(rows, tell);
}

/** Pointer events, so that a finger drags as a mouse does. */
function drag(rows: HTMLElement, moved: (row: Element) => void): void {
  rows.addEventListener("pointerdown", (event) => {
    const grip = (event.target as Element).closest<HTMLElement>(".grip");
    const row = grip?.closest<HTMLElement>(".row");
    if (!grip || !row) return;
    event.preventDefault();
    row.classList.add("dragged");
    const move = ({ clientY }: PointerEvent) => {
      const over = [...rows.children].find((it) => {
        const { top, bottom } = it.getBoundingClientRect();
        return it !== row && clientY > top && clientY < bottom;
      });
      if (!over) return;
      const isAfter = row.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_FOLLOWING;
      if (isAfter) over.after(row);
      else over.before(row);
    };
    const end = () => {
      row.classList.remove("dragged");
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      moved(row);
    };
    // On the window: an element that is moved in the document loses a capture.
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  });
}

/** What watches the form sees a list change as it sees a field. */
function changed(list: HTMLElement): void {
  const first = list.querySelector("[name], input") ?? list;
  first.dispatchEvent(new Event("input", { bubbles: true }));
}
