/** /api/v1/settings: what holds for the whole gateway. One resource, which is always there. */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { SETTINGS_ID } from "../../schema/store.ts";
import { settingsFor } from "../discretion.ts";
import { settingsBody, settingsInput, settingsShape } from "../schemas.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers, jsonBody, patchedBody, saved, setVersion, versionOf } from "./resource.ts";

const tags = ["settings"];

export function settings(services: Services): Hono<AdminEnv> {
  const { store } = services;
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({ tags, summary: "The settings", responses: answers(settingsShape) }),
      async (context) => {
        // First the version: one read after the row could belong to a newer row.
        setVersion(context, await store.version("settings", SETTINGS_ID));
        const { settings: all = {} } = await store.load();
        return context.json(settingsFor(context.get("role"), all));
      },
    )
    .put(
      "/",
      describeRoute({
        tags,
        summary: "Set everything anew",
        description: "What is absent is not set any more",
        responses: answers(settingsShape),
      }),
      jsonBody(settingsBody),
      async (context) => {
        const input = settingsInput(context.req.valid("json"));
        const result = await store.saveSettings(input, context.get("actor"), versionOf(context));
        return saved(context, services, result, result.config.settings);
      },
    )
    .patch(
      "/",
      describeRoute({
        tags,
        summary: "Change some settings",
        description: "A JSON merge patch (RFC 7396): null takes a setting away",
        requestBody: { content: { "application/merge-patch+json": { schema: {} } } },
        responses: answers(settingsShape),
      }),
      async (context) => {
        const version = await store.version("settings", SETTINGS_ID);
        const current = (await store.load()).settings ?? {};
        const input = settingsInput(await patchedBody(context, settingsBody, current));
        const expected = versionOf(context) ?? version;
        const result = await store.saveSettings(input, context.get("actor"), expected);
        return saved(context, services, result, result.config.settings);
      },
    );
}
