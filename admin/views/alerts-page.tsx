/** @jsxImportSource hono/jsx */
/** Alerts: what is and was the matter, and who is told of it (OPS-03). */
import type { Settings } from "../../schema/settings.ts";
import { Field, Form, Group } from "./fields.tsx";
import { CodeBlock, TableCard } from "./parts.tsx";
import { SettingsPage } from "./settings-page.tsx";

export function AlertsPage({ settings, version }: { settings: Settings; version?: number }) {
  return (
    <SettingsPage
      at="/settings/alerts"
      lead="Each is told once when it begins and once when it is over."
      script="alerts"
    >
      <TableCard
        id="alerts"
        title="Alerts"
        columns={["State", "About", { name: "What", as: "wide" }, "Began", "Lasted"]}
        empty="Nothing was ever the matter"
      />
      <Form resource="/api/v1/settings" version={version} back="/settings/alerts">
        <Group
          title="Web hook"
          of="alerts"
          note="Alerts are posted to it as JSON, again and again for a while where it fails. Its host may be on your own network, but not this machine."
        >
          <Field
            item={settings}
            name="alerts.webhook"
            label="URL"
            placeholder="https://example.com/hooks/jackfield"
            mono
            whole
          />
          <Field
            item={settings}
            name="alerts.capacityPercent"
            label="Nearly full from, percent"
            as="number"
            placeholder="80"
            note="Of a connection's limit of calls"
          />
          <Field
            item={settings}
            name="alerts.silent"
            label="Not told"
            as="list"
            placeholder="new-country, ban"
            note="registration-failed, trunk-down, capacity, calls-per-minute, minutes-per-day, new-country, certificate, disk-full or ban"
          />
        </Group>
      </Form>
      <section class="card">
        <div class="head">
          <h2>Try it, and sign it</h2>
          <div class="actions">
            <button type="button" class="button" id="try">
              Send a test
            </button>
            <button type="button" class="button" id="new-key">
              Make a new key
            </button>
          </div>
          <p>
            With a key, each alert carries the header Jackfield-Signature: t=TIME,v1=HMAC, the
            HMAC-SHA256 of TIME.BODY in hex.
          </p>
        </div>
        <div class="body" id="key" hidden>
          <p>This key is shown once: keep it where the web hook can check it.</p>
          <CodeBlock id="key-text" text="" label="The key" />
        </div>
      </section>
    </SettingsPage>
  );
}
