/**
 * What those who run the gateway need besides the configuration: alerts and their web hook (OPS-03),
 * the history of a connection (OPS-05), what it needs room for (LIM-05, OPS-08), backups, metrics.
 */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import { bandwidthOf } from "../bandwidth.ts";
import { metricsText } from "../metrics.ts";
import { refuse } from "../refusal.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers, idOf, parsedAs } from "./resource.ts";

const DAY_MS = 86_400_000;
const PEAK_DAYS = 28;
/** LIM-05: room above the busiest moment there was. */
const HEADROOM = 1.2;

const page = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.coerce.number().int().positive().optional(),
});
const PAGING = "Newest first; `limit` 1 to 500, `before` an id to page on";

const alertShape = z
  .looseObject({
    id: z.number(),
    rule: z.string(),
    subject: z.string(),
    text: z.string(),
    raised: z.number(),
    recovered: z.number().optional().describe("Absent while it is the matter"),
  })
  .meta({ id: "Alert" });

export function alerts({ operations, audit }: Services): Hono<AdminEnv> {
  const tags = ["alerts"];
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({
        tags,
        summary: "What was the matter, and what is",
        description: PAGING,
        responses: answers(alertShape.array()),
      }),
      async (context) => {
        const { limit, before } = parsedAs(page, context.req.query());
        return context.json(await operations.alerts(limit, before));
      },
    )
    .post(
      "/test",
      describeRoute({
        tags,
        summary: "Send the web hook a test",
        responses: answers(z.object({ sent: z.boolean(), reason: z.string().optional() })),
      }),
      async (context) => {
        await audit.add(context.get("actor"), { action: "test-web-hook" });
        const reason = await operations.tryWebhook();
        return context.json(reason === undefined ? { sent: true } : { sent: false, reason });
      },
    )
    .post(
      "/secret",
      describeRoute({
        tags,
        summary: "Make a new key for the signature under alerts; it is told this once",
        responses: answers(z.object({ secret: z.string() }), 201),
      }),
      async (context) => {
        await audit.add(context.get("actor"), { action: "web-hook-secret" });
        return context.json({ secret: await operations.newWebhookSecret() }, 201);
      },
    );
}

const changeShape = z
  .looseObject({
    id: z.number(),
    at: z.number(),
    aspect: z.enum(["registration", "reachability", "test-call", "received-call"]),
    state: z.string(),
    reason: z.string(),
  })
  .meta({ id: "StatusChange" });

const capacityShape = z
  .object({
    peakCalls: z.number().describe(`Calls at once at the busiest moment of ${PEAK_DAYS} days`),
    suggestedMaxCalls: z.number().optional().describe("A fifth above it; absent without calls"),
    calls: z.number().describe("What the estimate is for: maxCalls, else the suggestion"),
    kilobitsPerSecond: z.number().describe("Each way, by the dearest codec that may be chosen"),
    plannedKilobitsPerSecond: z.number().describe("Twice that, which the line should have"),
  })
  .meta({ id: "Capacity" });

export function connectionHappenings({ operations, store, now }: Services): Hono<AdminEnv> {
  const tags = ["connections"];
  return new Hono<AdminEnv>()
    .get(
      "/:id/history",
      describeRoute({
        tags,
        summary: "How registration and reachability fared, for 90 days and more",
        description: PAGING,
        responses: answers(changeShape.array()),
      }),
      async (context) => {
        const id = idOf(context);
        if (!(await store.load()).connections.some((it) => it.id === id))
          return refuse(context, 404, `there is no connection ${id}`);
        const { limit, before } = parsedAs(page, context.req.query());
        return context.json(await operations.history(id, limit, before));
      },
    )
    .get(
      "/:id/capacity",
      describeRoute({
        tags,
        summary: "How much it was used, and what line it needs",
        responses: answers(capacityShape),
      }),
      async (context) => {
        const id = idOf(context);
        const connection = (await store.load()).connections.find((it) => it.id === id);
        if (!connection) return refuse(context, 404, `there is no connection ${id}`);
        const peakCalls = await operations.peakCalls(id, now() - PEAK_DAYS * DAY_MS);
        const suggested = Math.ceil(HEADROOM * peakCalls);
        const { maxCalls } = connection;
        const calls = maxCalls === undefined || maxCalls >= 9_999 ? suggested : maxCalls;
        return context.json({
          peakCalls,
          ...(peakCalls > 0 ? { suggestedMaxCalls: suggested } : {}),
          calls,
          ...bandwidthOf(connection.codecs, calls),
        });
      },
    );
}

const backupShape = z
  .object({ name: z.string(), at: z.number(), sizeBytes: z.number() })
  .meta({ id: "Backup" });

export function backups({ operations, audit }: Services): Hono<AdminEnv> {
  const tags = ["backups"];
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({
        tags,
        summary: "Backups in the data directory, oldest first",
        description: "One a day, seven kept; `jackfield restore FILE` puts one back",
        responses: answers(backupShape.array()),
      }),
      (context) => context.json(operations.backups()),
    )
    .post(
      "/",
      describeRoute({
        tags,
        summary: "Make a backup now",
        responses: answers(z.object({ name: z.string() }), 201),
      }),
      async (context) => {
        const name = await operations.backUp();
        await audit.add(context.get("actor"), { action: "backup", name });
        return context.json({ name }, 201);
      },
    );
}

export function metrics({ gateway, operations }: Services): Hono<AdminEnv> {
  return new Hono<AdminEnv>().get("/", (context) => {
    const { user, system } = process.cpuUsage();
    const text = metricsText({
      status: gateway.status(),
      raised: operations.raised(),
      canWrite: operations.canWrite(),
      memoryBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1_000_000,
    });
    return context.body(text, 200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" });
  });
}
