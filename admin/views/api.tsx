/** @jsxImportSource hono/jsx */
/** The API, readable: every route of the OpenAPI document in one table. */
import { Page } from "./layout.tsx";
import { Card, CodeBlock, Table } from "./parts.tsx";

interface Operation {
  summary?: string;
  description?: string;
}

export function ApiPage({ paths }: { paths: Record<string, Record<string, Operation>> }) {
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ path, method, ...operation })),
  );
  return (
    <Page
      title="API"
      at="/settings"
      lead={
        <>
          Everything these pages do. The whole description, for programs:{" "}
          <a href="/api/openapi.json">/api/openapi.json</a>.
        </>
      }
    >
      <Card title="How to ask" note="With an API token.">
        <CodeBlock
          text={'curl -H "Authorization: Bearer jf_…" https://gateway.example.com/api/v1/status'}
        />
      </Card>
      <Card title="Routes" padded={false}>
        <Table id="routes" label="Routes" columns={["Method", "Path", "What it does"]}>
          {rows.map(({ path, method, summary, description }) => (
            <tr>
              <td data-label="Method">
                <code>{method.toUpperCase()}</code>
              </td>
              <td data-label="Path">
                <code>{path}</code>
              </td>
              <td data-label="" class="wide">
                {summary}
                {description ? `. ${description}` : ""}
              </td>
            </tr>
          ))}
        </Table>
      </Card>
    </Page>
  );
}
