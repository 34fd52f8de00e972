/**
 * Who sends a request, a person by the log-in cookie or a program by its API token, and whether that
 * suffices for the route: nothing is reached but through `authorise` (W3).
 */
import type { Context, MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { type Role, roleOfScope, suffices } from "../schema/roles.ts";
import { AttemptLimit, sourceOf } from "./attempt-limit.ts";
import { neededFor } from "./permissions.ts";
import { refuse } from "./refusal.ts";
import { isSecure } from "./security.ts";
import type { AdminEnv, Services } from "./services.ts";
import { page } from "./views/page.tsx";
import { MessagePage } from "./views/sign-in.tsx";

const COOKIE = "jackfield";
/** W4: of an address in a quarter of an hour. No guess of 256 bits succeeds; it only costs. */
const TOKEN_GUESSES_MAX = 50;

type AdminContext = Context<AdminEnv>;

interface Proven {
  name: string;
  role: Role;
  provenBy: "cookie" | "token";
  /** Absent for a program. */
  account?: number;
  isStillProven: () => Promise<boolean>;
}

/** `__Host-` ties the cookie to this very host, and needs TLS. */
function cookieName(context: AdminContext): string {
  return isSecure(context) ? `__Host-${COOKIE}` : COOKIE;
}

/** A log-in with an id of its own; the one the browser came with is ended (W13: no fixation). */
export async function logIn(
  context: AdminContext,
  services: Services,
  account: number,
): Promise<void> {
  await endLogIn(context, services);
  setCookie(context, cookieName(context), await services.access.newSession(account), {
    httpOnly: true,
    sameSite: "Strict",
    secure: isSecure(context),
    path: "/",
  });
}

export async function logOut(context: AdminContext, services: Services): Promise<void> {
  await endLogIn(context, services);
  deleteCookie(context, cookieName(context), { path: "/", secure: isSecure(context) });
}

async function endLogIn(context: AdminContext, services: Services): Promise<void> {
  const token = getCookie(context, cookieName(context));
  if (token !== undefined) await services.access.endSession(token);
}

/** Lets through whom the route's row in `permissions.ts` lets through. */
export function authorise(services: Services): MiddlewareHandler<AdminEnv> {
  const guesses = new AttemptLimit(services.now, TOKEN_GUESSES_MAX);
  return async (context, next) => {
    const needed = neededFor(context);
    if (needed === undefined || needed === "everybody") return next();
    const proven = await provenBy(context, services);
    if (!proven) return refuseStranger(context, services, guesses);
    if (needed === "nobody" || !suffices(proven.role, needed)) {
      return refuseRole(context, proven, needed);
    }
    context.set("actor", { name: proven.name, source: context.env.remoteAddress });
    context.set("role", proven.role);
    context.set("account", proven.account);
    context.set("provenBy", proven.provenBy);
    context.set("isStillProven", proven.isStillProven);
    return next();
  };
}

function bearerOf(context: AdminContext): string | undefined {
  return /^Bearer (\S+)$/.exec(context.req.header("Authorization") ?? "")?.[1];
}

async function provenBy(context: AdminContext, services: Services): Promise<Proven | undefined> {
  const { access } = services;
  const bearer = bearerOf(context);
  if (bearer !== undefined) {
    const token = await access.apiToken(bearer);
    return (
      token && {
        name: `token ${token.name}`,
        role: roleOfScope(token.scope),
        provenBy: "token",
        isStillProven: async () => (await access.apiToken(bearer)) !== undefined,
      }
    );
  }
  const cookie = getCookie(context, cookieName(context));
  const session = cookie === undefined ? undefined : await access.session(cookie);
  if (cookie === undefined || !session) return undefined;
  const { account, name, role } = session;
  // With another role it would be another stream.
  const isStillProven = async () => (await access.watchedSession(cookie))?.role === role;
  return { name, role, provenBy: "cookie", account, isStillProven };
}

function refuseRole(
  context: AdminContext,
  { name, role, provenBy: by }: Proven,
  needed: Role | "nobody",
): Response | Promise<Response> {
  const who = by === "token" ? `the ${name} may do what a ${role} may` : `${name} is a ${role}`;
  const message =
    needed === "nobody"
      ? "it is not said who may do this, so nobody may"
      : `this needs the role ${needed}, and ${who}`;
  return isForPage(context)
    ? page(context, MessagePage({ title: "Not for this account", message }), 403)
    : refuse(context, 403, message);
}

async function refuseStranger(
  context: AdminContext,
  services: Services,
  guesses: AttemptLimit,
): Promise<Response> {
  const isSetUp = await services.accounts.isSetUp();
  if (isForPage(context) && isSetUp) return context.redirect("/login");
  if (!isSetUp) {
    const message = "set-up is needed: open the link the gateway printed at its start";
    return isForPage(context)
      ? page(context, MessagePage({ title: "Welcome", message }), 403)
      : refuse(context, 403, message);
  }
  if (bearerOf(context) !== undefined) {
    const source = sourceOf(context.env.remoteAddress);
    const wait = guesses.waitSeconds(source);
    if (wait > 0) {
      context.header("Retry-After", String(wait));
      return refuse(context, 429, "too many API tokens that are none: try again later");
    }
    guesses.failed(source);
  }
  return refuse(context, 401, "log in, or send an API token as Authorization: Bearer");
}

function isForPage(context: AdminContext): boolean {
  return context.req.header("Accept")?.includes("text/html") === true;
}
