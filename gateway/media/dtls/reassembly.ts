/**
 * Handshake messages out of fragments: RFC 6347 §4.2.3. Fragments come in any order, doubled,
 * overlapping, of one byte; messages leave in order and whole. What is buffered is bounded (P8).
 */
import { DTLS_HANDSHAKE_BYTES_MAX } from "../../limits.ts";
import { HandshakeType } from "./handshake-message.ts";
import { Reader } from "./wire.ts";

export interface HandshakeMessage {
  readonly type: number;
  readonly sequence: number;
  readonly body: Uint8Array;
}

interface Partial {
  readonly type: number;
  readonly body: Uint8Array;
  readonly have: Uint8Array;
  missing: number;
}

/** How far ahead of the next message a fragment may be: a flight has at most six. */
const AHEAD_MAX = 8;

export class Reassembly {
  readonly #partials = new Map<number, Partial>();
  #next = 0;
  #bufferedBytes = 0;

  /** The sequence number of the message that is due. */
  get next(): number {
    return this.#next;
  }

  /**
   * Takes the content of a handshake record; `stale` tells that a message came again. Finished is
   * the one message of epoch 1 and comes in no other: in plaintext it is dropped, as is what is
   * malformed (RFC 6347 §4.1.2.7).
   */
  add(content: Uint8Array, epoch: number): { messages: HandshakeMessage[]; stale: boolean } {
    const reader = new Reader(content);
    let stale = false;
    while (reader.left > 0) {
      const type = reader.uint8();
      const length = reader.uint24();
      const sequence = reader.uint16();
      const offset = reader.uint24();
      const fragment = reader.vector(3);
      if (reader.failed || offset + fragment.length > length) break;
      if ((type === HandshakeType.finished) !== (epoch === 1)) continue;
      if (sequence < this.#next) stale = true;
      else this.#keep(type, length, sequence, offset, fragment);
    }
    return { messages: this.#takeWhole(), stale };
  }

  #keep(
    type: number,
    length: number,
    sequence: number,
    offset: number,
    fragment: Uint8Array,
  ): void {
    let partial = this.#partials.get(sequence);
    if (!partial) {
      const fits = this.#bufferedBytes + length <= DTLS_HANDSHAKE_BYTES_MAX;
      if (!fits || sequence >= this.#next + AHEAD_MAX) return;
      const body = new Uint8Array(length);
      partial = { type, body, have: new Uint8Array(length), missing: length };
      this.#partials.set(sequence, partial);
      this.#bufferedBytes += length;
    }
    // A fragment that contradicts the first one is not of the same message.
    if (partial.type !== type || partial.body.length !== length) return;
    partial.body.set(fragment, offset);
    for (let at = offset; at < offset + fragment.length; at++) {
      if (partial.have[at] === 0) {
        partial.have[at] = 1;
        partial.missing -= 1;
      }
    }
  }

  #takeWhole(): HandshakeMessage[] {
    const messages: HandshakeMessage[] = [];
    for (
      let partial = this.#partials.get(this.#next);
      partial?.missing === 0;
      partial = this.#partials.get(this.#next)
    ) {
      this.#partials.delete(this.#next);
      this.#bufferedBytes -= partial.body.length;
      messages.push({ type: partial.type, sequence: this.#next, body: partial.body });
      this.#next += 1;
    }
    return messages;
  }
}
