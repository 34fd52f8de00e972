/** /api/v1/connections: PBXs and carriers, each with its live status. */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import type { Connection } from "../../schema/config.ts";
import { refuse } from "../refusal.ts";
import {
  connectionBody,
  connectionInput,
  connectionShape,
  editableConnection,
  showConnection,
} from "../schemas.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers, idOf, jsonBody, patchedBody, saved, setVersion, versionOf } from "./resource.ts";

const tags = ["connections"];

/** Connections as the API shows them, with what each is doing and whether it is verified. */
async function shown(
  { gateway, operations }: Services,
  connections: readonly Connection[],
): Promise<object[]> {
  const verifications = await operations.verifications();
  const statuses = new Map(gateway.status().connections.map((it) => [it.id, it]));
  return connections.map((connection) => {
    const status = statuses.get(connection.id);
    const verification = verifications.get(connection.id);
    return {
      ...showConnection(connection),
      ...(status ? { status } : {}),
      ...(verification ? { verification } : {}),
    };
  });
}

/** All of them. */
export function connections(services: Services): Hono<AdminEnv> {
  const { store } = services;
  const show = async (connection: Connection) => (await shown(services, [connection]))[0];
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({
        tags,
        summary: "All connections",
        responses: answers(connectionShape.array()),
      }),
      async (context) => {
        const { connections: all } = await store.load();
        return context.json(await shown(services, all));
      },
    )
    .post(
      "/",
      describeRoute({
        tags,
        summary: "Add a connection",
        responses: answers(connectionShape, 201),
      }),
      jsonBody(connectionBody),
      async (context) => {
        const body = context.req.valid("json");
        const patterns = body.patterns ?? (await unsaidPatterns(store, body.allowOutbound));
        if (!patterns) return refuse(context, 422, "the connection can't be saved", UNSAID);
        const input = connectionInput({ ...body, patterns });
        const result = await store.saveConnection(undefined, input, context.get("actor"));
        const connection = result.config.connections.find(({ id }) => id === result.id);
        return saved(context, services, result, connection && (await show(connection)), 201);
      },
    );
}

const EVERY_NUMBER = { pattern: ".", strip: 0, prepend: "", comment: undefined };
const UNSAID = [
  {
    path: "patterns",
    message: "say which numbers go there: . is every number, an empty list none",
  },
];

/** AMB-24: all numbers go to the first connection; of another one that calls out it must be said. */
async function unsaidPatterns(store: Services["store"], callsOut: boolean) {
  if (!callsOut) return [];
  const { connections } = await store.load();
  return connections.length === 0 ? [EVERY_NUMBER] : undefined;
}

/** One of them. */
export function oneConnection(services: Services): Hono<AdminEnv> {
  const { store, gateway } = services;
  const show = async (connection: Connection) => (await shown(services, [connection]))[0];
  return new Hono<AdminEnv>()
    .get(
      "/:id",
      describeRoute({ tags, summary: "One connection", responses: answers(connectionShape) }),
      async (context) => {
        const id = idOf(context);
        // First the version: one read after the row could belong to a newer row.
        const version = await store.version("connection", id);
        const connection = (await store.load()).connections.find((it) => it.id === id);
        if (!connection)
          return refuse(context, 404, `there is no connection ${context.req.param("id")}`);
        setVersion(context, version);
        return context.json((await show(connection)) ?? {});
      },
    )
    .put(
      "/:id",
      describeRoute({ tags, summary: "Change a connection", responses: answers(connectionShape) }),
      jsonBody(connectionBody),
      async (context) => {
        const input = connectionInput(context.req.valid("json"));
        const result = await store.saveConnection(
          idOf(context),
          input,
          context.get("actor"),
          versionOf(context),
        );
        const connection = result.config.connections.find(({ id }) => id === result.id);
        return saved(context, services, result, connection && (await show(connection)));
      },
    )
    .patch(
      "/:id",
      describeRoute({
        tags,
        summary: "Change some fields of a connection",
        description: "A JSON merge patch (RFC 7396): null takes a field away",
        requestBody: { content: { "application/merge-patch+json": { schema: {} } } },
        responses: answers(connectionShape),
      }),
      async (context) => {
        const id = idOf(context);
        const version = await store.version("connection", id);
        const current = (await store.load()).connections.find((it) => it.id === id);
        if (!current) return refuse(context, 404, `there is no connection ${id}`);
        const body = await patchedBody(context, connectionBody, editableConnection(current));
        const expected = versionOf(context) ?? version;
        const result = await store.saveConnection(
          id,
          connectionInput(body),
          context.get("actor"),
          expected,
        );
        const connection = result.config.connections.find((it) => it.id === id);
        return saved(context, services, result, connection && (await show(connection)));
      },
    )
    .delete(
      "/:id",
      describeRoute({ tags, summary: "Delete a connection", responses: answers(undefined, 204) }),
      async (context) => {
        const result = await store.remove(
          "connection",
          idOf(context),
          context.get("actor"),
          versionOf(context),
        );
        gateway.apply(result.config);
        return context.body(null, 204);
      },
    );
}
