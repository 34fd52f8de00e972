/**
 * P3 over real sockets: a hundredth of the mutated messages to a running gateway, by datagram, stream
 * and WebSocket, and what zzuf makes of the torture messages. It goes on as if nothing were: honest
 * questions are answered in between, no reply is answered, and memory stays where it was.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createSocket, type Socket as Datagrams } from "node:dgram";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { residentBytes } from "../../bench/load/proc.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { scaled } from "../rigs/scale.ts";
import { mutate } from "../sim/mutate.ts";
import { type SeededRandom, seededRandom } from "../sim/random.ts";

const HOST = "127.0.0.1";
/** A hundredth of the ten millions. */
const FULL = 100_000;
const SHARE = 0.5;
const HONEST_EVERY = 250;
/** As many as sockets hold whoever is slow, and as often as a source is listened to
 * (2,000 messages a second): none is lost. */
const [AT_ONCE, AT_ONCE_MS] = [25, 20];
const GROWTH_MIB_MAX = 64;
const PATIENCE_MS = 10_000;
const REPEAT_MS = 500;
const METHODS = ["INVITE", "OPTIONS", "REGISTER", "MESSAGE", "BYE", "SUBSCRIBE", "INFO", "PUBLISH"];
const vectors = join(import.meta.dir, "../vectors/rfc4475");
const seeds = readdirSync(vectors)
  .filter((it) => it.endsWith(".dat"))
  .map((it) => new Uint8Array(readFileSync(join(vectors, it))));
const hasZzuf = Bun.which("zzuf") !== null;

let gateway: GatewayRig;
let wires: Wire[];

/** One way in, which opens itself again when the gateway has closed it. */
interface Wire {
  readonly name: string;
  send(bytes: Uint8Array): Promise<void>;
  close(): void;
}

beforeAll(async () => {
  gateway = await GatewayRig.start({ rtpPorts: "33800-33999" });
  await gateway.api("POST", "/connections", {
    name: "PBX",
    type: "outbound-trunk",
    host: HOST,
    allow: [HOST],
    patterns: [{ pattern: "." }],
  });
  wires = [await datagrams(), stream(), webSocket()];
});

afterAll(async () => {
  for (const wire of wires ?? []) wire.close();
  await gateway?.stop();
});

async function datagrams(): Promise<Wire> {
  const socket = await boundSocket(() => {});
  return {
    name: "UDP",
    send: async (bytes) => void socket.send(bytes, gateway.sipPort, HOST),
    close: () => socket.close(),
  };
}

function boundSocket(receive: (text: string) => void): Promise<Datagrams> {
  const { promise, resolve } = Promise.withResolvers<Datagrams>();
  const socket = createSocket("udp4", (data) => receive(data.toString("latin1")));
  socket.bind(0, HOST, () => resolve(socket));
  return promise;
}

function stream(): Wire {
  let socket: Socket | undefined;
  const opened = async () => {
    if (socket?.writable) return socket;
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const fresh = connect(gateway.sipPort, HOST, () => resolve(fresh));
    fresh.on("error", reject).on("data", () => {});
    socket = fresh;
    return promise;
  };
  return {
    name: "TCP",
    send: async (bytes) => void (await opened()).write(bytes),
    close: () => socket?.destroy(),
  };
}

function webSocket(): Wire {
  let socket: WebSocket | undefined;
  const opened = async () => {
    if (socket?.readyState === WebSocket.OPEN) return socket;
    const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
    const fresh = new WebSocket(gateway.socketUrl, "sip");
    fresh.onopen = () => resolve(fresh);
    fresh.onerror = () => reject(new Error("the gateway takes no WebSocket"));
    socket = fresh;
    return promise;
  };
  return {
    name: "WebSocket",
    send: async (bytes) => (await opened()).send(bytes),
    close: () => socket?.close(),
  };
}

/** OPTIONS as the PBX would ask it, over a socket of its own; how long the answer took, ms. */
async function honest(index: number): Promise<number> {
  const answered = Promise.withResolvers<string>();
  const socket = await boundSocket(answered.resolve);
  const asked = performance.now();
  const { port } = socket.address();
  const question = [
    `OPTIONS sip:${HOST} SIP/2.0`,
    `Via: SIP/2.0/UDP ${HOST}:${port};branch=z9hG4bKhonest${index};rport`,
    `From: <sip:pbx@${HOST}>;tag=h${index}`,
    `To: <sip:${HOST}>`,
    `Call-ID: honest-${index}`,
    `CSeq: ${index} OPTIONS`,
    "Max-Forwards: 70",
    "Content-Length: 0\r\n\r\n",
  ].join("\r\n");
  const ask = () => socket.send(question, gateway.sipPort, HOST);
  ask();
  // RFC 3261 §17.1.2.2: a datagram may be lost where many come at once, and is repeated.
  const again = setInterval(ask, REPEAT_MS);
  const text = await Promise.race([answered.promise, Bun.sleep(PATIENCE_MS)]);
  clearInterval(again);
  socket.close();
  if (text === undefined) throw new Error(`question ${index} was never answered`);
  expect(text.slice(0, 11)).toBe("SIP/2.0 200");
  return performance.now() - asked;
}

/** Sends them all, each by the next wire, with honest questions in between. */
async function pour(messages: Iterable<Uint8Array>): Promise<{ sent: number; worstMs: number }> {
  let [sent, worstMs] = [0, 0];
  for (const bytes of messages) {
    // A datagram is at most that.
    const wire = wires[bytes.length > 60_000 ? 1 : sent % wires.length];
    await wire?.send(bytes);
    sent += 1;
    if (sent % HONEST_EVERY === 0) worstMs = Math.max(worstMs, await honest(sent));
  }
  return { sent, worstMs };
}

