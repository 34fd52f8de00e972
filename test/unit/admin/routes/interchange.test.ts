/** OPS-02, SEC-11: what one gateway exports another one takes over, all of it or nothing. */
import { expect, test } from "bun:test";
import type { ExportDocument } from "../../../../schema/export.ts";
import { ALICE, trunk } from "../../schema/opened.ts";
import { type Client, openClient } from "../client.ts";

const PASSPHRASE = "a passphrase for exports";

interface Told {
  applied: boolean;
  created: { kind: string; name: string }[];
  changed: { kind: string; name: string; fields: object[] }[];
  deleted: { kind: string; name: string }[];
  problems: { path: string; message: string }[];
  revision: number;
}

async function furnished(): Promise<Client> {
  const client = await openClient();
  const bob = { ...ALICE, name: "bob", forward: { busy: "alice" } };
  for (const body of [bob, ALICE]) await client.asProgram("POST", "/api/v1/users", { body });
  const connections = [
    trunk({ name: "Zurich", username: "z", password: "canary-zurich" }),
    { ...trunk({ name: "Aarau" }), inboundUser: 1, users: [2, 1] },
  ];
  for (const body of connections) {
    expect((await client.asProgram("POST", "/api/v1/connections", { body })).status).toBe(201);
  }
  await client.asProgram("PUT", "/api/v1/settings", { body: { localNetworks: ["10.0.0.0/8"] } });
  return client;
}

async function exported(client: Client, passphrase?: string): Promise<ExportDocument> {
  const answer =
    passphrase === undefined
      ? await client.asProgram("GET", "/api/v1/export")
      : await client.asProgram("POST", "/api/v1/export", { body: { passphrase } });
  return (await answer.json()) as ExportDocument;
}

async function imported(client: Client, body: object): Promise<Told & { status: number }> {
  const answer = await client.asProgram("POST", "/api/v1/import", { body });
  return { status: answer.status, ...((await answer.json()) as Told) };
}

test("OPS-02: an export is stable, has no ids, and names users", async () => {
  const client = await furnished();
  const first = await exported(client);
  expect(JSON.stringify(await exported(client))).toBe(JSON.stringify(first));
  expect(first.users.map(({ name }) => name)).toEqual(["alice", "bob"]);
  expect(first.connections[0]).toMatchObject({
    name: "Aarau",
    inboundUser: "bob",
    users: ["alice", "bob"],
  });
  expect(JSON.stringify(first)).not.toMatch(/"id"|canary|ha1|password/);
  await client.close();
});

test("OPS-02, SEC-11: with the passphrase another gateway is the same afterwards", async () => {
  const [from, to] = [await furnished(), await openClient()];
  const document = await exported(from, PASSPHRASE);
  expect(JSON.stringify(document)).not.toContain("canary");
  const trial = await imported(to, { document, passphrase: PASSPHRASE });
  expect([trial.applied, trial.problems, trial.created.length]).toEqual([false, [], 4]);
  expect((await to.store.load()).users).toEqual([]);
  const body = { document, passphrase: PASSPHRASE, apply: true, revision: trial.revision };
  expect(await imported(to, body)).toMatchObject({ status: 200, applied: true });
  expect(to.gateway.applied).toHaveLength(1);
  const secretsIn = async (client: Client) => {
    const { users, connections } = await client.store.load();
    const users1 = users.map(({ name, ha1 }) => [name, ha1.sha256]).sort();
    return [users1, connections.map(({ name, password }) => [name, password]).sort()];
  };
  expect(await secretsIn(to)).toEqual(await secretsIn(from));
  const plain = await exported(from);
  expect(await exported(to)).toEqual(plain);
  // The same once more changes nothing.
  const again = await imported(to, { document, passphrase: PASSPHRASE, apply: true });
  expect([again.created, again.changed, again.deleted]).toEqual([[], [], []]);
  await Promise.all([from.close(), to.close()]);
});

