/** /api/v1/tokens: keys for programs. A token is shown once, when it is made. */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import { refuse } from "../refusal.ts";
import { tokenBody } from "../schemas.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers, idOf, jsonBody } from "./resource.ts";

const shape = z.looseObject({ id: z.number(), name: z.string() }).meta({ id: "Token" });
const made = z.object({ id: z.number(), token: z.string() }).meta({ id: "NewToken" });

export function tokens({ access, audit, now }: Services): Hono<AdminEnv> {
  const tags = ["tokens"];
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({ tags, summary: "All tokens", responses: answers(shape.array()) }),
      async (context) => context.json(await access.apiTokens()),
    )
    .post(
      "/",
      describeRoute({ tags, summary: "Make a token", responses: answers(made, 201) }),
      jsonBody(tokenBody),
      async (context) => {
        const { name, scope, expires } = context.req.valid("json");
        if (expires !== undefined && expires <= now()) {
          const problems = [{ path: "expires", message: "a time that is to come is expected" }];
          return refuse(context, 422, "the token can't be made", problems);
        }
        const input = { name, scope, ...(expires === undefined ? {} : { expires }) };
        const token = await access.newApiToken(input);
        const row = { action: "create", kind: "token", item: token.id, name };
        await audit.add(context.get("actor"), row);
        return context.json(token, 201);
      },
    )
    .delete(
      "/:id",
      describeRoute({ tags, summary: "Revoke a token", responses: answers(undefined, 204) }),
      async (context) => {
        const item = idOf(context);
        const name = await access.revokeApiToken(item);
        if (name === undefined) return refuse(context, 404, "there is no such token");
        await audit.add(context.get("actor"), { action: "delete", kind: "token", item, name });
        return context.body(null, 204);
      },
    );
}
