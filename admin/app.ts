/**
 * The admin: pages, API and live events on one Hono app. One resource, one sub-app; who may use a
 * route is said in `permissions.ts`.
 */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { NulInText } from "../schema/driver.ts";
import { Refused } from "../schema/refused.ts";
import { PasswordAttempts } from "./attempt-limit.ts";
import { authorise } from "./authentication.ts";
import { refuse } from "./refusal.ts";
import { accounts, ownAccount } from "./routes/accounts.ts";
import { apiDescription } from "./routes/api-description.tsx";
import { assetFiles } from "./routes/assets.ts";
import { audit } from "./routes/audit.ts";
import { bans } from "./routes/bans.ts";
import { callEvidence } from "./routes/call-evidence.ts";
import { callRecords, calls, status } from "./routes/calls.ts";
import { connectionCheck } from "./routes/connection-check.ts";
import { connectionFacts } from "./routes/connection-facts.ts";
import { connectionTest } from "./routes/connection-test.ts";
import { connections, oneConnection } from "./routes/connections.ts";
import { dialPlan } from "./routes/dial-plan.ts";
import { TestPace } from "./routes/drafts.ts";
import { events } from "./routes/events.ts";
import { configurationExport, configurationImport } from "./routes/interchange.ts";
import { invitations, invited } from "./routes/invitations.tsx";
import { alerts, backups, connectionHappenings, metrics } from "./routes/operations.ts";
import { privatePages } from "./routes/pages.tsx";
import { receivedCall } from "./routes/received-call.ts";
import { settings } from "./routes/settings.ts";
import { publicPages } from "./routes/sign-in.tsx";
import { testCall } from "./routes/test-call.ts";
import { tokens } from "./routes/tokens.ts";
import { oneUser, users } from "./routes/users.ts";
import { welcome } from "./routes/welcome.tsx";
import { jsonBodies, sameOriginChanges, securityHeaders } from "./security.ts";
import type { AdminEnv, Services } from "./services.ts";

const BODY_BYTES_MAX = 1_048_576;
/** A whole configuration: tens of thousands of users. */
const IMPORT_BYTES_MAX = 16 * 1_048_576;
const IMPORT_PATH = "/api/v1/import";

export function createAdmin(services: Services): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.use(securityHeaders);
  const limited = (maxSize: number) =>
    bodyLimit({
      maxSize,
      onError: (it) => refuse(it, 413, `at most ${maxSize / 1_048_576} MiB is taken`),
    });
  const [usual, large] = [limited(BODY_BYTES_MAX), limited(IMPORT_BYTES_MAX)];
  app.use((context, next) => (context.req.path === IMPORT_PATH ? large : usual)(context, next));
  app.use(sameOriginChanges);
  app.use(authorise(services));
  app.use("/api/*", jsonBodies);
  app.route("/", assetFiles());
  const passwordAttempts = new PasswordAttempts(services.now);
  app.route("/", publicPages(services, passwordAttempts));
  app.route("/invitation", invited(services));
  app.route("/metrics", metrics(services));
  app.route("/", privatePages(services));
  app.route("/welcome", welcome(services));
  app.route("/api/v1/users", users(services));
  app.route("/api/v1/users", oneUser(services));
  app.route("/api/v1/users", invitations(services));
  const testPace = new TestPace(services.now);
  app.route("/api/v1/connections", connectionCheck(services));
  app.route("/api/v1/connections", connections(services));
  app.route("/api/v1/connections", connectionTest(services, testPace));
  app.route("/api/v1/connections", testCall(services, testPace));
  app.route("/api/v1/connections", receivedCall(services));
  app.route("/api/v1/connections", oneConnection(services));
  app.route("/api/v1/connections", connectionFacts(services));
  app.route("/api/v1/settings", settings(services));
  app.route("/api/v1/dial-plan", dialPlan(services));
  app.route("/api/v1/calls", calls(services));
  app.route("/api/v1/calls", callEvidence(services));
  app.route("/api/v1/call-records", callRecords(services));
  app.route("/api/v1/status", status(services));
  app.route("/api/v1/bans", bans(services));
  app.route("/api/v1/tokens", tokens(services));
  app.route("/api/v1/account", ownAccount(services, passwordAttempts));
  app.route("/api/v1/accounts", accounts(services));
  app.route("/api/v1/connections", connectionHappenings(services));
  app.route("/api/v1/alerts", alerts(services));
  app.route("/api/v1/backups", backups(services));
  app.route("/api/v1/audit", audit(services));
  app.route("/api/v1/export", configurationExport(services));
  app.route(IMPORT_PATH, configurationImport(services));
  app.route("/api", apiDescription(app));
  app.route("/events", events(services));
  app.notFound((context) => refuse(context, 404, `there is nothing at ${context.req.path}`));
  app.onError((error, context) => {
    if (error instanceof Refused)
      return refuse(context, error.status, error.message, error.problems);
    if (error instanceof HTTPException) return refuse(context, error.status as 400, error.message);
    if (error instanceof NulInText) return refuse(context, 422, "no text may have a NUL in it");
    services.report(error);
    // D4, D5: libSQL says in words what is the matter with the disk.
    if (/\bis full\b/.test(error.message))
      return refuse(context, 507, "the disk is full: nothing was saved");
    // D7: a disk that fails, or may only be read.
    if (/disk I\/O error|readonly database|unable to open database/.test(error.message))
      return refuse(context, 507, "the disk takes no writes: nothing was saved");
    if (/\b(?:locked|busy)\b/.test(error.message))
      return refuse(context, 503, "another program holds the database: try again");
    return refuse(context, 500, "the gateway made a mistake; its log says which");
  });
  return app;
}