test("SEC-11: a wrong passphrase or a changed document opens nothing", async () => {
  const [from, to] = [await furnished(), await openClient()];
  const document = await exported(from, PASSPHRASE);
  const wrong = await to.asProgram("POST", "/api/v1/import", {
    body: { document, passphrase: "another passphrase" },
  });
  expect([wrong.status, await wrong.text()]).toEqual([422, expect.stringContaining("passphrase")]);
  const { secrets } = document;
  const data = secrets?.data.replace(/^../, (it) => (it === "AA" ? "BB" : "AA"));
  const changed = { ...document, secrets: { ...secrets, data } };
  const damaged = await to.asProgram("POST", "/api/v1/import", {
    body: { document: changed, passphrase: PASSPHRASE },
  });
  expect(damaged.status).toBe(422);
  const short = await from.asProgram("POST", "/api/v1/export", { body: { passphrase: "short" } });
  expect(short.status).toBe(422);
  await Promise.all([from.close(), to.close()]);
});

test("OPS-02: a trial tells what would be created, changed and deleted, and undoes it", async () => {
  const client = await furnished();
  const before = await exported(client);
  const document = {
    ...before,
    users: [...before.users, { ...ALICE, name: "carol" }],
    connections: before.connections.map((it) => ({ ...it, weight: 7 })).slice(0, 1),
  };
  const told = await imported(client, { document, mode: "replace" });
  expect(told.problems).toEqual([]);
  expect(told.created).toEqual([{ kind: "user", name: "carol" }]);
  expect(told.changed).toEqual([
    { kind: "connection", name: "Aarau", fields: [{ path: "weight", before: 100, after: 7 }] },
  ]);
  expect(told.deleted).toEqual([{ kind: "connection", name: "Zurich" }]);
  expect(await exported(client)).toEqual(before);
  // What was shown is what is done, or it is refused.
  await client.asProgram("DELETE", "/api/v1/connections/1");
  const late = { document, mode: "replace", apply: true, revision: told.revision };
  expect((await client.asProgram("POST", "/api/v1/import", { body: late })).status).toBe(412);
  await client.close();
});

test("OPS-02: problems are told all at once, where they stand in the document; nothing is done", async () => {
  const client = await furnished();
  const before = await exported(client);
  const document = {
    ...before,
    users: [{ name: "da ve", password: "password1" }, { name: "erin" }],
    connections: [
      { ...trunk({ name: "Bern" }), inboundUser: "nobody" },
      { ...trunk({ name: "Chur" }), colour: "red" },
    ],
  };
  const { status, problems } = await imported(client, { document, apply: true });
  expect(status).toBe(422);
  expect(problems.map(({ path }) => path).sort()).toEqual([
    "connections[0].inboundUser",
    "connections[1]",
    "users[1].password",
  ]);
  const checked = {
    ...document,
    users: document.users.slice(0, 1),
    connections: [trunk({ name: "Chur", allow: ["0.0.0.0/0"] })],
  };
  const whole = await imported(client, { document: checked, apply: true });
  expect(whole.problems.map(({ path }) => path).sort()).toEqual([
    "connections[0].allow",
    "connections[0].allow[0]",
    "users[0].name",
  ]);
  expect(await exported(client)).toEqual(before);
  await client.close();
});

