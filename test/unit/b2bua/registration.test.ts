/** Our registration with a PBX, in virtual time: REG-01 to REG-05. */
import { expect, test } from "bun:test";
import { Registration, type RegistrationOutput } from "../../../gateway/b2bua/registration.ts";
import { createResponse } from "../../../gateway/sip/build.ts";
import type { Flow, FlowId } from "../../../gateway/sip/flow.ts";
import type { SipRequest } from "../../../gateway/sip/message.ts";
import type { Connection, ConnectionId } from "../../../schema/config.ts";
import { seededRandom } from "../../sim/random.ts";

const connection: Connection = {
  id: 1 as ConnectionId,
  name: "PBX",
  type: "outbound-registration",
  enabled: true,
  host: "pbx.example.com",
  transport: "udp",
  username: "gateway",
  password: "secret",
  realm: "*",
  registrationExpires: 300,
  weight: 100,
  patterns: [],
  allow: [],
  codecs: ["G722"],
  allowInbound: true,
  allowOutbound: true,
};

const flow: Flow = {
  id: "trunk" as FlowId,
  transport: "udp",
  sentBy: "192.0.2.1:5060",
  remote: { address: "192.0.2.50", port: 5060 },
  local: { address: "192.0.2.1", port: 5060 },
};

const CHALLENGE: [string, string] = [
  "WWW-Authenticate",
  'Digest realm="pbx", nonce="n1", qop="auth"',
];

class Rig {
  readonly registration: Registration;
  now = 0;

  constructor(seed = 1, changes: Partial<Connection> = {}) {
    this.registration = new Registration({ ...connection, ...changes }, seededRandom(seed), 0);
    this.registration.start(2_000, 0);
  }

  /** Goes to the next attempt and returns its request. */
  attempt(): SipRequest {
    this.now = this.registration.deadline() ?? Number.NaN;
    expect(this.registration.timeout(this.now)).toContainEqual({ type: "reach" });
    return requestIn(this.registration.flowReady(flow));
  }

  answer(
    request: SipRequest,
    status: number,
    headers: [string, string][] = [],
  ): RegistrationOutput[] {
    return this.registration.received(createResponse(request, status, { headers }), flow, this.now);
  }

  get status() {
    return this.registration.status;
  }

  get waitSeconds(): number {
    return ((this.registration.deadline() ?? Number.NaN) - this.now) / 1_000;
  }
}

test("TST-04: of a PBX that was there and is silent now it is told where it was and where its name leads", () => {
  const moved = { ...flow, remote: { address: "192.0.2.77", port: 5060 } };
  for (const [later, host, told] of [
    [flow, "pbx.example.com", "the PBX did not answer within 32 seconds"],
    [
      moved,
      "pbx.example.com",
      "the PBX did not answer within 32 seconds; it last answered at 192.0.2.50:5060, and pbx.example.com leads to 192.0.2.77:5060 now",
    ],
  ] as const) {
    const rig = new Rig(1, { host });
    registered(rig, []);
    rig.now = rig.registration.deadline() ?? Number.NaN;
    rig.registration.timeout(rig.now);
    rig.registration.flowReady(later);
    rig.registration.failed("timeout", rig.now + 32_000);
    expect(rig.status.reason).toBe(told);
  }
});

test("TST-04: a PBX that never answered has no former place", () => {
  const rig = new Rig();
  rig.attempt();
  rig.registration.failed("timeout", 40_000);
  expect(rig.status.reason).toBe("the PBX did not answer within 32 seconds");
});

function requestIn(outputs: RegistrationOutput[]): SipRequest {
  const output = outputs.find(({ type }) => type === "request");
  if (output?.type !== "request") throw new Error(`no request in ${JSON.stringify(outputs)}`);
  return output.request;
}

function registered(rig: Rig, grant: [string, string][]): void {
  rig.answer(rig.attempt(), 200, grant);
}

test("REG-03: the first attempt comes within two seconds, without credentials (CON-19)", () => {
  const rig = new Rig();
  const request = rig.attempt();
  expect(rig.now).toBeLessThanOrEqual(2_000);
  expect(request.headers.get("Expires")).toBe("300");
  expect(request.headers.has("Authorization")).toBe(false);
  expect(request.headers.get("Contact")).toContain(rig.registration.contactUser);
});

