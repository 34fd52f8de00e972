/** @jsxImportSource hono/jsx */
/** All connections, with what they are doing now (ADM-02). Filled in by `client/pages/connections`. */
import { Icon } from "./icons.tsx";
import { Page } from "./layout.tsx";
import { ButtonLink, TableCard } from "./parts.tsx";

export function ConnectionsPage() {
  const add = (
    <ButtonLink href="/connections/new" primary>
      <Icon name="plus" /> Add a connection
    </ButtonLink>
  );
  return (
    <Page
      title="Connections"
      at="/connections"
      lead="PBXs and carriers calls go to and come from."
      actions={add}
      script="connections"
    >
      <TableCard
        id="connections"
        title="Connections"
        columns={[
          "Name",
          { name: "Status, since", as: "wide" },
          "Host, transport",
          "User name, numbers",
          { name: "Patterns", as: "wide" },
          { name: "Weight", as: "number" },
          { name: "Calls", as: "number" },
        ]}
        empty="No connection yet"
        emptyHint={
          <>
            Add the PBX or carrier calls should go through.
            <br />
            {add}
          </>
        }
      />
    </Page>
  );
}
