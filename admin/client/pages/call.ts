/** One call: times as the reader's clock says, how its audio goes, hanging up, and the page anew at its end. */
import type { CallReport } from "../../../gateway/b2bua/call-trace.ts";
import { api } from "../api.ts";
import { showTimeline } from "../call-timeline.ts";
import { all, byId } from "../dom.ts";
import { hangUp } from "../hang-up.ts";
import { live } from "../live.ts";
import { moment } from "../time.ts";
import { transferCall } from "../transfer-call.ts";

for (const time of all<HTMLTimeElement>("time[data-at]")) {
  time.textContent = moment(Number(time.dataset["at"]));
}

const id = byId("timeline").dataset["call"] ?? "";
const button = document.getElementById("hang-up");

async function showAudio(): Promise<void> {
  const { trace } = await api<CallReport>("GET", `/calls/${encodeURIComponent(id)}`);
  if (trace) showTimeline(trace.parties);
}

await showAudio();
if (button) {
  button.addEventListener("click", () => void hangUp(id, "Hang up this call?"));
  const transfer = byId("transfer");
  const { caller = "", callee = "" } = transfer.dataset;
  transfer.addEventListener("click", () => transferCall({ id, caller, callee }));
  let heard = "";
  live(({ calls }) => {
    const call = calls.find((it) => it.id === id);
    if (!call) return location.reload();
    const quality = JSON.stringify(call.quality);
    if (quality === heard) return;
    heard = quality;
    void showAudio();
  });
}
