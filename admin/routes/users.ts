/** /api/v1/users: softphone accounts. */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { refuse } from "../refusal.ts";
import { showUser, userBody, userInput, userShape } from "../schemas.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers, idOf, jsonBody, saved, versionOf } from "./resource.ts";

export function users(services: Services): Hono<AdminEnv> {
  const { store, gateway } = services;
  const tags = ["users"];
  const online = (user: number) =>
    gateway.status().bindings.filter((it) => it.user === user).length;
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
    )
    .get(
      "/:id",
      describeRoute({ tags, summary: "One user", responses: answers(userShape) }),
      async (context) => {
        const id = idOf(context);
        const user = (await store.load()).users.find((it) => it.id === id);
        if (!user) return refuse(context, 404, `there is no user ${context.req.param("id")}`);
        context.header("ETag", `"${await store.version("user", id)}"`);
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
