/**
 * Hundreds of registrations in virtual time: a restart that is no storm (R3), PBXs that go and come
 * back (R4), and one that is ill beside others that are not (freeswitch's old fault).
 */
import { expect, test } from "bun:test";
import { B2bua } from "../../gateway/b2bua/b2bua.ts";
import type { B2buaInput } from "../../gateway/b2bua/border.ts";
import { utf8 } from "../../gateway/bytes.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import type { SipRequest } from "../../gateway/sip/message.ts";
import { parseMessage } from "../../gateway/sip/parse.ts";
import type { Connection, ConnectionId } from "../../schema/config.ts";
import { answerTo } from "./desk.ts";
import { seededRandom } from "./random.ts";

const HOSTS = 20;

interface Sent {
  readonly at: number;
  readonly host: string;
}

/** How a host answers a REGISTER; undefined is silence. */
type Manner = (request: SipRequest) => { status: number; more?: string } | undefined;

const GRANT_SECONDS = 300;
const grants: Manner = () => ({ status: 200, more: `Expires: ${GRANT_SECONDS}\r\n` });

class Network {
  readonly b2bua = new B2bua({ random: seededRandom(5), wallClock: (at) => at });
  readonly registers: Sent[] = [];
  readonly manners = new Map<string, Manner>();
  readonly #flows = new Map<FlowId, Flow>();
  readonly #events: { at: number; act: () => void }[] = [];
  now = 0;

  constructor(connections: number) {
    this.feed({
      type: "configured",
      config: {
        revision: 1,
        realm: "jackfield",
        users: [],
        connections: Array.from({ length: connections }, (_, index) => connectionOf(index)),
      },
    });
  }

  feed(input: B2buaInput): void {
    for (const output of this.b2bua.handle(input, this.now)) {
      if (output.type === "open") this.#open(output.flow, output.target.host);
      if (output.type === "send") this.#send(output.flow, output.bytes);
      if (output.type === "close") this.#flows.delete(output.flow);
    }
  }

  pass(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const event = this.#events[0]?.at ?? Infinity;
      const next = Math.min(event, this.b2bua.deadline() ?? Infinity);
      if (next > until) break;
      this.now = Math.max(this.now, next);
      if (event <= next) this.#events.shift()?.act();
      else this.feed({ type: "timeout" });
    }
    this.now = until;
  }

  /** Hosts of registrations that are up. */
  get registered(): string[] {
    return this.b2bua
      .status(this.now)
      .connections.flatMap(({ registration, id }) =>
        registration === "registered" || registration === "refreshing" ? [hostOf(id - 1)] : [],
      );
  }

  #later(ms: number, act: () => void): void {
    const event = { at: this.now + ms, act };
    const index = this.#events.findIndex(({ at }) => at > event.at);
    this.#events.splice(index < 0 ? this.#events.length : index, 0, event);
  }

  #open(id: FlowId, host: string): void {
    const local = { address: "10.0.0.1", port: 5_060 };
    const remote = { address: host, port: 5_060 };
    const flow: Flow = { id, transport: "udp", sentBy: "10.0.0.1:5060", remote, local };
    this.#flows.set(id, flow);
    this.#later(1, () => this.feed({ type: "opened", flow }));
  }

  #send(id: FlowId, bytes: Uint8Array): void {
    const flow = this.#flows.get(id);
    const parsed = parseMessage(bytes);
    if (!flow || !parsed.ok || parsed.message.kind !== "request") return;
    const request = parsed.message;
    const host = flow.remote.address;
    if (request.method !== "REGISTER") return;
    this.registers.push({ at: this.now, host });
    const answer = (this.manners.get(host) ?? grants)(request);
    if (!answer) return;
    const text = answerTo(request, answer.status, answer.more);
    this.#later(20, () => this.feed({ type: "received", flow, bytes: utf8(text) }));
  }
}

const hostOf = (index: number) => `10.1.0.${(index % HOSTS) + 1}`;

function connectionOf(index: number): Connection {
  return {
    id: (index + 1) as ConnectionId,
    name: `PBX ${index}`,
    type: "outbound-registration",
    enabled: true,
    host: hostOf(index),
    port: 5_060,
    transport: "udp",
    username: `u${index}`,
    password: "secret",
    realm: "*",
    registrationExpires: 300,
    weight: 100,
    patterns: [],
    allow: [],
    codecs: ["PCMA"],
    allowInbound: true,
    allowOutbound: true,
  };
}

