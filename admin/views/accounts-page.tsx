/** @jsxImportSource hono/jsx */
/** Settings: who administers, with which role; tokens for programs; one's own password. */
import { Choice, Field, Form, Group, PasswordField } from "./fields.tsx";
import { Card, CodeBlock, Notice, TableCard } from "./parts.tsx";
import { SettingsPage } from "./settings-page.tsx";

export const ROLE_OPTIONS = [
  ["viewer", "Viewer: sees how it goes"],
  ["operator", "Operator: sees everything, acts on what runs"],
  ["admin", "Admin: configures, and says who may come in"],
] as const;

/** Filled in by `client/pages/accounts`. */
export function AccountsPage() {
  return (
    <SettingsPage
      at="/settings/accounts"
      lead="Who may look, who may change, and who decides about both."
      script="accounts"
    >
      <TableCard
        id="accounts"
        title="Accounts"
        columns={["Name", "Role", "Last log-in", { name: "", as: "end" }]}
        empty="No account"
      />
      <Form resource="/api/v1/accounts" back="/settings/accounts" save="Add the account">
        <Group title="Another account">
          <Field item={undefined} name="name" label="Name" required />
          <Choice item={{ role: "operator" }} name="role" label="Role" options={ROLE_OPTIONS} />
          <PasswordField
            label="Password"
            isSet={false}
            required
            note="At least 12 characters; its owner can change it."
          />
        </Group>
      </Form>
    </SettingsPage>
  );
}

const SCOPES = [
  ["read", "What a viewer may"],
  ["operate", "What an operator may"],
  ["all", "What an admin may"],
] as const;

/** Filled in by `client/pages/tokens`. */
export function TokensPage() {
  return (
    <SettingsPage
      at="/settings/tokens"
      lead="Keys for programs. A token is shown once, when it is made."
      script="tokens"
    >
      <Notice tone="good" id="made" hidden>
        <p>This is the token. It is not shown again:</p>
        <CodeBlock id="token" text="" label="The token" />
      </Notice>
      <Card id="new-token" title="Another token">
        <form class="inline-form" id="make">
          <div class="field">
            <label>
              <span class="label">What for</span>
              <input name="name" required maxlength={64} autocomplete="off" />
            </label>
          </div>
          <div class="field">
            <label>
              <span class="label">May do</span>
              <select name="scope">
                {SCOPES.map(([value, text]) => (
                  <option value={value}>{text}</option>
                ))}
              </select>
            </label>
          </div>
          <button type="submit" class="button primary">
            Make it
          </button>
        </form>
      </Card>
      <TableCard
        id="tokens"
        title="Tokens"
        columns={["For", "May do", "Made", "Last used", { name: "", as: "end" }]}
        empty="No token yet"
      />
    </SettingsPage>
  );
}

export function PasswordPage() {
  return (
    <SettingsPage
      at="/settings/password"
      lead="Every other log-in of yours ends with the old password."
    >
      <Form
        resource="/api/v1/account/password"
        back="/settings/password"
        save="Change it"
        needs="viewer"
      >
        <Group title="Your password">
          <div class="field">
            <label>
              <span class="label">The one you have</span>
              <input
                name="oldPassword"
                type="password"
                data-as="secret"
                autocomplete="current-password"
              />
            </label>
          </div>
          <PasswordField label="The new one" isSet={false} note="At least 12 characters." />
        </Group>
      </Form>
    </SettingsPage>
  );
}
