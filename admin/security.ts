/** What protects every page and every change: response headers, and who may send a request. */
import type { Context, MiddlewareHandler } from "hono";
import { refuse } from "./refusal.ts";
import type { AdminEnv } from "./services.ts";

const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
  "X-Content-Type-Options": "nosniff",
  // `no-referrer` would make browsers send `Origin: null` with our own forms.
  "Referrer-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
};

/** Whether the request came over TLS that ends here. */
export function isSecure(context: Context<AdminEnv>): boolean {
  return context.req.url.startsWith("https:");
}

export const securityHeaders: MiddlewareHandler<AdminEnv> = async (context, next) => {
  await next();
  const { headers } = context.res;
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  // But for what says itself that it may be kept.
  if (!headers.get("Cache-Control")?.startsWith("public")) headers.set("Cache-Control", "no-store");
  if (isSecure(context)) headers.set("Strict-Transport-Security", "max-age=31536000");
};

const JSON_TYPE = /^application\/(?:[a-z-]+\+)?json\s*(?:;|$)/i;
const SAFE = ["GET", "HEAD", "OPTIONS"];

/**
 * W2: a change must come from a page of ours. Browsers say where a request comes from; programs
 * with a token say nothing, and need not: no foreign page can make a browser send their token.
 */
export const sameOriginChanges: MiddlewareHandler<AdminEnv> = async (context, next) => {
  const { method } = context.req;
  if (SAFE.includes(method)) return next();
  const site = context.req.header("Sec-Fetch-Site");
  const origin = context.req.header("Origin");
  const hasToken = context.req.header("Authorization")?.startsWith("Bearer ") === true;
  const isOwnSite = site === undefined || site === "same-origin" || site === "none";
  const isOwnOrigin = origin === undefined || hostOf(origin) === context.req.header("Host");
  const isNamed = site !== undefined || origin !== undefined;
  if (isOwnSite && isOwnOrigin && (isNamed || hasToken)) return next();
  return refuse(
    context,
    403,
    "a change must come from the admin's own pages, or bring an API token",
  );
};

/** W2: the API takes JSON alone; a form or plain text is what foreign pages can send. */
export const jsonBodies: MiddlewareHandler<AdminEnv> = async (context, next) => {
  const type = context.req.header("Content-Type");
  if (SAFE.includes(context.req.method) || type === undefined || JSON_TYPE.test(type))
    return next();
  return refuse(context, 415, "the body must be JSON, with Content-Type: application/json");
};

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
