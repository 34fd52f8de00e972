/**
 * /api/v1/accounts: who may administer; and /api/v1/account: oneself. A password goes in and never
 * out. One's own is changed with the old one, so that a browser left open gives no account away.
 */
import { type Context, Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import type { AccountInput } from "../../schema/account.ts";
import { ACCOUNT_PASSWORD_LENGTH_MAX, ACCOUNT_PASSWORD_LENGTH_MIN } from "../../schema/accounts.ts";
import { Refused } from "../../schema/refused.ts";
import { ROLES } from "../../schema/roles.ts";
import type { PasswordAttempts } from "../attempt-limit.ts";
import { logIn } from "../authentication.ts";
import { refuse } from "../refusal.ts";
import { accountBody, accountShape } from "../schemas.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers, idOf, jsonBody, patchedBody, setVersion, versionOf } from "./resource.ts";

const tags = ["accounts"];
const ONE_ACCOUNT = "/:id";

type AdminContext = Context<AdminEnv>;
type Body = z.infer<typeof accountBody>;

export function accounts(services: Services): Hono<AdminEnv> {
  const { accounts: stored } = services;
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({ tags, summary: "All accounts", responses: answers(accountShape.array()) }),
      async (context) => context.json(await stored.all()),
    )
    .post(
      "/",
      describeRoute({ tags, summary: "Add an account", responses: answers(accountShape, 201) }),
      jsonBody(accountBody),
      async (context) => {
        const { passwordHash, ...input } = await inputOf(services, context.req.valid("json"));
        if (passwordHash === undefined) throw tooShort();
        const made = await stored.create({ ...input, passwordHash }, context.get("actor"));
        setVersion(context, 1);
        return context.json(made, 201);
      },
    )
    .get(
      ONE_ACCOUNT,
      describeRoute({ tags, summary: "One account", responses: answers(accountShape) }),
      async (context) => {
        const { version, ...account } = await found(services, idOf(context));
        setVersion(context, version);
        return context.json(account);
      },
    )
    .put(
      ONE_ACCOUNT,
      describeRoute({ tags, summary: "Change an account", responses: answers(accountShape) }),
      jsonBody(accountBody),
      (context) => change(context, services, context.req.valid("json"), versionOf(context)),
    )
    .patch(
      ONE_ACCOUNT,
      describeRoute({
        tags,
        summary: "Change some fields of an account",
        description: "A JSON merge patch (RFC 7396)",
        requestBody: { content: { "application/merge-patch+json": { schema: {} } } },
        responses: answers(accountShape),
      }),
      async (context) => {
        const { version, name, role, enabled } = await found(services, idOf(context));
        const body = await patchedBody(context, accountBody, { name, role, enabled });
        return change(context, services, body, versionOf(context) ?? version);
      },
    )
    .delete(
      ONE_ACCOUNT,
      describeRoute({ tags, summary: "Delete an account", responses: answers(undefined, 204) }),
      async (context) => {
        await stored.remove(idOf(context), context.get("actor"), versionOf(context));
        return context.body(null, 204);
      },
    );
}

async function found({ accounts: stored }: Services, id: number) {
  const account = await stored.one(id);
  if (!account) throw new Refused(404, `there is no account ${id}`);
  return account;
}

async function change(
  context: AdminContext,
  services: Services,
  body: Body,
  expected: number | undefined,
): Promise<Response> {
  const id = idOf(context);
  if (body.password !== undefined && id === context.get("account")) {
    const message = "your own password is changed with the old one: POST /api/v1/account/password";
    throw new Refused(422, "the account can't be saved", [{ path: "password", message }]);
  }
  const input = await inputOf(services, body);
  const account = await services.accounts.update(id, input, context.get("actor"), expected);
  setVersion(context, (await services.accounts.one(id))?.version);
  return context.json(account);
}

async function inputOf({ hasher }: Services, { password, ...input }: Body): Promise<AccountInput> {
  if (password === undefined) return input;
  if (password.length < ACCOUNT_PASSWORD_LENGTH_MIN) throw tooShort();
  return { ...input, passwordHash: await hasher.hash(password) };
}

function tooShort(): Refused {
  const message = `at least ${ACCOUNT_PASSWORD_LENGTH_MIN} characters are expected`;
  return new Refused(422, "the password is too short", [{ path: "password", message }]);
}

const ownShape = z
  .object({ id: z.number().optional(), name: z.string(), role: z.enum(ROLES) })
  .meta({ id: "OwnAccount" });

const passwordBody = z
  .strictObject({
    oldPassword: z.string().max(ACCOUNT_PASSWORD_LENGTH_MAX).default(""),
    password: z.string().max(ACCOUNT_PASSWORD_LENGTH_MAX).default(""),
  })
  .meta({ id: "PasswordInput" });

export function ownAccount(services: Services, attempts: PasswordAttempts): Hono<AdminEnv> {
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({
        tags,
        summary: "Who asks: an account, or a program without one",
        responses: answers(ownShape),
      }),
      (context) => {
        const id = context.get("account");
        const { name } = context.get("actor");
        const own = { name, role: context.get("role") };
        return context.json(id === undefined ? own : { id, ...own });
      },
    )
    .post(
      "/password",
      describeRoute({
        tags,
        summary: "Change one's own password",
        description: "Ends all other log-ins of the account; this one goes on with a new cookie",
        responses: answers(undefined, 204),
      }),
      jsonBody(passwordBody),
      (context) => changeOwnPassword(context, services, attempts, context.req.valid("json")),
    );
}

async function changeOwnPassword(
  context: AdminContext,
  services: Services,
  attempts: PasswordAttempts,
  { oldPassword, password }: z.infer<typeof passwordBody>,
): Promise<Response> {
  const account = context.get("account");
  if (account === undefined) return refuse(context, 422, "a program's token has no password");
  const actor = context.get("actor");
  const address = context.env.remoteAddress;
  if (password.length < ACCOUNT_PASSWORD_LENGTH_MIN) throw tooShort();
  const wait = attempts.begin(actor.name, address);
  if (wait > 0) {
    context.header("Retry-After", String(wait));
    return refuse(context, 429, `too many attempts: try again in ${Math.ceil(wait / 60)} minutes`);
  }
  const proof = await services.accounts.proofOf(actor.name);
  if (!(await services.hasher.verify(oldPassword, proof?.passwordHash))) {
    await services.audit.addBounded(actor, { action: "password-change-failed" });
    throw new Refused(422, "this is not the old password", [
      { path: "oldPassword", message: "this is not the password" },
    ]);
  }
  attempts.succeeded(actor.name, address);
  await services.accounts.setPassword(account, await services.hasher.hash(password), actor);
  await logIn(context, services, account);
  return context.body(null, 204);
}
