/**
 * Test connection in virtual time (TST-01 to TST-05, W8): a PBX that answers as the case wants, and
 * what the steps say of it. The real machine, no network.
 */
import { expect, test } from "bun:test";
import {
  ConnectionTest,
  type TestInput,
  type TestOutput,
  type TestTarget,
} from "../../gateway/b2bua/connection-test.ts";
import { type TestStep, VERDICTS } from "../../gateway/b2bua/test-verdicts.ts";
import { utf8 } from "../../gateway/bytes.ts";
import { digestHa1 } from "../../gateway/sip/digest.ts";
import { DigestServer } from "../../gateway/sip/digest-server.ts";
import type { FlowId } from "../../gateway/sip/flow.ts";
import type { SipRequest } from "../../gateway/sip/message.ts";
import { parseMessage } from "../../gateway/sip/parse.ts";
import type { Connection } from "../../schema/config.ts";
import type { PatternDoubts } from "../../schema/pattern-doubts.ts";
import { answerTo, flowFrom } from "./desk.ts";
import { seededRandom } from "./random.ts";
import { configOf } from "./stage.ts";

const PBX = "198.51.100.9";
const BANNER = "Asterisk PBX 11.2 <script>canary</script>";

/** What the PBX answers: a status, more headers, or nothing. */
type Answer = (request: SipRequest) => string | undefined;

interface Case {
  connection?: Partial<Connection>;
  answer?: Answer;
  targets?: TestTarget[];
  /** In the place of `connected`. */
  way?: TestInput | "silence";
  allowsLoopback?: boolean;
  doubts?: PatternDoubts;
}

const NO_DOUBTS: PatternDoubts = { isUnreachable: false, sentences: [] };

function run({ connection = {}, answer, targets, way, ...more }: Case) {
  const { allowsLoopback = false, doubts = NO_DOUBTS } = more;
  const [template] = configOf({ name: "", play: () => {} }).connections;
  if (!template) throw new Error("there is no connection");
  const whole: Connection = {
    ...template,
    type: "outbound-registration",
    host: PBX,
    username: "jack",
    password: "secret",
    ...connection,
  };
  const machine = new ConnectionTest(whole, { random: seededRandom(5), allowsLoopback, doubts });
  const steps: TestStep[] = [];
  const sent: SipRequest[] = [];
  const connects: TestTarget[] = [];
  const waiting: TestInput[] = [{ type: "start" }];
  let now = 0;
  const carry = (output: TestOutput) => {
    if (output.type === "step") steps.push(output.step);
    if (output.type === "resolve") {
      const found = targets ?? [{ address: PBX, port: 5_060, transport: "udp" as const }];
      waiting.push({ type: "resolved", targets: found, asked: [] });
    }
    if (output.type === "connect") {
      connects.push(output.target);
      const { transport, address } = output.target;
      if (way === "silence") return;
      const flow = flowFrom(address, transport, "test" as FlowId);
      waiting.push(way ?? { type: "connected", flow });
    }
    if (output.type !== "send") return;
    const parsed = parseMessage(output.bytes);
    if (!parsed.ok || parsed.message.kind !== "request") return;
    sent.push(parsed.message);
    const said = answer?.(parsed.message);
    if (said !== undefined) waiting.push({ type: "received", bytes: utf8(said) });
  };
  while (!machine.isDone) {
    const input = waiting.shift();
    if (!input) now = Math.max(now, machine.deadline() ?? now + 1);
    if (now > 600_000) throw new Error("the test never ends");
    for (const output of machine.handle(input ?? { type: "timeout" }, now)) carry(output);
    if (input) now += 20;
  }
  return { steps, sent, connects, tookMs: now, verdicts: steps.map(({ verdict }) => verdict) };
}

/** A registrar with digest: the password it takes, and what it says then. */
function registrar(password: string, then = 200, realm = "pbx"): Answer {
  const random = seededRandom(9);
  const digest = new DigestServer({ realm, secret: random.bytes(32), random });
  const ha1 = {
    md5: digestHa1("MD5", "jack", realm, password),
    sha256: digestHa1("SHA-256", "jack", realm, password),
  };
  return (request) => {
    const server = `Server: ${BANNER}\r\n`;
    if (request.method === "OPTIONS") {
      return answerTo(
        request,
        200,
        `${server}Allow: INVITE, BYE\r\nSupported: timer, x-canary\r\n`,
      );
    }
    const { outcome } = digest.verify(request, () => ha1, 0, PBX);
    if (outcome === "ok") return answerTo(request, then, server);
    const [challenge] = digest.challenge(0, PBX, false);
    return answerTo(request, 401, `${server}WWW-Authenticate: ${challenge}\r\n`);
  };
}

