/** @jsxImportSource hono/jsx */
/**
 * Invitations: `/api/v1/users/ID/invitation`, where they are made, and `/invitation/TOKEN`, where
 * whoever has the link sets a softphone up. Opening it changes nothing, for mail programs and
 * messengers look at links; the password is made when the person says so.
 */
import { type Context, Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import { newPassword } from "../../schema/credentials.ts";
import { INVITATION_HOURS_DEFAULT, INVITATION_HOURS_MAX } from "../../schema/invitations.ts";
import { AttemptLimit, sourceOf } from "../attempt-limit.ts";
import { qrCode } from "../qr-code.ts";
import { refuse } from "../refusal.ts";
import type { AdminEnv, Services } from "../services.ts";
import { softphoneSettings } from "../softphone-settings.ts";
import { InvitationPage, InvitedPage } from "../views/invitation-page.tsx";
import { page } from "../views/page.tsx";
import { MessagePage } from "../views/sign-in.tsx";
import { answers, idOf, jsonBody } from "./resource.ts";

type AdminContext = Context<AdminEnv>;

const tags = ["users"];
/** Of an address in a quarter of an hour. No guess of 256 bits succeeds; it only costs. */
const GUESSES_MAX = 20;

const body = z
  .strictObject({
    hours: z
      .number()
      .int()
      .min(1)
      .max(INVITATION_HOURS_MAX)
      .default(INVITATION_HOURS_DEFAULT)
      .describe("How long it is good for"),
  })
  .meta({ id: "InvitationInput" });

const shape = z
  .object({
    created: z.number().describe("Milliseconds since 1970"),
    expires: z.number().describe("Milliseconds since 1970"),
    by: z.string().describe("Who made it"),
  })
  .meta({ id: "Invitation" });

const made = z
  .object({
    url: z.string().describe("For the user alone; it is shown this once"),
    expires: z.number().describe("Milliseconds since 1970"),
    qr: z
      .object({ size: z.number().int(), path: z.string() })
      .describe("The URL as a QR code: modules of a side, and the dark ones as an SVG path"),
  })
  .meta({ id: "NewInvitation" });

/** Where they are made. */
export function invitations({ store, invitations: all, audit }: Services): Hono<AdminEnv> {
  const userOf = async (context: AdminContext) => {
    const id = idOf(context);
    return (await store.load()).users.find((it) => it.id === id);
  };
  const missing = (context: AdminContext) =>
    refuse(context, 404, `there is no user ${context.req.param("id")}`);
  return new Hono<AdminEnv>()
    .get(
      "/:id/invitation",
      describeRoute({
        tags,
        summary: "The invitation that is still good",
        description:
          "Without its link, which nobody has but whom it was given to; 204: there is none",
        responses: answers(shape),
      }),
      async (context) => {
        const user = await userOf(context);
        if (!user) return missing(context);
        const found = await all.of(user.id);
        return found ? context.json(found) : context.body(null, 204);
      },
    )
    .post(
      "/:id/invitation",
      describeRoute({
        tags,
        summary: "Invite a user to set up a softphone",
        description:
          "A link that works once. Whoever follows it gets a new password of that user's; an invitation made before is worth nothing any more",
        responses: answers(made, 201),
      }),
      jsonBody(body),
      async (context) => {
        const user = await userOf(context);
        if (!user) return missing(context);
        if (!user.enabled) return refuse(context, 422, `${user.name} is switched off`);
        const actor = context.get("actor");
        const { token, expires } = await all.make(
          user.id,
          context.req.valid("json").hours,
          actor.name,
        );
        await audit.add(actor, { action: "invite", kind: "user", item: user.id, name: user.name });
        const url = `${originOf(context).origin}/invitation/${token}`;
        return context.json({ url, expires, qr: qrCode(url) }, 201);
      },
    )
    .delete(
      "/:id/invitation",
      describeRoute({ tags, summary: "Revoke it", responses: answers(undefined, 204) }),
      async (context) => {
        const user = await userOf(context);
        if (!user) return missing(context);
        if (!(await all.revoke(user.id)))
          return refuse(context, 404, `${user.name} has no invitation`);
        const row = { action: "invitation-revoked", kind: "user", item: user.id, name: user.name };
        await audit.add(context.get("actor"), row);
        return context.body(null, 204);
      },
    );
}

/** Where the link leads, without a log-in. */
export function invited(services: Services): Hono<AdminEnv> {
  const { store, invitations: all, audit, gateway } = services;
  const guesses = new AttemptLimit(services.now, GUESSES_MAX);
  /** What is to be said to whoever has no good link; undefined where it is good. */
  const refusal = async (context: AdminContext, isGood: boolean) => {
    if (isGood) return undefined;
    guesses.failed(sourceOf(context.env.remoteAddress));
    return page(context, <Worthless />, 404);
  };
  const wait = (context: AdminContext) => {
    const seconds = guesses.waitSeconds(sourceOf(context.env.remoteAddress));
    if (seconds === 0) return undefined;
    context.header("Retry-After", String(seconds));
    return page(context, <TooMany minutes={Math.ceil(seconds / 60)} />, 429);
  };
  const userOf = async (id: number | undefined) =>
    (await store.load()).users.find((it) => it.id === id && it.enabled);
  return new Hono<AdminEnv>()
    .get("/:token", async (context) => {
      const user = await userOf(await all.userOf(context.req.param("token")));
      const refused = wait(context) ?? (await refusal(context, user !== undefined));
      return refused ?? page(context, <InvitationPage user={user} />);
    })
    .post("/:token", async (context) => {
      const tooMany = wait(context);
      if (tooMany) return tooMany;
      const user = await userOf(await all.use(context.req.param("token")));
      if (!user) return (await refusal(context, false)) as Response;
      const password = newPassword();
      const actor = { name: `the invitation of ${user.name}`, source: context.env.remoteAddress };
      const { id, ha1: _, ...rest } = user;
      const { config } = await store.saveUser(id, { ...rest, password }, actor);
      gateway.apply(config);
      await audit.add(actor, { action: "invited", kind: "user", item: id, name: user.name });
      const settings = softphoneSettings(originOf(context), { ...user, password });
      return context.req.header("Accept")?.includes("application/json")
        ? context.json(settings)
        : page(context, <InvitedPage settings={settings} />);
    });
}

/** As the browser sees it: before a proxy that ends TLS that is not what arrives here. */
function originOf(context: AdminContext): URL {
  const { host, protocol } = new URL(context.req.url);
  const named = context.req.header("Origin");
  const isOurs = named !== undefined && URL.parse(named)?.host === context.req.header("Host");
  return new URL(isOurs ? named : `${protocol}//${context.req.header("Host") ?? host}`);
}

function Worthless() {
  const message =
    "This link was used already, or is too old, or was revoked. Whoever sent it can send another.";
  return <MessagePage title="Invitation" message={message} />;
}

function TooMany({ minutes }: { minutes: number }) {
  const message = `Too many wrong links came from your address: try again in ${minutes} minutes.`;
  return <MessagePage title="Invitation" message={message} />;
}
