/** @jsxImportSource hono/jsx */
/** The API, readable: every route of the OpenAPI document, with what it takes and what it answers. */
import { Page } from "./layout.tsx";
import { Card, CodeBlock } from "./parts.tsx";
import { type Schema, SchemaFields, typeOf } from "./schema-fields.tsx";

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

export interface Operation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly requestBody?: { readonly content?: Content };
  readonly responses?: Readonly<Record<string, { readonly content?: Content }>>;
}

interface Props {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly schemas: Readonly<Record<string, Schema>>;
  /** The least role that may, by `GET /api/v1/users/{id}`. */
  readonly neededFor: (route: string) => string | undefined;
}

export function ApiPage({ paths, schemas, neededFor }: Props) {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      route: `${method.toUpperCase()} ${path}`,
    })),
  );
  const groups = Object.groupBy(operations, ({ tags = [] }) => tags[0] ?? "other");
  return (
    <Page
      title="API"
      at="/settings"
      script="api"
      lead={
        <>
          Everything these pages do. The whole description, for programs:{" "}
          <a href="/api/openapi.json">/api/openapi.json</a>.
        </>
      }
    >
      <Card
        title="How to ask"
        note="With an API token. What is wrong comes back as an Error, field by field; what was read with an ETag is saved over that version by If-Match."
      >
        <CodeBlock
          text={'curl -H "Authorization: Bearer jf_…" https://gateway.example.com/api/v1/status'}
        />
      </Card>
      <div id="routes" class="sheet">
        {Object.entries(groups).map(([name, list = []]) => (
          <Card title={`${name.charAt(0).toUpperCase()}${name.slice(1)}`} padded={false}>
            {list.map((operation) => (
              <OperationOf operation={operation} needed={neededFor(operation.route)} />
            ))}
          </Card>
        ))}
      </div>
      <Card title="Schemas" padded={false}>
        {Object.entries(schemas)
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, schema]) => (
            <details class="operation" id={`schema-${name}`}>
              <summary>
                <code>{name}</code>
              </summary>
              <SchemaFields schema={schema} />
            </details>
          ))}
      </Card>
    </Page>
  );
}

function OperationOf(props: {
  operation: Operation & { route: string };
  needed: string | undefined;
}) {
  const { route, summary, description, requestBody, responses = {} } = props.operation;
  const [method = "", path = ""] = route.split(" ");
  const asked = schemaIn(requestBody?.content);
  const [status, answer] = Object.entries(responses).find(([it]) => it.startsWith("2")) ?? [];
  const answered = schemaIn(answer?.content);
  return (
    <details class="operation">
      <summary>
        <code class="method">{method}</code> <code>{path}</code> <span class="soft">{summary}</span>
      </summary>
      {description ? <p>{description}.</p> : null}
      <dl class="facts">
        {props.needed === undefined ? null : (
          <>
            <dt>May</dt>
            <dd>{props.needed}</dd>
          </>
        )}
        {asked ? (
          <>
            <dt>Takes</dt>
            <dd>{typeOf(asked)}</dd>
          </>
        ) : null}
        <dt>Answers</dt>
        <dd>
          {status ?? "200"}
          {answered ? <>, {typeOf(answered)}</> : null}
        </dd>
      </dl>
    </details>
  );
}

/** A merge patch has none of its own. */
function schemaIn(content: Content | undefined): Schema | undefined {
  const schema = Object.values(content ?? {})[0]?.schema;
  return schema && Object.keys(schema).length > 0 ? schema : undefined;
}
