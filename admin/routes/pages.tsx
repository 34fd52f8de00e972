/** @jsxImportSource hono/jsx */
/** The pages a person opens: set-up, log-in, the first page; and the files they need. */
import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import homeScript from "../assets/home.js" with { type: "text" };
import style from "../assets/style.css" with { type: "text" };
import { AttemptLimit } from "../attempt-limit.ts";
import { logIn, logOut, requireAccess } from "../authentication.ts";
import type { AdminEnv, Services } from "../services.ts";
import { HomePage } from "../views/home.tsx";
import { page } from "../views/page.ts";
import { LoginPage, MessagePage, PASSWORD_LENGTH_MIN, SetupPage } from "../views/sign-in.tsx";

type AdminContext = Context<AdminEnv>;

/** Without a log-in. */
export function publicPages(services: Services): Hono<AdminEnv> {
  const attempts = new AttemptLimit(services.now);
  return new Hono<AdminEnv>()
    .get("/healthz", (context) => context.text("ok\n"))
    .get("/readyz", (context) => {
      const { draining } = services.gateway.status();
      return draining ? context.text("draining\n", 503) : context.text("ready\n");
    })
    .get("/assets/style.css", (context) =>
      context.body(style, 200, { "Content-Type": "text/css; charset=utf-8" }),
    )
    .get("/assets/home.js", (context) =>
      context.body(homeScript, 200, { "Content-Type": "text/javascript; charset=utf-8" }),
    )
    .get("/favicon.ico", (context) => context.body(null, 204))
    .get("/setup", async (context) => {
      const token = context.req.query("token") ?? "";
      if (await services.access.isSetupToken(token))
        return page(context, <SetupPage token={token} />);
      return page(context, <SetupUsed />, 403);
    })
    .post("/setup", (context) => setUp(context, services))
    .get("/login", (context) => page(context, <LoginPage />))
    .post("/login", (context) => tryLogIn(context, services, attempts));
}

/** For the administrator. */
export function privatePages(services: Services): Hono<AdminEnv> {
  const access = requireAccess(services);
  return new Hono<AdminEnv>()
    .get("/", access, async (context) =>
      page(context, <HomePage config={await services.store.load()} />),
    )
    .post("/logout", access, async (context) => {
      await logOut(context, services);
      return context.redirect("/login", 303);
    });
}

function SetupUsed() {
  const message =
    "This link was used or is not the newest. Start the gateway anew to get another, or log in.";
  return <MessagePage title="Set-up" message={message} />;
}

async function fieldsOf(context: AdminContext): Promise<{ token: string; password: string }> {
  const form = await context.req.parseBody().catch(() => {
    throw new HTTPException(400, { message: "the body is no form" });
  });
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  return { token: text(form["token"]), password: text(form["password"]) };
}

async function setUp(context: AdminContext, services: Services): Promise<Response> {
  const { token, password } = await fieldsOf(context);
  if (!(await services.access.isSetupToken(token))) return page(context, <SetupUsed />, 403);
  if (password.length < PASSWORD_LENGTH_MIN || password.length > 1_024) {
    const problem = `At least ${PASSWORD_LENGTH_MIN} characters are expected.`;
    return page(context, <SetupPage token={token} problem={problem} />, 422);
  }
  const won = await services.access.setUp(token, await services.hasher.hash(password));
  if (!won) return page(context, <SetupUsed />, 403);
  await logIn(context, services);
  return context.redirect("/", 303);
}

async function tryLogIn(
  context: AdminContext,
  services: Services,
  attempts: AttemptLimit,
): Promise<Response> {
  const address = context.env.remoteAddress;
  const wait = attempts.waitSeconds(address);
  if (wait > 0) {
    context.header("Retry-After", String(wait));
    const problem = `Too many attempts: try again in ${Math.ceil(wait / 60)} minutes.`;
    return page(context, <LoginPage problem={problem} />, 429);
  }
  // Counted before it is tried: attempts sent at once must not all find the count at zero.
  attempts.failed(address);
  const { password } = await fieldsOf(context);
  const hash = await services.access.passwordHash();
  const isRight =
    hash !== undefined &&
    password.length <= 1_024 &&
    (await services.hasher.verify(password, hash));
  if (!isRight) return page(context, <LoginPage problem="This is not the password." />, 401);
  attempts.succeeded(address);
  await logIn(context, services);
  return context.redirect("/", 303);
}
