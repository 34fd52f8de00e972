/** @jsxImportSource hono/jsx */
/** One user: the softphone's account, and where calls go that it does not take. */
import type { User } from "../../schema/config.ts";
import { Check, Field, Form, Group, PasswordField } from "./fields.tsx";
import { Page } from "./layout.tsx";
import { useMay } from "./page.tsx";
import { CodeBlock, DeleteButton } from "./parts.tsx";

export function UserPage({ user: item, version }: { user?: User; version?: number | undefined }) {
  const resource = item ? `/api/v1/users/${item.id}` : "/api/v1/users";
  return (
    <Page
      title={item?.name ?? "New user"}
      at="/users"
      up={{ path: "/users", name: "Users" }}
      actions={
        item ? (
          <DeleteButton
            path={`/users/${item.id}`}
            name={item.name}
            back="/users"
            text="Its softphones are no longer let in. Calls in progress go on."
          />
        ) : undefined
      }
      {...(item ? { script: "user" } : {})}
    >
      <Form resource={resource} version={version} back="/users">
        <Group title="Softphone">
          <Field item={item} name="name" label="Name" placeholder="alice" required />
          <Field item={item} name="displayName" label="Shown as" placeholder="Alice Ames" />
          <PasswordField
            label="Password"
            isSet={item !== undefined}
            required={item === undefined}
            note="At least 8 characters."
          />
          <Check item={item} name="enabled" label="Switched on" byDefault />
          <Field
            item={item}
            name="holdMusic"
            label="Music on hold"
            placeholder="waiting.wav"
            note="A WAV file in the data directory's folder sounds. Empty: the connection's."
          />
        </Group>
        <Group
          title="Forwarding"
          of="forward"
          note="To a number or a colleague's name. Empty: calls are not forwarded."
        >
          <Field item={item} name="forward.always" label="Always" />
          <Field item={item} name="forward.busy" label="When busy" />
          <Field item={item} name="forward.noAnswer" label="When nobody answers" />
          <Field
            item={item}
            name="forward.noAnswerSeconds"
            label="After seconds"
            as="number"
            placeholder="20"
          />
        </Group>
      </Form>
      {item ? <InvitationCard user={item} /> : null}
    </Page>
  );
}

/** A softphone is set up by whoever it belongs to: nobody else needs to know its password. */
function InvitationCard({ user }: { user: User }) {
  if (!useMay("admin")) return null;
  return (
    <section class="card" id="invitation" data-user={user.id}>
      <div class="head">
        <h2>Invitation</h2>
        <div class="actions">
          <button type="button" class="button small danger" id="revoke" hidden>
            Revoke
          </button>
          <button type="button" class="button small" id="invite">
            Make a link
          </button>
        </div>
      </div>
      <div class="body sheet">
        <p class="soft">
          A link that sets up a telephone, once: in the browser that opens it, or with settings to
          copy into another. It makes a new password; telephones that use the old one must be set up
          again.
        </p>
        <p id="invitation-state" role="status" />
        <div class="invitation" id="made" hidden>
          <div id="qr" />
          <CodeBlock id="link" text="" label="The link" />
        </div>
      </div>
    </section>
  );
}
