/** @jsxImportSource hono/jsx */
/**
 * A view as a whole document: without the doctype browsers fall back to quirks of the nineties.
 * What belongs to the visit and not to the page (who looks, in which colours) reaches views by
 * `Visit`.
 */
import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import { type Child, createContext, useContext } from "hono/jsx";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Actor } from "../../schema/audit.ts";
import { type Role, suffices } from "../../schema/roles.ts";

export interface VisitState {
  /** As the person chose; absent: as the system says. */
  readonly theme?: "light" | "dark" | undefined;
  /** Who is logged in. */
  readonly account?: string | undefined;
  /** What they may; absent before the log-in. */
  readonly role?: Role | undefined;
}

export const Visit = createContext<VisitState>({});

/** Whether who looks may do what needs that role. */
export function useMay(needed: Role): boolean {
  const { role } = useContext(Visit);
  return role !== undefined && suffices(role, needed);
}

export async function page(
  context: Context,
  view: Child,
  status: ContentfulStatusCode = 200,
): Promise<Response> {
  const cookie = getCookie(context, "theme");
  const theme: VisitState["theme"] = cookie === "light" || cookie === "dark" ? cookie : undefined;
  const actor: Actor | undefined = context.get("actor");
  const account = typeof actor === "object" ? actor.name : actor;
  const visit: VisitState = { theme, account, role: context.get("role") };
  const document = await (<Visit.Provider value={visit}>{view}</Visit.Provider>).toString();
  return context.html(`<!doctype html>${document}`, status);
}
