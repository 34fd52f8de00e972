/** /api/v1/connections/:id/…: what others must be told of a connection: its PBX, and the firewalls. */
import { type Context, Hono } from "hono";
import { describeRoute } from "hono-openapi";
import type { Connection } from "../../schema/config.ts";
import { Refused } from "../../schema/refused.ts";
import { firewallNow } from "../firewall.ts";
import { credentialsShape, firewallShape, snippetShape } from "../schemas.ts";
import type { AdminEnv, Services } from "../services.ts";
import { snippetsOf } from "../snippets.ts";
import { answers, idOf, saved, versionOf } from "./resource.ts";

const tags = ["connections"];

export function connectionFacts(services: Services): Hono<AdminEnv> {
  const { store, gateway } = services;
  const connectionOf = async (context: Context): Promise<Connection> => {
    const id = idOf(context);
    const found = (await store.load()).connections.find((it) => it.id === id);
    if (!found) throw new Refused(404, `there is no connection ${id}`);
    return found;
  };
  return new Hono<AdminEnv>()
    .post(
      "/:id/credentials",
      describeRoute({
        tags,
        summary: "Another password for a PBX that registers here",
        description: "Shown once. What is registered with the old one is not any more",
        responses: answers(credentialsShape),
      }),
      async (context) => {
        const actor = context.get("actor");
        const result = await store.renewCredentials(idOf(context), actor, versionOf(context));
        const { credentials, ...change } = result;
        return saved(context, services, { ...change, warnings: [] }, credentials);
      },
    )
    .get(
      "/:id/snippets",
      describeRoute({
        tags,
        summary: "What to write into Asterisk, FreeSWITCH or 3CX so that it registers here",
        description: "The password is known only when it is made: a word stands in its place",
        responses: answers(snippetShape.array()),
      }),
      async (context) => {
        const connection = await connectionOf(context);
        if (connection.type !== "inbound-registration") {
          throw new Refused(422, `${connection.name} is no PBX that registers here`);
        }
        return context.json(snippetsOf(connection, gateway.status().network));
      },
    )
    .get(
      "/:id/firewall",
      describeRoute({
        tags,
        summary: "What firewalls must let through for it",
        responses: answers(firewallShape),
      }),
      async (context) => {
        const connection = await connectionOf(context);
        return context.json(firewallNow(connection, gateway.status()));
      },
    );
}