const status =
  (options: number, register: number): Answer =>
  (request) =>
    answerTo(request, request.method === "OPTIONS" ? options : register);

test("TST-01, OPS-11: a PBX that works: each step with its time, how far away it is among them; no binding is touched", () => {
  const { steps, sent, verdicts } = run({ answer: registrar("secret") });
  expect(verdicts).toEqual([
    "resolved",
    "no-connection-needed",
    "answers",
    "password-good",
    "capable",
    "patterns-lead-there",
  ]);
  // Here the way there and back takes as long as two inputs are apart.
  expect(steps.find(({ step }) => step === "options")?.tookMs).toBe(20);
  expect(steps.every(({ tookMs }) => tookMs >= 0)).toBe(true);
  expect(steps.find(({ step }) => step === "capabilities")?.facts).toEqual([
    "methods: INVITE",
    "extensions: timer",
    "codecs: not told",
  ]);
  const registers = sent.filter(({ method }) => method === "REGISTER");
  expect(registers.length).toBe(2);
  for (const register of registers) {
    expect(register.headers.get("Contact")).toBeUndefined();
    expect(register.headers.get("Expires")).toBeUndefined();
  }
});

test("TST-03: where all is well with the PBX and no call gets there, dial patterns are named", () => {
  const last = (connection: Partial<Connection>, password = "secret") =>
    run({ connection, answer: registrar(password) }).steps.at(-1);
  expect(last({ patterns: [] })).toMatchObject({
    ...{ step: "routing", outcome: "note", verdict: "no-pattern", field: "patterns" },
  });
  expect(last({ allowOutbound: false })).toMatchObject({ verdict: "sends-nothing" });
  expect(last({})).toMatchObject({ outcome: "ok", verdict: "patterns-lead-there" });
  const answer = registrar("secret");
  const sentences = ["^2d{2}$: did you mean \\d?"];
  expect(run({ answer, doubts: { isUnreachable: false, sentences } }).steps.at(-1)).toMatchObject({
    ...{ outcome: "note", verdict: "patterns-doubtful", field: "patterns", facts: sentences },
  });
  const lost = { isUnreachable: true, sentences: [". takes all its numbers"] };
  expect(run({ answer, doubts: lost }).steps.at(-1)).toMatchObject({
    ...{ outcome: "note", verdict: "no-number-leads-there", facts: lost.sentences },
  });
  // What failed comes first: nothing else is worth looking at before.
  expect(last({ patterns: [] }, "another")?.step).not.toBe("routing");
});

test("TST-02, TST-05: each failure names which of the five it is, and the field", () => {
  const tcp = [{ address: PBX, port: 5_060, transport: "tcp" as const }];
  const cases: [string, Case, string][] = [
    ["no-address", { targets: [] }, "address"],
    ["unreachable", { targets: tcp, way: { type: "refused", verdict: "unreachable" } }, "address"],
    ["unreachable", { targets: tcp, way: "silence" }, "address"],
    ["tls-failed", { targets: tcp, way: { type: "refused", verdict: "tls-failed" } }, "tls"],
    ["tls-expired", { targets: tcp, way: { type: "refused", verdict: "tls-expired" } }, "tls"],
    ["silent", {}, "firewall"],
    ["password-wrong", { answer: registrar("another") }, "credentials"],
    ["account-barred", { answer: registrar("secret", 403) }, "credentials"],
    ["password-missing", { connection: { password: "" }, answer: registrar("x") }, "credentials"],
    ["realm", { connection: { realm: "other" }, answer: registrar("secret") }, "credentials"],
    ["forbidden", { answer: status(200, 403) }, "credentials"],
    ["account-unknown", { answer: status(404, 404) }, "credentials"],
    ["out-of-service", { answer: status(503, 503) }, "online"],
    ["no-registrar", { answer: status(200, 405) }, "address"],
  ];
  for (const [verdict, given, suspect] of cases) {
    const { connection, ...rest } = given;
    const { password, ...others } = connection ?? {};
    const bare = password === "" ? { ...others, password: undefined as never } : connection;
    const { steps } = run(bare ? { ...rest, connection: bare } : rest);
    const failed = steps.find(({ outcome }) => outcome === "failed");
    expect([verdict, failed?.verdict, failed?.suspects[0]]).toEqual([
      verdict,
      verdict as TestStep["verdict"],
      suspect as "address",
    ]);
    expect(failed?.field).toBeTruthy();
  }
});

