import { expect, test } from "bun:test";
import { type Client, openClient } from "../client.ts";

const PATH = "/api/v1/connections";
const TRUNK = {
  name: "Head office",
  type: "outbound-trunk",
  host: "pbx.example.com",
  allow: ["192.0.2.7"],
  patterns: [],
  password: "CANARY",
};

type Body = Record<string, unknown> & { error: { problems?: { path: string }[] } };

async function make(client: Client, changes: object = {}) {
  const response = await client.asProgram("POST", PATH, { body: { ...TRUNK, ...changes } });
  const body = (await response.json()) as Body;
  return { response, body, etag: response.headers.get("etag") ?? "" };
}

test("CON-01: a connection is made, listed, shown, changed and deleted, each time for the gateway too", async () => {
  const client = await openClient();
  const { response, body, etag } = await make(client);
  expect([response.status, etag]).toEqual([201, '"1"']);
  expect(body).toEqual({
    id: 1,
    name: "Head office",
    type: "outbound-trunk",
    enabled: true,
    host: "pbx.example.com",
    transport: "udp",
    realm: "*",
    registrationExpires: 300,
    weight: 100,
    patterns: [],
    allow: ["192.0.2.7/32"],
    codecs: ["G722", "PCMA", "PCMU"],
    allowInbound: true,
    allowOutbound: true,
    passwordSet: true,
  } as unknown as Body);
  const { passwordSet, id, ...editable } = body;
  const changed = await client.asProgram("PUT", `${PATH}/1`, { body: { ...editable, weight: 5 } });
  expect([changed.status, changed.headers.get("etag")]).toEqual([200, '"2"']);
  expect(client.gateway.applied.at(-1)?.connections[0]).toMatchObject({
    weight: 5,
    password: "CANARY",
  });
  const list = (await (await client.asProgram("GET", PATH)).json()) as unknown;
  expect(list).toEqual([{ ...body, weight: 5 }]);
  expect((await client.asProgram("DELETE", `${PATH}/1`)).status).toBe(204);
  expect((await client.asProgram("GET", `${PATH}/1`)).status).toBe(404);
  expect(client.gateway.applied.map(({ revision }) => revision)).toEqual([1, 2, 3]);
  await client.close();
});

test("PATCH changes what it names, null takes away, the password stays", async () => {
  const client = await openClient();
  await make(client, { port: 5070, patterns: [{ pattern: "^2$" }] });
  const body = { port: null, host: "192.0.2.9", outboundProxy: { host: "proxy" } };
  const response = await client.asProgram("PATCH", `${PATH}/1`, { body });
  expect([response.status, response.headers.get("etag")]).toEqual([200, '"2"']);
  const saved = client.gateway.applied.at(-1)?.connections[0];
  expect(saved).toMatchObject({
    host: "192.0.2.9",
    password: "CANARY",
    outboundProxy: { host: "proxy" },
  });
  expect(saved?.port).toBeUndefined();
  expect(saved?.patterns).toEqual([{ pattern: "^2$", strip: 0, prepend: "" }]);
  for (const wrong of [
    { host: null },
    { weight: "5" },
    { nonsense: 1 },
    [],
    null,
    { __proto__: 1, id: 7 },
  ]) {
    const refused = await client.asProgram("PATCH", `${PATH}/1`, { body: wrong });
    expect([wrong, refused.status]).toEqual([wrong, 422]);
  }
  expect((await client.asProgram("PATCH", `${PATH}/1`, { body: "{" })).status).toBe(400);
  expect((await client.asProgram("PATCH", `${PATH}/9`, { body })).status).toBe(404);
  await client.close();
});

test("D8: a change over a version that is not the newest is 412, whatever the tag looks like", async () => {
  const client = await openClient();
  await make(client);
  const change = (tag: string, weight: number) =>
    client.asProgram("PATCH", `${PATH}/1`, { body: { weight }, headers: { "If-Match": tag } });
  expect((await change('"1"', 1)).status).toBe(200);
  for (const tag of ['"1"', 'W/"2"', '"x"', "2", ""]) {
    expect([tag, (await change(tag, 2)).status]).toEqual([tag, 412]);
  }
  const put = { body: TRUNK, headers: { "If-Match": '"1"' } };
  expect((await client.asProgram("PUT", `${PATH}/1`, put)).status).toBe(412);
  const headers = { "If-Match": '"1"' };
  expect((await client.asProgram("DELETE", `${PATH}/1`, { headers })).status).toBe(412);
  const shown = await client.asProgram("GET", `${PATH}/1`);
  expect([shown.headers.get("etag"), ((await shown.json()) as Body)["weight"]]).toEqual(['"2"', 1]);
  expect((await change("*", 3)).status).toBe(200);
  expect((await change('"3"', 4)).status).toBe(200);
  await client.close();
});

