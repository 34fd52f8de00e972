/** What the resources of the API share: bodies, ids, versions, and the answer to a saved change. */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type DescribeRouteOptions, resolver, validator } from "hono-openapi";
import type { z } from "zod";
import type { Problem } from "../../schema/config.ts";
import { Refused } from "../../schema/refused.ts";
import type { Saved } from "../../schema/store.ts";
import { refuse } from "../refusal.ts";
import { errorShape } from "../schemas.ts";
import type { AdminEnv, Services } from "../services.ts";
import { mergePatch } from "./merge-patch.ts";

const MISUNDERSTOOD = "the request can't be understood";

/** Validates the JSON body; what is wrong is told field by field. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return validator("json", schema, (result, context) => {
    if (result.success) return undefined;
    return refuse(context, 422, MISUNDERSTOOD, problemsOf(result.error));
  });
}

interface Issue {
  readonly path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined;
  readonly message: string;
}

/** What a schema found, in the form of all problems. */
export function problemsOf(issues: readonly Issue[]): Problem[] {
  return issues.map(({ path, message }) => ({ path: pathText(path ?? []), message }));
}

/** `patterns[0].strip` for `["patterns", 0, "strip"]`. */
function pathText(path: NonNullable<Issue["path"]>): string {
  return path
    .map((part) => (typeof part === "object" ? part.key : part))
    .map((key, index) =>
      typeof key === "number" ? `[${key}]` : `${index > 0 ? "." : ""}${String(key)}`,
    )
    .join("");
}

export function idOf(context: Context): number {
  const text = context.req.param("id") ?? "";
  if (!/^[1-9][0-9]{0,9}$/.test(text)) throw new Refused(404, `there is no ${text}`);
  return Number(text);
}

/** `If-Match: "3"` (RFC 9110 §13.1.1): save only over that version. */
export function versionOf(context: Context): number | undefined {
  const condition = context.req.header("If-Match");
  if (condition === undefined || condition === "*") return undefined;
  const match = /^"([0-9]{1,10})"$/.exec(condition);
  // A tag that was never ours matches no version; to ignore it would lose somebody's change.
  return match ? Number(match[1]) : Number.NaN;
}

/** The tag of a version, as `versionOf` reads it. */
export function setVersion(context: Context, version: number | undefined): void {
  if (version !== undefined) context.header("ETag", `"${version}"`);
}

/** The body of a PATCH over the row as it is, validated as a whole. */
export async function patchedBody<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
  current: object,
): Promise<z.infer<Schema>> {
  const patch: unknown = await context.req.json().catch(() => {
    throw new HTTPException(400, { message: "the body is no JSON" });
  });
  return parsedAs(schema, mergePatch(current, patch));
}

/** A value as the schema has it; refused with its problems, field by field. */
export function parsedAs<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Refused(422, MISUNDERSTOOD, problemsOf(result.error.issues));
}

/** Hands the new configuration to the gateway and answers with the row and its warnings. */
export function saved(
  context: Context<AdminEnv>,
  { gateway }: Services,
  { config, version, warnings, credentials }: Saved,
  shown: object | undefined,
  status: ContentfulStatusCode = 200,
): Response {
  gateway.apply(config);
  setVersion(context, version);
  const more = {
    ...(warnings.length > 0 ? { warnings } : {}),
    ...(credentials && { credentials }),
  };
  return context.json({ ...shown, ...more }, status);
}

/** The responses of a route, for the OpenAPI document. */
export function answers(
  schema: z.ZodType | undefined,
  status = 200,
): NonNullable<DescribeRouteOptions["responses"]> {
  const error = {
    description: "What was wrong, and what would be right",
    content: { "application/json": { schema: resolver(errorShape) } },
  };
  const success = schema
    ? { description: "Done", content: { "application/json": { schema: resolver(schema) } } }
    : { description: "Done" };
  return { [status]: success, 401: error, 404: error, 422: error };
}
