/** @jsxImportSource hono/jsx */
/** The settings: one page for each of `SETTINGS`, with tabs between them. */
import type { Child } from "hono/jsx";
import type { NetworkStatus } from "../../gateway/b2bua/status.ts";
import type { Settings } from "../../schema/settings.ts";
import { Check, Field, Form, Group } from "./fields.tsx";
import { Page } from "./layout.tsx";
import { ListEditor } from "./list-fields.tsx";
import { NetworkFacts } from "./network-facts.tsx";
import { Card, PageTabs, TableCard } from "./parts.tsx";

/** Add a page of settings here, and its route beside the others. */
const SETTINGS = [
  ["/settings", "Network and numbers"],
  ["/settings/certificate", "Certificate"],
  ["/settings/accounts", "Accounts"],
  ["/settings/tokens", "Tokens"],
  ["/settings/password", "Your password"],
  ["/settings/alerts", "Alerts"],
  ["/settings/backup", "Backup and export"],
  ["/settings/bans", "Bans"],
  ["/api", "API"],
] as const;

export type SettingsPath = (typeof SETTINGS)[number][0];

export function SettingsPage(props: {
  at: SettingsPath;
  lead?: Child;
  script?: string;
  children?: Child;
}) {
  const script = props.script === undefined ? {} : { script: props.script };
  return (
    <Page title="Settings" at="/settings" lead={props.lead} {...script}>
      <PageTabs label="Settings" at={props.at} tabs={SETTINGS} />
      {props.children}
    </Page>
  );
}

interface NetworkProps {
  readonly network: NetworkStatus;
  readonly settings: Settings;
  readonly version?: number;
}

export function NetworkPage({ network, settings, version }: NetworkProps) {
  return (
    <SettingsPage at="/settings">
      <Card
        title="Where it is"
        note="The main address and its ports are the command line's: see --help."
      >
        <NetworkFacts network={network} />
      </Card>
      <Form resource="/api/v1/settings" version={version} back="/settings">
        <Group
          title="Addresses"
          note="Behind a NAT, PBXs and softphones outside must be told the public address. Empty: it is asked of the STUN servers; without these, the interface's own."
        >
          <Field
            item={settings}
            name="externalAddress"
            label="Public address"
            placeholder="203.0.113.7"
            mono
          />
          <Field
            item={settings}
            name="stunServers"
            label="STUN servers"
            as="list"
            placeholder="stun.example.com, stun.example.org:3478"
            note="Two at least find out more"
            mono
          />
          <Field
            item={settings}
            name="localNetworks"
            label="Local networks"
            as="list"
            placeholder="192.168.1.0/24"
            note="Told the interface's own address"
            mono
          />
          <Field
            item={settings}
            name="domains"
            label="Domains"
            as="list"
            placeholder="sip.example.com"
            note="PBXs' calls to other hosts are refused. Empty: any host will do"
            mono
          />
          <Check
            item={settings}
            name="silentToStrangers"
            label="Strangers get no answer"
            note="Whoever is nobody's PBX; otherwise they are refused"
          />
        </Group>
        <Interfaces settings={settings} />
        <NumberPlan settings={settings} />
        <Group title="Emergency numbers" note="No limit and no permission holds them up.">
          <Field
            item={settings}
            name="emergencyNumbers"
            label="Numbers"
            as="list"
            placeholder="112, 911, 999, 110"
          />
        </Group>
      </Form>
    </SettingsPage>
  );
}

/** CON-20. */
function Interfaces({ settings }: Pick<NetworkProps, "settings">) {
  return (
    <Group
      title="Further interfaces"
      note="Other addresses of this machine, which connections may choose for their SIP, their audio or both."
    >
      <div class="whole">
        <ListEditor
          name="interfaces"
          items={settings.interfaces ?? []}
          add="Add an interface"
          noun="interface"
          row={(row) => (
            <>
              <Field item={row} name="name" label="Name" placeholder="carrier" />
              <Field item={row} name="address" label="Address" placeholder="192.0.2.10" mono />
              <Field
                item={row}
                name="externalAddress"
                label="Its public address"
                placeholder="the same"
                mono
              />
              <Field
                item={row}
                name="sipPort"
                label="SIP port"
                as="number"
                placeholder="audio only"
              />
            </>
          )}
        />
      </div>
    </Group>
  );
}

function NumberPlan({ settings }: Pick<NetworkProps, "settings">) {
  return (
    <Group
      title="How numbers are written here"
      of="numberPlan"
      by="first"
      note="National numbers become international before patterns are matched. Empty: numbers are taken as they are dialled."
    >
      <Field
        item={settings}
        name="numberPlan.countryCode"
        label="Country code"
        placeholder="49"
        note="Without +"
      />
      <Field
        item={settings}
        name="numberPlan.nationalPrefix"
        label="In front of national numbers"
        placeholder="0"
      />
      <Field
        item={settings}
        name="numberPlan.internationalPrefix"
        label="In front of country codes"
        placeholder="00"
      />
    </Group>
  );
}

export function BansPage() {
  return (
    <SettingsPage
      at="/settings/bans"
      lead="Addresses that sent what nobody should send, and are not listened to for a while."
      script="bans"
    >
      <TableCard
        id="bans"
        title="Bans"
        columns={["Source", { name: "Why", as: "wide" }, "Until", { name: "", as: "end" }]}
        empty="Nobody is banned"
      />
    </SettingsPage>
  );
}
