/**
 * P11, stream framing: the gateway's own TCP port says of each case what its UDP port says, goes on
 * where it can and closes where nobody could tell where the next message begins; and no way to cut
 * a stream makes other messages of it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { concat, fromUtf8, utf8 } from "../../gateway/bytes.ts";
import { SIP_HEAD_BYTES_MAX, SIP_MESSAGE_BYTES_MAX } from "../../gateway/limits.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import { parseMessage } from "../../gateway/sip/parse.ts";
import { Stack } from "../../gateway/sip/stack.ts";
import type { StackOutput } from "../../gateway/sip/stack-output.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { scaled } from "../rigs/scale.ts";
import { mutate } from "../sim/mutate.ts";
import { type SeededRandom, seededRandom } from "../sim/random.ts";

const HOST = "127.0.0.1";
let gateway: GatewayRig;
let count = 0;

beforeAll(async () => {
  gateway = await GatewayRig.start({ rtpPorts: "34000-34099" });
  // Whom the connection lists is answered, and is not banned for what it sends.
  await gateway.api("POST", "/connections", {
    ...{ name: "PBX", type: "outbound-trunk", host: HOST, port: 9, allow: [HOST] },
    codecs: ["PCMA"],
  });
});

afterAll(() => gateway.stop());

interface Shape {
  /** Header lines in the place of `Content-Length: N`. */
  length?: string;
  more?: string;
  body?: string;
  callId?: string;
}

function options(transport: "TCP" | "UDP", { length, more = "", body = "", callId }: Shape = {}) {
  count += 1;
  return utf8(
    [
      `OPTIONS sip:gateway@${HOST} SIP/2.0`,
      `Via: SIP/2.0/${transport} ${HOST}:9;branch=z9hG4bK-p11-${count};rport`,
      "Max-Forwards: 70",
      `From: <sip:pbx@${HOST}>;tag=p11`,
      `To: <sip:gateway@${HOST}>`,
      `Call-ID: ${callId ?? `p11-${count}`}`,
      `CSeq: ${count} OPTIONS`,
      `${more}${length ?? `Content-Length: ${utf8(body).length}`}`,
      "",
      body,
    ].join("\r\n"),
  );
}

/** A connection to the gateway's port, which collects what it says. */
class Peer {
  readonly #socket;
  heard = "";
  isClosed = false;

  constructor() {
    this.#socket = connect(gateway.sipPort, HOST);
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (data) => {
      this.heard += String(data);
    });
    this.#socket.on("close", () => {
      this.isClosed = true;
    });
    this.#socket.on("error", () => {});
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  get statuses(): number[] {
    return [...this.heard.matchAll(/^SIP\/2\.0 (\d+)/gm)].map(([, status]) => Number(status));
  }

  /** True once it goes on: another request is answered; false once it is closed. */
  async goesOn(): Promise<boolean> {
    const callId = `probe-${count}`;
    this.write(options("TCP", { callId }));
    await until(() => this.isClosed || this.heard.includes(`Call-ID: ${callId}\r\n`));
    return !this.isClosed;
  }

  end(): void {
    this.#socket.destroy();
  }
}

async function until(done: () => boolean): Promise<void> {
  for (let tries = 0; !done(); tries++) {
    if (tries > 2_000) throw new Error("it never happened");
    await Bun.sleep(5);
  }
}

/** What the same request gets by UDP; 0 where nothing came before the answer to the next one. */
async function statusOverUdp(shape: Shape): Promise<number> {
  const socket = createSocket("udp4");
  const heard: string[] = [];
  socket.on("message", (data) => heard.push(String(data)));
  socket.send(options("UDP", shape), gateway.sipPort, HOST);
  const callId = `probe-${count}`;
  socket.send(options("UDP", { callId }), gateway.sipPort, HOST);
  await until(() => heard.some((it) => it.includes(`Call-ID: ${callId}\r\n`)));
  socket.close();
  const [first = ""] = heard;
  return first.includes(`Call-ID: ${callId}\r\n`) ? 0 : Number(/^SIP\/2\.0 (\d+)/.exec(first)?.[1]);
}

