import { expect, test } from "bun:test";
import { checkConfig } from "../../../schema/check.ts";
import type { Config, Connection, ConnectionId, Problem, UserId } from "../../../schema/config.ts";
import { trunk } from "./opened.ts";

const USER = {
  id: 1 as UserId,
  name: "alice",
  displayName: "Alice",
  enabled: true,
  ha1: { md5: "", sha256: "" },
};

function configOf(...changes: Partial<Connection>[]): Config {
  const connections = changes.map((change, index) => ({
    ...trunk({ name: `trunk ${index}` }),
    ...change,
    id: (index + 1) as ConnectionId,
  }));
  return { revision: 1, realm: "jackfield", users: [USER], connections };
}

const problemsOf = (...changes: Partial<Connection>[]) =>
  checkConfig(configOf(...changes)).problems;
const warningsOf = (...changes: Partial<Connection>[]) =>
  checkConfig(configOf(...changes)).warnings;
const pathsOf = (found: readonly Problem[]) => found.map(({ path }) => path);
const pattern = (text: string) => ({ patterns: [{ pattern: text, strip: 0, prepend: "" }] });

test("a sound configuration has neither problems nor warnings", () => {
  expect(checkConfig(configOf({}, { ...pattern("^2\\d{2}$"), inboundUser: USER.id }))).toEqual({
    problems: [],
    warnings: [],
  });
});

test("CON-25: keys in the SDP need signalling that hides them, unless somebody insists", () => {
  const sdes = { mediaEncryption: "sdes" } as const;
  expect(pathsOf(problemsOf({ ...sdes, transport: "udp" }))).toEqual([
    "connections[0].mediaEncryption",
  ]);
  expect(checkConfig(configOf({ ...sdes, transport: "tls" }))).toEqual({
    problems: [],
    warnings: [],
  });
  const insisting = { ...sdes, transport: "tcp", keysInClear: true } as const;
  expect(problemsOf(insisting)).toEqual([]);
  expect(pathsOf(warningsOf(insisting))).toEqual(["connections[0].keysInClear"]);
  expect(pathsOf(problemsOf({ encryptionOptional: true }))).toEqual([
    "connections[0].encryptionOptional",
  ]);
});

test("MED-01: transcoding can be switched off over TLS alone", () => {
  for (const transport of ["udp", "tcp", "auto"] as const) {
    const [found] = problemsOf({ transport, transcoding: false });
    expect(found).toMatchObject({ path: "connections[0].transcoding" });
    expect(found?.message).toContain("needs the transport tls");
    expect(problemsOf({ transport, transcoding: true })).toEqual([]);
  }
  expect(problemsOf({ transport: "tls", transcoding: false })).toEqual([]);
});

test("SEC-02: a list that lets everybody in is refused, and says why", () => {
  const everybody = [
    ["0.0.0.0/0"],
    ["::/0"],
    ["0.0.0.0/1", "128.0.0.0/1"],
    ["128.0.0.0/2", "192.168.0.0/24", "0.0.0.0/1", "192.0.0.0/2"],
    ["192.0.2.7/32", "::/1", "8000::/1"],
    ["0.0.0.0/0.0.0.0"],
    ["::ffff:0.0.0.0/96"],
  ];
  for (const allow of everybody) {
    const messages = problemsOf({ allow }).map(({ message }) => message);
    expect(messages.join("\n")).toContain("covers the whole address space");
  }
  expect(problemsOf({ allow: ["10.0.0.0/8", "172.16.0.0/12", "2001:db8::/32"] })).toEqual([]);
});

test("S2: blocks wider than any provider's are refused", () => {
  expect(pathsOf(problemsOf({ allow: ["192.0.2.7/32", "10.0.0.0/7"] }))).toEqual([
    "connections[0].allow[1]",
  ]);
  expect(pathsOf(problemsOf({ allow: ["2001::/31"] }))).toEqual(["connections[0].allow[0]"]);
});

test("S2: octal, short and named forms are no addresses", () => {
  for (const text of ["010.0.0.1", "1.2.3", "pbx.example.com", "192.0.2.7/33", "1.2.3.4/", ""]) {
    expect(problemsOf({ allow: [text] })).toHaveLength(1);
  }
});

test("SEC-03: a trunk that takes calls needs to know from where", () => {
  expect(pathsOf(problemsOf({ allow: [] }))).toEqual(["connections[0].allow"]);
  expect(problemsOf({ allow: [], allowInbound: false })).toEqual([]);
  const registering = { type: "outbound-registration", username: "u", password: "p" } as const;
  expect(problemsOf({ allow: [], ...registering })).toEqual([]);
});

