/** @jsxImportSource hono/jsx */
/** The card of the calls in progress; `client/live-calls` fills it. */
import { TableCard } from "./parts.tsx";

export function LiveCalls({ title }: { title: string }) {
  return (
    <TableCard
      id="calls"
      title={title}
      columns={[
        "From",
        "To",
        "State",
        "Audio",
        { name: "MOS", as: "number" },
        { name: "Time", as: "number" },
        { name: "", as: "end" },
      ]}
      empty="No call right now."
    />
  );
}
