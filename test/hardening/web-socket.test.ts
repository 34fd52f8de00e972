/**
 * P13: what a WebSocket client may not do, against the gateway's own listener with frames written
 * by hand; and a great many frames, mostly strange ones, that leave nothing behind.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { deflateRawSync } from "node:zlib";
import { SIP_MESSAGE_BYTES_MAX } from "../../gateway/limits.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { scaled } from "../rigs/scale.ts";
import { type SeededRandom, seededRandom } from "../sim/random.ts";

const HOST = "127.0.0.1";
const TEXT = 1;
const BINARY = 2;
const CONTINUATION = 0;
const PING = 9;
const PONG = 10;
const PROTOCOL_ERROR = 1002;
const BAD_PAYLOAD = 1007;
const TOO_BIG = 1009;

let gateway: GatewayRig;

beforeAll(async () => {
  gateway = await GatewayRig.start({ rtpPorts: "34100-34199" });
});

afterAll(() => gateway.stop());

interface FrameOptions {
  isLast?: boolean;
  isMasked?: boolean;
  /** The three reserved bits. */
  reserved?: number;
  /** What it says of its length, in 64 bits. */
  claims?: bigint;
}

/** RFC 6455 §5.2. */
function frame(opcode: number, payload: string | Uint8Array, options: FrameOptions = {}): Buffer {
  const { isLast = true, isMasked = true, reserved = 0, claims } = options;
  const bytes = Buffer.from(payload as string);
  const first = (isLast ? 0x80 : 0) | (reserved << 4) | opcode;
  const mask = isMasked ? 0x80 : 0;
  const isLong = claims !== undefined || bytes.length > 0xffff;
  const code = isLong ? 127 : bytes.length > 125 ? 126 : bytes.length;
  const length = Buffer.alloc(isLong ? 8 : code === 126 ? 2 : 0);
  if (isLong) length.writeBigUInt64BE(claims ?? BigInt(bytes.length));
  else if (code === 126) length.writeUInt16BE(bytes.length);
  const key = Buffer.from(isMasked ? [0x12, 0x34, 0x56, 0x78] : []);
  if (isMasked)
    for (let at = 0; at < bytes.length; at++) bytes[at] = bytes.readUInt8(at) ^ (key[at % 4] ?? 0);
  return Buffer.concat([Buffer.from([first, mask | code]), length, key, bytes]);
}

interface Received {
  opcode: number;
  payload: Buffer;
}

/** A client without manners. */
class RawClient {
  readonly #socket;
  #heard = Buffer.alloc(0);
  response = "";
  isClosed = false;
  readonly frames: Received[] = [];

