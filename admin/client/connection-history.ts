/** How a connection fared, and how much it was used: the panel beside its form. */
import { api } from "./api.ts";
import { badge, byId, setText } from "./dom.ts";
import { keyedRows } from "./rows.ts";
import { moment } from "./time.ts";

interface StatusChange {
  readonly id: number;
  readonly at: number;
  readonly aspect: "registration" | "reachability" | "test-call" | "received-call";
  readonly state: string;
  readonly reason: string;
}

interface Capacity {
  readonly peakCalls: number;
  readonly suggestedMaxCalls?: number;
  readonly calls: number;
  readonly plannedKilobitsPerSecond: number;
}

const SHOWN = 20;
const GOOD = new Set(["registered", "ok", "passed"]);
const IDLE = new Set(["disabled", "unknown", "unclear"]);

/** Does nothing on pages without the panel. */
export async function showConnectionHistory(): Promise<void> {
  const id = document.querySelector<HTMLElement>("[data-history]")?.dataset["history"];
  if (id === undefined) return;
  const table = keyedRows<StatusChange>({
    id: "history",
    key: (it) => String(it.id),
    cells: ({ at, state, reason }) => [
      moment(at),
      [badge(GOOD.has(state) ? "good" : IDLE.has(state) ? "idle" : "bad", state)],
      reason,
    ],
  });
  const path = `/connections/${id}`;
  table.show(await api<StatusChange[]>("GET", `${path}/history?limit=${SHOWN}`));
  setText(byId("capacity"), capacityText(await api<Capacity>("GET", `${path}/capacity`)));
}

function capacityText({ peakCalls, suggestedMaxCalls, ...rest }: Capacity): string {
  if (peakCalls === 0) return "No calls in four weeks.";
  const line = `${(rest.plannedKilobitsPerSecond / 1_000).toFixed(1)} Mbit/s each way`;
  return `At most ${peakCalls} calls at once in four weeks: a limit of ${suggestedMaxCalls} leaves room. Plan ${line} for ${rest.calls}.`;
}
