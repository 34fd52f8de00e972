/** @jsxImportSource hono/jsx */
/** The certificate pages, softphones and PBXs are shown: ordered, or from files. */
import type { Status } from "../../gateway/b2bua/status.ts";
import type { Settings } from "../../schema/settings.ts";
import { Field, Form, Group } from "./fields.tsx";
import { ListEditor } from "./list-fields.tsx";
import { Notice, TableCard } from "./parts.tsx";
import { SettingsPage } from "./settings-page.tsx";

interface CertificateProps {
  readonly from: Status["certificatesFrom"];
  readonly settings: Settings;
  readonly version?: number;
}

export function CertificatePage({ from, settings, version }: CertificateProps) {
  return (
    <SettingsPage
      at="/settings/certificate"
      lead="Browsers give out the microphone over TLS only. With a certificate pages and softphones are served over TLS too, and PBXs may connect by it; nothing that is open is closed for it."
      script="certificate"
    >
      <Notice tone="bad" id="certificate-problem" hidden />
      <Notice tone="busy" id="certificate-order" hidden />
      <TableCard
        id="own-certificates"
        title="Now"
        columns={["Names", "Expires", "State", { name: "Served at", as: "wide" }]}
        empty="Pages and softphones are served without TLS"
        emptyHint="Order a certificate, or name the files of one."
      />
      {from === "command line" ? (
        <Notice tone="idle">
          The certificate is the command line's (--tls-cert or --acme): it is changed there.
        </Notice>
      ) : (
        <Form resource="/api/v1/settings" version={version} back="/settings/certificate">
          <OrderFields settings={settings} />
          <Group
            title="Or from files"
            note="Where you have one, on the gateway's machine. They are read again when they change."
          >
            <div class="whole">
              <ListEditor
                name="certificateFiles"
                items={settings.certificateFiles ?? []}
                add="Add a certificate"
                noun="certificate"
                row={(row) => (
                  <>
                    <Field
                      item={row}
                      name="certificate"
                      label="Chain, PEM"
                      placeholder="/etc/ssl/phones/fullchain.pem"
                      mono
                    />
                    <Field
                      item={row}
                      name="key"
                      label="Its key, PEM"
                      placeholder="/etc/ssl/phones/privkey.pem"
                      mono
                    />
                  </>
                )}
              />
            </div>
          </Group>
        </Form>
      )}
    </SettingsPage>
  );
}

function OrderFields({ settings }: { settings: Settings }) {
  return (
    <Group
      title="Order one"
      of="acme"
      by="first"
      note="By ACME, and renewed in time. Port 80 of each name must lead to this machine, and port 443 for the pages. Who orders accepts the issuer's terms."
    >
      <Field
        item={settings}
        name="acme.names"
        label="Host names"
        as="list"
        placeholder="phones.example.com"
        mono
      />
      <Field
        item={settings}
        name="acme.email"
        label="E-mail"
        placeholder="you@example.com"
        note="The issuer writes there of what is amiss"
      />
      <Field
        item={settings}
        name="acme.directory"
        label="Issuer"
        placeholder="Let's Encrypt"
        note="Another's ACME directory, https://…"
        mono
      />
    </Group>
  );
}
