/**
 * Test connection on the form: what stands there now is asked of the PBX, unsaved, and each step
 * shows itself while the next is worked on (TST-01). All of it is text of ours.
 */
import type { TestStep } from "../../gateway/b2bua/test-verdicts.ts";
import { byId, h, note, setText, type Tone } from "./dom.ts";
import { valuesOf } from "./form-values.ts";

type TestEvent =
  | { readonly begun: TestStep["step"] }
  | ({ readonly begun?: never; readonly call?: string } & TestStep);

const NAMES: Readonly<Record<TestStep["step"], string>> = {
  dns: "Address",
  connect: "Connection",
  certificate: "Certificate",
  options: "Answer",
  digest: "Log-in",
  capabilities: "What it can do",
  routing: "Which numbers",
  call: "The call",
  incoming: "A call from it",
  talk: "What is heard",
};
const MARKS: Readonly<Record<TestStep["outcome"], readonly [Tone, string]>> = {
  ok: ["good", "OK"],
  note: ["warn", "Note"],
  failed: ["bad", "Failed"],
  skipped: ["idle", "Skipped"],
};

/** Asked, or called (X3), as it stands. Once for the page; `form` is the connection's. */
export function testOnDemand(form: HTMLFormElement): void {
  const { id } = form.dataset;
  const steps = byId("test-steps");
  const draft = () => ({
    ...valuesOf(form, true),
    ...(id === undefined ? {} : { id: Number(id) }),
  });
  const number = byId<HTMLInputElement>("draft-number");
  whilePressed("test", "Testing …", () => run(steps, "/api/v1/connections/test", draft()));
  number.addEventListener("keydown", (event) => {
    // Enter calls; the form is not saved by it.
    if (event.key !== "Enter") return;
    event.preventDefault();
    byId("draft-call").click();
  });
  whilePressed("draft-call", "Calling …", () =>
    run(steps, "/api/v1/connections/test-call", { ...draft(), number: number.value.trim() }),
  );
}

/** As if the button were pressed. */
export function testNow(): void {
  const button = byId("test");
  button.scrollIntoView({ block: "center" });
  button.click();
}

/** A real call, by the connection or by who stands in for it (X3), or from it (TST-08). Nothing on pages without. */
export function callOnDemand(): void {
  const card = document.querySelector<HTMLElement>("[data-test-call]");
  if (!card) return;
  const connection = `/api/v1/connections/${card.dataset["testCall"]}`;
  const path = `${connection}/test-call`;
  const number = byId<HTMLInputElement>("test-number");
  const call = (drill: boolean) =>
    run(byId("call-steps"), path, { number: number.value.trim(), ...(drill ? { drill } : {}) });
  whilePressed("received-call", "Call now …", () =>
    run(byId("call-steps"), `${connection}/received-call`, {}),
  );
  whilePressed("test-call", "Calling …", () => call(false));
  if (document.getElementById("test-drill")) {
    whilePressed("test-drill", "Calling …", () => call(true));
  }
}

function whilePressed(id: string, meanwhile: string, act: () => Promise<void>): void {
  const button = byId<HTMLButtonElement>(id);
  const { textContent } = button;
  button.addEventListener("click", async () => {
    button.disabled = true;
    setText(button, meanwhile);
    try {
      await act();
    } finally {
      button.disabled = false;
      setText(button, textContent ?? "");
    }
  });
}

async function run(list: HTMLElement, path: string, body: object): Promise<void> {
  list.replaceChildren();
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => undefined);
  if (response?.status === 401) location.assign("/login");
  if (!response?.ok || !response.body) {
    const text = response ? await response.text() : "";
    list.append(h("li", {}, h("span", { class: "badge bad" }, "Not tested"), refusalOf(text)));
    return;
  }
  let last: HTMLLIElement | undefined;
  for await (const event of linesOf(response.body)) {
    if (event.begun !== undefined) {
      const waiting = h("span", { class: "badge busy" }, "…");
      last = h("li", {}, waiting, h("strong", {}, NAMES[event.begun]));
      list.append(last);
    } else last?.replaceChildren(...shown(event));
  }
}

function shown(event: TestStep & { readonly call?: string }): HTMLElement[] {
  const { step, outcome, sentence, tookMs, facts, field, call } = event;
  const [tone, word] = MARKS[outcome];
  const link = field
    ? h(
        "button",
        { type: "button", class: "button small plain", onclick: () => goTo(field) },
        "Show the field",
      )
    : undefined;
  const page =
    call === undefined ? undefined : h("a", { href: `/calls/${call}` }, "The call's page");
  const more = facts.length > 0 ? note(facts.join(" · ")) : undefined;
  return [
    h("span", { class: `badge ${tone}` }, word),
    h("strong", {}, NAMES[step]),
    h("span", { class: "told" }, sentence, " ", link, page, more),
    h("span", { class: "when" }, `${tookMs} ms`),
  ];
}

/** The field of that path, in sight and in focus; its section opens. */
export function goTo(path: string): void {
  const name = CSS.escape(path);
  const field = document.querySelector<HTMLElement>(
    `form [name="${name}"], form [data-list="${name}"] input, form [data-order="${name}"] input`,
  );
  if (!field) return;
  field.closest("details")?.setAttribute("open", "");
  field.scrollIntoView({ block: "center" });
  field.focus();
}

function refusalOf(text: string): HTMLElement {
  try {
    const { error } = JSON.parse(text) as {
      error: { message: string; problems?: { path: string; message: string }[] };
    };
    const details = (error.problems ?? []).map(({ path, message }) => `${path}: ${message}`);
    return h("span", { class: "told" }, details.length > 0 ? details.join("; ") : error.message);
  } catch {
    return h("span", { class: "told" }, "the gateway does not answer");
  }
}

/** Lines of JSON as they come. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<TestEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield JSON.parse(line) as TestEvent;
  }
}
