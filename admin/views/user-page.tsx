/** @jsxImportSource hono/jsx */
/** One user: the softphone's account, and where calls go that it does not take. */
import type { User } from "../../schema/config.ts";
import { Check, Field, Form, Group, PasswordField } from "./fields.tsx";
import { Page } from "./layout.tsx";

export function UserPage({ user: item, version }: { user?: User; version?: number | undefined }) {
  const resource = item ? `/api/v1/users/${item.id}` : "/api/v1/users";
  return (
    <Page
      title={item?.name ?? "New user"}
      at="/users"
      up={{ path: "/users", name: "Users" }}
      actions={item ? <DeleteButton user={item} /> : undefined}
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
    </Page>
  );
}

function DeleteButton({ user }: { user: User }) {
  return (
    <button
      type="button"
      class="button danger"
      data-delete={`/users/${user.id}`}
      data-name={user.name}
      data-back="/users"
      data-text="Its softphones are no longer let in. Calls in progress go on."
    >
      Delete
    </button>
  );
}