test("REG-02: refreshed at 0.8 of the grant, jittered, at each grant earlier than it ends", () => {
  const firsts: number[] = [];
  for (let seed = 1; seed <= 200; seed++) {
    for (const seconds of [60, 79, 80, 120, 300, 3_600]) {
      const rig = new Rig(seed);
      registered(rig, [["Expires", String(seconds)]]);
      const wait = seconds < 80 ? 0.5 * seconds : Math.min(0.8 * seconds, seconds - 40);
      // The first time it is anywhere in the time before that: many were made at once.
      expect(rig.waitSeconds).toBeGreaterThanOrEqual(Math.min(0.099 * wait, 300));
      expect(rig.waitSeconds).toBeLessThanOrEqual(Math.min(1.051 * wait, 300));
      expect(rig.waitSeconds).toBeLessThan(seconds);
      if (seconds === 300) firsts.push(rig.waitSeconds / wait);
      registered(rig, [["Expires", String(seconds)]]);
      expect(rig.status).toMatchObject({ registration: "registered", grantedSeconds: seconds });
      expect(rig.waitSeconds).toBeGreaterThanOrEqual(Math.min(0.949 * wait, 300));
      expect(rig.waitSeconds).toBeLessThanOrEqual(Math.min(1.051 * wait, 300));
      expect(rig.waitSeconds).toBeLessThan(seconds);
    }
  }
  // R3: spread, not just late.
  expect(Math.max(...firsts) - Math.min(...firsts)).toBeGreaterThan(0.8);
});

test("REG-02: the grant is the expires of our own Contact, not of another's and not the header", () => {
  const rig = new Rig();
  const own = `<sip:${rig.registration.contactUser}@192.0.2.1>;expires=120`;
  registered(rig, [
    ["Contact", `<sip:else@192.0.2.2>;expires=50, ${own}`],
    ["Expires", "3600"],
  ]);
  expect(rig.status.grantedSeconds).toBe(120);
});

test("REG-02, AMB-10: 300 s is the Expires we ask for, and the longest we wait, whatever is granted", () => {
  for (const granted of [300, 3_600, 86_400]) {
    const rig = new Rig();
    const request = rig.attempt();
    expect(request.headers.get("Expires")).toBe("300");
    rig.answer(request, 200, [["Expires", String(granted)]]);
    for (let round = 0; round < 3; round++) {
      expect(rig.waitSeconds).toBeLessThanOrEqual(300);
      registered(rig, [["Expires", String(granted)]]);
    }
    expect(rig.status.grantedSeconds).toBe(granted);
  }
});

test("a challenge is answered once, at each refresh anew", () => {
  const rig = new Rig();
  for (let round = 0; round < 3; round++) {
    const request = requestIn(rig.answer(rig.attempt(), 401, [CHALLENGE]));
    expect(request.headers.get("Authorization")).toContain('username="gateway"');
    rig.answer(request, 200, [["Expires", "300"]]);
    expect(rig.status.registration).toBe("registered");
  }
});

test("S6: a challenge from a foreign address gets no credentials", () => {
  const rig = new Rig();
  const request = rig.attempt();
  const remote = { address: "203.0.113.66", port: 5060 };
  const foreign = { ...flow, id: "elsewhere" as FlowId, remote };
  const response = createResponse(request, 401, { headers: [CHALLENGE] });
  const outputs = rig.registration.received(response, foreign, rig.now);
  expect(outputs.map(({ type }) => type)).not.toContain("request");
  // It is no answer: the PBX is asked again.
  expect(rig.status.registration).toBe("failed");
  expect(requestIn(rig.answer(rig.attempt(), 401, [CHALLENGE])).headers.has("Authorization")).toBe(
    true,
  );
});

test("REG-02: 423 is answered at once with the registrar's minimum", () => {
  const rig = new Rig();
  const request = requestIn(rig.answer(rig.attempt(), 423, [["Min-Expires", "600"]]));
  expect(request.headers.get("Expires")).toBe("600");
});

test("REG-05, R4: failures are tried again after 5, 10, 20, 25 s, a fifth more or less, for ever", () => {
  const rig = new Rig();
  for (const seconds of [5, 10, 20, 25, 25, 25]) {
    rig.answer(rig.attempt(), 500);
    expect(rig.status.registration).toBe("failed");
    expect(rig.waitSeconds).toBeGreaterThanOrEqual(0.79 * seconds);
    expect(rig.waitSeconds).toBeLessThanOrEqual(1.21 * seconds);
  }
});

