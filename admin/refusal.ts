/** A refusal in the one form every answer of the API has. */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Problem } from "../schema/config.ts";

export interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly problems?: readonly Problem[];
}

export function refusalOf(
  status: number,
  message: string,
  problems: readonly Problem[] = [],
): Refusal {
  return problems.length > 0 ? { status, message, problems } : { status, message };
}

export function refuse(
  context: Context,
  status: ContentfulStatusCode,
  message: string,
  problems: readonly Problem[] = [],
): Response {
  return context.json({ error: refusalOf(status, message, problems) }, status);
}
