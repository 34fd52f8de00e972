/** @jsxImportSource hono/jsx */
/** One connection: the basics in the order in which a provider's mail gives them (CON-27), then the rest. */

import type { NetworkStatus } from "../../gateway/b2bua/status.ts";
import type { Config, Connection, DialPattern } from "../../schema/config.ts";
import type { Firewall } from "../firewall.ts";
import {
  AudioSection,
  CertificateSection,
  IdentitySection,
  InboundGroup,
  LimitsSection,
  MannersSection,
  type PartProps,
  PlaceSection,
  RegisteringSection,
} from "./connection-form.tsx";
import { ConnectionPanels } from "./connection-panels.tsx";
import { Check, Choice, Choices, Field, Form, Group, PasswordField } from "./fields.tsx";
import { Page } from "./layout.tsx";
import { ListEditor } from "./list-fields.tsx";
import { useMay } from "./page.tsx";
import { ButtonLink, DeleteButton } from "./parts.tsx";
import type { Tested } from "./test-call-card.tsx";

const TYPES = [
  ["outbound-registration", "We register there, like a telephone"],
  ["outbound-trunk", "Trunk: both know each other's address"],
  ["inbound-registration", "The PBX registers here"],
] as const;
const TRANSPORTS = [
  ["udp", "UDP"],
  ["tcp", "TCP"],
  ["tls", "TLS"],
  ["auto", "As its domain says (DNS)"],
] as const;

/** AMB-24: the first connection is for all numbers, unless something else is said. */
const EVERY_NUMBER: DialPattern = { pattern: ".", strip: 0, prepend: "" };

export function ConnectionPage(props: {
  config: Config;
  connection: Connection | undefined;
  version?: number | undefined;
  network?: NetworkStatus;
  firewall?: Firewall;
  tested?: Tested;
}) {
  const { config, connection: item, version, network, firewall, tested } = props;
  const resource = item ? `/api/v1/connections/${item.id}` : "/api/v1/connections";
  const users = config.users.map(({ id, name }) => [String(id), name] as const);
  const parts = { item, users, interfaces: config.settings?.interfaces ?? [] };
  const patterns = item?.patterns ?? (config.connections.length === 0 ? [EVERY_NUMBER] : []);
  return (
    <Page
      title={item?.name ?? "New connection"}
      at="/connections"
      up={{ path: "/connections", name: "Connections" }}
      actions={
        item ? (
          <DeleteButton
            path={`/connections/${item.id}`}
            name={item.name}
            back="/connections"
            text="It is unregistered, and no call goes over it any more. Calls in progress go on."
          />
        ) : (
          <PresetLink />
        )
      }
      script="connection"
    >
      {item && network && firewall && tested ? (
        <ConnectionPanels connection={item} network={network} firewall={firewall} tested={tested} />
      ) : null}
      <Form
        resource={resource}
        version={version}
        id={item?.id}
        back="/connections"
        check="/connections/check"
      >
        <Basics {...parts} />
        <TestCard />
        <Outbound {...parts} patterns={patterns} />
        <InboundGroup {...parts} />
        <Numbers {...parts} />
        <AudioSection {...parts} />
        <LimitsSection {...parts} />
        <IdentitySection {...parts} />
        <CertificateSection {...parts} />
        <PlaceSection {...parts} />
        <RegisteringSection {...parts} />
        <MannersSection {...parts} />
      </Form>
    </Page>
  );
}

function PresetLink() {
  return <ButtonLink href="/welcome/connection?another">Start from a preset</ButtonLink>;
}

function Basics({ item }: PartProps) {
  return (
    <Group title="The PBX or carrier">
      <Field item={item} name="name" label="Name" placeholder="Head office" required />
      <Choice item={item} name="type" label="Type" options={TYPES} />
      <Check item={item} name="enabled" label="Switched on" byDefault />
      <Field item={item} name="host" label="Host" placeholder="pbx.example.com" mono />
      <Field item={item} name="port" label="Port" as="number" placeholder="by transport" />
      <Choice item={item} name="transport" label="Transport" options={TRANSPORTS} />
      <Field item={item} name="username" label="User name" />
      <PasswordField label="Password" isSet={item?.password !== undefined} />
    </Group>
  );
}

/** TST-01, X3: as it stands in the form, before anything is saved. */
function TestCard() {
  const mayTest = useMay("operator");
  return (
    <section class="card test" aria-labelledby="test-title">
      <div class="head">
        <h2 id="test-title">Would it work?</h2>
        <div class="actions">
          <button type="button" class="button" id="test" disabled={!mayTest}>
            Test connection
          </button>
          <input
            id="draft-number"
            type="text"
            class="mono"
            aria-label="Whom to call unsaved"
            placeholder="*43"
            autocomplete="off"
          />
          <button type="button" class="button" id="draft-call" disabled={!mayTest}>
            Try a call
          </button>
        </div>
        <p>
          Asks the PBX as it stands here, unsaved: no registration is touched, and no call placed
          but to a number given here, which is listened to both ways.
        </p>
      </div>
      <ol class="trial" id="test-steps" aria-live="polite" />
    </section>
  );
}

function Outbound({ item, patterns }: PartProps & { patterns: readonly DialPattern[] }) {
  return (
    <fieldset class="card">
      <legend>Calls to it</legend>
      <div class="fields">
        <Check item={item} name="allowOutbound" label="Sent there" byDefault />
        <Field
          item={item}
          name="weight"
          label="Weight"
          as="number"
          placeholder="100"
          note="Of those that match, the least is asked first"
        />
      </div>
      <Patterns patterns={patterns} />
    </fieldset>
  );
}

/** With numbers to try: `client/pattern-trial` asks what becomes of them. */
function Patterns({ patterns }: { patterns: readonly DialPattern[] }) {
  return (
    <div class="fields">
      <div class="whole sheet">
        <p class="hint">
          Regular expressions: <code>^2\d{"{2}"}$</code> is 200 to 299, <code>.</code> every number.
        </p>
        <ListEditor
          name="patterns"
          items={patterns}
          add="Add a pattern"
          noun="pattern"
          ordered
          row={(row) => (
            <>
              <Field item={row} name="pattern" label="Pattern" placeholder="^0\d+$" mono />
              <Field item={row} name="strip" label="Digits taken off" as="number" placeholder="0" />
              <Field item={row} name="prepend" label="Put in front" mono />
              <Field item={row} name="comment" label="What it is for" />
            </>
          )}
        />
        <div class="field">
          <label>
            <span class="label">Numbers to try</span>
            <input
              id="samples"
              type="text"
              class="mono"
              autocomplete="off"
              placeholder="204, +442079460000"
            />
          </label>
        </div>
        <ul id="sample-results" class="samples" aria-live="polite" />
      </div>
    </div>
  );
}

/** Numbers whose calls don't ring the one above. */
function Numbers({ item, users }: PartProps) {
  return (
    <fieldset class="card">
      <legend>Numbers of their own</legend>
      <p class="hint">Calls to these ring others: all that are chosen, side by side.</p>
      <ListEditor
        name="inboundNumbers"
        items={item?.inboundNumbers ?? []}
        add="Add a number"
        noun="number"
        row={(row) => (
          <>
            <Field item={row} name="number" label="Number" placeholder="+49301234567" mono />
            <Choices name="users" label="Rings" options={users} chosen={row?.users ?? []} />
          </>
        )}
      />
    </fieldset>
  );
}
