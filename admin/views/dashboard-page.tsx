/** @jsxImportSource hono/jsx */
/** The first page: how the gateway is right now, and what went wrong last. Live. */
import { Page } from "./layout.tsx";
import { LiveCalls } from "./live-calls.tsx";
import { ButtonLink, Card, Figure, Notice, TableCard } from "./parts.tsx";

/** Rows are filled in by `client/pages/dashboard`, with text alone: nothing from SIP is HTML. */
export function DashboardPage({ isSetUp }: { isSetUp: boolean }) {
  return (
    <Page title="Dashboard" at="/" script="dashboard">
      {isSetUp ? null : (
        <Notice>
          The set-up is not finished: no call can be made yet.{" "}
          <a href="/welcome">Go on with the set-up</a>
        </Notice>
      )}
      <Notice tone="warn" id="certificates" hidden />
      <div class="figures">
        <Figure id="calls-now" name="Calls now" />
        <Figure id="sound" name="Sound, mean MOS" />
        <Figure id="phones" name="Softphones online" />
        <Figure id="load" name="Busiest media worker" unit="%" />
      </div>
      <LiveCalls title="Calls in progress" />
      <div class="columns">
        <TableCard
          id="trunks"
          title="Connections"
          columns={["Name", { name: "Status", as: "wide" }, { name: "Calls", as: "number" }]}
          empty="No connection yet."
          emptyHint={
            <>
              Add the PBX or carrier calls should go through.
              <br />
              <ButtonLink href="/connections/new" primary>
                Add a connection
              </ButtonLink>
            </>
          }
        />
        <div class="sheet">
          <Card id="workers" title="Media workers">
            <div id="worker-list" class="sheet" />
          </Card>
          <TableCard
            id="failures"
            title="Recent failures"
            columns={["Call", { name: "Why", as: "wide" }, { name: "Ago", as: "number" }]}
            empty="No call has failed lately."
          />
        </div>
      </div>
    </Page>
  );
}
