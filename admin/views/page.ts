/** A view as a whole document: without the doctype browsers fall back to quirks of the nineties. */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

export function page(
  context: Context,
  view: { toString(): string | Promise<string> },
  status: ContentfulStatusCode = 200,
): Response {
  return context.html(`<!doctype html>${view.toString()}`, status);
}
