/** /api/v1/users: softphone accounts. */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { refuse } from "../refusal.ts";
import { editableUser, showUser, userBody, userInput, userShape } from "../schemas.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers, idOf, jsonBody, patchedBody, saved, setVersion, versionOf } from "./resource.ts";

const tags = ["users"];

/** How many softphones of a user are registered. */
function onlineIn({ gateway }: Services): (user: number) => number {
  return (user) => gateway.status().bindings.filter((it) => it.user === user).length;
}

/** All of them. */
export function users(services: Services): Hono<AdminEnv> {
  const { store } = services;
  const online = onlineIn(services);
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({ tags, summary: "All users", responses: answers(userShape.array()) }),
      async (context) => {
        const { users: all } = await store.load();
        return context.json(all.map((user) => showUser(user, online)));
      },
    )
    .post(
      "/",
      describeRoute({ tags, summary: "Add a user", responses: answers(userShape, 201) }),
      jsonBody(userBody),
      async (context) => {
        const result = await store.saveUser(
          undefined,
          userInput(context.req.valid("json")),
          context.get("actor"),
        );
        const user = result.config.users.find(({ id }) => id === result.id);
        return saved(context, services, result, user && showUser(user, online), 201);
      },
    );
}

/** One of them. */
export function oneUser(services: Services): Hono<AdminEnv> {
  const { store, gateway } = services;
  const online = onlineIn(services);
  return new Hono<AdminEnv>()
    .get(
      "/:id",
      describeRoute({ tags, summary: "One user", responses: answers(userShape) }),
      async (context) => {
        const id = idOf(context);
        // First the version: one read after the row could belong to a newer row.
        const version = await store.version("user", id);
        const user = (await store.load()).users.find((it) => it.id === id);
        if (!user) return refuse(context, 404, `there is no user ${context.req.param("id")}`);
        setVersion(context, version);
        return context.json(showUser(user, online));
      },
    )
    .put(
      "/:id",
      describeRoute({ tags, summary: "Change a user", responses: answers(userShape) }),
      jsonBody(userBody),
      async (context) => {
        const input = userInput(context.req.valid("json"));
        const result = await store.saveUser(
          idOf(context),
          input,
          context.get("actor"),
          versionOf(context),
        );
        const user = result.config.users.find(({ id }) => id === result.id);
        return saved(context, services, result, user && showUser(user, online));
      },
    )
    .patch(
      "/:id",
      describeRoute({
        tags,
        summary: "Change some fields of a user",
        description: "A JSON merge patch (RFC 7396): null takes a field away",
        requestBody: { content: { "application/merge-patch+json": { schema: {} } } },
        responses: answers(userShape),
      }),
      async (context) => {
        const id = idOf(context);
        const version = await store.version("user", id);
        const current = (await store.load()).users.find((it) => it.id === id);
        if (!current) return refuse(context, 404, `there is no user ${id}`);
        const body = await patchedBody(context, userBody, editableUser(current));
        const expected = versionOf(context) ?? version;
        const result = await store.saveUser(id, userInput(body), context.get("actor"), expected);
        const user = result.config.users.find((it) => it.id === id);
        return saved(context, services, result, user && showUser(user, online));
      },
    )
    .delete(
      "/:id",
      describeRoute({ tags, summary: "Delete a user", responses: answers(undefined, 204) }),
      async (context) => {
        const result = await store.remove(
          "user",
          idOf(context),
          context.get("actor"),
          versionOf(context),
        );
        gateway.apply(result.config);
        return context.body(null, 204);
      },
    );
}
