/**
 * W11: a secret that was given to the gateway is found nowhere afterwards: not in its log at debug,
 * in no file of its data, in nothing it answers, on no page. W9: whatever is sent to the API, it
 * answers with a refusal, never with a fault, and stays as it is.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { scaled } from "../rigs/scale.ts";
import { logIn, openClient } from "../unit/admin/client.ts";
import { ALICE, trunk } from "../unit/schema/opened.ts";

const CANARIES = [
  "canary-connection-7f3a",
  "canary-user-91bc",
  "canary-login-44de",
  "canary-import-0c1d",
];

function filesIn(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    return statSync(path).isDirectory() ? filesIn(path) : [path];
  });
}

test("W11: canaries in every secret field are in no log, file, answer, page, metric or export", async () => {
  const directory = mkdtempSync(join(tmpdir(), "canary-"));
  const environment = { JACKFIELD_LOG_LEVEL: "debug" };
  const gateway = await GatewayRig.start({ directory, environment });
  const [connection = "", user = "", login = "", imported = ""] = CANARIES;
  await gateway.api("POST", "/users", { name: "alice", password: user });
  // One is challenged and answers with its password, the other reaches nobody.
  const account = { username: "u", password: connection };
  const pbx = await VirtualPbx.start({ codec: "PCMA", plays: new Int16Array(160), account });
  const office = {
    ...trunk({ name: "Office", host: "127.0.0.1", port: pbx.port, ...account }),
    type: "outbound-registration",
    optionsInterval: 10,
  };
  const { id } = await gateway.api<{ id: number }>("POST", "/connections", office);
  await gateway.api("PATCH", `/connections/${id}`, { weight: 7 });
  const other = {
    ...trunk({ name: "Other", host: "127.0.0.1", port: 9, username: "o", password: imported }),
    ...{ type: "outbound-registration", transport: "tcp" },
  };
  const document = { format: "jackfield-export", version: 1, connections: [other] };
  await gateway.api("POST", "/import", { document, apply: true });
  const { secret } = await gateway.api<{ secret: string }>("POST", "/alerts/secret");
  await fetch(`${gateway.url}/login`, {
    method: "POST",
    headers: { Origin: gateway.url },
    body: new URLSearchParams({ password: login }),
  });
  // Refusals may not repeat what they refuse.
  const wrong = { name: "no name", password: user };
  const answers = [String(await gateway.api("POST", "/users", wrong).catch((it: Error) => it))];
  for (const [name, registration] of [
    ["Office", "registered"],
    ["Other", "unreachable"],
  ]) {
    await gateway.until(`${registration}: ${name}`, ({ connections }) =>
      connections.some((it) => it.name === name && it.registration === registration),
    );
  }
  await gateway.api("POST", "/backups");
  const headers = { Authorization: `Bearer ${gateway.token}`, Accept: "text/html" };
  const paths = [
    ...["users", "connections", `connections/${id}`, "settings", "tokens", "audit", "export"],
    ...["alerts", "status", "calls", "call-records", "backups"],
  ].map((it) => `/api/v1/${it}`);
  const pages = ["/", "/audit", "/metrics", `/connections/${id}`, "/users/1", "/settings", "/api"];
  for (const path of [...paths, ...pages]) {
    const answer = await fetch(`${gateway.url}${path}`, { headers });
    expect([path, answer.status]).toEqual([path, 200]);
    answers.push(await answer.text());
  }
  const files = filesIn(directory).map((path) => readFileSync(path, "latin1"));
  // What is looked for would be found: the name beside the password is in files, log and answers.
  for (const texts of [files, answers])
    expect(texts.some((it) => it.includes("Office"))).toBe(true);
  expect(files.length).toBeGreaterThan(3);
  const places = [...answers, ...files, gateway.log.join("\n")];
  for (const canary of [...CANARIES, secret, gateway.token]) {
    expect([canary, places.findIndex((text) => text.includes(canary))]).toEqual([canary, -1]);
  }
  await gateway.stop();
  pbx.stop();
}, 60_000);

/** Values nobody meant: of every type, too large, too deep, with names that mean something to us. */
const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  "",
  "x".repeat(5_000),
  "'; drop table user; --",
  "../../etc/passwd",
  "\u0000",
  "\ud800",
  "😀\u202e",
  "a\r\nX-Evil: 1",
  [],
  [[[[[[[[]]]]]]]],
  {},
  { __proto__: { polluted: true } },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
  Number.NaN,
];

/** An import makes what was renamed anew, and then its name is taken: after a while all would be refused. */
const TIDIED_EVERY = 200;
const TURN_EVERY = 50;

