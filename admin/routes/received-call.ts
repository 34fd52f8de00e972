/**
 * /api/v1/connections/ID/received-call: waits for a call from outside by a saved connection, and says
 * whether it came in and was heard (TST-08). Each is in the audit and in the connection's history.
 */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import { refuse } from "../refusal.ts";
import type { AdminEnv, Services } from "../services.ts";
import { countHeard } from "./heard.ts";
import { answers, idOf } from "./resource.ts";
import { linesOf, type Outcome, TestFeed } from "./test-feed.ts";

export function receivedCall(services: Services): Hono<AdminEnv> {
  const { store, audit, gateway, operations, now, report } = services;
  const waitedFor = new Set<number>();
  return new Hono<AdminEnv>().post(
    "/:id/received-call",
    describeRoute({
      tags: ["connections"],
      summary: "Wait for a call that comes in by a saved connection",
      description:
        'Somebody calls one of its numbers within a minute, talks for ten seconds and hangs up. Answers with lines of JSON (application/x-ndjson): `{"begun":"incoming"}`, then the step\'s outcome',
      responses: answers(z.looseObject({ step: z.string().optional() })),
    }),
    async (context) => {
      const connection = (await store.load()).connections.find(({ id }) => id === idOf(context));
      if (!connection) return refuse(context, 404, "there is no such connection");
      const { id, name, enabled, allowInbound } = connection;
      if (!enabled || !allowInbound) {
        const path = enabled ? "allowInbound" : "enabled";
        const problem = { path, message: "it takes no calls: that is switched off" };
        return refuse(context, 422, "no call can come in by this connection", [problem]);
      }
      if (waitedFor.has(id)) {
        context.header("Retry-After", "60");
        return refuse(context, 409, "a call is waited for already: make it, or wait a minute");
      }
      waitedFor.add(id);
      try {
        const entry = { action: "received-call", kind: "connection", item: id, name };
        await audit.add(context.get("actor"), entry);
        const feed = new TestFeed((tell, signal) => gateway.awaitCall(id, tell, signal));
        void feed.done
          .then(async () => {
            const change = changeOf(feed.last);
            if (change === undefined) return;
            const at = now();
            await operations.tested({ connection: id, at, aspect: "received-call", ...change });
            if (change.state === "passed") await countHeard(services, connection, "received", at);
          })
          .catch(report)
          .finally(() => waitedFor.delete(id));
        return linesOf(context, feed);
      } catch (error) {
        waitedFor.delete(id);
        throw error;
      }
    },
  );
}

/** As the connection's history has it; nothing where nobody waited long enough to know. */
function changeOf(last: Outcome | undefined) {
  if (last === undefined || (last.step !== "talk" && last.outcome !== "failed")) return undefined;
  const states = { ok: "passed", failed: "failed", note: "unclear", skipped: "unclear" } as const;
  return { state: states[last.outcome], reason: `Call from it: ${last.sentence}` };
}
