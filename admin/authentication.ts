/** Who sends a request: the administrator by the log-in cookie, or a program by its API token. */
import type { Context, MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { refuse } from "./refusal.ts";
import type { AdminEnv, Services } from "./services.ts";
import { page } from "./views/page.ts";
import { MessagePage } from "./views/sign-in.tsx";

const COOKIE = "jackfield";

type AdminContext = Context<AdminEnv>;

interface Actor {
  name: string;
  provenBy: "cookie" | "token";
  isStillProven: () => Promise<boolean>;
}

/** `__Host-` ties the cookie to this very host, and needs TLS. */
function cookieName({ secure }: Services): string {
  return secure ? `__Host-${COOKIE}` : COOKIE;
}

export async function logIn(context: AdminContext, services: Services): Promise<void> {
  setCookie(context, cookieName(services), await services.access.newSession(), {
    httpOnly: true,
    sameSite: "Strict",
    secure: services.secure,
    path: "/",
  });
}

export async function logOut(context: AdminContext, services: Services): Promise<void> {
  const token = getCookie(context, cookieName(services));
  if (token !== undefined) await services.access.endSession(token);
  deleteCookie(context, cookieName(services), { path: "/", secure: services.secure });
}

/** Lets only the administrator and programs with a token through. */
export function requireAccess(services: Services): MiddlewareHandler<AdminEnv> {
  return async (context, next) => {
    const actor = await actorOf(context, services);
    if (!actor) return refuseAccess(context, services);
    context.set("actor", actor.name);
    context.set("provenBy", actor.provenBy);
    context.set("isStillProven", actor.isStillProven);
    return next();
  };
}

async function actorOf(context: AdminContext, services: Services): Promise<Actor | undefined> {
  const { access } = services;
  const bearer = /^Bearer (\S+)$/.exec(context.req.header("Authorization") ?? "")?.[1];
  if (bearer !== undefined) {
    const name = await access.apiTokenName(bearer);
    const isStillProven = async () => (await access.apiTokenName(bearer)) !== undefined;
    return name === undefined
      ? undefined
      : { name: `token ${name}`, provenBy: "token", isStillProven };
  }
  const cookie = getCookie(context, cookieName(services));
  if (cookie === undefined || !(await access.isSession(cookie))) return undefined;
  const isStillProven = () => access.isSessionAlive(cookie);
  return { name: "administrator", provenBy: "cookie", isStillProven };
}

async function refuseAccess(context: AdminContext, services: Services): Promise<Response> {
  const isPage = context.req.header("Accept")?.includes("text/html") === true;
  const isSetUp = (await services.access.passwordHash()) !== undefined;
  if (isPage && isSetUp) return context.redirect("/login");
  if (!isSetUp) {
    const message = "set-up is needed: open the link the gateway printed at its start";
    return isPage
      ? page(context, MessagePage({ title: "Welcome", message }), 403)
      : refuse(context, 403, message);
  }
  return refuse(context, 401, "log in, or send an API token as Authorization: Bearer");
}
