/** Who is not listened to now, and the way to end that. */
import type { BanStatus } from "../../../gateway/b2bua/status.ts";
import { api } from "../api.ts";
import { h } from "../dom.ts";
import { live } from "../live.ts";
import { attempt, toast } from "../notify.ts";
import { keyedRows } from "../rows.ts";
import { moment } from "../time.ts";

const table = keyedRows<BanStatus>({
  id: "bans",
  key: ({ source }) => source,
  cells: ({ source, reason, until }) => [
    source,
    reason,
    moment(until),
    [
      h(
        "button",
        { type: "button", class: "button small", "data-action": "unban", "data-needs": "operator" },
        "Listen again",
      ),
    ],
  ],
  actions: { unban: (it) => void unban(it) },
});

async function unban({ source }: BanStatus): Promise<void> {
  const isDone = await attempt(() => api("DELETE", `/bans/${encodeURIComponent(source)}`));
  if (isDone) toast(`${source} is listened to again`);
}

live(({ bans }) => table.show(bans));