function* mutated(count: number, random: SeededRandom): Generator<Uint8Array> {
  for (let index = 0; index < count; index++)
    yield mutate(random.pick(seeds), random.pick(seeds), random);
}

test("P3: mutated messages through the gateway's own sockets: it answers on, and memory stays", async () => {
  const random = seededRandom(Number(process.env["JACKFIELD_SEED"] ?? 4_475));
  const count = scaled("P3 messages by socket", FULL, SHARE);
  await pour(mutated(count / 5, random));
  const before = residentBytes(gateway.pid);
  const { sent, worstMs } = await pour(mutated((4 * count) / 5, random));
  const grown = (residentBytes(gateway.pid) - before) / 1_048_576;
  console.log(
    `P3: ${sent} messages; the slowest honest answer ${worstMs.toFixed(0)} ms; ${grown.toFixed(1)} MiB more`,
  );
  expect(worstMs).toBeGreaterThan(0);
  expect(grown).toBeLessThan(GROWTH_MIB_MAX);
}, 600_000);

test("P3: no reply is answered, however it is written", async () => {
  const random = seededRandom(42);
  const heard: string[] = [];
  const socket = await boundSocket((text) => heard.push(text));
  const reply = (status: number) =>
    `SIP/2.0 ${status} X\r\nVia: SIP/2.0/UDP ${HOST}:${socket.address().port};branch=z9hG4bK${status}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: ${status}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n`;
  const head = "SIP/2.0 ".length;
  for (let index = 0; index < 2_000; index++) {
    const whole = new TextEncoder().encode(reply(100 + (index % 600)));
    // What it is stays to be seen: its first word alone is left as it is.
    const rest = mutate(whole.subarray(head), whole.subarray(head), random);
    socket.send(Buffer.concat([whole.subarray(0, head), rest]), gateway.sipPort, HOST);
    if (index % HONEST_EVERY === 0) await honest(1_000_000 + index);
  }
  await honest(2_000_000);
  expect(heard).toEqual([]);
  socket.close();
}, 60_000);

test("P3: a request has one final answer at most, however it is written", async () => {
  const random = seededRandom(43);
  /** What was answered to each transaction: its branch, its call, its method. */
  const finals = new Map<string, string[]>();
  const socket = await boundSocket((text) => {
    const [status = ""] = text.split("\r\n");
    if (status.startsWith("SIP/2.0 1")) return;
    const named = (name: string) => new RegExp(`^${name}: *(.+)$`, "im").exec(text)?.[1];
    const transaction = [/branch=([^;\s]+)/i.exec(text)?.[1], named("Call-ID"), named("CSeq")];
    // Whose name was mutated away can't be told from others.
    if (transaction.includes(undefined)) return;
    const key = transaction.join(" ");
    finals.set(key, [...(finals.get(key) ?? []), `${status} ${named("To")}`]);
  });
  const { port } = socket.address();
  const tries = scaled("P3 requests and their answers", 20_000, 0.2);
  /** What must be answered. */
  const asked: string[] = [];
  const request = (index: number) => {
    const [method, id] = [random.pick(METHODS), String(index).padStart(8, "0")];
    if (index % 2 === 0) asked.push(`z9hG4bK${id} one-${id} 7 ${method}`);
    return `${method} sip:${id}@${HOST} SIP/2.0\r\nVia: SIP/2.0/UDP ${HOST}:${port};branch=z9hG4bK${id};rport\r\nFrom: <sip:a@${HOST}>;tag=${id}\r\nTo: <sip:b@${HOST}>\r\nCall-ID: one-${id}\r\nCSeq: 7 ${method}\r\nContact: <sip:a@${HOST}:${port}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n`;
  };
  for (let index = 0; index < tries; index++) {
    const whole = new TextEncoder().encode(request(index));
    const sent = index % 2 === 0 ? whole : mutate(whole, whole, random);
    socket.send(sent, gateway.sipPort, HOST);
    // As a network does: some come twice.
    if (index % 7 === 0) socket.send(sent, gateway.sipPort, HOST);
    if (index % AT_ONCE > 0) continue;
    await Bun.sleep(AT_ONCE_MS);
    await honest(3_000_000 + index);
  }
  await honest(4_000_000);
  socket.close();
  const different = [...finals].filter(([, answers]) => new Set(answers).size > 1);
  expect(different).toEqual([]);
  // Who asks as the grammar has it is answered, each one; of the others some are.
  expect(asked.filter((key) => !finals.has(key))).toEqual([]);
  console.log(`P3: ${finals.size - asked.length} of ${tries - asked.length} mutated ones answered`);
  expect(finals.size).toBeGreaterThan(asked.length);
}, 300_000);

test.skipIf(!hasZzuf)(
  "P3: zzuf's mutations of the torture messages",
  async () => {
    const rounds = scaled("P3 zzuf seeds", 200, 0.03);
    const fuzzed = function* () {
      for (let seed = 1; seed <= rounds; seed++) {
        for (const bytes of seeds) {
          const ratio = (0.001 * (1 + (seed % 10))).toFixed(3);
          const { stdout } = Bun.spawnSync(["zzuf", "-s", String(seed), "-r", ratio], {
            stdin: bytes,
          });
          if (stdout.length > 0) yield new Uint8Array(stdout);
        }
      }
    };
    const { sent, worstMs } = await pour(fuzzed());
    expect(sent).toBeGreaterThan(rounds * 40);
    console.log(`P3: ${sent} of zzuf's; the slowest honest answer ${worstMs.toFixed(0)} ms`);
  },
  600_000,
);

test("P3: it is the same gateway, and nothing of it is left", async () => {
  const { alive } = await gateway.untilIdle();
  expect(alive).toMatchObject({ calls: 0, legs: 0, dialogs: 0 });
}, 120_000);
