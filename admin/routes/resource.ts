/** What the resources of the API share: bodies, ids, versions, and the answer to a saved change. */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type DescribeRouteOptions, resolver, validator } from "hono-openapi";
import type { z } from "zod";
import { Refused, type Saved } from "../../schema/store.ts";
import { refuse } from "../refusal.ts";
import { errorShape } from "../schemas.ts";
import type { AdminEnv, Services } from "../services.ts";

/** Validates the JSON body; what is wrong is told field by field. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return validator("json", schema, (result, context) => {
    if (result.success) return undefined;
    const problems = result.error.map(({ path, message }) => ({
      path: pathText(path ?? []),
      message,
    }));
    return refuse(context, 422, "the request can't be understood", problems);
  });
}

/** `patterns[0].strip` for `["patterns", 0, "strip"]`. */
function pathText(path: readonly (PropertyKey | { key: PropertyKey })[]): string {
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
  const match = /^"([0-9]{1,10})"$/.exec(context.req.header("If-Match") ?? "");
  return match ? Number(match[1]) : undefined;
}

/** Hands the new configuration to the gateway and answers with the row and its warnings. */
export function saved(
  context: Context<AdminEnv>,
  { gateway }: Services,
  { config, warnings }: Saved,
  shown: object | undefined,
  status: ContentfulStatusCode = 200,
): Response {
  gateway.apply(config);
  return context.json(warnings.length > 0 ? { ...shown, warnings } : { ...shown }, status);
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
