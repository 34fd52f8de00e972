/** @jsxImportSource hono/jsx */
/** A JSON Schema (2020-12) as people read it: fields, what they may be, and what they are for. */
import type { Child } from "hono/jsx";

/** What of a schema our routes use. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
}

/** Integers without a bound have those of JavaScript, which say nothing. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER;

/** Its fields, those inside them indented by their paths. */
export function SchemaFields({ schema }: { schema: Schema }) {
  const rows = fieldsOf(schema, "");
  return rows.length === 0 ? (
    <p>{typeOf(schema)}</p>
  ) : (
    <table class="cards fit schema" aria-label="Fields">
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">What it may be</th>
          <th scope="col">What it is for</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ path, field, isRequired }) => (
          <tr>
            <td data-label="Field">
              <code>{path}</code>
              {isRequired ? <span class="note">required</span> : null}
            </td>
            <td data-label="What it may be">
              <div>
                {typeOf(field)}
                {field.default === undefined ? null : (
                  <span class="note">{JSON.stringify(field.default)} unless given</span>
                )}
              </div>
            </td>
            <td data-label="What it is for">{field.description ?? ""}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface Row {
  readonly path: string;
  readonly field: Schema;
  readonly isRequired: boolean;
}

/** Named schemas have a table of their own, so that this ends. */
function fieldsOf({ properties = {}, required = [] }: Schema, before: string): Row[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = `${before}${name}`;
    const own = { path, field, isRequired: required.includes(name) };
    const inner = field.items?.properties
      ? fieldsOf(field.items, `${path}[].`)
      : fieldsOf(field, `${path}.`);
    return [own, ...inner];
  });
}

/** In words; a named schema as the way to it. */
export function typeOf(schema: Schema): Child {
  const { $ref, type, items, anyOf, allOf } = schema;
  if ($ref !== undefined) {
    const name = $ref.split("/").at(-1) ?? "";
    return <a href={`#schema-${name}`}>{name}</a>;
  }
  const [only, ...rest] = allOf ?? [];
  if (only && rest.length === 0) return typeOf(only);
  if (schema.enum) return schema.enum.map((it) => JSON.stringify(it)).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (anyOf) return anyOf.flatMap((it, index) => [index > 0 ? " or " : "", typeOf(it)]);
  if (type === "array") return ["list of ", items ? typeOf(items) : "anything", sizeOf(schema)];
  if (typeof type !== "string") return type?.join(" or ") ?? "anything";
  return `${type}${sizeOf(schema)}`;
}

function sizeOf(schema: Schema): string {
  const { minLength, maxLength, minItems, maxItems, pattern } = schema;
  const least = schema.minimum ?? schema.exclusiveMinimum;
  return [
    rangeOf(least, schema.maximum, ""),
    rangeOf(minLength, maxLength, " characters"),
    rangeOf(minItems, maxItems, " of them"),
    pattern === undefined ? "" : `, matches ${pattern}`,
  ].join("");
}

function rangeOf(least: number | undefined, most: number | undefined, unit: string): string {
  const low = least === undefined || least <= -UNBOUNDED ? undefined : least;
  const high = most === undefined || most >= UNBOUNDED ? undefined : most;
  if (low !== undefined && high !== undefined) return `, ${low} to ${high}${unit}`;
  if (low !== undefined) return `, at least ${low}${unit}`;
  return high === undefined ? "" : `, at most ${high}${unit}`;
}