test("P11 two messages in one segment, one octet a segment, and line breaks in between", async () => {
  const peer = new Peer();
  peer.write(concat(options("TCP"), options("TCP", { body: "body\r\n\r\n" }), utf8("\r\n\r\n")));
  await until(() => peer.heard.endsWith("\r\n\r\n\r\n"));
  expect(peer.statuses).toEqual([200, 200]);
  for (const octet of concat(utf8("\r\n"), options("TCP", { body: "abc" }))) {
    peer.write(Uint8Array.of(octet));
  }
  await until(() => peer.statuses.length === 3);
  expect(peer.statuses).toEqual([200, 200, 200]);
  expect(await peer.goesOn()).toBe(true);
  peer.end();
});

/** Read alike over UDP and over a stream, which goes on. */
const ALIKE: [string, Shape, number][] = [
  ["a space before the colon", { more: "X-Hidden : y\r\n" }, 200],
  [
    "a space before the colon of Content-Length",
    { length: "Content-Length : 3", body: "abc" },
    200,
  ],
  ["a NUL in a line", { more: "Subject: a\0b\r\n" }, 400],
  ["a NUL in a name", { more: "Sub\0ject: a\r\n" }, 400],
  ["a bare LF in a line", { more: "Subject: a\nX-Hidden: b\r\n" }, 400],
  ["a bare LF before a length", { more: "Subject: a\nContent-Length: 70\r\n" }, 400],
  ["a bare CR in a line", { more: "Subject: a\rX-Hidden: b\r\n" }, 400],
  ["a length that is folded", { length: "Content-Length:\r\n 3", body: "abc" }, 200],
];

/** The stream ends with it: there is no telling where the next message begins. */
const LOST: [string, Shape, number, number][] = [
  ["no Content-Length", { length: "X-None: 0" }, 400, 200],
  ["two of them", { length: "Content-Length: 0\r\nl: 0" }, 400, 400],
  ["a negative one", { length: "Content-Length: -1" }, 400, 400],
  ["one of 10 GB", { length: "Content-Length: 10737418240" }, 400, 400],
  ["one of 100 KB", { length: "Content-Length: 100000" }, 413, 400],
  ["one that a bare LF cuts", { length: "Content-Length: 0\n" }, 400, 400],
];

test.each(
  ALIKE,
)("P11 %s: over TCP as over UDP, and the stream goes on", async (_what, shape, status) => {
  expect(await statusOverUdp(shape)).toBe(status);
  const peer = new Peer();
  peer.write(options("TCP", shape));
  await until(() => peer.statuses.length > 0);
  expect(peer.statuses).toEqual([status]);
  expect(await peer.goesOn()).toBe(true);
  peer.end();
});

test.each(
  LOST,
)("P11 %s: answered, then the stream is closed", async (_what, shape, overTcp, overUdp) => {
  expect(await statusOverUdp(shape)).toBe(overUdp);
  const peer = new Peer();
  // What follows in the same segment is never read as a message.
  peer.write(concat(options("TCP", shape), options("TCP")));
  await until(() => peer.isClosed);
  expect(peer.statuses).toEqual([overTcp]);
});

test("P11 a line of 1 MB and a body without end: closed within the limits", async () => {
  const endless = new Peer();
  endless.write(utf8(`OPTIONS sip:a@${HOST} SIP/2.0\r\nX: ${"A".repeat(1_000_000)}`));
  await until(() => endless.isClosed);
  expect(endless.heard).toBe("");
  const room = SIP_HEAD_BYTES_MAX - 1_000;
  const whole = new Peer();
  whole.write(options("TCP", { more: `X: ${"A".repeat(room)}\r\n` }));
  await until(() => whole.statuses.length > 0);
  expect(whole.statuses).toEqual([200]);
  whole.write(options("TCP", { body: "b".repeat(SIP_MESSAGE_BYTES_MAX - 1_000) }));
  expect(await whole.goesOn()).toBe(true);
  whole.end();
  const large = new Peer();
  large.write(options("TCP", { body: "b".repeat(SIP_MESSAGE_BYTES_MAX) }));
  await until(() => large.isClosed);
  expect(large.statuses).toEqual([413]);
});