test("what is wrong is told field by field, and not saved", async () => {
  const client = await openClient();
  const wrong = { host: "u@pbx", allow: ["0.0.0.0/1", "128.0.0.0/1"], codecs: [], weight: 70_000 };
  const { response, body } = await make(client, wrong);
  expect(response.status).toBe(422);
  const paths = new Set(body.error.problems?.map(({ path }) => path));
  expect(paths).toEqual(new Set(["host", "weight", "allow[0]", "allow[1]", "allow", "codecs"]));
  const shape = await make(client, { patterns: [{ pattern: 7 }], transport: "sctp" });
  expect(shape.body.error.problems?.map(({ path }) => path).sort()).toEqual([
    "patterns[0].pattern",
    "transport",
  ]);
  expect((await client.store.load()).connections).toEqual([]);
  await client.close();
});

test("AMB-15: addresses come one by one or as a list; a list that ran together is refused, with a guess", async () => {
  const client = await openClient();
  const listed = await make(client, {
    allow: ["192.0.2.7\n192.0.2.8, 192.0.2.9;192.0.2.10", "192.0.2.11"],
  });
  expect(listed.response.status).toBe(201);
  expect(listed.body["allow"]).toEqual([7, 8, 9, 10, 11].map((last) => `192.0.2.${last}/32`));
  const allow = ["192.168.1.10192.168.1.11192.168.1.12"];
  const refused = await make(client, { name: "Branch", allow });
  expect([refused.response.status, refused.body.error.problems]).toEqual([
    422,
    [
      {
        path: "allow[0]",
        message: `"${allow}" is no address and no block: did you mean 192.168.1.10, 192.168.1.11, 192.168.1.12?`,
      },
    ],
  ] as unknown as [number, { path: string }[]]);
  await client.close();
});

test("AMB-24: weight 100; all numbers go to the first connection, of another one it is said; nobody calls in unlisted", async () => {
  const client = await openClient();
  const account = { type: "outbound-registration", username: "jack", allow: [] };
  const unsaid = { ...account, patterns: undefined };
  const first = await make(client, unsaid);
  expect(first.body).toMatchObject({
    weight: 100,
    patterns: [{ pattern: ".", strip: 0, prepend: "" }],
    allow: [],
  });
  const { response, body } = await make(client, { ...unsaid, name: "Branch" });
  expect([response.status, body.error.problems?.map(({ path }) => path)]).toEqual([
    422,
    ["patterns"],
  ]);
  expect((await client.store.load()).connections).toHaveLength(1);
  for (const [name, said] of [
    ["Branch", { patterns: [{ pattern: "^2" }] }],
    ["For callers", { patterns: undefined, allowOutbound: false }],
    ["For nothing yet", { patterns: [] }],
  ] as const) {
    const made = await make(client, { ...account, name, ...said });
    expect([made.response.status, made.body["weight"]]).toEqual([201, 100]);
    expect(made.body["patterns"]).toMatchObject(said.patterns ?? []);
  }
  const open = await make(client, { name: "Open", allow: undefined });
  expect(open.body.error.problems?.map(({ path }) => path)).toEqual(["allow"]);
  await client.close();
});

test("TLS: a pin is 64 hex digits, a certificate has its key, and both need the transport", async () => {
  const client = await openClient();
  const pathsOf = async (more: object) =>
    (await make(client, more)).body.error?.problems?.map(({ path }) => path) ?? [];
  expect(await pathsOf({ tls: { verify: "strict" } })).toEqual(["tls"]);
  expect(await pathsOf({ transport: "tls", tls: { verify: "pin", pin: "abc" } })).toEqual([
    "tls.pin",
  ]);
  expect(await pathsOf({ transport: "tls", tls: { certificateFile: "/a.pem" } })).toEqual([
    "tls.keyFile",
  ]);
  const pin = Array.from({ length: 32 }, () => "AB").join(":");
  expect(await pathsOf({ transport: "tls", tls: { verify: "pin", pin } })).toEqual([]);
  expect((await client.store.load()).connections[0]?.tls).toEqual({ verify: "pin", pin });
  await client.close();
});

