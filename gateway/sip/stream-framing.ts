/**
 * Messages out of a byte stream: RFC 3261 §18.3 (Content-Length frames), RFC 5626 §3.5.1 (double
 * CRLF is a ping, single CRLF its answer). One for each TCP or TLS connection, owned by the stack.
 *
 * What comes out does not depend on how the stream was cut, and each octet is looked at once:
 * a peer that sends single octets costs no more than their number.
 */
import { EMPTY, fromUtf8 } from "../bytes.ts";
import { SIP_HEAD_BYTES_MAX, SIP_MESSAGE_BYTES_MAX } from "../limits.ts";
import { parseNumber, sliceTrimmed } from "./grammar.ts";
import { endOfHead, unfold } from "./parse.ts";

export type Framed =
  | { type: "message"; bytes: Uint8Array }
  | { type: "ping" }
  | { type: "pong" }
  /** Framing is lost: `head` can be answered with `status`, then the stream is closed. */
  | { type: "error"; status: number; reason: string; head?: Uint8Array };

const CR = 13;
const LF = 10;
/** The least a buffer of our own holds; it doubles when it is full. */
const BUFFER_BYTES_MIN = 1_024;
const UINT32_MAX = 2 ** 32 - 1;

export class StreamFraming {
  /** What waits is `#buffer` from `#start` to `#end`. Bytes once handed out are never written to. */
  #buffer: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  /** False while `#buffer` is the piece itself, behind which nothing may be written. */
  #isOwn = false;
  /** No head ends before this place. */
  #scanned = 0;
  /** Bytes of the message that waits, once its head is there. */
  #total: number | undefined;
  #isLost = false;

  /** Takes the next piece of the stream, cut anywhere. It may be kept: the caller gives it away. */
  feed(piece: Uint8Array): Framed[] {
    if (this.#isLost) return [];
    this.#append(piece);
    const framed: Framed[] = [];
    for (let next = this.#take(); next; next = this.#take()) {
      framed.push(next);
      if (next.type === "error") {
        this.#isLost = true;
        this.#buffer = EMPTY;
        break;
      }
    }
    return framed;
  }

  #append(piece: Uint8Array): void {
    const waiting = this.#end - this.#start;
    if (waiting === 0) {
      this.#buffer = piece;
      this.#start = 0;
      this.#end = piece.length;
      this.#isOwn = false;
      this.#scanned = 0;
      return;
    }
    if (!this.#isOwn || this.#end + piece.length > this.#buffer.length) {
      const size = Math.max(BUFFER_BYTES_MIN, 2 * (waiting + piece.length));
      const buffer = new Uint8Array(size);
      buffer.set(this.#buffer.subarray(this.#start, this.#end));
      this.#scanned = Math.max(0, this.#scanned - this.#start);
      this.#buffer = buffer;
      this.#start = 0;
      this.#end = waiting;
      this.#isOwn = true;
    }
    this.#buffer.set(piece, this.#end);
    this.#end += piece.length;
  }

  #take(): Framed | undefined {
    if (this.#start === this.#end) return undefined;
    if (this.#total === undefined) {
      if (this.#buffer[this.#start] === CR) return this.#takeKeepAlive();
      const fault = this.#readHead();
      if (fault) return fault;
    }
    const total = this.#total;
    if (total === undefined || this.#end - this.#start < total) return undefined;
    this.#total = undefined;
    return { type: "message", bytes: this.#consume(total) };
  }

  /** Learns how long the message is, once its head is there. */
  #readHead(): Framed | undefined {
    const waiting = this.#buffer.subarray(this.#start, this.#end);
    // The four octets that end a head may have come in part the last time.
    const from = Math.max(0, this.#scanned - this.#start - 3);
    const end = endOfHead(waiting, from);
    this.#scanned = this.#end;
    if ((end < 0 ? waiting.length : end) > SIP_HEAD_BYTES_MAX) {
      return error(513, "the head of the message is too large");
    }
    if (end < 0) return undefined;
    const head = waiting.subarray(0, end + 4);
    const length = contentLengthOf(fromUtf8(waiting.subarray(0, end)));
    if (typeof length === "string") return { ...error(400, length), head };
    if (head.length + length > SIP_MESSAGE_BYTES_MAX) {
      return { ...error(413, "the body of the message is too large"), head };
    }
    this.#total = head.length + length;
    return undefined;
  }

  /**
   * CR LF CR LF between messages is a ping, a lone CR LF a pong. Where the piece ends behind the
   * first CR LF the second may be on its way: a pong can wait, it wants no answer.
   */
  #takeKeepAlive(): Framed | undefined {
    const waiting = this.#end - this.#start;
    const [, second, third, fourth] = this.#buffer.subarray(this.#start, this.#start + 4);
    if (waiting === 1) return undefined;
    if (second !== LF) return error(400, "a line begins with CR");
    if (waiting === 2 || (waiting === 3 && third === CR)) return undefined;
    const isPing = third === CR && fourth === LF;
    this.#consume(isPing ? 4 : 2);
    return { type: isPing ? "ping" : "pong" };
  }

  #consume(length: number): Uint8Array {
    const bytes = this.#buffer.subarray(this.#start, this.#start + length);
    this.#start += length;
    this.#scanned = this.#start;
    return bytes;
  }
}

/**
 * A sentence instead of a number where the stream can't be framed. Reads lines as the parser does:
 * if the two disagreed, a peer could hide one message inside another.
 */
function contentLengthOf(head: string): number | string {
  let found: string | undefined;
  for (const line of unfold(head).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = sliceTrimmed(line, 0, colon).toLowerCase();
    if (name !== "content-length" && name !== "l") continue;
    if (found !== undefined) return "Content-Length stands there twice";
    found = line.slice(colon + 1);
  }
  if (found === undefined) return "Content-Length is missing";
  return parseNumber(found, UINT32_MAX) ?? "Content-Length is no number";
}

function error(status: number, reason: string): Extract<Framed, { type: "error" }> {
  return { type: "error", status, reason };
}
