/** @jsxImportSource hono/jsx */
/** What a PBX that registers here is told: what to write into it, and a new password (REG-08). */
import type { NetworkStatus } from "../../gateway/b2bua/status.ts";
import type { Connection } from "../../schema/config.ts";
import { snippetsOf } from "../snippets.ts";
import { Card } from "./parts.tsx";

export function PbxCard({
  connection,
  network,
}: {
  connection: Connection;
  network: NetworkStatus;
}) {
  const renew = (
    <button type="button" class="button" data-renew={`/connections/${connection.id}/credentials`}>
      New password
    </button>
  );
  return (
    <Card
      id="pbx"
      title="What to write into the PBX"
      note="The password is shown once, when it is made; put it in the place of PASSWORD."
      actions={renew}
    >
      {snippetsOf(connection, network).map(({ product, where, text }) => (
        <details>
          <summary>
            {product} <span class="soft">{where}</span>
          </summary>
          <pre>{text}</pre>
        </details>
      ))}
    </Card>
  );
}