test("CON-24, CON-14: Register, Peer and Account of other products become connections of ours", async () => {
  const client = await openClient();
  const document = {
    format: "jackfield-export",
    version: 1,
    trunks: [
      {
        "Trunk Name": "Carrier",
        Type: "Register",
        "Host/Server": "sip.example.com, sip2.example.com",
        Username: "u",
        Password: "a-secret-of-theirs",
        Transport: "TCP",
        "Auth ID": "auth",
        "Dial Patterns": ["^0"],
        "Outbound Proxy": "proxy.example.com:5070",
      },
      {
        name: "Office",
        "trunk type": "Peer",
        host: "192.0.2.7",
        "Peer IPs": "192.0.2.7; 192.0.2.8",
      },
      {
        name: "Desk",
        type: "Account",
        host: "pbx.example.com",
        username: "d",
        secret: "12345678",
        virtualNumber: "+4420",
      },
    ],
  };
  const told = await imported(client, { document, apply: true });
  expect(told.problems).toEqual([]);
  const { connections } = await client.store.load();
  expect(connections.map(({ name, type, host }) => [name, type, host])).toEqual([
    ["Carrier", "outbound-registration", "sip.example.com"],
    ["Carrier (2)", "outbound-registration", "sip2.example.com"],
    ["Office", "outbound-trunk", "192.0.2.7"],
    ["Desk", "outbound-registration", "pbx.example.com"],
  ]);
  expect(connections[0]).toMatchObject({
    authId: "auth",
    transport: "tcp",
    outboundProxy: { host: "proxy.example.com", port: 5070 },
    failoverGroup: { name: "Carrier", strategy: "ordered" },
  });
  expect(connections[2]?.allow).toEqual(["192.0.2.7/32", "192.0.2.8/32"]);
  expect(connections[3]?.fromUser).toBe("+4420");
  const refused = await imported(client, {
    document: {
      ...document,
      trunks: [
        { name: "x", type: "Guest" },
        { name: "y", type: "Peer", colour: 1 },
      ],
    },
  });
  expect(refused.problems.map(({ path }) => path)).toContain("trunks[0].type");
  expect(refused.problems.map(({ path }) => path)).toContain("trunks[1].colour");
  await client.close();
});

test("AMB-13: labels that mislead are taken for what they mean", async () => {
  const client = await openClient();
  const told = (more: object) => {
    const trunk = {
      type: "Peer",
      name: "Office",
      host: "pbx.example.com",
      "Peer IPs": "192.0.2.7",
    };
    const document = { format: "jackfield-export", version: 1, trunks: [{ ...trunk, ...more }] };
    return imported(client, { document, apply: true });
  };
  const form = {
    "Send keep alive": "yes",
    Keepalive: "yes",
    Secure: "yes",
    Encryption: "optional",
    "Secure RTP": "optional",
    Sendmedia: "RFC2833",
    Allow: "g.722, g.711, g.711, g.711, g.711",
    "SIP Create Subsc": "DEFAULT",
    "Incoming Call Policy": "accept",
    "Enable SIP ALG": "no",
  };
  expect((await told(form)).problems).toEqual([]);
  const [office] = (await client.store.load()).connections;
  expect(office).toMatchObject({
    optionsInterval: 60,
    transport: "tls",
    mediaEncryption: "sdes",
    encryptionOptional: true,
    dtmfMode: "rfc2833",
    codecs: ["G722", "PCMA", "PCMU"],
    allow: ["192.0.2.7/32"],
    allowInbound: true,
  });
  const slots = { Allow1: "ulaw", Allow2: "alaw", Allow3: "ulaw", DTMFMODE: "INFO" };
  const other = { "Send keep alive": 30, "Incoming Call Policy": "reject", Secure: "no" };
  const last = { "Secure RTP": "required", Transport: "TLS" };
  expect((await told({ name: "Branch", ...slots, ...other, ...last })).problems).toEqual([]);
  const branch = (await client.store.load()).connections.find(({ name }) => name === "Branch");
  expect(branch).toMatchObject({
    optionsInterval: 30,
    mediaEncryption: "sdes",
    dtmfMode: "info",
    codecs: ["PCMU", "PCMA"],
    allowInbound: false,
  });
  expect(branch).not.toHaveProperty("encryptionOptional");
  for (const [label, value, message] of [
    ["Keepalive", "no", "always kept open"],
    ["Secure", "perhaps", "yes or no"],
    ["Encryption", "AES", "none, optional or required"],
    ["Sendmedia", "morse", "RFC2833, INFO or Inband"],
    ["SIP Create Subsc", "no", "when a softphone asks"],
    ["Incoming Call Policy", "listed", "accept or reject"],
    ["Enable SIP ALG", "yes", "nothing here rewrites SIP"],
    ["Secure", "constructor", "yes or no"],
    ["Constructor", "yes", "no counterpart here"],
    ["Codecs", "G.722, G.729", "G.729 is not spoken here"],
    ["Codecs", "constructor", "constructor is not spoken here"],
  ]) {
    const { problems } = await told({ name: "Third", [label as string]: value });
    const path = `trunks[0].${label?.toLowerCase().replaceAll(" ", "")}`;
    expect(problems).toContainEqual({ path, message: expect.stringContaining(message ?? "") });
  }
  const { problems } = await told({ name: "Third", Transport: "UDP", Secure: "yes" });
  expect(problems[0]?.message).toBe(
    "it contradicts another field: transport is udp there, and tls here",
  );
  await client.close();
});

