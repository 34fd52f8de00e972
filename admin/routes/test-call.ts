/**
 * /api/v1/connections/ID/test-call: a real call by a saved connection, listened to both ways (X3,
 * TST-08); or by those that stand in for it, as if it had failed (TST-09). Each is in the audit and in
 * the connection's history.
 */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import { EMERGENCY_NUMBERS_DEFAULT } from "../../gateway/limits.ts";
import type { Config, Connection } from "../../schema/config.ts";
import { standInsOf } from "../../schema/stand-ins.ts";
import { refuse } from "../refusal.ts";
import type { AdminEnv, Services, TestEvent } from "../services.ts";
import { answers, idOf, jsonBody } from "./resource.ts";
import { linesOf, TestFeed } from "./test-feed.ts";

/** Of a step. */
type Outcome = Exclude<TestEvent, { readonly begun: string }>;

const DIALLABLE = /^[0-9A-Za-z+*#]{1,64}$/;

const body = z
  .strictObject({
    number: z.string().max(128).describe("Whom to call; an echo test tells most"),
    drill: z.boolean().optional().describe("As if this connection had failed: who stands in?"),
  })
  .meta({ id: "TestCall" });

export function testCall(services: Services): Hono<AdminEnv> {
  const { store, audit, gateway, operations, now } = services;
  let isBusy = false;
  return new Hono<AdminEnv>().post(
    "/:id/test-call",
    describeRoute({
      tags: ["connections"],
      summary: "Call a number by a saved connection, and listen both ways",
      description:
        'A real call, which may cost money. Answers with lines of JSON (application/x-ndjson): `{"begun":"call"}`, then the step\'s outcome. One at a time',
      responses: answers(z.looseObject({ step: z.string().optional() })),
    }),
    jsonBody(body),
    async (context) => {
      const { number, drill = false } = context.req.valid("json");
      const config = await store.load();
      const connection = config.connections.find(({ id }) => id === idOf(context));
      if (!connection) return refuse(context, 404, "there is no such connection");
      const problem = problemWith(config, number);
      if (problem !== undefined) {
        const problems = [{ path: "number", message: problem }];
        return refuse(context, 422, "this number can't be called to test", problems);
      }
      const { connections } = config;
      const by = drill ? standInsOf(connection, connections) : [connection.id];
      if (by.length === 0) {
        return refuse(context, 422, "no connection stands in for this one: give both one group");
      }
      if (isBusy) {
        context.header("Retry-After", "15");
        return refuse(context, 409, "another test call is under way: it takes some seconds");
      }
      isBusy = true;
      const { id, name } = connection;
      try {
        const after = drill ? { number, drill } : { number };
        await audit.add(context.get("actor"), {
          ...{ action: "test-call", kind: "connection", item: id, name, after },
        });
        let last: Outcome | undefined;
        const feed = new TestFeed(async (tell, signal) => {
          const hear = (event: TestEvent) => {
            if (event.begun === undefined) last = event;
            tell(event);
          };
          await gateway.testCall({ connections: by, number }, hear, signal);
        });
        void feed.done
          .catch(services.report)
          .then(() => operations.tested(changeOf(connection, number, drill, last, now())))
          .catch(services.report)
          .finally(() => {
            isBusy = false;
          });
        return linesOf(context, feed);
      } catch (error) {
        isBusy = false;
        throw error;
      }
    },
  );
}

function problemWith({ settings = {}, users }: Config, number: string): string | undefined {
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
