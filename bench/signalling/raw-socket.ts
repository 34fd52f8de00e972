/**
 * A WebSocket of a few dozen lines that may come from any address of this machine: a gateway takes so
 * many of one, and a load has thousands. Frames are masked with zeros, which leaves text as it is.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Wire } from "./wire.ts";

const TEXT = 0x81;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0x8a;
const MASKED = 0x80;

export interface RawSocketOptions {
  readonly url: string;
  /** In its Via: `NAME.invalid`. */
  readonly name: string;
  /** Of this machine; the system's choice unless given. */
  readonly from?: string | undefined;
  readonly insecure?: boolean;
  readonly onClose: () => void;
}

/** Rejects where nobody answers there, or not with a WebSocket. */
export function openRawSocket(options: RawSocketOptions): Promise<Wire> {
  const { hostname, port, protocol, pathname, host } = new URL(options.url);
  const isSecure = protocol === "wss:";
  const where = {
    host: hostname,
    port: Number(port) || (isSecure ? 443 : 80),
    ...(options.from === undefined ? {} : { localAddress: options.from }),
  };
  const socket: Socket = isSecure
    ? connectTls({ ...where, rejectUnauthorized: options.insecure !== true })
    : connect(where);
  socket.setNoDelay(true);
  const { promise, resolve, reject } = Promise.withResolvers<Wire>();
  const wire: Wire = {
    transport: "WS",
    host: `${options.name}.invalid`,
    onText: () => {},
    send: (text) => void socket.write(frame(TEXT, Buffer.from(text))),
    close: () => socket.destroy(),
  };
  const frames = new Frames((opcode, payload) => {
    if (opcode === PING) socket.write(frame(PONG, payload));
    else if (opcode === CLOSE) socket.end();
    else wire.onText(payload.toString());
  });
  let isOpen = false;
  let head = "";
  socket.on(isSecure ? "secureConnect" : "connect", () => socket.write(upgrade(host, pathname)));
  socket.on("data", (data: Buffer) => {
    if (isOpen) {
      frames.feed(data);
      return;
    }
    head += data.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    if (!head.startsWith("HTTP/1.1 101")) {
      reject(new Error(`${options.url} answers ${head.slice(0, head.indexOf("\r\n"))}`));
      socket.destroy();
      return;
    }
    isOpen = true;
    resolve(wire);
    frames.feed(Buffer.from(head.slice(end + 4), "latin1"));
  });
  socket.on("error", (error) => reject(new Error(`${options.url}: ${error.message}`)));
  socket.on("close", () => {
    reject(new Error(`${options.url} closed the connection`));
    if (isOpen) options.onClose();
  });
  return promise;
}

function upgrade(host: string, path: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    "Sec-WebSocket-Protocol: sip",
    "",
    "",
  ].join("\r\n");
}

function frame(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([first, MASKED | length])
      : Buffer.from([first, MASKED | 126, length >> 8, length & 0xff]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

/** A server's frames out of a stream; a message is one frame, as gateways send it. */
class Frames {
  readonly #take: (opcode: number, payload: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(take: (opcode: number, payload: Buffer) => void) {
    this.#take = take;
  }

  feed(piece: Buffer): void {
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    for (;;) {
      const short = (this.#rest[1] ?? 0) & 0x7f;
      const start = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (this.#rest.length < start) return;
      const length =
        short === 126
          ? this.#rest.readUInt16BE(2)
          : short === 127
            ? Number(this.#rest.readBigUInt64BE(2))
            : short;
      if (this.#rest.length < start + length) return;
      const payload = this.#rest.subarray(start, start + length);
      const opcode = (this.#rest[0] ?? 0) & 0x0f;
      this.#rest = this.#rest.subarray(start + length);
      this.#take(opcode, payload);
    }
  }
}