  private constructor(headers: string) {
    this.#socket = connect(Number(new URL(gateway.url).port), HOST);
    this.#socket.on("data", (data: Buffer) => this.#take(data));
    this.#socket.on("close", () => {
      this.isClosed = true;
    });
    this.#socket.on("error", () => {});
    this.#socket.write(
      `GET /sip HTTP/1.1\r\nHost: ${HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${headers}\r\n`,
    );
  }

  /** Resolves when the upgrade is answered. */
  static async open(headers = "Sec-WebSocket-Protocol: sip\r\n"): Promise<RawClient> {
    const client = new RawClient(headers);
    await until(() => client.response !== "" || client.isClosed);
    return client;
  }

  /** Resolves when the system has taken it. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) resolve();
      else this.#socket.write(bytes, () => resolve());
    });
  }

  /** The code it was closed with. */
  async closeCode(): Promise<number | undefined> {
    await until(() => this.isClosed);
    return this.frames.find(({ opcode }) => opcode === 8)?.payload.readUInt16BE(0);
  }

  get messages(): string[] {
    return this.frames
      .filter(({ opcode }) => opcode === TEXT)
      .map(({ payload }) => String(payload));
  }

  end(): void {
    this.#socket.destroy();
  }

  #take(data: Buffer): void {
    this.#heard = Buffer.concat([this.#heard, data]);
    if (this.response === "") {
      const end = this.#heard.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.response = String(this.#heard.subarray(0, end));
      this.#heard = this.#heard.subarray(end + 4);
    }
    for (;;) {
      const code = (this.#heard[1] ?? 0) & 0x7f;
      const head = code === 127 ? 10 : code === 126 ? 4 : 2;
      if (this.#heard.length < head) return;
      const length =
        code === 127
          ? Number(this.#heard.readBigUInt64BE(2))
          : code === 126
            ? this.#heard.readUInt16BE(2)
            : code;
      if (this.#heard.length < head + length) return;
      const payload = Buffer.from(this.#heard.subarray(head, head + length));
      this.frames.push({ opcode: (this.#heard[0] ?? 0) & 0x0f, payload });
      this.#heard = this.#heard.subarray(head + length);
    }
  }
}

async function until(done: () => boolean): Promise<void> {
  for (let tries = 0; !done(); tries++) {
    if (tries > 4_000) throw new Error("it never happened");
    await Bun.sleep(5);
  }
}

let requests = 0;

function options(callId = `p13-${requests}`, padding = ""): string {
  requests += 1;
  return [
    `OPTIONS sip:${HOST} SIP/2.0`,
    `Via: SIP/2.0/WS abc.invalid;branch=z9hG4bK-p13-${requests}`,
    "Max-Forwards: 70",
    `From: <sip:nobody@${HOST}>;tag=p13`,
    `To: <sip:${HOST}>`,
    `Call-ID: ${callId}`,
    `CSeq: ${requests} OPTIONS`,
    `Content-Length: ${padding.length}`,
    "",
    padding,
  ].join("\r\n");
}

const ok = options();
/** A megabyte of one letter, in a kilobyte. */
const bomb = deflateRawSync(Buffer.alloc(1_048_576, 97));
const chain = (count: number) =>
  Buffer.concat([
    frame(TEXT, "O", { isLast: false }),
    ...Array<Buffer>(count - 1).fill(frame(CONTINUATION, "O", { isLast: false })),
  ]);

const REFUSED: [string, () => Buffer, number][] = [
  ["an unmasked frame", () => frame(TEXT, ok, { isMasked: false }), PROTOCOL_ERROR],
  [
    "reserved bit 1, deflate that was not agreed on",
    () => frame(TEXT, bomb, { reserved: 4 }),
    PROTOCOL_ERROR,
  ],
  ["reserved bit 2", () => frame(TEXT, ok, { reserved: 2 }), PROTOCOL_ERROR],
  ["reserved bit 3", () => frame(TEXT, ok, { reserved: 1 }), PROTOCOL_ERROR],
  ["an opcode nobody knows", () => frame(3, ok), PROTOCOL_ERROR],
  ["a chain of 100,000 fragments of one octet", () => chain(100_000), TOO_BIG],
  ["a length of 2^63", () => frame(TEXT, ok, { claims: 1n << 63n }), TOO_BIG],
  ["a length of 2^63 - 1", () => frame(BINARY, ok, { claims: (1n << 63n) - 1n }), TOO_BIG],
  ["a message over 64 KiB", () => frame(TEXT, "a".repeat(SIP_MESSAGE_BYTES_MAX + 1)), TOO_BIG],
  ["text that is no UTF-8", () => frame(TEXT, Uint8Array.of(0xc3, 0x28)), BAD_PAYLOAD],
  ["a ping over 125 octets", () => frame(PING, "p".repeat(126)), PROTOCOL_ERROR],
  ["a ping in two fragments", () => frame(PING, "p", { isLast: false }), PROTOCOL_ERROR],
  ["a continuation of nothing", () => frame(CONTINUATION, ok), PROTOCOL_ERROR],
];

test.each(
  REFUSED,
)("P13 %s closes the connection with the right code", async (_what, bytes, code) => {
  const client = await RawClient.open();
  void client.write(bytes());
  expect(await client.closeCode()).toBe(code);
});

test("P13 without the subprotocol sip it is 400, with it compression is never agreed on", async () => {
  for (const headers of ["", "Sec-WebSocket-Protocol: xmpp, sips\r\n"]) {
    const refused = await RawClient.open(headers);
    expect(refused.response).toStartWith("HTTP/1.1 400 ");
    refused.end();
  }
  const client = await RawClient.open(
    "Sec-WebSocket-Protocol: xmpp, sip\r\nSec-WebSocket-Extensions: permessage-deflate\r\n",
  );
  expect(client.response).toStartWith("HTTP/1.1 101 ");
  expect(client.response).toMatch(/\r\nSec-WebSocket-Protocol: sip(?:\r\n|$)/i);
  expect(client.response.toLowerCase()).not.toContain("extensions");
  client.end();
});

test("P13 what is allowed: 64 KiB in one message, fragments, pings between them, one SIP message each", async () => {
  const client = await RawClient.open();
  const head = options("largest", "").length;
  const room = SIP_MESSAGE_BYTES_MAX - head - String(SIP_MESSAGE_BYTES_MAX).length;
  void client.write(frame(TEXT, options("largest", "b".repeat(room))));
  const text = options("fragments");
  void client.write(frame(TEXT, text.slice(0, 50), { isLast: false }));
  void client.write(frame(PING, "alive?"));
  void client.write(frame(CONTINUATION, text.slice(50)));
  // As in a datagram, what follows the body is no message (RFC 7118 §5).
  void client.write(frame(TEXT, options("first") + options("second")));
  void client.write(frame(TEXT, options("last")));
  await until(() => client.messages.some((it) => it.includes("Call-ID: last\r\n")));
  const answered = client.messages.map((it) => /Call-ID: (\S+)/.exec(it)?.[1]);
  expect(answered).toEqual(["largest", "fragments", "first", "last"]);
  const pong = client.frames.find(({ opcode }) => opcode === PONG);
  expect(String(pong?.payload)).toBe("alive?");
  client.end();
});

// Frames in masses ---------------------------------------------------------------------------------

const FULL = 1_000_000;
const BURST = 200;

const residentMegabytes = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, "utf8"))?.[1]) / 1_024;

function strangeFrame(random: SeededRandom): Buffer {
  return random.pick([
    () => frame(PING, "p".repeat(random.below(126))),
    () => frame(PONG, ""),
    () => frame(TEXT, "\r\n\r\n"),
    () => frame(BINARY, random.bytes(random.below(400))),
    () => frame(TEXT, "no SIP at all"),
    () => frame(TEXT, "x".repeat(random.below(3_000))),
    () => frame(TEXT, ok.slice(0, random.below(ok.length))),
    () => Buffer.concat([frame(TEXT, "\r", { isLast: false }), frame(CONTINUATION, "\n")]),
  ])();
}

/**
 * Bursts from one client after the other; each ends with one of the forbidden frames. Returns the
 * least memory the gateway had meanwhile, in megabytes: between two collections the rest is garbage.
 */
async function flood(frames: number, random: SeededRandom): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let sent = 0; sent < frames; ) {
    const client = await RawClient.open();
    for (let burst = 0; burst < 10 && sent < frames; burst++, sent += BURST) {
      const bytes = Array.from({ length: BURST }, () => strangeFrame(random));
      await client.write(Buffer.concat(bytes));
    }
    await client.write(random.pick(REFUSED)[1]());
    await until(() => client.isClosed);
    least = Math.min(least, residentMegabytes());
  }
  return least;
}

test("P13 frames in masses cost no memory, and a softphone is served as before", async () => {
  const random = seededRandom(13);
  const frames = scaled("P13 frames", FULL, 0.16);
  // The quarter before the first is for what a runtime takes once and keeps.
  await flood(frames / 4, random);
  const least: number[] = [];
  for (let quarter = 0; quarter < 4; quarter++) least.push(await flood(frames / 4, random));
  console.log(`P13: least resident memory, MB: ${least.map((it) => it.toFixed(1)).join(", ")}`);
  const grown = (least.at(-1) ?? 0) - (least[0] ?? 0);
  // Of all of them the collector has seen more: there its noise is smaller.
  expect(grown).toBeLessThanOrEqual(process.env["JACKFIELD_SCALE"] === "1" ? 7 : 10);
  const client = await RawClient.open();
  void client.write(frame(TEXT, options("afterwards")));
  await until(() => client.messages.length > 0);
  client.end();
  expect(gateway.log.filter((line) => line.includes(" error "))).toEqual([]);
}, 1_800_000);