test("AMB-15: an import's peer addresses are a list however they are divided, or refused with a guess", async () => {
  const client = await openClient();
  const peer = { type: "Peer", name: "Office", host: "pbx.example.com" };
  const told = (addresses: string) => {
    const trunks = [{ ...peer, "Peer IPs": addresses }];
    const document = { format: "jackfield-export", version: 1, trunks };
    return imported(client, { document, apply: true });
  };
  const { problems } = await told("192.168.1.10192.168.1.11192.168.1.12");
  expect(problems.map(({ path }) => path)).toEqual(["trunks[0].allow[0]"]);
  expect(problems[0]?.message).toEndWith("did you mean 192.168.1.10, 192.168.1.11, 192.168.1.12?");
  expect((await told("192.0.2.7\n192.0.2.8,192.0.2.9 192.0.2.10;192.0.2.11")).problems).toEqual([]);
  const [office] = (await client.store.load()).connections;
  expect(office?.allow).toEqual([7, 8, 9, 10, 11].map((last) => `192.0.2.${last}/32`));
  await client.close();
});

test("what is no export is refused in words", async () => {
  const client = await openClient();
  for (const document of [undefined, null, 1, [], {}, { format: "jackfield-export", version: 2 }]) {
    const answer = await client.asProgram("POST", "/api/v1/import", { body: { document } });
    expect(answer.status).toBe(422);
  }
  expect(client.faults).toEqual([]);
  await client.close();
});

test("CON-24: what is wrong with a trunk of several hosts is told of that trunk", async () => {
  const client = await openClient();
  const trunks = [
    {
      type: "Register",
      name: "A",
      host: "a.example,b.example",
      username: "a",
      password: "pw-of-a",
    },
    { type: "Register", name: "B", host: "c.example", username: "b", weight: -1 },
  ];
  const document = { format: "jackfield-export", version: 1, trunks };
  const { problems } = await imported(client, { document });
  expect(problems.map(({ path }) => path.split(".")[0])).toEqual(problems.map(() => "trunks[1]"));
  expect(problems.length).toBeGreaterThan(0);
  await client.close();
});

test("OPS-02: an import that is refused says so as every refusal does", async () => {
  const client = await openClient();
  const document = { format: "jackfield-export", version: 1, users: [{ name: "erin" }] };
  const body = { document, apply: true };
  const answer = await client.asProgram("POST", "/api/v1/import", { body });
  expect(answer.status).toBe(422);
  expect(await answer.json()).toMatchObject({
    applied: false,
    error: { status: 422, problems: [{ path: "users[0].password" }] },
  });
  await client.close();
});

test("SEC-11: passwords made for another realm are not taken over, and that is told", async () => {
  const [from, to] = [await furnished(), await openClient()];
  const document = await exported(from, PASSPHRASE);
  for (const name of ["alice", "bob"]) {
    await to.asProgram("POST", "/api/v1/users", { body: { ...ALICE, name } });
  }
  const realm = { value: "elsewhere" };
  await to.database.updateTable("setting").set(realm).where("name", "=", "realm").execute();
  const revision = { value: "77" };
  await to.database.updateTable("setting").set(revision).where("name", "=", "revision").execute();
  const before = await to.store.load();
  const body = { document, passphrase: PASSPHRASE, apply: true };
  const { status, warnings } = (await imported(to, body)) as unknown as {
    status: number;
    warnings: { path: string; message: string }[];
  };
  expect(status).toBe(200);
  const told = warnings.filter(({ message }) => message.includes("elsewhere"));
  expect(told.map(({ path }) => path)).toEqual(["users[0].password", "users[1].password"]);
  const digests = ({ users }: typeof before) => users.map(({ name, ha1 }) => [name, ha1.sha256]);
  expect(digests(await to.store.load())).toEqual(digests(before));
  await Promise.all([from.close(), to.close()]);
});
