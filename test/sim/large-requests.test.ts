/**
 * RFC 3261 §18.1.1 in virtual time: INVITEs too large for a datagram, to PBXs that take TCP, refuse
 * it, drop it behind a firewall, or take it and hang up. Whatever they do the call comes to the
 * end it would have come to, each message says what it went over, and nothing is left.
 */
import { expect, test } from "bun:test";
import { digestHa1 } from "../../gateway/sip/digest.ts";
import type { Ha1 } from "../../gateway/sip/digest-server.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import type { Config, ConnectionId, UserId } from "../../schema/config.ts";
import { type Manner, SimulatedAgent } from "./simulated-agent.ts";
import { GATEWAY, PBX, SimulatedWorld, type TcpManner } from "./simulated-world.ts";

const SEEDS = Number(process.env["JACKFIELD_SEEDS"] ?? 120);
const NETWORK = { loss: 0.1, duplication: 0.1, delayMaxMs: 80 };
/** Where nothing is lost a message can be counted. */
const CALM = { loss: 0, duplication: 0, delayMaxMs: 10 };
const SETTLED_MS = 420_000;
const DATAGRAM_BYTES_MAX = 1_300;

const PBX_SDP = `v=0\r\no=- 1 1 IN IP4 ${PBX}\r\ns=-\r\nc=IN IP4 ${PBX}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n`;
const BROWSER_SDP = `v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 ${Array.from({ length: 32 }, () => "AA").join(":")}\r\na=setup:actpass\r\na=mid:0\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n`;

/** Three headers carry the name: no INVITE of hers is small. */
const DISPLAY_NAME = "Alice ".repeat(40).trim();

const CONFIG: Config = {
  revision: 1,
  realm: "jackfield",
  users: [
    {
      id: 1 as UserId,
      name: "alice",
      displayName: DISPLAY_NAME,
      enabled: true,
      ha1: {
        md5: digestHa1("MD5", "alice", "jackfield", "alice-secret"),
        sha256: digestHa1("SHA-256", "alice", "jackfield", "alice-secret"),
      },
    },
  ],
  connections: [
    {
      id: 1 as ConnectionId,
      name: "PBX",
      type: "outbound-trunk",
      enabled: true,
      host: PBX,
      port: 5_060,
      transport: "udp",
      realm: "*",
      registrationExpires: 300,
      weight: 100,
      patterns: [{ pattern: "^2", strip: 0, prepend: "" }],
      allow: [`${PBX}/32`],
      codecs: ["G722", "PCMA"],
      inboundUser: 1 as UserId,
      allowInbound: true,
      allowOutbound: true,
      sendIdentity: "both",
      username: "gateway",
      password: "pbx-secret",
    },
  ],
};

interface Cast {
  world: SimulatedWorld;
  softphone: SimulatedAgent;
  pbx: SimulatedAgent;
}

function stage(
  seed: number,
  tcp: TcpManner,
  manner: Manner,
  network = NETWORK,
  registrar?: { username: string; ha1: Ha1 },
): Cast {
  const world = new SimulatedWorld(seed, network);
  world.tcp = tcp;
  const flowOf = (transport: "ws" | "udp", sentBy: string): Flow => ({
    id: "gateway" as FlowId,
    transport,
    sentBy,
    remote: { address: GATEWAY, port: 5_060 },
    local: { address: PBX, port: 5_060 },
  });
  const { random, at } = world;
  const softphone = new SimulatedAgent({
    name: "alice",
    password: "alice-secret",
    flow: flowOf("ws", "abc.invalid"),
    sdp: BROWSER_SDP,
    manner: { type: "refuse", status: 486 },
    send: world.fromSoftphone,
    random,
    at,
  });
  const pbx = new SimulatedAgent({
    name: "pbx",
    flow: flowOf("udp", `${PBX}:5060`),
    sdp: PBX_SDP,
    manner,
    ...(registrar ? { registrar } : {}),
    send: world.fromPbx,
    random,
    at,
  });
  world.softphone = softphone;
  world.pbx = pbx;
  world.configure(CONFIG);
  world.openSocket();
  softphone.register(world.now);
  world.run(10_000);
  return { world, softphone, pbx };
}

