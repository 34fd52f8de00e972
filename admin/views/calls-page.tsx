/** @jsxImportSource hono/jsx */
/** Calls in progress, and calls that ended, newest first. Filled in by `client/pages/calls`. */
import { Page } from "./layout.tsx";
import { LiveCalls } from "./live-calls.tsx";
import { useMay } from "./page.tsx";
import { Card, Empty, Table, TableCard } from "./parts.tsx";

export function CallsPage() {
  const mayOperate = useMay("operator");
  return (
    <Page
      title="Calls"
      at="/calls"
      lead="What is spoken now, and how every call ended."
      script="calls"
    >
      <LiveCalls title="In progress" />
      <Card
        id="records"
        title="Ended"
        padded={false}
        actions={
          mayOperate ? (
            <a class="button small" id="csv" href="/api/v1/call-records/csv">
              CSV
            </a>
          ) : undefined
        }
      >
        <form class="filter" id="filter">
          <label>
            <span class="unseen">Number or reason</span>
            <input type="search" name="text" placeholder="Number or reason" maxlength={128} />
          </label>
          <label>
            <span class="unseen">Outcome</span>
            <select name="outcome">
              <option value="">All</option>
              <option value="answered">Answered</option>
              <option value="unanswered">Not answered</option>
            </select>
          </label>
          <label>
            <span class="unseen">Connection</span>
            <select name="connection" id="connection">
              <option value="">Any connection</option>
            </select>
          </label>
        </form>
        <Table
          id="records"
          label="Calls that ended"
          columns={[
            "When",
            "From",
            "To",
            "Over",
            { name: "Lasted", as: "number" },
            { name: "How it ended", as: "wide" },
          ]}
        />
        <Empty id="records" title="No such call has ended." />
        <div class="more">
          <button type="button" class="button" id="more" hidden>
            Older calls
          </button>
        </div>
      </Card>
      {mayOperate ? (
        <TableCard
          id="refused"
          title="Strangers who were refused"
          note="The latest, until the gateway is started anew. If your PBX is among them, list its address."
          columns={["When", "From", "To", { name: "Why", as: "wide" }]}
          empty="Nobody unknown has tried to call."
        />
      ) : null}
    </Page>
  );
}
