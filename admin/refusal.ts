/** A refusal in the one form every answer of the API has. */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Problem } from "../schema/config.ts";

export function refuse(
  context: Context,
  status: ContentfulStatusCode,
  message: string,
  problems: readonly Problem[] = [],
): Response {
  const error = problems.length > 0 ? { status, message, problems } : { status, message };
  return context.json({ error }, status);
}
