import { expect, test } from "bun:test";
import { connectionBody, connectionInput, userBody } from "../../../admin/schemas.ts";
import { openClient } from "./client.ts";

interface Document {
  openapi: string;
  paths: Record<string, Record<string, { requestBody?: unknown; responses?: object }>>;
  components?: { schemas?: Record<string, { properties?: object }> };
}

/** What is done without being told anything. */
const WITHOUT_BODY = new Set([
  "post /api/v1/alerts/secret",
  "post /api/v1/alerts/test",
  "post /api/v1/backups",
  "post /api/v1/connections/{id}/credentials",
  "post /api/v1/connections/{id}/received-call",
]);

test("the OpenAPI document has every route of the API, and the schemas that validate", async () => {
  const client = await openClient();
  const text = await (await client.asProgram("GET", "/api/openapi.json")).text();
  const document = JSON.parse(text) as Document;
  const described = Object.entries(document.paths)
    .flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    .sort();
  const served = client.app.routes
    .filter(({ method, path }) => method !== "ALL" && path.startsWith("/api/v1/"))
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/, "{$1}")}`);
  expect(described).toEqual([...new Set(served)].sort());
  expect(document.openapi).toStartWith("3.1");
  for (const schema of [connectionBody, userBody]) {
    for (const field of Object.keys(schema.shape)) expect(text).toContain(`"${field}"`);
  }
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { requestBody, responses }] of Object.entries(operations)) {
      expect([path, method, Object.keys(responses ?? {}).length > 1]).toEqual([path, method, true]);
      const hasBody =
        ["post", "put", "patch"].includes(method) && !WITHOUT_BODY.has(`${method} ${path}`);
      expect([path, method, requestBody !== undefined]).toEqual([path, method, hasBody]);
    }
  }
  await client.close();
});

test("forms send empty texts for absent ones; scheme and brackets are taken off the host", () => {
  const body = connectionBody.parse({
    name: " a ",
    host: "sips:[2001:db8::1]",
    username: "",
    fromUser: " ",
  });
  const input = connectionInput(body);
  expect(input).toMatchObject({ name: "a", host: "2001:db8::1", weight: 100 });
  expect(Object.keys(input)).not.toContain("username");
  expect(Object.keys(input)).not.toContain("fromUser");
});