test("CON-12: UDP unless another is chosen; a certificate is checked unless that is switched off, which is warned of", async () => {
  const client = await openClient();
  const { body } = await make(client);
  expect(body["transport"]).toBe("udp");
  for (const [verify, warned] of [
    ["strict", []],
    ["off", ["tls.verify"]],
  ] as const) {
    const made = await make(client, { name: verify, transport: "tls", tls: { verify } });
    const warnings = (made.body["warnings"] ?? []) as { path: string }[];
    expect([made.response.status, warnings.map(({ path }) => path)]).toEqual([201, [...warned]]);
  }
  const plain = await make(client, { name: "plain", transport: "tls" });
  expect(plain.body["tls"]).toBeUndefined();
  const wrong = await make(client, { name: "sctp", transport: "sctp" });
  expect(wrong.response.status).toBe(422);
  await client.close();
});

test("CON-09: there is no failover group unless one is named, and null takes it away", async () => {
  const client = await openClient();
  const { body } = await make(client);
  expect(body["failoverGroup"]).toBeUndefined();
  const patch = async (failoverGroup: unknown) => {
    const response = await client.asProgram("PATCH", `${PATH}/1`, { body: { failoverGroup } });
    return ((await response.json()) as Body)["failoverGroup"];
  };
  expect(await patch({ name: "carriers" })).toEqual({ name: "carriers", strategy: "ordered" });
  expect(await patch(null)).toBeUndefined();
  expect(client.gateway.applied.at(-1)?.connections[0]?.failoverGroup).toBeUndefined();
  await client.close();
});

test("SEC-05: a connection that takes calls has addresses or an account, never neither", async () => {
  const client = await openClient();
  const paths = async (changes: object) => {
    const { response, body } = await make(client, { password: undefined, ...changes });
    return [response.status, ...(body.error?.problems ?? []).map(({ path }) => path)];
  };
  // By address, and the whole address space is none.
  expect(await paths({ name: "a" })).toEqual([201]);
  expect(await paths({ name: "b", allow: [] })).toEqual([422, "allow"]);
  expect(await paths({ name: "b", allow: ["0.0.0.0/1", "128.0.0.0/1"] })).toContain("allow");
  expect(await paths({ name: "b", allow: [], allowInbound: false })).toEqual([201]);
  // By account: ours at the PBX, or the PBX's here, whose password is made for it.
  const account = { type: "outbound-registration", allow: [] };
  expect(await paths({ ...account, name: "c" })).toEqual([422, "username"]);
  expect(await paths({ ...account, name: "c", username: "u", password: "p" })).toEqual([201]);
  const theirs = { type: "inbound-registration", allow: undefined, host: undefined, name: "d" };
  expect(await paths(theirs)).toEqual([201]);
  const saved = client.gateway.applied.at(-1)?.connections.find(({ name }) => name === "d");
  expect(saved?.ha1?.sha256).toMatch(/^[0-9a-f]{64}$/);
  await client.close();
});

test("P12: line breaks are refused in every text field", async () => {
  const client = await openClient();
  for (const field of [
    "name",
    "host",
    "username",
    "authId",
    "password",
    "realm",
    "fromUser",
    "fromDomain",
  ]) {
    for (const text of ["a\r\nVia: b", "a\u2028b", "a\0b", "\ud800"]) {
      const { response, body } = await make(client, { [field]: text });
      expect([field, response.status, body.error?.problems?.map(({ path }) => path)]).toEqual([
        field,
        422,
        [field],
      ]);
    }
  }
  await client.close();
});

test("a taken name is 409; warnings come with what was saved; sip: is taken off the host", async () => {
  const client = await openClient();
  await make(client);
  expect((await make(client)).response.status).toBe(409);
  const changes = {
    name: "b",
    host: "sip:pbx",
    patterns: [{ pattern: "^2d{2}$" }],
    allow: ["192.168.0.1/24"],
  };
  const { response, body } = await make(client, changes);
  expect([response.status, body["host"]]).toEqual([201, "pbx"]);
  const paths = (body["warnings"] as { path: string }[]).map(({ path }) => path);
  expect(paths).toEqual(["allow[0]", "patterns[0].pattern"]);
  await client.close();
});

test("CON-15, W11: no answer tells the password", async () => {
  const client = await openClient();
  await make(client);
  const requests: [string, string, object?][] = [
    ["GET", PATH],
    ["GET", `${PATH}/1`],
    ["PATCH", `${PATH}/1`, { weight: 1 }],
    ["PATCH", `${PATH}/1`, { password: "CANARY\n" }],
    ["PUT", `${PATH}/1`, { ...TRUNK, port: "CANARY?" }],
    ["GET", "/"],
    ["GET", "/api/v1/status"],
    ["GET", "/api/openapi.json"],
  ];
  for (const [method, path, body] of requests) {
    const text = await (await client.asProgram(method, path, { body })).text();
    expect([method, path, text.includes("CANARY")]).toEqual([method, path, false]);
  }
  expect((await client.store.load()).connections[0]?.password).toBe("CANARY");
  await client.close();
});
