/**
 * /api/v1/connections/test: asks a PBX whether a connection would work, as a stream of lines of JSON,
 * one a step. Of a draft, or of a stored connection with its stored password, which goes to no other
 * host than the stored one. One in two seconds for each who asks, and each is in the audit (W8).
 */
import { type Context, Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import { checkConfig } from "../../schema/check.ts";
import type { Config, Connection, ConnectionId, Problem } from "../../schema/config.ts";
import { patternDoubts } from "../../schema/pattern-doubts.ts";
import { refuse } from "../refusal.ts";
import { connectionBody, connectionInput } from "../schemas.ts";
import type { AdminEnv, Services, TestEvent } from "../services.ts";
import { answers, jsonBody } from "./resource.ts";
import { linesOf, TestFeed } from "./test-feed.ts";

const EVERY_MS = 2_000;
/** People who ask at the same time are few. */
const ACTORS_MAX = 1_000;
const AT_ONCE_MAX = 4;
/** What decides who is asked, and who reads it on the way. */
const PLACE = ["host", "port", "transport", "tls", "outboundProxy", "furtherHosts"] as const;

const body = connectionBody
  .extend({ id: z.number().int().optional().describe("Of the stored one whose password is used") })
  .meta({ id: "ConnectionTest" });

/** What stands in the way of asking; a draft may lack its password, and whom its calls ring. */
const ASKED =
  /^connections\[0\]\.(host|port|transport|tls|outboundProxy|username|authId|realm|fromUser|fromDomain)\b/;

export function connectionTest(services: Services): Hono<AdminEnv> {
  const lastAt = new Map<string, number>();
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
      const { store, audit, gateway, now } = services;
      const actor = context.get("actor");
      const wait = EVERY_MS - (now() - (lastAt.get(actor.name) ?? -Infinity));
      if (wait > 0 || running >= AT_ONCE_MAX) {
        context.header("Retry-After", String(Math.max(1, Math.ceil(wait / 1_000))));
        return refuse(context, 429, "one test in two seconds: try again in a moment");
      }
      remember(lastAt, actor.name, now());
      running += 1;
      let test: TestFeed | undefined;
      try {
        const { id, ...draft } = context.req.valid("json");
        const config = await store.load();
        const stored = config.connections.find((it) => it.id === id);
        if (id !== undefined && !stored)
          return refuse(context, 404, `there is no connection ${id}`);
        const connection = draftOf(connectionInput(draft), stored);
        const problems = problemsOf(config, connection);
        if (problems.length > 0) {
          return refuse(context, 422, "the connection can't be tested as it is", problems);
        }
        const { name, host, transport } = connection;
        const after = { host, transport, ...(connection.port ? { port: connection.port } : {}) };
        await audit.add(actor, { action: "test", kind: "connection", name, after });
        const doubts = patternDoubts(config, connection);
        test = new TestFeed((tell, signal) => gateway.test(connection, doubts, tell, signal));
        return answer(context, test);
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

/** Where the address is forbidden nothing was asked: that is the request's own fault. */
async function answer(context: Context<AdminEnv>, test: TestFeed): Promise<Response> {
  const early: TestEvent[] = [];
  for (let event = await test.next(); event; event = await test.next()) {
    early.push(event);
    if (event.begun === undefined) break;
  }
  const first = early.at(-1);
  if (first?.begun === undefined && first?.verdict === "forbidden-address") {
    const problem = { path: first.field ?? "host", message: first.sentence };
    return refuse(context, 422, "the connection can't be tested as it is", [problem]);
  }
  return linesOf(context, test, early);
}

/** The stored password goes where it was stored for, and nowhere else. */
function draftOf(
  input: ReturnType<typeof connectionInput>,
  stored: Connection | undefined,
): Connection {
  const base = { ...input, id: stored?.id ?? (0 as ConnectionId) };
  if (input.password !== undefined || stored?.password === undefined) return base;
  const isSamePlace = PLACE.every((field) => Bun.deepEquals(input[field], stored[field]));
  return isSamePlace ? { ...base, password: stored.password } : base;
}

function problemsOf(config: Config, connection: Connection): Problem[] {
  const { problems } = checkConfig({ ...config, connections: [connection] });
  return problems
    .filter(({ path }) => ASKED.test(path))
    .map(({ path, message }) => ({ path: path.replace("connections[0].", ""), message }));
}

function remember(lastAt: Map<string, number>, actor: string, at: number): void {
  lastAt.delete(actor);
  lastAt.set(actor, at);
  for (const oldest of lastAt.keys()) {
    if (lastAt.size <= ACTORS_MAX) return;
    lastAt.delete(oldest);
  }
}
