/**
 * /api/v1/connections/test: asks a PBX whether a connection would work, as a stream of lines of JSON,
 * one a step. Of a draft, or of a stored connection with its stored password, which goes to no other
 * host than the stored one. One in two seconds for each who asks, and each is in the audit (W8).
 */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import { patternDoubts } from "../../schema/pattern-doubts.ts";
import { refuse } from "../refusal.ts";
import { connectionBody, connectionInput } from "../schemas.ts";
import type { AdminEnv, Services } from "../services.ts";
import { draftOf, problemsOfDraft, type TestPace, tooSoon } from "./drafts.ts";
import { answers, jsonBody } from "./resource.ts";
import { guardedLinesOf, TestFeed } from "./test-feed.ts";

const AT_ONCE_MAX = 4;

const body = connectionBody
  .extend({ id: z.number().int().optional().describe("Of the stored one whose password is used") })
  .meta({ id: "ConnectionTest" });

/** What stands in the way of asking; a draft may lack its password, and whom its calls ring. */
const ASKED: ReadonlySet<string> = new Set([
  ...["host", "port", "transport", "tls", "outboundProxy"],
  ...["username", "authId", "realm", "fromUser", "fromDomain"],
]);

export function connectionTest(services: Services, pace: TestPace): Hono<AdminEnv> {
  let running = 0;
  return new Hono<AdminEnv>().post(
    "/test",
    describeRoute({
      tags: ["connections"],
      summary: "Test a connection, saved or not",
      description:
        'Answers with lines of JSON (application/x-ndjson): `{"begun":"dns"}`, then the step\'s outcome. Nothing is saved and no call is placed',
      responses: answers(z.looseObject({ step: z.string().optional() })),
    }),
    jsonBody(body),
    async (context) => {
      const { store, audit, gateway } = services;
      const actor = context.get("actor");
      const waitMs = running >= AT_ONCE_MAX ? 1_000 : pace.begin(actor.name);
      if (waitMs !== undefined) return tooSoon(context, waitMs);
      running += 1;
      let test: TestFeed | undefined;
      try {
        const { id, ...draft } = context.req.valid("json");
        const config = await store.load();
        const stored = config.connections.find((it) => it.id === id);
        if (id !== undefined && !stored)
          return refuse(context, 404, `there is no connection ${id}`);
        const connection = draftOf(connectionInput(draft), stored);
        const problems = problemsOfDraft(config, connection, (field) => ASKED.has(field));
        if (problems.length > 0) {
          return refuse(context, 422, "the connection can't be tested as it is", problems);
        }
        const { name, host, transport } = connection;
        const after = { host, transport, ...(connection.port ? { port: connection.port } : {}) };
        await audit.add(actor, { action: "test", kind: "connection", name, after });
        const doubts = patternDoubts(config, connection);
        test = new TestFeed((tell, signal) => gateway.test(connection, doubts, tell, signal));
        return await guardedLinesOf(context, test);
      } finally {
        // It goes on behind the answer.
        const over = test?.done ?? Promise.resolve();
        void over
          .catch(() => undefined)
          .finally(() => {
            running -= 1;
          });
      }
    },
  );
}
