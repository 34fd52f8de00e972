/**
 * The admin: pages, API and live events on one Hono app. One resource, one sub-app; everything but
 * the sign-in pages and the health checks needs the administrator's log-in or an API token.
 */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { Refused } from "../schema/store.ts";
import { requireAccess } from "./authentication.ts";
import { refuse } from "./refusal.ts";
import { apiDescription } from "./routes/api-description.tsx";
import { callRecords, calls, status } from "./routes/calls.ts";
import { connections, oneConnection } from "./routes/connections.ts";
import { events } from "./routes/events.ts";
import { privatePages, publicPages } from "./routes/pages.tsx";
import { tokens } from "./routes/tokens.ts";
import { oneUser, users } from "./routes/users.ts";
import { jsonBodies, sameOriginChanges, securityHeaders } from "./security.ts";
import type { AdminEnv, Services } from "./services.ts";

const BODY_BYTES_MAX = 1_048_576;

export function createAdmin(services: Services): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  const access = requireAccess(services);
  app.use(securityHeaders(services.secure));
  app.use(
    bodyLimit({
      maxSize: BODY_BYTES_MAX,
      onError: (it) => refuse(it, 413, "at most 1 MiB is taken"),
    }),
  );
  app.use(sameOriginChanges);
  app.route("/", publicPages(services));
  app.use("/api/*", access, jsonBodies);
  app.use("/api", access);
  app.use("/events", access);
  app.route("/", privatePages(services));
  app.route("/api/v1/users", users(services));
  app.route("/api/v1/users", oneUser(services));
  app.route("/api/v1/connections", connections(services));
  app.route("/api/v1/connections", oneConnection(services));
  app.route("/api/v1/calls", calls(services));
  app.route("/api/v1/call-records", callRecords(services));
  app.route("/api/v1/status", status(services));
  app.route("/api/v1/tokens", tokens(services));
  app.route("/api", apiDescription(app));
  app.route("/events", events(services));
  app.notFound((context) => refuse(context, 404, `there is nothing at ${context.req.path}`));
  app.onError((error, context) => {
    if (error instanceof Refused)
      return refuse(context, error.status, error.message, error.problems);
    if (error instanceof HTTPException) return refuse(context, error.status as 400, error.message);
    services.report(error);
    // D4, D5: libSQL says in words what is the matter with the disk.
    if (/\bis full\b/.test(error.message))
      return refuse(context, 507, "the disk is full: nothing was saved");
    if (/\b(?:locked|busy)\b/.test(error.message))
      return refuse(context, 503, "another program holds the database: try again");
    return refuse(context, 500, "the gateway made a mistake; its log says which");
  });
  return app;
}
