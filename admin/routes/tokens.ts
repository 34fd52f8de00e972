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

export function tokens({ access }: Services): Hono<AdminEnv> {
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
      async (context) =>
        context.json(await access.newApiToken(context.req.valid("json").name), 201),
    )
    .delete(
      "/:id",
      describeRoute({ tags, summary: "Revoke a token", responses: answers(undefined, 204) }),
      async (context) => {
        const revoked = await access.revokeApiToken(idOf(context));
        return revoked ? context.body(null, 204) : refuse(context, 404, "there is no such token");
      },
    );
}
