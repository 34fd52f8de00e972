/**
 * The signalling alone, beside Kamailio in the same run: CPU for each OPTIONS, each REGISTER with
 * digest and each call, from the kernel's accounting of the process under load. The load comes
 * from this process, the same for both, so that it shares no thread with what it measures.
 *
 * Calls are not like for like, and the report says so: ours is a B2BUA that opens two media legs
 * and joins two dialogs with SDP of its own, Kamailio a proxy that passes messages on.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayRig } from "../../test/rigs/gateway.ts";
import { hasKamailioWebSocket, Kamailio } from "../../test/rigs/kamailio.ts";
import type { TargetOptions } from "../load/options.ts";
import { processSeconds } from "../load/proc.ts";
import type { Quantiles } from "../load/samples.ts";
import { openCallee } from "./callee.ts";
import { familySeconds, gatewaySeconds } from "./cpu.ts";
import { type Figure, figureOf } from "./figures.ts";
import { bear, costOf, type Load } from "./load.ts";
import { Phone, type PhoneAccount } from "./phone.ts";
import { PBX_PORT, PROXY_PORT } from "./ports.ts";
import { openUdp, openWebSocket, type Wire } from "./wire.ts";

export interface SignallingOptions {
  /** Seconds of load in each run. */
  readonly seconds: number;
  readonly runs: number;
  /** Seconds of load before the first run that don't count: programs are compiled while they run. */
  readonly warmup: number;
  /** Phones at once, 1 to 60: one address may have 64 connections. */
  readonly phones: number;
  /** Debian's Kamailio beside it. */
  readonly compare?: string;
}

export type What = "OPTIONS" | "REGISTER" | "call";
export type How = "UDP" | "WebSocket" | "WebSocket to UDP" | "UDP to UDP";

export interface Measured {
  readonly what: What;
  readonly who: "gateway" | "kamailio";
  readonly how: How;
  /** Microseconds of CPU each. */
  readonly cost: Figure;
  /** What the load itself cost beside it. */
  readonly load: Figure;
  /** From asking to the last answer, ms: of the run whose p99 is the middle one. */
  readonly tookMs: Quantiles;
}

interface Scenario {
  readonly what: What;
  readonly who: "gateway" | "kamailio";
  readonly how: How;
  readonly cpu: () => number;
  readonly load: Load;
}

const HOST = "127.0.0.1";
const PASSWORD = "load-password";
const NUMBER = "250";

/** How often each phone acts; a softphone's flow may send 50 messages a second. */
const PACE: Readonly<Record<What, Pick<Load, "everyMs" | "act">>> = {
  OPTIONS: { everyMs: 50, act: (phone) => phone.options() },
  REGISTER: { everyMs: 60, act: (phone) => phone.register() },
  call: { everyMs: 800, act: (phone) => phone.call(NUMBER) },
};

export async function benchSignalling(
  options: SignallingOptions & SignallingTarget,
  onProgress: (text: string, share: number) => void,
): Promise<Measured[]> {
  const { seconds, runs, warmup, phones } = options;
  const isOwn = options.target === undefined;
  const callee = await openCallee(isOwn ? PBX_PORT : options.pbx.port);
  const gateway = isOwn ? await openGateway(phones) : await openRemote(options);
  const kamailio = options.compare === "kamailio" ? await openKamailio(phones) : undefined;
  if (options.compare === "kamailio" && !kamailio) {
    throw new Error("kamailio is not installed: apt-get install kamailio");
  }
  let done = 0;
  try {
    const scenarios = [...gateway.scenarios, ...(kamailio?.scenarios ?? [])].sort(
      (a, b) => ORDER.indexOf(a.what) - ORDER.indexOf(b.what),
    );
    const costs = scenarios.map((scenario) => ({
      scenario,
      cost: [0].slice(1),
      load: [0].slice(1),
      took: [] as Quantiles[],
    }));
    const whole = scenarios.length * (1 + runs);
    const tell = (what: string, { what: kind, who, how }: Scenario) =>
      onProgress(`${what}: ${kind} over ${how}, ${who}`, done++ / whole);
    for (const scenario of scenarios) {
      tell("warm-up", scenario);
      await bear(scenario.load, warmup);
    }
    for (let run = 0; run < runs; run++) {
      // One after the other in each round: whatever else the machine does hits all of them.
      for (const { scenario, cost, load, took } of costs) {
        tell(`run ${run + 1} of ${runs}`, scenario);
        const measured = await costOf(scenario.cpu, scenario.load, seconds);
        cost.push(measured.bearer);
        load.push(measured.load);
        took.push(measured.tookMs);
      }
    }
    return costs.map(({ scenario: { what, who, how }, cost, load, took }) => {
      const [tookMs = NEVER] = took.sort((a, b) => a.p99 - b.p99).slice(took.length >> 1);
      return { what, who, how, cost: figureOf(cost), load: figureOf(load), tookMs };
    });
  } finally {
    callee.stop();
    await gateway.stop();
    await kamailio?.stop();
  }
}

