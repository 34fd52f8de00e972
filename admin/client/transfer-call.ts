/** Another number in the place of one of a call's parties: asked in a dialog, done by the API. */
import { api } from "./api.ts";
import { h } from "./dom.ts";
import { attempt, toast } from "./notify.ts";

export interface Parties {
  readonly id: string;
  readonly caller: string;
  readonly callee: string;
}

export function transferCall({ id, caller, callee }: Parties): void {
  const number = h("input", { name: "number", required: true, maxlength: 128, autofocus: true });
  const leaves = h(
    "select",
    { name: "leaves" },
    h("option", { value: "caller" }, caller),
    h("option", { value: "callee" }, callee),
  );
  const field = (label: string, input: HTMLElement) =>
    h("label", { class: "field" }, h("span", { class: "label" }, label), input);
  const form = h(
    "form",
    { class: "sheet" },
    h("h2", { id: "transfer-title" }, "Transfer the call"),
    field("To the number or colleague", number),
    field("In the place of", leaves),
    h("p", { class: "hint" }, "Where it can't be reached the two talk on."),
    h(
      "div",
      { class: "actions" },
      h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button", { type: "submit", class: "button primary" }, "Transfer"),
    ),
  );
  const dialog = h("dialog", { "aria-labelledby": "transfer-title" }, form);
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = { leaves: leaves.value, number: number.value.trim() };
    void attempt(() => api("POST", `/calls/${encodeURIComponent(id)}/transfer`, { body })).then(
      (isDone) => {
        if (isDone) toast(`${body.number} is called`);
        dialog.close();
      },
    );
  });
  document.body.append(dialog);
  dialog.showModal();
}
