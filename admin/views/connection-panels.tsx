/** @jsxImportSource hono/jsx */
/**
 * What stands beside a saved connection's form: its status now. Further panels (a test, the firewall,
 * snippets, history) each have a file of their own and a line here.
 */
import type { NetworkStatus } from "../../gateway/b2bua/status.ts";
import type { Connection } from "../../schema/config.ts";
import type { Firewall } from "../firewall.ts";
import { FirewallCard } from "./firewall-card.tsx";
import { Card, TableCard } from "./parts.tsx";
import { PbxCard } from "./pbx-card.tsx";
import { TestCallCard, type Tested } from "./test-call-card.tsx";

export function ConnectionPanels(props: {
  connection: Connection;
  network: NetworkStatus;
  firewall: Firewall;
  tested: Tested;
}) {
  const { connection, network, firewall, tested } = props;
  return (
    <>
      <StatusPanel connection={connection} />
      {connection.type === "inbound-registration" ? (
        <PbxCard connection={connection} network={network} />
      ) : null}
      <TestCallCard connection={connection} tested={tested} />
      <FirewallCard firewall={firewall} />
      <HistoryPanel connection={connection} />
    </>
  );
}

/** Filled in by `client/connection-status`. */
function StatusPanel({ connection }: { connection: Connection }) {
  return (
    <Card id="status" title="Now">
      <div data-connection={String(connection.id)} role="status">
        <span class="soft">…</span>
      </div>
    </Card>
  );
}

/** OPS-05, LIM-05. Filled in by `client/connection-history`. */
function HistoryPanel({ connection }: { connection: Connection }) {
  return (
    <div data-history={String(connection.id)}>
      <TableCard
        id="history"
        title="History"
        note={<span id="capacity" />}
        columns={["When", "What", { name: "Why", as: "wide" }]}
        empty="Nothing has changed yet."
      />
    </div>
  );
}
