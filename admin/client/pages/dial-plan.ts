/** Asks what would happen, and shows the answer in the order things would happen. */
import type { Explanation } from "../../../gateway/b2bua/status.ts";
import { ApiError, api } from "../api.ts";
import { byId, h } from "../dom.ts";
import { moment } from "../time.ts";

const answer = byId("answer");

function show({ number, ways, steps, colleague, reason, at, note }: Explanation): void {
  const verdict = colleague
    ? `${colleague}'s softphones would ring.`
    : ways.length > 0
      ? `It would go to ${ways.map((way) => `${way.name} as ${way.number}`).join(", then to ")}.`
      : `Nobody would be reached: ${reason}.`;
  const items = steps.map(({ connection, outcome }) =>
    h("li", {}, h("strong", {}, connection), ` ${outcome}`),
  );
  answer.replaceChildren(
    h(
      "div",
      { class: "verdict" },
      h("p", {}, `Read as ${number}. ${verdict}`),
      ...(at === undefined ? [] : [h("p", {}, `${moment(at)}: ${note}`)]),
    ),
    ...(items.length > 0 ? [h("ol", {}, ...items)] : []),
  );
}

async function ask(form: HTMLFormElement): Promise<void> {
  const fields = new FormData(form);
  const at = String(fields.get("at") ?? "");
  const query = new URLSearchParams({
    user: String(fields.get("user") ?? ""),
    number: String(fields.get("number") ?? ""),
    // The field has the time of the place where the browser is.
    ...(at === "" ? {} : { at: new Date(at).toISOString() }),
  });
  try {
    show(await api<Explanation>("GET", `/dial-plan/explain?${query}`));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    answer.replaceChildren(h("p", { class: "problem" }, error.message));
  }
}

byId<HTMLFormElement>("question").addEventListener("submit", (event) => {
  event.preventDefault();
  void ask(event.currentTarget as HTMLFormElement);
});