const NEVER: Quantiles = { p50: 0, p99: 0, max: 0 };

/** Any gateway: its account, and the numbers that lead to the callee here. */
export type SignallingTarget = Pick<
  TargetOptions,
  "target" | "user" | "password" | "prefix" | "pbx" | "pid"
>;

/** Softphones of one account at a gateway that runs already; its CPU where the process is here. */
async function openRemote(options: SignallingOptions & SignallingTarget): Promise<Subject> {
  const { target = "", user, password, prefix, pid, phones: count } = options;
  const domain = new URL(target).hostname;
  const phones: Phone[] = [];
  for (let index = 0; index < count; index++) {
    const name = `rw${index}`;
    const wire = await openWebSocket(target, name);
    phones.push(new Phone(wire, { user, password, domain, name }));
  }
  for (const phone of phones) await phone.register();
  const number = `${prefix}00000`;
  const cpu = () => (pid === undefined ? 0 : processSeconds(pid));
  const scenario = (what: What, how: How, pace: Pick<Load, "everyMs" | "act">): Scenario => {
    return { what, who: "gateway", how, cpu, load: { phones, ...pace } };
  };
  return {
    pid: pid ?? 0,
    scenarios: [
      scenario("OPTIONS", "WebSocket", PACE.OPTIONS),
      scenario("REGISTER", "WebSocket", PACE.REGISTER),
      scenario("call", "WebSocket to UDP", { ...PACE.call, act: (phone) => phone.call(number) }),
    ],
    stop: async () => {
      for (const phone of phones) phone.close();
    },
  };
}

const ORDER: readonly What[] = ["OPTIONS", "REGISTER", "call"];

export interface Subject {
  readonly pid: number;
  readonly scenarios: Scenario[];
  stop(): Promise<void>;
}

/** The gateway with a user for each phone and the callee as its PBX. */
export async function openGateway(count: number, command?: string[]): Promise<Subject> {
  const rig = await GatewayRig.start({
    rtpPorts: "34000-37999",
    ...(command ? { command } : {}),
  });
  for (let index = 0; index < count; index++) {
    await rig.api("POST", "/users", { name: userOf(index), password: PASSWORD });
  }
  await rig.api("POST", "/connections", {
    name: "PBX",
    type: "outbound-trunk",
    host: HOST,
    port: PBX_PORT,
    patterns: [{ pattern: "^2\\d{2}$" }],
    allow: [HOST],
    codecs: ["PCMU"],
  });
  const sockets = await openPhones(count, "gw", userOf, (name) =>
    openWebSocket(rig.socketUrl, name),
  );
  const datagrams = await openPhones(count, "gu", userOf, () => openUdp(rig.sipPort));
  // Who registered may call.
  for (const phone of sockets) await phone.register();
  const cpu = () => gatewaySeconds(rig.pid).signalling;
  const scenario = (what: What, how: How, phones: Phone[]): Scenario => {
    return { what, who: "gateway", how, cpu, load: { phones, ...PACE[what] } };
  };
  return {
    pid: rig.pid,
    scenarios: [
      scenario("OPTIONS", "UDP", datagrams),
      scenario("OPTIONS", "WebSocket", sockets),
      scenario("REGISTER", "WebSocket", sockets),
      scenario("call", "WebSocket to UDP", sockets),
    ],
    stop: async () => {
      for (const phone of [...sockets, ...datagrams]) phone.close();
      await rig.stop();
    },
  };
}

