/** @jsxImportSource hono/jsx */
/** One account of those who administer: its name, role and state, and another password for it. */
import type { Account } from "../../schema/account.ts";
import { ACCOUNT_PASSWORD_LENGTH_MIN } from "../../schema/accounts.ts";
import { ROLE_OPTIONS } from "./accounts-page.tsx";
import { Check, Choice, Field, Form, Group, PasswordField } from "./fields.tsx";
import { Page } from "./layout.tsx";
import { DeleteButton } from "./parts.tsx";

const PATH = "/settings/accounts";

/** `own`: it is the account of who looks, whose password has a page of its own. */
export function AccountPage(props: { account: Account; version: number; own: boolean }) {
  const { account: item, version, own } = props;
  return (
    <Page
      title={item.name}
      at="/settings"
      up={{ path: PATH, name: "Accounts" }}
      actions={
        <DeleteButton
          path={`/accounts/${item.id}`}
          name={item.name}
          back={PATH}
          text="Who is logged in by it is logged out. What it did stays in the audit log."
        />
      }
    >
      <Form resource={`/api/v1/accounts/${item.id}`} version={version} back={PATH}>
        <Group title="Account">
          <Field item={item} name="name" label="Name" required />
          <Choice item={item} name="role" label="Role" options={ROLE_OPTIONS} />
          {own ? null : <PasswordField label="Password" isSet />}
          <Check
            item={item}
            name="enabled"
            label="Switched on"
            note={`Without it nobody logs in by this account, and who has is logged out. Passwords have at least ${ACCOUNT_PASSWORD_LENGTH_MIN} characters.`}
          />
        </Group>
      </Form>
    </Page>
  );
}
