/**
 * /api/v1/audit: what happened and who did it (OPS-04), and the way back: an earlier state of an
 * item is saved again, as a change like any other.
 */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import { isMasked } from "../../schema/audit.ts";
import type { AuditEntry } from "../../schema/audit-entry.ts";
import type { Connection, User } from "../../schema/config.ts";
import { Refused } from "../../schema/refused.ts";
import { hasNoPath, type Settings, withoutPath } from "../../schema/settings.ts";
import type { Saved } from "../../schema/store.ts";
import { refuse } from "../refusal.ts";
import {
  connectionBody,
  connectionInput,
  editableConnection,
  editableUser,
  settingsBody,
  settingsInput,
  userBody,
  userInput,
} from "../schemas.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers, idOf, jsonBody, parsedAs } from "./resource.ts";

const tags = ["audit"];

const entryShape = z
  .looseObject({
    id: z.number(),
    at: z.number().describe("Milliseconds since 1970"),
    actor: z.string(),
    source: z.string().optional().describe("The address it came from"),
    action: z.string().describe("create, update, delete, log-in, log-in-failed, ban …"),
    kind: z.string().optional().describe("user, connection, settings, token …"),
    item: z.number().optional(),
    name: z.string().optional(),
    fields: z.array(
      z.object({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() }),
    ),
  })
  .meta({ id: "AuditEntry" });

const query = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.coerce.number().int().positive().optional(),
  kind: z.string().max(32).optional(),
  item: z.coerce.number().int().positive().optional(),
  action: z.string().max(32).optional(),
});

const restoreBody = z
  .strictObject({
    state: z
      .enum(["before", "after"])
      .default("before")
      .describe("Which of the entry's two states: the one before the change, or the one it made"),
    password: z
      .string()
      .max(256)
      .optional()
      .describe("For an item that is no more: no secret is kept in the log"),
  })
  .meta({ id: "Restore" });

export function audit(services: Services): Hono<AdminEnv> {
  const { audit: log, gateway } = services;
  const description =
    "Newest first; `limit` 1 to 500, `before` an id to page on, `kind`, `item`, `action` to choose";
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({
        tags,
        summary: "What happened, and who did it",
        description,
        responses: answers(entryShape.array()),
      }),
      async (context) => context.json(await log.page(parsedAs(query, context.req.query()))),
    )
    .get(
      "/:id",
      describeRoute({
        tags,
        summary: "One entry, with both states",
        responses: answers(entryShape),
      }),
      async (context) => {
        const entry = await log.entry(idOf(context));
        return entry ? context.json(entry) : refuse(context, 404, "there is no such entry");
      },
    )
    .post(
      "/:id/restore",
      describeRoute({
        tags,
        summary: "Save an earlier state again",
        responses: answers(z.looseObject({ id: z.number() })),
      }),
      jsonBody(restoreBody),
      async (context) => {
        const entry = await log.entry(idOf(context));
        if (!entry) return refuse(context, 404, "there is no such entry");
        const { state, password } = context.req.valid("json");
        const item = entry[state];
        if (!item) {
          return refuse(context, 422, `the entry has no state ${state} it: nothing was there`);
        }
        const secret = password === undefined ? {} : { password };
        const saved = await restore(services, context.get("actor"), entry, { ...item, ...secret });
        gateway.apply(saved.config);
        const { id, version, warnings, credentials } = saved;
        return context.json({ id, version, warnings, ...(credentials ? { credentials } : {}) });
      },
    );
}

/** Over the item where there still is one, else as a new one. */
async function restore(
  { store }: Services,
  actor: AdminEnv["Variables"]["actor"],
  { kind, item }: AuditEntry,
  state: object & { password?: string },
): Promise<Saved> {
  const isGiven = state.password !== undefined && !isMasked(state.password);
  const secret = isGiven ? { password: state.password } : {};
  const config = await store.load();
  if (kind === "user") {
    const body = parsedAs(userBody, { ...editableUser(state as User), ...secret });
    const id = config.users.find((it) => it.id === item)?.id;
    return store.saveUser(id, userInput(body), actor);
  }
  if (kind === "connection") {
    const id = config.connections.find((it) => it.id === item)?.id;
    const { username, ...rest } = editableConnection(state as Connection);
    // A PBX that registered here gets a new name with its new password: the old one is worth nothing.
    const isMade = rest.type === "inbound-registration" && id === undefined;
    const own = isMade || username === undefined ? rest : { ...rest, username };
    const body = parsedAs(connectionBody, { ...own, ...secret });
    return store.saveConnection(id, connectionInput(body), actor);
  }
  if (kind === "settings") {
    const body = parsedAs(settingsBody, withHook(state as Settings, config.settings));
    return store.saveSettings(settingsInput(body), actor);
  }
  throw new Refused(422, "only users, connections and settings have states to go back to");
}

/** The log has a web hook's host alone: of the same host it is the one there is, else none. */
function withHook(state: Settings, current: Settings | undefined): Settings {
  const { webhook, ...alerts } = state.alerts ?? {};
  if (webhook === undefined || !hasNoPath(webhook)) return state;
  const known = current?.alerts?.webhook;
  const isSame = known !== undefined && withoutPath(known) === webhook;
  return { ...state, alerts: isSame ? { ...alerts, webhook: known } : alerts };
}
