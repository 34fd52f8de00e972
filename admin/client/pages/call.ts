/** One call: times as the reader's clock says, hanging up, and the page anew once it has ended. */
import { all } from "../dom.ts";
import { hangUp } from "../hang-up.ts";
import { live } from "../live.ts";
import { moment } from "../time.ts";

for (const time of all<HTMLTimeElement>("time[data-at]")) {
  time.textContent = moment(Number(time.dataset["at"]));
}

const button = document.getElementById("hang-up");
const id = button?.dataset["call"];

if (button && id !== undefined) {
  button.addEventListener("click", () => void hangUp(id, "Hang up this call?"));
  live(({ calls }) => {
    if (!calls.some((call) => call.id === id)) location.reload();
  });
}
