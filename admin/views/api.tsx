/** @jsxImportSource hono/jsx */
/** The API, readable: every route of the OpenAPI document in one table. */
import { Layout } from "./layout.tsx";

interface Operation {
  summary?: string;
  description?: string;
}

export function ApiPage({ paths }: { paths: Record<string, Record<string, Operation>> }) {
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ path, method, ...operation })),
  );
  return (
    <Layout title="API">
      <header>
        <strong>Jackfield</strong>
        <nav>
          <a href="/">Gateway</a>
        </nav>
      </header>
      <main>
        <h1>API</h1>
        <p>
          Send an API token as <code>Authorization: Bearer …</code>; make one with{" "}
          <code>POST /api/v1/tokens</code>. The whole description, for programs:{" "}
          <a href="/api/openapi.json">/api/openapi.json</a>.
        </p>
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Method</th>
                <th scope="col">Path</th>
                <th scope="col">What it does</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ path, method, summary, description }) => (
                <tr>
                  <td>
                    <code>{method.toUpperCase()}</code>
                  </td>
                  <td>
                    <code>{path}</code>
                  </td>
                  <td>
                    {summary}
                    {description ? `. ${description}` : ""}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </main>
    </Layout>
  );
}
