/** /api/v1/calls, /call-records and /status: what happens now and what happened. */
import { type Context, Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import type { RecordsAsked } from "../../schema/records.ts";
import { suffices } from "../../schema/roles.ts";
import { callFor, statusFor } from "../discretion.ts";
import { recordsCsv } from "../evidence/csv.ts";
import { refuse } from "../refusal.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers, jsonBody } from "./resource.ts";

const record = z
  .looseObject({ id: z.string(), caller: z.string(), callee: z.string() })
  .meta({ id: "Call" });

const transferBody = z
  .strictObject({
    leaves: z.enum(["caller", "callee"]).describe("In whose place the number comes"),
    number: z.string().trim().min(1).max(128).describe("As the user of the call would dial it"),
  })
  .meta({ id: "Transfer" });

export function calls({ gateway, audit }: Services): Hono<AdminEnv> {
  const tags = ["calls"];
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({ tags, summary: "Calls in progress", responses: answers(record.array()) }),
      (context) =>
        context.json(gateway.status().calls.map((call) => callFor(context.get("role"), call))),
    )
    .delete(
      "/:id",
      describeRoute({ tags, summary: "Hang up", responses: answers(undefined, 204) }),
      async (context) => {
        const id = context.req.param("id");
        const call = gateway.status().calls.find((it) => it.id === id);
        if (!call) return refuse(context, 404, "there is no such call: it may have ended");
        gateway.hangUp(id);
        const name = `${call.caller} → ${call.callee}`;
        await audit.add(context.get("actor"), { action: "hang-up", kind: "call", name });
        return context.body(null, 204);
      },
    )
    .post(
      "/:id/transfer",
      describeRoute({
        tags,
        summary: "Transfer",
        description:
          "Another number in the place of one of the parties; where it can't be reached the two talk on. The call's page tells how it went",
        responses: answers(undefined, 202),
      }),
      jsonBody(transferBody),
      async (context) => {
        const id = context.req.param("id");
        const call = gateway.status().calls.find((it) => it.id === id);
        if (!call) return refuse(context, 404, "there is no such call: it may have ended");
        if (call.state !== "connected")
          return refuse(context, 409, "only a call that is up can be transferred");
        if (call.mode === "relay")
          return refuse(context, 409, "the parties' keys are their own: it can't be transferred");
        const after = context.req.valid("json");
        gateway.transfer(id, after);
        const name = `${call.caller} → ${call.callee}`;
        await audit.add(context.get("actor"), { action: "transfer", kind: "call", name, after });
        return context.body(null, 202);
      },
    );
}

const CSV_RECORDS_MAX = 10_000;
const PAGE_MAX = 500;

const ASKED = z.object({
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(50),
  before: z.coerce.number().default(Number.MAX_SAFE_INTEGER),
  text: z.string().max(128).optional(),
  outcome: z.enum(["answered", "unanswered"]).optional(),
  connection: z.coerce.number().int().optional(),
});

const EXPECTED =
  "limit is a whole number from 1 to 500, before a time in milliseconds, outcome answered or unanswered, connection a number";

/** What of the query is there: an empty field of a form is none. */
function askedOf(context: Context) {
  const given = Object.entries(context.req.query()).filter(([, value]) => value !== "");
  return ASKED.safeParse(Object.fromEntries(given));
}

function partsOf({ text, outcome, connection }: z.infer<typeof ASKED>): RecordsAsked {
  return {
    ...(text === undefined ? {} : { text }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(connection === undefined ? {} : { connection }),
  };
}

export function callRecords({ records, store }: Services): Hono<AdminEnv> {
  const tags = ["calls"];
  const description =
    "Newest first; `limit` 1 to 500, `before` a time in milliseconds to page on; `text` is part of a number or a reason, `outcome` answered or unanswered, `connection` an id";
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({
        tags,
        summary: "Calls that ended",
        description,
        responses: answers(record.array()),
      }),
      async (context) => {
        const asked = askedOf(context);
        if (!asked.success) return refuse(context, 422, EXPECTED);
        const { limit, before } = asked.data;
        const role = context.get("role");
        // What is found tells what is in it.
        if (asked.data.text !== undefined && !suffices(role, "operator"))
          return refuse(context, 403, "to search numbers needs the role operator");
        const found = await records.newest(limit, before, partsOf(asked.data));
        return context.json(found.map((record) => callFor(role, record)));
      },
    )
    .get(
      "/csv",
      describeRoute({
        tags,
        summary: `The same as CSV, at most ${CSV_RECORDS_MAX}`,
        responses: answers(undefined),
      }),
      async (context) => {
        const asked = askedOf(context);
        if (!asked.success) return refuse(context, 422, EXPECTED);
        const found: CallRecord[] = [];
        let { before } = asked.data;
        while (found.length < CSV_RECORDS_MAX) {
          const some = await records.newest(PAGE_MAX, before, partsOf(asked.data));
          found.push(...some);
          const last = some.at(-1);
          if (!last || some.length < PAGE_MAX) break;
          before = last.ended;
        }
        const { connections } = await store.load();
        const nameOf = (id: number) => connections.find((it) => it.id === id)?.name;
        return context.body(recordsCsv(found, nameOf), 200, {
          "Content-Type": "text/csv; charset=utf-8",
          "Content-Disposition": 'attachment; filename="calls.csv"',
        });
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
    (context) => context.json(statusFor(context.get("role"), gateway.status())),
  );
}