/** Nothing is left: no transaction, no leg, no connection, no timer but the registration's. */
function audit({ world, pbx }: Cast): void {
  world.configure({ ...CONFIG, connections: [] });
  world.run(world.now + 120_000);
  const { alive, calls } = world.b2bua.status(world.now);
  expect(calls).toEqual([]);
  const left = Object.entries(alive).filter(([name, count]) => count > 0 && name !== "bindings");
  expect(left).toEqual([]);
  expect([...world.legs]).toEqual([]);
  expect(pbx.activeCalls).toBe(0);
  expect(pbx.isIdle).toBe(true);
  expect(world.b2bua.deadline() === undefined).toBe(alive["bindings"] === 0);
}

const branchOf = (text: string) => /;branch=([^;\s]+)/.exec(text)?.[1] ?? "";
const methodOf = (text: string) => text.split(" ")[0] ?? "";
const TCP: readonly TcpManner[] = ["takes", "refuses", "drops", "breaks"];

const ENDINGS = [
  { name: "answered", manner: { type: "answer", afterMs: 500 }, outcome: "INVITE 200" },
  { name: "busy", manner: { type: "refuse", status: 486 }, outcome: "INVITE 486" },
  { name: "cancelled", manner: { type: "ring" }, outcome: "INVITE 487" },
] as const;

function checkWire({ world }: Cast): void {
  const used = new Map<string, Set<string>>();
  for (const { transport, text } of world.sent) {
    // What it says it went over is what it went over.
    expect(text).toContain(`\r\nVia: SIP/2.0/${transport.toUpperCase()} `);
    if (text.length > DATAGRAM_BYTES_MAX && world.tcp === "takes") expect(transport).toBe("tcp");
    const branch = branchOf(text);
    used.set(branch, (used.get(branch) ?? new Set()).add(transport));
  }
  // §9.1 and §17.1.1.3: CANCEL and the ACK of a refusal went where their INVITE went.
  for (const { transport, text } of world.sent) {
    if (methodOf(text) !== "CANCEL") continue;
    expect([...(used.get(branchOf(text)) ?? [])].at(-1)).toBe(transport);
  }
}

test("§18.1.1: large INVITEs over a bad line, whatever the PBX does with TCP", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const tcp = TCP[seed % TCP.length] ?? "takes";
    const ending = ENDINGS[Math.floor(seed / TCP.length) % ENDINGS.length] ?? ENDINGS[0];
    const cast = stage(seed, tcp, ending.manner);
    const { world, softphone } = cast;
    softphone.call("sip:250@gateway", world.now);
    if (ending.name === "cancelled") world.at(6_000, (now) => softphone.cancel(now));
    world.run(world.now + 40_000);
    softphone.hangUp(world.now);
    world.run(world.now + SETTLED_MS);
    try {
      expect(softphone.outcomes.filter((it) => it.startsWith("INVITE")).at(-1)).toBe(
        ending.outcome,
      );
      expect(world.connects).toBe(1);
      checkWire(cast);
      audit(cast);
    } catch (error) {
      console.log(`JACKFIELD_SEED=${seed} ${tcp}, ${ending.name}\n${world.ladder.join("\n")}`);
      throw error;
    }
  }
}, 120_000);

/** Methods and transports of what the PBX was sent, in order. */
const wire = ({ world }: Cast) =>
  world.sent.map(({ transport, text }) => `${methodOf(text)} ${transport}`);

