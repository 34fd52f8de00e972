/** @jsxImportSource hono/jsx */
/** What is open to everybody: health, set-up by the one-time link, log-in, the softphone. */
import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import {
  ACCOUNT_PASSWORD_LENGTH_MAX,
  ACCOUNT_PASSWORD_LENGTH_MIN,
  FIRST_ACCOUNT,
} from "../../schema/accounts.ts";
import type { PasswordAttempts } from "../attempt-limit.ts";
import { logIn } from "../authentication.ts";
import type { AdminEnv, Services } from "../services.ts";
import { page } from "../views/page.tsx";
import { PhonePage } from "../views/phone-page.tsx";
import { LoginPage, MessagePage, SetupPage } from "../views/sign-in.tsx";

type AdminContext = Context<AdminEnv>;

/** Of what is typed; a longer one is nobody's. */
const NAME_LENGTH_MAX = 64;

/** Without a log-in. */
export function publicPages(services: Services, attempts: PasswordAttempts): Hono<AdminEnv> {
  return new Hono<AdminEnv>()
    .get("/healthz", (context) => context.text("ok\n"))
    .get("/readyz", (context) => {
      const { draining } = services.gateway.status();
      if (draining) return context.text("draining\n", 503);
      // D4: calls go on, so no balancer should take it out.
      const { canWrite } = services.operations;
      return context.text(canWrite() ? "ready\n" : "degraded: the database can't be written\n");
    })
    .get("/phone", async (context) => {
      // W5: before set-up nothing is open; there is nobody yet who could use it either.
      const isSetUp = await services.accounts.isSetUp();
      return isSetUp ? page(context, <PhonePage />) : page(context, <NotSetUp />, 403);
    })
    .get("/favicon.ico", (context) => context.body(null, 204))
    .get("/setup", async (context) => {
      const token = context.req.query("token") ?? "";
      if (await services.access.isSetupToken(token))
        return page(context, <SetupPage token={token} />);
      return page(context, <SetupUsed />, 403);
    })
    .post("/setup", (context) => setUp(context, services))
    .get("/login", async (context) => page(context, <LoginPage name={await onlyName(services)} />))
    .post("/login", (context) => tryLogIn(context, services, attempts));
}

function NotSetUp() {
  const message = "Set-up is needed first: open the link the gateway printed at its start.";
  return <MessagePage title="Phone" message={message} />;
}

function SetupUsed() {
  const message =
    "This link was used or is not the newest. Start the gateway anew to get another, or log in.";
  return <MessagePage title="Set-up" message={message} />;
}

/** Who is the only one need not say so; but what an only account was renamed to is told nobody. */
async function onlyName({ accounts }: Services): Promise<string> {
  const all = await accounts.all();
  return all.length === 1 && all[0]?.name === FIRST_ACCOUNT ? FIRST_ACCOUNT : "";
}

interface Fields {
  token: string;
  /** The first account's, where the form has none. */
  name: string;
  password: string;
}

async function fieldsOf(context: AdminContext): Promise<Fields> {
  const form = await context.req.parseBody().catch(() => {
    throw new HTTPException(400, { message: "the body is no form" });
  });
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const name = form["name"] === undefined ? FIRST_ACCOUNT : text(form["name"]).trim();
  return { token: text(form["token"]), name, password: text(form["password"]) };
}

async function setUp(context: AdminContext, services: Services): Promise<Response> {
  const { token, password } = await fieldsOf(context);
  if (!(await services.access.isSetupToken(token))) return page(context, <SetupUsed />, 403);
  const { length } = password;
  if (length < ACCOUNT_PASSWORD_LENGTH_MIN || length > ACCOUNT_PASSWORD_LENGTH_MAX) {
    const problem = `At least ${ACCOUNT_PASSWORD_LENGTH_MIN} characters are expected.`;
    return page(context, <SetupPage token={token} problem={problem} />, 422);
  }
  const account = await services.access.setUp(token, await services.hasher.hash(password));
  if (account === undefined) return page(context, <SetupUsed />, 403);
  const byWhom = { name: FIRST_ACCOUNT, source: context.env.remoteAddress };
  await services.audit.add(byWhom, { action: "set-up" });
  await logIn(context, services, account);
  return context.redirect("/welcome/network", 303);
}

async function tryLogIn(
  context: AdminContext,
  services: Services,
  attempts: PasswordAttempts,
): Promise<Response> {
  const address = context.env.remoteAddress;
  const { name, password } = await fieldsOf(context);
  const wait = attempts.begin(name.slice(0, NAME_LENGTH_MAX), address);
  if (wait > 0) {
    context.header("Retry-After", String(wait));
    const problem = `Too many attempts: try again in ${Math.ceil(wait / 60)} minutes.`;
    return page(context, <LoginPage name={name} problem={problem} />, 429);
  }
  const proof = await services.accounts.proofOf(name);
  // W4: of a name that isn't there as slowly, or it would be told apart.
  const isRight =
    password.length <= ACCOUNT_PASSWORD_LENGTH_MAX &&
    (await services.hasher.verify(password, proof?.passwordHash));
  if (!isRight || !proof) {
    // What was typed as a name may be a password.
    const byWhom = { name: proof?.account.name ?? "nobody", source: address };
    await services.audit.addBounded(byWhom, { action: "log-in-failed" });
    const problem = "This is not the name and password of an account.";
    return page(context, <LoginPage name={name} problem={problem} />, 401);
  }
  attempts.succeeded(name, address);
  await services.audit.add({ name: proof.account.name, source: address }, { action: "log-in" });
  await logIn(context, services, proof.account.id);
  return context.redirect("/", 303);
}
