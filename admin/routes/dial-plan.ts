/** /api/v1/dial-plan: what would happen if somebody dialled a number. */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import type { Explanation } from "../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../gateway/machine.ts";
import type { User } from "../../schema/config.ts";
import { tryPatterns } from "../../schema/dial-patterns.ts";
import { pastTime } from "../past-time.ts";
import { refuse } from "../refusal.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers, jsonBody } from "./resource.ts";

const explanation = z
  .object({
    number: z.string().describe("As it is read"),
    ways: z
      .array(z.object({ connection: z.number(), name: z.string(), number: z.string() }))
      .describe("Connections that would be asked, one after the other, and what each is sent"),
    steps: z
      .array(z.object({ connection: z.string(), outcome: z.string() }))
      .describe("What every connection says to it, by weight"),
    colleague: z.string().optional().describe("The user whose devices would ring instead"),
    reason: z.string().optional().describe("Why nobody would be reached"),
    at: z.number().optional().describe("The time asked about, where it is past"),
    note: z.string().optional().describe("What of the answer is of then, and what of now"),
  })
  .meta({ id: "Explanation" });

const trialBody = z
  .strictObject({
    patterns: z
      .array(
        z.strictObject({
          pattern: z.string().max(256),
          strip: z.number().int().min(0).max(32).default(0),
          prepend: z.string().max(32).default(""),
        }),
      )
      .max(100),
    numbers: z.array(z.string().max(128)).max(50),
  })
  .meta({ id: "PatternTrialInput" });
const trial = z
  .object({
    number: z.string(),
    pattern: z.number().optional().describe("The place of the pattern that takes it"),
    sent: z.string().optional().describe("What the PBX would be sent"),
  })
  .meta({ id: "PatternTrial" });

const QUERY = "?user=alice&number=250";
const NOTE = "Registration, reachability and use as they were then, with the plan as it is now.";

export function dialPlan(services: Services): Hono<AdminEnv> {
  const { gateway, store } = services;
  return new Hono<AdminEnv>()
    .post(
      "/try",
      describeRoute({
        tags: ["dial plan"],
        summary: "What patterns make of numbers; nothing is saved",
        responses: answers(trial.array()),
      }),
      jsonBody(trialBody),
      (context) => {
        const { patterns, numbers } = context.req.valid("json");
        return context.json(tryPatterns(patterns, numbers));
      },
    )
    .get(
      "/explain",
      describeRoute({
        tags: ["dial plan"],
        summary: "What would happen if `user` dialled `number`; nothing happens",
        description:
          "With `at`, a past time (RFC 3339, or milliseconds since 1970): what would have happened then, with today's plan.",
        responses: answers(explanation),
      }),
      async (context) => {
        const { user: name = "", number = "", at = "" } = context.req.query();
        if (number === "") return refuse(context, 422, `a number is expected: ${QUERY}`);
        const user = (await store.load()).users.find((it) => it.name === name);
        if (!user) return refuse(context, 422, `there is no user ${name}: ${QUERY}`);
        if (at === "") return context.json(gateway.explain(user, number));
        const time = pastTime(at, services.now());
        if ("problem" in time) return refuse(context, 422, time.problem);
        return context.json(await explainThen(services, user, number, time.at));
      },
    );
}

async function explainThen(
  { gateway, operations, records }: Services,
  user: User,
  number: string,
  at: WallMillis,
): Promise<Explanation> {
  const [states, over] = await Promise.all([operations.states(at), records.around(at, user.id)]);
  const past = { at, states, calls: [...over, ...gateway.status().calls] };
  return { ...gateway.explain(user, number, past), at, note: NOTE };
}