/** Only the first of each is left, as it was; a gateway that only remembers forgets. */
async function tidy(client: Awaited<ReturnType<typeof openClient>>): Promise<void> {
  client.gateway.applied.length = 0;
  for (const [kind, first] of [
    ["users", ALICE],
    ["connections", trunk()],
  ] as const) {
    const path = `/api/v1/${kind}`;
    const all = (await (await client.asProgram("GET", path)).json()) as { id: number }[];
    for (const { id } of all) if (id !== 1) await client.asProgram("DELETE", `${path}/${id}`);
    expect((await client.asProgram("PUT", `${path}/1`, { body: first })).status).toBe(200);
  }
}

test("W9: whatever is sent to the API is taken or refused, never a fault of ours", async () => {
  const client = await openClient();
  await client.asProgram("POST", "/api/v1/users", { body: ALICE });
  await client.asProgram("POST", "/api/v1/connections", { body: trunk() });
  await logIn(client);
  const document = {
    format: "jackfield-export",
    version: 1,
    users: [ALICE],
    connections: [trunk()],
  };
  const another = trunk({ name: "Another" });
  const targets: [string, string, Record<string, unknown>][] = [
    ["POST", "/api/v1/users", { ...ALICE, name: "another", forward: { busy: "1" } }],
    ["PUT", "/api/v1/users/1", ALICE],
    ["PATCH", "/api/v1/connections/1", { ...trunk(), patterns: [{ pattern: "." }] }],
    ["POST", "/api/v1/connections", { ...another, inboundNumbers: [{ number: "1", users: [1] }] }],
    ["PUT", "/api/v1/settings", { alerts: { webhook: "https://a.example/" }, localNetworks: [] }],
    ["POST", "/api/v1/import", { document, apply: true, mode: "merge", passphrase: "x" }],
    ["POST", "/api/v1/tokens", { name: "a", scope: "read", expires: 9e12 }],
    ["POST", "/api/v1/audit/1/restore", { state: "after" }],
    ["GET", "/api/v1/audit", {}],
  ];
  const seed = Number(process.env["JACKFIELD_SEED"] ?? 9);
  let state = seed + 1;
  const pick = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  const what = `JACKFIELD_SEED=${seed}`;
  const rounds = scaled("mutations of the API (W9)", 1_000_000, 0.002);
  /** By target: how often it took what was sent, and how often it refused. */
  const told = targets.map(([method, path]) => ({
    what: `${method} ${path}`,
    taken: 0,
    refused: 0,
  }));
  for (let round = 0; round < rounds; round++) {
    if (round % TIDIED_EVERY === 0) await tidy(client);
    // What native code holds is let go between turns of the event loop, and nothing here waits for one.
    if (round % TURN_EVERY === 0) await Bun.sleep(0);
    const target = pick(targets.length);
    const [method, path, body] = targets[target] ?? ["GET", "/api/v1/status", {}];
    const mutated = structuredClone(body);
    let place: Record<string, unknown> = mutated;
    for (let depth = pick(3); depth > 0; depth--) {
      const inner = Object.values(place).filter((it) => typeof it === "object" && it !== null);
      place = (inner[pick(Math.max(1, inner.length))] as Record<string, unknown>) ?? place;
    }
    const keys = [...Object.keys(place), "__proto__", "unknown"];
    Reflect.set(place, keys[pick(keys.length)] ?? "x", VALUES[pick(VALUES.length)]);
    const text = JSON.stringify(mutated);
    // Some are no JSON at all, or cut off.
    const sent = pick(10) === 0 ? text.slice(0, pick(text.length)) : text;
    const asked = method === "GET" ? { headers: {} } : { body: sent };
    const query =
      method === "GET"
        ? `?limit=${encodeURIComponent(String([5, ...VALUES][pick(13)]).toWellFormed())}`
        : "";
    const answer = await client.asProgram(method, `${path}${query}`, asked);
    const { status } = answer;
    if (status >= 500) expect([what, round, method, path, sent, status]).toEqual([]);
    const count = told[target];
    if (count && status >= 200 && status < 300) count.taken += 1;
    if (count && status >= 400) count.refused += 1;
    // What came about goes again: the next one may have its name.
    const { id } = status === 201 ? ((await answer.json()) as { id?: number }) : {};
    if (id !== undefined)
      expect((await client.asProgram("DELETE", `${path}/${id}`)).status, what).toBe(204);
  }
  // Each was taken as well as refused, or the mutations would say nothing of what is behind the door.
  const floor = Math.floor(rounds / targets.length / 20);
  expect(
    told.filter((it) => it.taken < floor || it.refused < floor),
    what,
  ).toEqual([]);
  expect(Reflect.get({}, "polluted"), what).toBeUndefined();
  expect(client.faults, what).toEqual([]);
  await client.close();
}, 2_400_000);
