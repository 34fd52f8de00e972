/** /api/v1/calls, /call-records and /status: what happens now and what happened. */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import { refuse } from "../refusal.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers } from "./resource.ts";

const record = z
  .looseObject({ id: z.string(), caller: z.string(), callee: z.string() })
  .meta({ id: "Call" });

export function calls({ gateway }: Services): Hono<AdminEnv> {
  const tags = ["calls"];
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({ tags, summary: "Calls in progress", responses: answers(record.array()) }),
      (context) => context.json(gateway.status().calls),
    )
    .delete(
      "/:id",
      describeRoute({ tags, summary: "Hang up", responses: answers(undefined, 204) }),
      (context) => {
        const id = context.req.param("id");
        if (!gateway.status().calls.some((call) => call.id === id)) {
          return refuse(context, 404, "there is no such call: it may have ended");
        }
        gateway.hangUp(id);
        return context.body(null, 204);
      },
    );
}

export function callRecords({ records }: Services): Hono<AdminEnv> {
  const tags = ["calls"];
  const description = "Newest first; `limit` 1 to 500, `before` a time in milliseconds to page on";
  return new Hono<AdminEnv>().get(
    "/",
    describeRoute({
      tags,
      summary: "Calls that ended",
      description,
      responses: answers(record.array()),
    }),
    async (context) => {
      const limit = Number(context.req.query("limit") ?? 50);
      const before = Number(context.req.query("before") ?? Number.MAX_SAFE_INTEGER);
      if (!Number.isInteger(limit) || limit < 1 || limit > 500 || Number.isNaN(before)) {
        return refuse(
          context,
          422,
          "limit is a whole number from 1 to 500, before a time in milliseconds",
        );
      }
      return context.json(await records.newest(limit, before));
    },
  );
}

export function status({ gateway }: Services): Hono<AdminEnv> {
  const tags = ["status"];
  const shape = z.looseObject({ draining: z.boolean() }).meta({ id: "Status" });
  return new Hono<AdminEnv>().get(
    "/",
    describeRoute({
      tags,
      summary: "Connections, calls and softphones, live",
      responses: answers(shape),
    }),
    (context) => context.json(gateway.status()),
  );
}
