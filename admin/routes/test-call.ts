/**
 * /api/v1/connections/ID/test-call: a real call by a saved connection, listened to both ways (X3,
 * TST-08); or by those that stand in for it, as if it had failed (TST-09). Without the ID by one that is
 * not saved. Each is in the audit, and those of a saved one in its history.
 */
import { type Context, Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import { EMERGENCY_NUMBERS_DEFAULT } from "../../gateway/limits.ts";
import type { Config, Connection, Problem } from "../../schema/config.ts";
import { standInsOf } from "../../schema/stand-ins.ts";
import { refuse } from "../refusal.ts";
import { connectionBody, connectionInput } from "../schemas.ts";
import type { AdminEnv, Services, TestCallPlan } from "../services.ts";
import { draftOf, problemsOfDraft, type TestPace, tooSoon } from "./drafts.ts";
import { countHeard } from "./heard.ts";
import { answers, idOf, jsonBody } from "./resource.ts";
import { guardedLinesOf, linesOf, type Outcome, TestFeed } from "./test-feed.ts";

const DIALLABLE = /^[0-9A-Za-z+*#]{1,64}$/;

const body = z
  .strictObject({
    number: z.string().max(128).describe("Whom to call; an echo test tells most"),
    drill: z.boolean().optional().describe("As if this connection had failed: who stands in?"),
  })
  .meta({ id: "TestCall" });

const draftBody = connectionBody
  .extend({
    id: z.number().int().optional().describe("Of the stored one whose password is used"),
    number: body.shape.number,
  })
  .meta({ id: "DraftTestCall" });

/** What a call by a draft asks nothing of: who may call in by it, and who stands in. */
const NOT_ASKED = /^(?:name|allow|inbound\w+|users|failoverGroup|optionsInterval)$/;
const DESCRIPTION =
  'A real call, which may cost money. Answers with lines of JSON (application/x-ndjson): `{"begun":"call"}`, then the step\'s outcome. One at a time';

export function testCall(services: Services, pace: TestPace): Hono<AdminEnv> {
  const { store, operations, now } = services;
  const place = placer(services);
  return new Hono<AdminEnv>()
    .post(
      "/test-call",
      describeRoute({
        tags: ["connections"],
        summary: "Call a number by a connection, saved or not, and listen both ways",
        description: `Nothing is saved, nothing registered, and nobody else can call by it. ${DESCRIPTION}`,
        responses: answers(z.looseObject({ step: z.string().optional() })),
      }),
      jsonBody(draftBody),
      async (context) => {
        const waitMs = pace.begin(context.get("actor").name);
        if (waitMs !== undefined) return tooSoon(context, waitMs);
        const { id, number, ...input } = context.req.valid("json");
        const config = await store.load();
        const stored = config.connections.find((it) => it.id === id);
        if (id !== undefined && !stored)
          return refuse(context, 404, `there is no connection ${id}`);
        const draft = draftOf(connectionInput(input), stored);
        if (draft.type === "inbound-registration") {
          const problem = {
            path: "type",
            message: "a PBX that registers here is called once it has",
          };
          return refuse(context, 422, "save it, and call when its PBX has registered", [problem]);
        }
        const problems = [
          ...problemsOfDraft(config, draft, (field) => !NOT_ASKED.test(field)),
          ...problemsOfNumber(config, number),
        ];
        if (problems.length > 0) {
          return refuse(context, 422, "the connection can't be called as it is", problems);
        }
        const { name, host } = draft;
        const entry = { action: "test-call", kind: "connection", name, after: { number, host } };
        return place(context, entry, { draft, number });
      },
    )
    .post(
      "/:id/test-call",
      describeRoute({
        tags: ["connections"],
        summary: "Call a number by a saved connection, and listen both ways",
        description: DESCRIPTION,
        responses: answers(z.looseObject({ step: z.string().optional() })),
      }),
      jsonBody(body),
      async (context) => {
        const { number, drill = false } = context.req.valid("json");
        const config = await store.load();
        const connection = config.connections.find(({ id }) => id === idOf(context));
        if (!connection) return refuse(context, 404, "there is no such connection");
        const problems = problemsOfNumber(config, number);
        if (problems.length > 0) {
          return refuse(context, 422, "this number can't be called to test", problems);
        }
        const connections = drill ? standInsOf(connection, config.connections) : [connection.id];
        if (connections.length === 0) {
          return refuse(context, 422, "no connection stands in for this one: give both one group");
        }
        const { id: item, name } = connection;
        const after = drill ? { number, drill } : { number };
        const entry = { action: "test-call", kind: "connection", item, name, after };
        return place(context, entry, { connections, number }, async (last) => {
          const change = changeOf(connection, number, drill, last, now());
          await operations.tested(change);
          if (change.state !== "passed" || drill) return;
          await countHeard(services, connection, "placed", change.at);
        });
      },
    );
}

/** Places calls, one at a time whoever asks; each is in the audit, and `keep` hears what it came to. */
function placer({ audit, gateway, report }: Services) {
  let isBusy = false;
  return async (
    context: Context<AdminEnv>,
    entry: Parameters<typeof audit.add>[1],
    plan: TestCallPlan,
    keep: (last: Outcome | undefined) => Promise<void> = async () => {},
  ): Promise<Response> => {
    if (isBusy) {
      context.header("Retry-After", "15");
      return refuse(context, 409, "another test call is under way: it takes some seconds");
    }
    isBusy = true;
    try {
      await audit.add(context.get("actor"), entry);
      const feed = new TestFeed((tell, signal) => gateway.testCall(plan, tell, signal));
      void feed.done
        .catch(report)
        .then(() => keep(feed.last))
        .catch(report)
        .finally(() => {
          isBusy = false;
        });
      return "draft" in plan ? guardedLinesOf(context, feed) : linesOf(context, feed);
    } catch (error) {
      isBusy = false;
      throw error;
    }
  };
}

function problemsOfNumber(config: Config, number: string): Problem[] {
  const message = objectionTo(config, number);
  return message === undefined ? [] : [{ path: "number", message }];
}

function objectionTo({ settings = {}, users }: Config, number: string): string | undefined {
  const { emergencyNumbers = EMERGENCY_NUMBERS_DEFAULT } = settings;
  if (emergencyNumbers.includes(number)) return "an emergency number is called in an emergency";
  if (!DIALLABLE.test(number)) return "a number is expected, as it is dialled, e.g. *43";
  if (users.some(({ name }) => name === number)) return "this is a user, whom no PBX is asked for";
  return undefined;
}

/** As the connection's history has it. Only what was heard can pass: an answer alone is none. */
function changeOf(
  { id: connection }: Connection,
  number: string,
  drill: boolean,
  last: Outcome | undefined,
  at: number,
) {
  const isWhole = last?.step === "talk" || last?.outcome === "failed";
  const outcome = isWhole ? last.outcome : undefined;
  const state = outcome === "ok" ? "passed" : outcome === "failed" ? "failed" : "unclear";
  const what = drill ? `as if it had failed, to ${number}` : `to ${number}`;
  const told = isWhole ? last.sentence : "it was ended before anything was heard.";
  const reason = `Test call ${what}: ${told}`;
  return { connection, at, aspect: "test-call", state, reason } as const;
}