test("§18.1.1: a dialog the PBX keeps on TCP stays there; the next call uses the connection", () => {
  const cast = stage(1, "takes", { type: "answer", afterMs: 500 }, CALM);
  const { world, softphone } = cast;
  for (let call = 0; call < 2; call++) {
    softphone.call("sip:250@gateway", world.now);
    world.run(world.now + 5_000);
    softphone.hangUp(world.now);
    world.run(world.now + 60_000);
  }
  expect(wire(cast)).toEqual([...Array(2)].flatMap(() => ["INVITE tcp", "ACK tcp", "BYE tcp"]));
  expect(world.connects).toBe(1);
});

test("§18.1.1: a refusal is remembered for ten minutes, and then tried anew", () => {
  const cast = stage(1, "refuses", { type: "refuse", status: 486 }, CALM);
  const { world, softphone } = cast;
  const call = (afterMs: number) => {
    world.run(world.now + afterMs);
    softphone.call("sip:250@gateway", world.now);
    world.run(world.now + 40_000);
  };
  call(0);
  call(300_000);
  expect(world.connects).toBe(1);
  expect(wire(cast)).toEqual(["INVITE udp", "ACK udp", "INVITE udp", "ACK udp"]);
  world.tcp = "takes";
  call(300_000);
  expect(world.connects).toBe(2);
  expect(wire(cast).slice(4)).toEqual(["INVITE tcp", "ACK tcp"]);
});

test("§18.1.1: UDP after all is the same request, for a PBX that had it already", () => {
  const cast = stage(1, "breaks", { type: "refuse", status: 486 }, CALM);
  const { world, softphone } = cast;
  softphone.call("sip:250@gateway", world.now);
  world.run(world.now + 40_000);
  expect(wire(cast)).toEqual(["INVITE tcp", "INVITE udp", "ACK udp"]);
  expect(new Set(world.sent.map(({ text }) => branchOf(text))).size).toBe(1);
});

test("§18.1.1: a firewall that drops our SYN costs one call two seconds", () => {
  const cast = stage(1, "drops", { type: "refuse", status: 486 }, CALM);
  const { world, softphone } = cast;
  const waits: number[] = [];
  for (let call = 0; call < 2; call++) {
    const calledAt = world.now;
    const before = world.sent.length;
    softphone.call("sip:250@gateway", calledAt);
    world.run(world.now + 40_000);
    waits.push((world.sent[before]?.at ?? Infinity) - calledAt);
  }
  expect(waits[0]).toBeWithin(2_000, 2_200);
  expect(waits[1]).toBeLessThan(200);
});

test("a PBX that takes the connection and says nothing over it is found out by the first call", () => {
  const cast = stage(1, "ignores", { type: "refuse", status: 486 }, CALM);
  const { world, softphone } = cast;
  for (let call = 0; call < 2; call++) {
    softphone.call("sip:250@gateway", world.now);
    world.run(world.now + 60_000);
  }
  expect(softphone.outcomes.filter((it) => it.startsWith("INVITE 4"))).toEqual([
    "INVITE 408",
    "INVITE 486",
  ]);
  expect(wire(cast)).toEqual(["INVITE tcp", "INVITE udp", "ACK udp"]);
});

test("S6: a challenge over the connection is one of the flow it stands in for", () => {
  const cast = stage(1, "takes", { type: "answer", afterMs: 500 }, CALM, {
    username: "gateway",
    ha1: {
      md5: digestHa1("MD5", "gateway", "simulated", "pbx-secret"),
      sha256: digestHa1("SHA-256", "gateway", "simulated", "pbx-secret"),
    },
  });
  const { world, softphone } = cast;
  softphone.call("sip:250@gateway", world.now);
  world.run(world.now + 5_000);
  softphone.hangUp(world.now);
  world.run(world.now + 5_000);
  expect(softphone.outcomes).toContain("INVITE 200");
  const invites = ["INVITE tcp", "ACK tcp", "INVITE tcp", "ACK tcp"];
  expect(wire(cast)).toEqual([...invites, "BYE tcp"]);
});