/** Debian's Kamailio with the callee registered; over WebSocket as well where it has the modules. */
async function openKamailio(count: number): Promise<Subject | undefined> {
  if (Bun.which("kamailio") === null) return undefined;
  const directory = mkdtempSync(join(tmpdir(), "signalling-"));
  const webSocket = hasKamailioWebSocket();
  const account = { user: "phone[0-9]+", password: PASSWORD };
  const kamailio = await Kamailio.start({ directory, port: PROXY_PORT, account, webSocket });
  await registerCallee();
  const url = `ws://${HOST}:${PROXY_PORT}/`;
  // Nobody asks who calls: at the gateway, too, a flow that registered shows no password again.
  const callerOf = () => "caller";
  const open = (how: "ws" | "udp", kind: string, user: (index: number) => string) =>
    openPhones(count, `k${how}${kind}`, user, (name) =>
      how === "ws" ? openWebSocket(url, name) : openUdp(PROXY_PORT),
    );
  const datagrams = {
    registers: await open("udp", "r", userOf),
    calls: await open("udp", "c", callerOf),
  };
  const sockets = webSocket
    ? { registers: await open("ws", "r", userOf), calls: await open("ws", "c", callerOf) }
    : { registers: [], calls: [] };
  const cpu = () => familySeconds(kamailio.pid);
  const scenario = (what: What, how: How, phones: Phone[]): Scenario[] => {
    if (phones.length === 0) return [];
    return [{ what, who: "kamailio", how, cpu, load: { phones, ...PACE[what] } }];
  };
  return {
    pid: kamailio.pid,
    scenarios: [
      ...scenario("OPTIONS", "UDP", datagrams.registers),
      ...scenario("OPTIONS", "WebSocket", sockets.registers),
      ...scenario("REGISTER", "WebSocket", sockets.registers),
      ...scenario("REGISTER", "UDP", datagrams.registers),
      ...scenario("call", "WebSocket to UDP", sockets.calls),
      ...scenario("call", "UDP to UDP", datagrams.calls),
    ],
    stop: async () => {
      const all = [datagrams, sockets].flatMap(({ registers, calls }) => [...registers, ...calls]);
      for (const phone of all) phone.close();
      await kamailio.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function userOf(index: number): string {
  return `phone${index}`;
}

async function openPhones(
  count: number,
  prefix: string,
  user: (index: number) => string,
  open: (name: string) => Promise<Wire>,
): Promise<Phone[]> {
  const phones: Phone[] = [];
  for (let index = 0; index < count; index++) {
    const name = `${prefix}${index}`;
    const account: PhoneAccount = { user: user(index), password: PASSWORD, domain: HOST, name };
    phones.push(new Phone(await open(name), account));
  }
  return phones;
}

/** The number that is called, at the callee's address. */
async function registerCallee(): Promise<void> {
  const wire = await openUdp(PROXY_PORT);
  const answered = new Promise<string>((resolve) => {
    wire.onText = resolve;
  });
  wire.send(
    [
      `REGISTER sip:${HOST} SIP/2.0`,
      `Via: SIP/2.0/UDP ${wire.host};branch=z9hG4bKcallee`,
      `From: <sip:${NUMBER}@${HOST}>;tag=1`,
      `To: <sip:${NUMBER}@${HOST}>`,
      "Call-ID: callee",
      "CSeq: 1 REGISTER",
      `Contact: <sip:callee@${HOST}:${PBX_PORT}>`,
      "Max-Forwards: 70",
      "Expires: 3600",
      "Content-Length: 0",
      "",
      "",
    ].join("\r\n"),
  );
  const answer = await answered;
  wire.close();
  if (!answer.startsWith("SIP/2.0 200 ")) throw new Error(`Kamailio refuses:\n${answer}`);
}
