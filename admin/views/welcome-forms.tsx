/** @jsxImportSource hono/jsx */
/** The set-up's forms: the first connection from a preset, the first user, the first call. */
import type { Config } from "../../schema/config.ts";
import type { Preset, PresetField } from "../presets.ts";
import { Field, Form, Group, PasswordField } from "./fields.tsx";
import { ListEditor } from "./list-fields.tsx";
import { ButtonLink, Card, CodeBlock, Facts } from "./parts.tsx";
import { WelcomePage } from "./welcome-page.tsx";

/** What nobody needs to see yet. */
function Hidden({ name, value }: { name: string; value: unknown }) {
  return <input type="hidden" name={name} data-as="json" value={JSON.stringify(value)} />;
}

export function ConnectionStep({ config, preset }: { config: Config; preset: Preset }) {
  const { name, steps, fields, connection } = preset;
  const { patterns, ...rest } = connection;
  const isTaken = config.connections.some((it) => it.name === name);
  const begin: Record<string, string> = isTaken ? {} : { name };
  for (const it of fields) if (it.value !== undefined) begin[it.name] = it.value;
  const takesCalls = rest.type !== "outbound-trunk" || fields.some((it) => it.name === "allow");
  return (
    <WelcomePage
      at="connection"
      config={config}
      title={name}
      lead={<a href="/welcome/connection?another">Choose another</a>}
    >
      {steps.length > 0 ? (
        <Card title="There first">
          <ol class="plain">
            {steps.map((step) => (
              <li>{step}</li>
            ))}
          </ol>
        </Card>
      ) : null}
      <Form
        resource="/api/v1/connections"
        back="/welcome/connection"
        check="/connections/check"
        save="Connect"
      >
        <Group title="What they gave you">
          <Field item={begin} name="name" label="Name here" required />
          {fields.map((field) => (
            <PresetInput field={field} begin={begin} />
          ))}
          {Object.entries(rest).map(([key, value]) => (
            <Hidden name={key} value={value} />
          ))}
          {takesCalls ? null : <Hidden name="allowInbound" value={false} />}
        </Group>
        <fieldset class="card">
          <legend>Numbers that go there</legend>
          <p class="hint">
            <code>^2\d{"{2}"}$</code> is 200 to 299, <code>.</code> every number.
          </p>
          <ListEditor
            name="patterns"
            items={patterns.map((pattern) => ({ pattern }))}
            add="Add a pattern"
            noun="pattern"
            row={(row) => <Field item={row} name="pattern" label="Pattern" mono />}
          />
        </fieldset>
      </Form>
    </WelcomePage>
  );
}

function PresetInput({ field, begin }: { field: PresetField; begin: object }) {
  const { name, label, placeholder, note, required = false } = field;
  if (name === "password") {
    const about = note === undefined ? {} : { note };
    return <PasswordField label={label} isSet={false} required={required} {...about} />;
  }
  return (
    <Field
      item={begin}
      name={name}
      label={label}
      required={required}
      as={name === "port" ? "number" : name === "allow" ? "list" : "text"}
      whole={name === "allow"}
      {...(placeholder === undefined ? {} : { placeholder })}
      {...(note === undefined ? {} : { note })}
    />
  );
}

/** Once there is one: whether it works, live. */
export function ConnectedStep({ config }: { config: Config }) {
  return (
    <WelcomePage
      at="connection"
      config={config}
      title="Connected?"
      lead="What the other side says, as it says it."
      script
    >
      {config.connections.map(({ id, name }) => (
        <Card title={name} actions={<ButtonLink href={`/connections/${id}`}>Change it</ButtonLink>}>
          <div data-connection={String(id)} role="status">
            <span class="soft">…</span>
          </div>
        </Card>
      ))}
      <div>
        <ButtonLink href="/welcome/user" primary>
          Go on to the first user
        </ButtonLink>{" "}
        <ButtonLink href="/welcome/connection?another">Add another connection</ButtonLink>
      </div>
    </WelcomePage>
  );
}

export function UserStep({ config }: { config: Config }) {
  const silent = config.connections.filter(({ inboundUser }) => inboundUser === undefined);
  return (
    <WelcomePage
      at="user"
      config={config}
      title={config.users.length === 0 ? "The first user" : "Another user"}
      lead="What a softphone logs in with."
      script
    >
      <Form resource="/api/v1/users" back="/welcome/call" save="Add the user">
        <Group title="Softphone">
          <Field item={undefined} name="name" label="Name" placeholder="alice" required />
          <Field item={undefined} name="displayName" label="Shown as" placeholder="Alice Ames" />
          <PasswordField label="Password" isSet={false} required note="At least 8 characters." />
        </Group>
        {silent.length > 0 ? (
          <Group title="Rings when they call">
            {silent.map(({ id, name }) => (
              <RingsFor id={id} name={name} />
            ))}
          </Group>
        ) : null}
      </Form>
      {config.users.length > 0 ? (
        <div>
          <ButtonLink href="/welcome/call">Go on with {config.users[0]?.name}</ButtonLink>
        </div>
      ) : null}
    </WelcomePage>
  );
}

/** Not of the user: `client/pages/welcome` writes it into the connection once the user is there. */
function RingsFor({ id, name }: { id: number; name: string }) {
  return (
    <div class="field">
      <label class="switch">
        <input type="checkbox" data-rings={String(id)} checked />
        <span class="label">{name}</span>
      </label>
    </div>
  );
}

export function CallStep({ config }: { config: Config }) {
  const user = config.users.at(-1)?.name ?? "…";
  const goals = [
    ["registered", "A softphone is registered"],
    ["called", "It calls"],
    ["heard", "Both sides are heard"],
  ] as const;
  return (
    <WelcomePage
      at="call"
      config={config}
      title="The first call"
      lead={`Log a softphone in as ${user}, with the password you chose, and dial.`}
      script
    >
      <div class="columns">
        <Card title="A softphone">
          <p>
            <ButtonLink href="/phone" primary>
              Open the built-in softphone
            </ButtonLink>
          </p>
          <Facts
            rows={[
              ["Server", <code data-socket-address>…</code>],
              ["Address", <code data-sip-address={user}>…</code>],
              ["ICE servers", "none: leave the list empty"],
            ]}
          />
          <CodeBlock label="With JsSIP" id="jssip" text="" />
        </Card>
        <Card title="What happens">
          <ul class="goals">
            {goals.map(([id, text]) => (
              <li id={`goal-${id}`}>
                <span class="badge idle">Waiting</span> {text}
                <span class="note" />
              </li>
            ))}
          </ul>
          <div id="all-done" hidden>
            <ButtonLink href="/" primary>
              It works: to the dashboard
            </ButtonLink>
          </div>
        </Card>
      </div>
    </WelcomePage>
  );
}