test("P12: line breaks and control characters are refused in every text", () => {
  const fields = [
    "name",
    "username",
    "authId",
    "password",
    "realm",
    "fromUser",
    "fromDomain",
    "host",
  ];
  for (const field of fields) {
    for (const character of ["\r\nVia: x", "\n", "\0", "\u2028", "\u2029", "\u007f", "\u0085"]) {
      const found = problemsOf({ [field]: `pbx${character}x` });
      expect([field, character, pathsOf(found)]).toEqual([
        field,
        character,
        [`connections[0].${field}`],
      ]);
    }
  }
  const prepend = { patterns: [{ pattern: "^1$", strip: 0, prepend: "1\r\n" }] };
  expect(pathsOf(problemsOf(prepend))).toEqual(["connections[0].patterns[0].prepend"]);
  for (const comment of ["two\nlines", "x".repeat(129)]) {
    const commented = { patterns: [{ pattern: "^1$", strip: 0, prepend: "", comment }] };
    expect(pathsOf(problemsOf(commented))).toEqual(["connections[0].patterns[0].comment"]);
  }
  const proxy = { outboundProxy: { host: "a\r\nb" } };
  expect(pathsOf(problemsOf(proxy))).toEqual(["connections[0].outboundProxy.host"]);
  const users = [
    { ...USER, displayName: "a\r\nb" },
    { ...USER, id: 2 as UserId, name: "b\n" },
  ];
  const found = checkConfig({ ...configOf(), users }).problems;
  expect(pathsOf(found)).toEqual(["users[0].displayName", "users[1].name"]);
});

test("hosts are domain names or addresses, without scheme, port or brackets", () => {
  for (const host of ["pbx", "pbx.example.com", "_sip.x", "192.0.2.1", "2001:db8::1"]) {
    expect(problemsOf({ host })).toEqual([]);
  }
  for (const host of [
    "",
    "sip:pbx",
    "pbx:5060",
    "[::1]",
    "1.2.3",
    "256.1.1.1",
    "a..b",
    "u@pbx",
    "-a",
  ]) {
    expect(pathsOf(problemsOf({ host }))).toEqual(["connections[0].host"]);
  }
});

test("numbers have bounds", () => {
  const wrong: Partial<Connection>[] = [
    { port: 0 },
    { port: 65_536 },
    { weight: -1 },
    { weight: 65_536 },
    { weight: 0.5 },
    { registrationExpires: 59 },
    { registrationExpires: 86_401 },
    { registrationExpires: Number.NaN },
  ];
  for (const change of wrong) expect(problemsOf(change)).toHaveLength(1);
  expect(problemsOf({ port: 65_535, weight: 0, registrationExpires: 60 })).toEqual([]);
});

test("codecs: at least one, none twice", () => {
  expect(problemsOf({ codecs: [] })).toHaveLength(1);
  expect(problemsOf({ codecs: ["PCMA", "PCMA"] })).toHaveLength(1);
});

test("a connection that registers needs user name and password", () => {
  const type = "outbound-registration";
  expect(pathsOf(problemsOf({ type, username: "u" }))).toEqual(["connections[0].password"]);
  expect(pathsOf(problemsOf({ type, password: "p" }))).toEqual(["connections[0].username"]);
});

test("CON-08: names are unique whatever their case, and at most 64 characters", () => {
  expect(pathsOf(problemsOf({ name: "A" }, { name: "a" }))).toEqual(["connections[1].name"]);
  expect(problemsOf({ name: "x".repeat(64) })).toEqual([]);
  expect(problemsOf({ name: "x".repeat(65) })).toHaveLength(1);
  expect(problemsOf({ name: " " })).toHaveLength(1);
});

test("incoming calls ring only a user there is", () => {
  expect(pathsOf(problemsOf({ inboundUser: 9 as UserId }))).toEqual(["connections[0].inboundUser"]);
});

test("W7: patterns are RE2's: what needs backtracking is refused, what explodes elsewhere is not", () => {
  for (const text of ["(a)\\1", "(?=1)", "(?<!2)3", "(", "[z-a]", "", "1".repeat(257)]) {
    expect(pathsOf(problemsOf(pattern(text)))).toEqual(["connections[0].patterns[0].pattern"]);
  }
  for (const text of ["(a+)+$", "(.*)*x", "^(\\d+)*$", "."]) {
    expect(problemsOf(pattern(text))).toEqual([]);
  }
});

