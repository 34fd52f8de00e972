/** /api/v1/connections/check: whether a connection could be saved, without saving it. */
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import type { Actor } from "../../schema/audit.ts";
import type { Problem } from "../../schema/config.ts";
import { Refused } from "../../schema/refused.ts";
import type { ConnectionInput } from "../../schema/store.ts";
import { connectionBody, connectionInput } from "../schemas.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers, problemsOf } from "./resource.ts";

const finding = z.object({ path: z.string(), message: z.string() });
const shape = z
  .object({ problems: finding.array(), warnings: finding.array() })
  .meta({ id: "Check" });

interface Found {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export function connectionCheck({ store }: Services): Hono<AdminEnv> {
  const trial = async (
    id: number | undefined,
    input: ConnectionInput,
    actor: Actor,
  ): Promise<Found> => {
    let written = 0;
    try {
      const { config, problems, warnings } = await store.together(
        actor,
        async (within) => {
          written = (await within.saveConnection(id, input, actor)).id;
        },
        { isTrial: true },
      );
      const index = config.connections.findIndex((it) => it.id === written);
      const own = (found: readonly Problem[]) => ownOf(found, `connections[${index}].`);
      return { problems: own(problems), warnings: own(warnings) };
    } catch (error) {
      if (!(error instanceof Refused) || error.problems.length === 0) throw error;
      return { problems: error.problems, warnings: [] };
    }
  };
  return new Hono<AdminEnv>().post(
    "/check",
    describeRoute({
      tags: ["connections"],
      summary: "Whether a connection could be saved; nothing is",
      description: "`id`: of the connection that would be changed; absent: a new one",
      requestBody: { content: { "application/json": { schema: {} } } },
      responses: answers(shape),
    }),
    async (context) => {
      const body: unknown = await context.req.json().catch(() => {
        throw new HTTPException(400, { message: "the body is no JSON" });
      });
      const parsed = connectionBody.safeParse(body);
      if (!parsed.success) {
        return context.json({ problems: problemsOf(parsed.error.issues), warnings: [] });
      }
      const id = context.req.query("id");
      if (id !== undefined && !/^[1-9][0-9]{0,9}$/.test(id)) {
        throw new Refused(404, "there is no such connection");
      }
      const input = connectionInput(parsed.data);
      const actor = context.get("actor");
      return context.json(await trial(id === undefined ? undefined : Number(id), input, actor));
    },
  );
}

/** Those of the row itself, with paths from there. */
function ownOf(found: readonly Problem[], prefix: string): Problem[] {
  return found
    .filter(({ path }) => path.startsWith(prefix))
    .map(({ path, message }) => ({ path: path.slice(prefix.length), message }));
}
