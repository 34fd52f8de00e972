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

test("MED-09, AMB-09: nothing is kept for who pays: no field, no route and no refusal of a plan", async () => {
  const client = await openClient();
  const text = await (await client.asProgram("GET", "/api/openapi.json")).text();
  const document = JSON.parse(text) as Document;
  const names = [...text.matchAll(/"([A-Za-z0-9/_{}-]+)":/g)].map(([, name = ""]) => name);
  expect(names).toContain("transcoding");
  const gates = /licen[cs]e|subscription|premium|billing|entitle|^plan$|^tier$|^edition$/i;
  expect([...names, ...Object.keys(document.paths)].filter((name) => gates.test(name))).toEqual([]);
  // Of a fresh install nothing has to be unlocked: each type, each way of audio, as many as one likes.
  const account = { username: "jack", password: "secret" };
  const audio = [
    { transport: "udp" },
    { transport: "tcp", transcoding: true, codecs: ["opus", "G722", "PCMA", "PCMU"] },
    { transport: "tls", mediaEncryption: "sdes" },
    { transport: "tls", transcoding: false, mediaEncryption: "dtls" },
  ];
  const types = [
    { type: "outbound-registration", host: "pbx.example.com", ...account },
    { type: "outbound-trunk", host: "pbx.example.com", allow: ["192.0.2.7"] },
    { type: "inbound-registration" },
  ];
  for (const type of types) {
    for (const [at, way] of [...audio, ...audio, ...audio].entries()) {
      const body = { name: `${type.type} ${at}`, patterns: [{ pattern: "." }], ...type, ...way };
      const answer = await client.asProgram("POST", "/api/v1/connections", { body });
      expect([body, answer.status]).toEqual([body, 201]);
    }
  }
  await client.close();
});