test("TST-01: a trunk without an account is asked no password; one that knows no REGISTER is fine", () => {
  const trunk = { type: "outbound-trunk" as const };
  const { username: _, ...bare } = { username: undefined };
  const silent = run({
    connection: { ...trunk, ...bare, username: undefined as never },
    answer: status(200, 200),
  });
  expect(silent.verdicts).toContain("no-account");
  expect(silent.sent.map(({ method }) => method)).toEqual(["OPTIONS"]);
  expect(run({ connection: trunk, answer: status(200, 405) }).verdicts).toContain(
    "no-register-here",
  );
});

test("TST-01: OPTIONS nobody answers don't hide that REGISTER works", () => {
  const inner = registrar("secret");
  const { verdicts } = run({
    answer: (request) => (request.method === "OPTIONS" ? undefined : inner(request)),
  });
  expect(verdicts).toEqual(["resolved", "no-connection-needed", "silent", "password-good"]);
});

test("TST-01, MED-13: codecs it tells are compared with the connection's", () => {
  const sdp =
    "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n";
  const { steps } = run({
    answer: (request) => {
      if (request.method !== "OPTIONS") return answerTo(request, 200);
      const plain = answerTo(request, 200, "Content-Type: application/sdp\r\n");
      return `${plain.replace("Content-Length: 0", `Content-Length: ${sdp.length}`)}${sdp}`;
    },
  });
  expect(steps.at(-1)).toMatchObject({ verdict: "no-common-codec", field: "codecs" });
  expect(steps.at(-1)?.facts).toContain("codecs: G729");
});

test("W8: nothing the other side says is repeated, whatever it says", () => {
  const { steps } = run({ answer: registrar("secret") });
  expect(JSON.stringify(steps)).not.toContain("canary");
  expect(JSON.stringify(steps)).not.toContain("Asterisk");
  const garbage = run({ answer: () => `HTTP/1.1 400 canary\r\n\r\n${BANNER}` });
  expect(JSON.stringify(garbage.steps)).not.toContain("canary");
  for (const { verdict, sentence } of [...steps, ...garbage.steps]) {
    expect(sentence).toBe(VERDICTS[verdict].sentence);
  }
});

test("W8: a port that refuses and one that is filtered are one, to the second", () => {
  const targets = [{ address: PBX, port: 22, transport: "tcp" as const }];
  const refused = run({ targets, way: { type: "refused", verdict: "unreachable" } });
  const filtered = run({ targets, way: "silence" });
  expect(refused.steps).toEqual(filtered.steps);
  expect(refused.steps.at(-1)?.tookMs).toBe(5_000);
});

test("W8: no forbidden address is ever connected to, nor one among several", () => {
  const forbidden = [
    ...["127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "::1", "::", "fe80::1", "ff02::1"],
    ...["224.0.0.1", "239.1.1.1", "255.255.255.255", "::ffff:127.0.0.1", "::ffff:169.254.169.254"],
    ...["64:ff9b::7f00:1", "2002:7f00:1::", "192.0.0.192", "100.100.100.200", "fd00:ec2::254"],
    ...["not an address", ""],
  ];
  for (const address of forbidden) {
    const good = { address: PBX, port: 5_060, transport: "udp" as const };
    const targets = [good, { address, port: 22, transport: "tcp" as const }];
    const { verdicts, connects } = run({ targets });
    expect([address, verdicts, connects]).toEqual([address, ["forbidden-address"], []]);
  }
  for (const address of ["10.0.0.5", "192.168.1.1", "172.16.0.1", "fd12::5", "203.0.113.5", PBX]) {
    const targets = [{ address, port: 5_060, transport: "udp" as const }];
    expect([address, run({ targets }).connects.length]).toEqual([address, 1]);
  }
});

test("W8: a PBX beside the gateway may be asked, a cloud's metadata never", () => {
  const connects = (address: string) => {
    const targets = [{ address, port: 80, transport: "tcp" as const }];
    return [address, run({ targets, allowsLoopback: true }).connects.length];
  };
  for (const own of ["127.0.0.1", "::1"]) expect(connects(own)).toEqual([own, 1]);
  const secrets = ["169.254.169.254", "fe80::1", "168.63.129.16", "fd00:ec2::254"];
  for (const address of [...secrets, "fd20:ce::254", "64:ff9b::a9fe:a9fe", "no address"]) {
    expect(connects(address)).toEqual([address, 0]);
  }
});

test("TST-05: a PBX that asks again and again is answered once", () => {
  const { sent, verdicts } = run({
    answer: (request) => {
      if (request.method === "OPTIONS") return answerTo(request, 200);
      return answerTo(request, 401, 'WWW-Authenticate: Digest realm="x", nonce="n"\r\n');
    },
  });
  expect(sent.filter(({ method }) => method === "REGISTER").length).toBe(2);
  expect(verdicts).toContain("password-wrong");
});
