/** The status of one connection, in a box of the view: `<div data-connection="3">`. */
import { all, badge, note } from "./dom.ts";
import { live } from "./live.ts";
import { ago } from "./time.ts";
import { healthOf } from "./words.ts";

export function showConnectionStatuses(): void {
  const boxes = all("[data-connection]");
  if (boxes.length === 0) return;
  live(({ connections }) => {
    for (const box of boxes) {
      const status = connections.find(({ id }) => String(id) === box.dataset["connection"]);
      if (!status) continue;
      const { tone, word, reason } = healthOf(status);
      const calls = `${status.callsNow} ${status.callsNow === 1 ? "call" : "calls"} now`;
      const parts = [badge(tone, word), " for ", ago(status.since), ` · ${calls}`, note(reason)];
      box.replaceChildren(...parts);
    }
  });
}
