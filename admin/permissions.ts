/**
 * Who may use which route (W3): the one table, by method and path as the routes have them. A route
 * without a row is nobody's, an admin's neither: it is refused until somebody has thought about it.
 */
import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import { type Role, suffices } from "../schema/roles.ts";

/** The least role that may; `everybody` needs no log-in. */
export type Needed = Role | "everybody";

export const PERMISSIONS: Readonly<Record<string, Needed>> = {
  "GET /healthz": "everybody",
  "GET /readyz": "everybody",
  "GET /phone": "everybody",
  "GET /assets/:version/:name": "everybody",
  "GET /favicon.ico": "everybody",
  "GET /setup": "everybody",
  "POST /setup": "everybody",
  "GET /login": "everybody",
  "POST /login": "everybody",
  // Whoever has the link.
  "GET /invitation/:token": "everybody",
  "POST /invitation/:token": "everybody",

  "GET /": "viewer",
  "GET /calls": "viewer",
  "GET /calls/:id": "operator",
  "GET /connections": "viewer",
  "GET /connections/:id": "viewer",
  "GET /users": "viewer",
  "GET /users/:id": "viewer",
  "GET /dial-plan": "viewer",
  "GET /settings": "viewer",
  "GET /settings/certificate": "viewer",
  "GET /settings/alerts": "operator",
  "GET /settings/backup": "operator",
  "GET /settings/bans": "viewer",
  "GET /settings/accounts": "operator",
  "GET /settings/accounts/:id": "admin",
  "GET /settings/tokens": "operator",
  "GET /settings/password": "viewer",
  "GET /audit": "operator",
  "GET /welcome": "admin",
  "GET /welcome/network": "admin",
  "GET /welcome/connection": "admin",
  "GET /welcome/user": "admin",
  "GET /welcome/call": "admin",
  "POST /logout": "viewer",
  "GET /api": "viewer",
  "GET /api/openapi.json": "viewer",
  "GET /events": "viewer",
  "GET /metrics": "viewer",

  "GET /api/v1/account": "viewer",
  "POST /api/v1/account/password": "viewer",
  "GET /api/v1/accounts": "operator",
  "POST /api/v1/accounts": "admin",
  "GET /api/v1/accounts/:id": "operator",
  "PUT /api/v1/accounts/:id": "admin",
  "PATCH /api/v1/accounts/:id": "admin",
  "DELETE /api/v1/accounts/:id": "admin",
  "GET /api/v1/tokens": "operator",
  "POST /api/v1/tokens": "admin",
  "DELETE /api/v1/tokens/:id": "admin",

  "GET /api/v1/users": "viewer",
  "POST /api/v1/users": "admin",
  "GET /api/v1/users/:id": "viewer",
  "PUT /api/v1/users/:id": "admin",
  "PATCH /api/v1/users/:id": "admin",
  "DELETE /api/v1/users/:id": "admin",
  "GET /api/v1/users/:id/invitation": "operator",
  "POST /api/v1/users/:id/invitation": "admin",
  "DELETE /api/v1/users/:id/invitation": "admin",
  "GET /api/v1/connections": "viewer",
  "POST /api/v1/connections": "admin",
  // Dry runs and trials of numbers, which change nothing.
  "POST /api/v1/connections/check": "operator",
  "POST /api/v1/connections/test": "operator",
  "POST /api/v1/connections/test-call": "operator",
  "POST /api/v1/connections/:id/test-call": "operator",
  "POST /api/v1/connections/:id/received-call": "operator",
  "GET /api/v1/connections/:id": "viewer",
  "PUT /api/v1/connections/:id": "admin",
  "PATCH /api/v1/connections/:id": "admin",
  "DELETE /api/v1/connections/:id": "admin",
  "POST /api/v1/connections/:id/credentials": "admin",
  "GET /api/v1/connections/:id/snippets": "operator",
  "GET /api/v1/connections/:id/firewall": "viewer",
  "GET /api/v1/connections/:id/history": "viewer",
  "GET /api/v1/connections/:id/capacity": "viewer",
  "GET /api/v1/dial-plan/explain": "viewer",
  "POST /api/v1/dial-plan/try": "viewer",
  "GET /api/v1/settings": "viewer",
  "PUT /api/v1/settings": "admin",
  "PATCH /api/v1/settings": "admin",

  // Of calls a viewer is told no numbers; see `discretion.ts`.
  "GET /api/v1/calls": "viewer",
  "GET /api/v1/call-records": "viewer",
  "GET /api/v1/status": "viewer",
  "DELETE /api/v1/calls/:id": "operator",
  "POST /api/v1/calls/:id/transfer": "operator",
  "GET /api/v1/calls/refused": "operator",
  "GET /api/v1/calls/:id": "operator",
  "GET /api/v1/calls/:id/ladder": "operator",
  "GET /api/v1/calls/:id/text": "operator",
  "GET /api/v1/calls/:id/pcap": "operator",
  "GET /api/v1/call-records/csv": "operator",

  "DELETE /api/v1/bans/:source": "operator",
  "GET /api/v1/audit": "operator",
  "GET /api/v1/audit/:id": "operator",
  "POST /api/v1/audit/:id/restore": "admin",
  "GET /api/v1/alerts": "operator",
  "POST /api/v1/alerts/test": "operator",
  "POST /api/v1/alerts/secret": "admin",
  // Seven are kept: a new one drives an old one out.
  "GET /api/v1/backups": "operator",
  "POST /api/v1/backups": "admin",
  "GET /api/v1/export": "admin",
  "POST /api/v1/export": "admin",
  "POST /api/v1/import": "admin",
};

/**
 * What the request's route needs: the most any route needs that it could mean. `nobody` where a
 * route has no row; undefined where there is no route.
 */
export function neededFor(context: Context): Needed | "nobody" | undefined {
  const method = context.req.method === "HEAD" ? "GET" : context.req.method;
  const rows = matchedRoutes(context)
    .filter((route) => route.method === method)
    .map(({ path }) => PERMISSIONS[`${method} ${path}`]);
  return rows.reduce<Needed | "nobody" | undefined>((most, row) => {
    if (row === undefined || most === "nobody") return "nobody";
    if (most === undefined || most === "everybody") return row;
    return row === "everybody" || suffices(most, row) ? most : row;
  }, undefined);
}