// Segmentations ------------------------------------------------------------------------------------

const FULL = 1_000_000;
const flow = (transport: "tcp" | "udp"): Flow => ({
  id: "peer" as FlowId,
  transport,
  sentBy: `${HOST}:5060`,
  remote: { address: HOST, port: 9 },
  local: { address: HOST, port: 5_060 },
});

/** Cut anywhere: by octets, by a few, or hardly. */
function pieces(stream: Uint8Array, random: SeededRandom): Uint8Array[] {
  const found: Uint8Array[] = [];
  const most = random.pick([1, 3, 60, 1_500, stream.length]);
  for (let at = 0; at < stream.length; ) {
    const next = Math.min(stream.length, at + 1 + random.below(most));
    found.push(stream.slice(at, next));
    at = next;
  }
  return found;
}

/** What the stack made of it, in words: To tags are drawn by chance. */
function told(outputs: readonly StackOutput[]): string[] {
  return outputs.map((it) => {
    if (it.type === "send") return fromUtf8(it.bytes).replace(/;tag=[^\s;]+\r\n/g, "\r\n");
    if (it.type === "request") return `${it.request.uri} ${fromUtf8(it.request.body)}`;
    return it.type === "dropped" ? `dropped: ${it.reason}` : it.type;
  });
}

/** Messages that are whole for the framing, some of them mutated, with line breaks between. */
function stream(random: SeededRandom): { bytes: Uint8Array; messages: Uint8Array[] } {
  const messages: Uint8Array[] = [];
  const parts: Uint8Array[] = [];
  for (let left = 1 + random.below(5); left > 0; left--) {
    const body = random.pick(["", "x\r\n\r\n", "OPTIONS sip:a@b SIP/2.0\r\n\r\n", "é".repeat(9)]);
    const length = random.pick([
      "Content-Length: ",
      "l:",
      "CONTENT-LENGTH :\t",
      "Content-Length:\r\n ",
    ]);
    const more = random.pick(["", "", "X : y\r\n", "Subject: a\0\r\n", "Subject: a\nb\r\n"]);
    const shape = { length: `${length}${utf8(body).length}`, more, body };
    const message = options("TCP", shape);
    messages.push(message);
    parts.push(random.pick([utf8(""), utf8("\r\n\r\n"), utf8("\r\n\r\n\r\n\r\n")]), message);
  }
  return { bytes: concat(...parts), messages };
}

test("P11 no segmentation makes other messages of a stream", () => {
  const seed = Number(process.env["JACKFIELD_SEED"] ?? 11);
  const random = seededRandom(seed);
  for (let left = scaled("P11 segmentations", FULL, 0.002); left > 0; left--) {
    const { bytes, messages } = stream(random);
    // One stream in four is mutated: then only that it is the same in one piece can be said.
    const isMutated = random.below(4) === 0;
    const sent = isMutated ? mutate(bytes, bytes, random) : bytes;
    const stackOf = () => new Stack({ random: seededRandom(1) });
    const whole = told(stackOf().receive(flow("tcp"), sent.slice(), 0));
    const cut = stackOf();
    const parts = pieces(sent, random).flatMap((it) => cut.receive(flow("tcp"), it, 0));
    if (told(parts).join() !== whole.join()) throw new Error(`seed ${seed}, ${left} left`);
    if (isMutated) continue;
    // Each message is what the parser makes of it alone.
    const alone = messages.map((it) => parseMessage(it).ok);
    const accepted = parts.filter(({ type }) => type === "request").length;
    if (accepted !== alone.filter(Boolean).length) throw new Error(`seed ${seed}, ${left} left`);
  }
});