/** The most in any window of that length, by key. */
function busiest(sent: readonly Sent[], windowMs: number, keyOf: (it: Sent) => string): number {
  const counts = new Map<string, number>();
  for (const it of sent) {
    const key = `${keyOf(it)} ${Math.floor(it.at / windowMs)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Math.max(...counts.values());
}

test("R3, REG-03: after a restart registrations are spread, and so are their refreshes for an hour", () => {
  const count = 1_000;
  const network = new Network(count);
  network.pass(60_000);
  expect(network.registered).toHaveLength(count);
  expect(busiest(network.registers, 1_000, ({ host }) => host)).toBeLessThanOrEqual(20);
  expect(busiest(network.registers, 1_000, () => "all")).toBeLessThanOrEqual(200);
  network.registers.length = 0;
  network.pass(3_600_000);
  const mean = network.registers.length / (3_600_000 / 5_000);
  const peak = busiest(network.registers, 5_000, () => "all");
  expect(peak / mean).toBeLessThanOrEqual(2);
  console.log(`R3: mean ${mean.toFixed(1)}, peak ${peak} REGISTERs in 5 s`);
  expect(busiest(network.registers, 1_000, ({ host }) => host)).toBeLessThanOrEqual(20);
  expect(busiest(network.registers, 1_000, () => "all")).toBeLessThanOrEqual(200);
});

test.each([
  ["says nothing", (): undefined => undefined, 15_000],
  ["answers 503", () => ({ status: 503 }), 35_000],
  ["answers 503 with Retry-After", () => ({ status: 503, more: "Retry-After: 20\r\n" }), 35_000],
  ["answers 408", () => ({ status: 408 }), 35_000],
] as const)("R4: a PBX that %s for a while is registered with soon after its return", (_, manner, withinMs) => {
  for (const outageMs of [10_000, 300_000, 7_200_000]) {
    const network = new Network(200);
    network.pass(30_000);
    const ill = hostOf(3);
    const own = (): number => network.registered.filter((host) => host === ill).length;
    const others = (): number => network.registered.filter((host) => host !== ill).length;
    expect([own(), others()]).toEqual([10, 190]);
    network.manners.set(ill, manner);
    network.pass(outageMs);
    // The others never notice (REG-01: isolated). Whose grant is over has nothing left there.
    expect(others()).toBe(190);
    if (outageMs > GRANT_SECONDS * 1_000) expect(own()).toBe(0);
    network.manners.delete(ill);
    network.pass(withinMs);
    expect([outageMs, own()]).toEqual([outageMs, 10]);
  }
});

test("REG-04: of a registrar that misbehaves the last word and the next attempt are always known", () => {
  const manners: [Manner, string, number | undefined][] = [
    [() => undefined, "unreachable", undefined],
    [() => ({ status: 423, more: "Min-Expires: 10\r\n" }), "failed", 423],
    [() => ({ status: 403 }), "auth-failed", 403],
    [() => ({ status: 500 }), "failed", 500],
    [
      () => ({
        status: 401,
        more: 'WWW-Authenticate: Digest realm="other", nonce="n", stale=true\r\n',
      }),
      "auth-failed",
      401,
    ],
    [() => ({ status: 302, more: "Contact: <sip:elsewhere>\r\n" }), "failed", 302],
  ];
  const network = new Network(HOSTS);
  manners.forEach(([manner], index) => {
    network.manners.set(hostOf(index), manner);
  });
  // One grants so little that it is refreshed all the time, one asks for another realm each time.
  network.manners.set(hostOf(18), () => ({ status: 200, more: "Expires: 2\r\n" }));
  network.pass(120_000);
  const { connections } = network.b2bua.status(network.now);
  manners.forEach(([, state, last], index) => {
    const { registration, lastStatus, nextAttempt, reason } = connections[index] ?? raise();
    const settled = registration === "registering" ? state : registration;
    expect([index, settled, lastStatus]).toEqual([index, state, last] as (typeof settled)[]);
    expect(reason.length).toBeGreaterThan(5);
    if (registration !== "registering") expect(nextAttempt).toBeGreaterThan(network.now);
  });
  expect(connections[18]?.registration).toMatch(/^re/);
  expect(network.registered.length).toBe(HOSTS - manners.length);
});

function raise(): never {
  throw new Error("there is no such connection");
}
