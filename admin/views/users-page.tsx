/** @jsxImportSource hono/jsx */
/** Users, and their devices that are online. Filled in by `client/pages/users`. */
import { Icon } from "./icons.tsx";
import { Page } from "./layout.tsx";
import { ButtonLink, TableCard } from "./parts.tsx";

export function UsersPage() {
  const add = (
    <ButtonLink href="/users/new" primary>
      <Icon name="plus" /> Add a user
    </ButtonLink>
  );
  return (
    <Page
      title="Users"
      at="/users"
      lead="Who has a softphone, and which devices are online."
      actions={add}
      script="users"
    >
      <TableCard
        id="users"
        title="Users"
        columns={["Name", "Shown as", "Status", { name: "Forwarding", as: "wide" }]}
        empty="No user yet"
        emptyHint={
          <>
            Add who is to have a softphone.
            <br />
            {add}
          </>
        }
      />
      <TableCard
        id="softphones"
        title="Softphones online"
        columns={["User", { name: "Program", as: "wide" }, "Address", "Since"]}
        empty="No softphone is registered"
      />
    </Page>
  );
}
