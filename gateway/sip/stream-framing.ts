/**
 * Messages out of a byte stream: RFC 3261 §18.3 (Content-Length frames), RFC 5626 §3.5.1 (double
 * CRLF is a ping, single CRLF its answer). One for each TCP or TLS connection, owned by the stack.
 */
import { concat, EMPTY, fromUtf8 } from "../bytes.ts";
import { SIP_HEAD_BYTES_MAX, SIP_MESSAGE_BYTES_MAX } from "../limits.ts";
import { endOfHead } from "./parse.ts";

export type Framed =
  | { type: "message"; bytes: Uint8Array }
  | { type: "ping" }
  | { type: "pong" }
  /** Framing is lost: `head` can be answered with `status`, then the stream is closed. */
  | { type: "error"; status: number; reason: string; head?: Uint8Array };

const CONTENT_LENGTH = /(?:^|\r\n)(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*)/gi;

export class StreamFraming {
  #buffer: Uint8Array = EMPTY;
  #lost = false;

  /** True while part of a message waits for the rest. */
  get isPartial(): boolean {
    return this.#buffer.length > 0;
  }

  /** Takes the next piece of the stream, cut anywhere. */
  feed(piece: Uint8Array): Framed[] {
    if (this.#lost) return [];
    this.#buffer = this.#buffer.length === 0 ? piece : concat(this.#buffer, piece);
    const framed: Framed[] = [];
    for (let next = this.#take(); next; next = this.#take()) {
      framed.push(next);
      if (next.type === "error") {
        this.#lost = true;
        this.#buffer = EMPTY;
        break;
      }
    }
    return framed;
  }

  #take(): Framed | undefined {
    const buffer = this.#buffer;
    if (buffer[0] === 13) return this.#takeKeepAlive();
    if (buffer.length === 0) return undefined;
    const end = endOfHead(buffer, 0);
    const headLength = end < 0 ? buffer.length : end;
    if (headLength > SIP_HEAD_BYTES_MAX) return error(513, "the head of the message is too large");
    if (end < 0) return undefined;
    const head = buffer.subarray(0, end + 4);
    const length = contentLengthOf(fromUtf8(head));
    if (typeof length === "string") return { ...error(400, length), head };
    const total = head.length + length;
    if (total > SIP_MESSAGE_BYTES_MAX) return { ...error(513, "the message is too large"), head };
    if (buffer.length < total) return undefined;
    this.#buffer = buffer.subarray(total);
    return { type: "message", bytes: buffer.subarray(0, total) };
  }

  /**
   * CR LF CR LF between messages is a ping, a lone CR LF a pong. Where the piece ends behind the
   * first CR LF the second may be on its way: a pong can wait, it wants no answer.
   */
  #takeKeepAlive(): Framed | undefined {
    const buffer = this.#buffer;
    if (buffer.length < 2) return undefined;
    if (buffer[1] !== 10) return error(400, "a line begins with CR");
    const mayBePing = buffer.length === 2 || (buffer.length === 3 && buffer[2] === 13);
    if (mayBePing) return undefined;
    const isPing = buffer[2] === 13 && buffer[3] === 10;
    this.#buffer = buffer.subarray(isPing ? 4 : 2);
    return { type: isPing ? "ping" : "pong" };
  }
}

/** A sentence instead of a number where the stream can't be framed. */
function contentLengthOf(head: string): number | string {
  const values = [...head.replace(/\r\n[ \t]+/g, " ").matchAll(CONTENT_LENGTH)].map((it) =>
    it[1]?.trim(),
  );
  const [value, another] = values;
  if (value === undefined) return "Content-Length is missing";
  if (another !== undefined) return "Content-Length stands there twice";
  if (!/^[0-9]{1,10}$/.test(value)) return "Content-Length is no number";
  return Number(value);
}

function error(status: number, reason: string): Extract<Framed, { type: "error" }> {
  return { type: "error", status, reason };
}