test("REG-05, R4: a PBX that is away is asked every ten seconds or so, as long as it may take", () => {
  const rig = new Rig();
  for (let round = 0; round < 1_000; round++) {
    rig.attempt();
    rig.registration.failed(round % 2 === 0 ? "timeout" : "transport", rig.now);
    expect(rig.status.registration).toBe("unreachable");
    expect(rig.waitSeconds).toBeLessThanOrEqual(12);
    expect(rig.waitSeconds).toBeGreaterThanOrEqual(4);
  }
});

test("REG-02: a minimum that makes no sense is a failure like others, not a circle", () => {
  for (const minimum of ["300", "10", "99999999", "soon", ""]) {
    const rig = new Rig();
    rig.answer(rig.attempt(), 423, [["Min-Expires", minimum]]);
    expect([minimum, rig.status.registration]).toEqual([minimum, "failed"]);
    expect(rig.waitSeconds).toBeGreaterThan(3);
  }
});

test("REG-05: nonces that are always stale, and a PBX that asks for ever, end in a refusal", () => {
  const stale: [string, string] = [CHALLENGE[0], `${CHALLENGE[1]}, stale=true`];
  const rig = new Rig();
  let request = rig.attempt();
  let rounds = 0;
  for (; rounds < 20 && String(rig.status.registration) !== "auth-failed"; rounds++) {
    const outputs = rig.answer(request, 401, [stale]);
    if (outputs.some(({ type }) => type === "request")) request = requestIn(outputs);
  }
  expect([rounds < 10, rig.status.reason]).toEqual([true, "the PBX keeps asking for the password"]);
});

test("REG-05, REG-04: 403 and 404 are told as they are, and asked again without end", () => {
  for (const status of [403, 404]) {
    const rig = new Rig();
    for (let round = 0; round < 5; round++) rig.answer(rig.attempt(), status);
    expect(rig.status).toMatchObject({ registration: "auth-failed", lastStatus: status });
    expect(rig.status.reason).toContain(String(status));
    expect(rig.status.nextAttempt).toBe(rig.now + 600_000);
  }
});

test("REG-02: a registration that was granted briefly is refreshed in time, whatever was granted", () => {
  for (const seconds of [1, 2, 5, 10, 30, 45, 59]) {
    const rig = new Rig();
    registered(rig, [["Expires", String(seconds)]]);
    expect(rig.waitSeconds).toBeLessThan(seconds);
    expect(rig.waitSeconds).toBeGreaterThan(0);
  }
});

test("REG-05: Retry-After is honoured; silence is unreachable", () => {
  const rig = new Rig();
  rig.answer(rig.attempt(), 503, [["Retry-After", "17"]]);
  expect(rig.waitSeconds).toBe(17);
  rig.attempt();
  rig.registration.failed("timeout", rig.now);
  expect(rig.status).toMatchObject({
    registration: "unreachable",
    reason: "the PBX did not answer within 32 seconds",
  });
});

test("REG-05: refused credentials are tried three times, then every ten minutes", () => {
  const rig = new Rig();
  for (let round = 0; round < 3; round++) {
    const request = requestIn(rig.answer(rig.attempt(), 401, [CHALLENGE]));
    rig.answer(request, 401, [CHALLENGE]);
    expect(rig.status).toMatchObject({
      registration: "auth-failed",
      reason: "wrong user name or password",
    });
  }
  expect(rig.waitSeconds).toBe(600);
});

test("CON-18: a fixed realm that is not the PBX's is told in words", () => {
  const rig = new Rig(1, { realm: "asterisk" });
  rig.answer(rig.attempt(), 401, [CHALLENGE]);
  expect(rig.status.reason).toBe("realm mismatch: wanted asterisk, got pbx");
});

test("stopping withdraws the binding with Expires: 0, through a challenge if need be", () => {
  const rig = new Rig();
  registered(rig, [["Expires", "300"]]);
  const first = requestIn(rig.registration.stop(flow, rig.now));
  expect(first.headers.get("Expires")).toBe("0");
  const second = requestIn(rig.answer(first, 401, [CHALLENGE]));
  expect(second.headers.get("Expires")).toBe("0");
  expect(rig.answer(second, 200)).toContainEqual({ type: "stopped" });
  expect(rig.registration.deadline()).toBeUndefined();
});
