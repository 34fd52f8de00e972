/** /api/v1/bans: sources that are not listened to; the status lists them. */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { refuse } from "../refusal.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers } from "./resource.ts";

export function bans({ gateway, audit }: Services): Hono<AdminEnv> {
  return new Hono<AdminEnv>().delete(
    "/:source",
    describeRoute({
      tags: ["bans"],
      summary: "Listen to a source again",
      description: "`source` as the status has it, percent-encoded",
      responses: answers(undefined, 204),
    }),
    async (context) => {
      const source = context.req.param("source");
      if (!gateway.status().bans.some((ban) => ban.source === source)) {
        return refuse(context, 404, "there is no such ban: it may be over");
      }
      gateway.unban(source);
      await audit.add(context.get("actor"), { action: "unban", name: source });
      return context.body(null, 204);
    },
  );
}