test("AMB-01: a lost backslash is warned of", () => {
  const messages = (text: string) =>
    warningsOf(pattern(text))
      .map(({ message }) => message)
      .join();
  expect(messages("^2d{2}$")).toContain("did you mean \\d");
  expect(messages("^2\\d{2}$")).toBe("");
});

test("AMB-03: a pattern with a quantifier but no anchors is warned of", () => {
  const messages = (text: string) =>
    warningsOf(pattern(text))
      .map(({ message }) => message)
      .join();
  expect(messages("4[0-9]{3}")).toContain("^(?:4[0-9]{3})$");
  expect(messages("^4[0-9]{3}$")).toBe("");
  expect(messages("^4")).toBe("");
});

test("RTE-03: what stands behind a catch-all is warned of", () => {
  for (const text of [".", ".*", ".+", "^.*$", "^.+$", "\\d+", "^\\d+$", "^"]) {
    const found = warningsOf(
      { ...pattern("^2$"), weight: 20 },
      { ...pattern(text), weight: 10 },
    ).filter(({ message }) => message.startsWith("never reached"));
    expect([text, pathsOf(found)]).toEqual([text, ["connections[0].weight"]]);
  }
  const last = warningsOf({ ...pattern("^2$"), weight: 10 }, { ...pattern("."), weight: 20 });
  expect(last).toEqual([]);
  const specific = warningsOf({ ...pattern("^.$") }, { ...pattern("^2$"), weight: 200 });
  expect(specific).toEqual([]);
});

test("LIM-03: limits are numbers up to 9999, and 0 is warned of", () => {
  const limited = (maxCalls: number) => ({ ...pattern("^2$"), maxCalls });
  expect(pathsOf(problemsOf(limited(-1)))).toEqual(["connections[0].maxCalls"]);
  expect(pathsOf(problemsOf(limited(1.5)))).toEqual(["connections[0].maxCalls"]);
  expect(problemsOf(limited(9_999))).toEqual([]);
  expect(pathsOf(warningsOf(limited(0)))).toEqual(["connections[0].maxCalls"]);
});

test("RTE-07: the members of a failover group agree on who is asked first", () => {
  const member = (strategy: "ordered" | "weighted", share?: number) => ({
    ...pattern("^2$"),
    failoverGroup: { name: "carriers", strategy, ...(share === undefined ? {} : { share }) },
  });
  expect(problemsOf(member("ordered"), member("ordered"))).toEqual([]);
  expect(pathsOf(problemsOf(member("ordered"), member("weighted")))).toEqual([
    "connections[1].failoverGroup.strategy",
  ]);
  expect(pathsOf(problemsOf(member("weighted", 0)))).toEqual([
    "connections[0].failoverGroup.share",
  ]);
});

test("RTE-06: only users there are can be allowed", () => {
  const path = pathsOf(problemsOf({ ...pattern("^2$"), users: [99 as UserId] }));
  expect(path).toEqual(["connections[0].users[0]"]);
});

test("AMB-20: a number rings users there are, one at least", () => {
  const rings = (number: string, users: number[]) => ({
    ...pattern("^2$"),
    inboundNumbers: [{ number, users: users as UserId[] }],
  });
  expect(problemsOf(rings("+4930123", [1]))).toEqual([]);
  const paths = (number: string, users: number[]) => pathsOf(problemsOf(rings(number, users)));
  expect(paths("+4930123", [])).toEqual(["connections[0].inboundNumbers[0].users"]);
  expect(paths("+4930123", [99])).toEqual(["connections[0].inboundNumbers[0].users[0]"]);
  expect(paths("a b", [1])).toEqual(["connections[0].inboundNumbers[0].number"]);
});

test("MED-11: music on hold is a name in the folder of sounds, and no way out of it", () => {
  for (const holdMusic of ["waiting.wav", "Vivaldi 2.WAV", "a-b_c.d.wav"]) {
    expect(problemsOf({ holdMusic })).toEqual([]);
  }
  for (const holdMusic of ["../x.wav", "a/b.wav", "x.mp3", ".wav", `${"a".repeat(200)}.wav`]) {
    expect(problemsOf({ holdMusic })).toMatchObject([{ path: "connections[0].holdMusic" }]);
  }
});
