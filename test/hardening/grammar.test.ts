/**
 * Valid messages are accepted, all of them (P3): what the grammar of RFC 3261 §25.1 can write is read
 * with the meaning it was written with, and printing it changes nothing of that.
 */
import { expect, test } from "bun:test";
import { equalBytes, fromUtf8 } from "../../gateway/bytes.ts";
import {
  callId,
  contacts,
  cseq,
  expires,
  from,
  maxForwards,
  routes,
  to,
  vias,
} from "../../gateway/sip/accessors.ts";
import type { SipMessage } from "../../gateway/sip/message.ts";
import type { NameAddr } from "../../gateway/sip/name-addr.ts";
import { parseMessage } from "../../gateway/sip/parse.ts";
import { printMessage } from "../../gateway/sip/print.ts";
import { scaled } from "../rigs/scale.ts";
import { seededRandom } from "../sim/random.ts";
import { generateMessage, type Meaning } from "../sim/sip-grammar.ts";

const SEED = Number(process.env["JACKFIELD_SEED"] ?? 3_261);

function meaningOf(message: SipMessage, others: readonly [string, string][]): Meaning {
  const addresses = (list: readonly NameAddr[]) => list.map(addressOf);
  const bindings = contacts(message);
  return {
    start:
      message.kind === "request"
        ? { method: message.method, uri: message.uri }
        : { status: message.status, reason: message.reason },
    vias: vias(message).map(({ transport, host, port, params }) => ({
      transport,
      host,
      port,
      params: [...params],
    })),
    from: addressOf(from(message)),
    to: addressOf(to(message)),
    callId: callId(message),
    cseq: cseq(message),
    maxForwards: maxForwards(message),
    expires: expires(message),
    contacts: bindings === "*" ? "*" : addresses(bindings),
    routes: addresses(routes(message)),
    others: others.map(([name]) => [name, message.headers.get(name) ?? "missing"]),
    body: message.body,
  };
}

function addressOf({ displayName, uri, params }: NameAddr) {
  return { displayName, uri, params: [...params] };
}

function read(bytes: Uint8Array): SipMessage {
  const result = parseMessage(bytes);
  if (!result.ok) throw new Error(result.reason);
  return result.message;
}

test("P3 every message the grammar allows is read as it was meant, printed or not", () => {
  const count = scaled("P3 valid messages", 1_000_000, 0.02);
  const random = seededRandom(SEED);
  for (let round = 0; round < count; round++) {
    const { bytes, meaning } = generateMessage(random);
    try {
      const message = read(bytes);
      const printed = printMessage(message);
      const again = read(printed);
      for (const it of [message, again]) {
        if (!Bun.deepEquals(meaningOf(it, meaning.others), meaning)) {
          expect(meaningOf(it, meaning.others)).toEqual(meaning);
        }
      }
      if (!equalBytes(printMessage(again), printed)) throw new Error("printing is no fixed point");
    } catch (error) {
      const input = JSON.stringify(fromUtf8(bytes));
      const { message } = error as Error;
      throw new Error(`JACKFIELD_SEED=${SEED}, round ${round}: ${message}\n${input}`);
    }
  }
}, 600_000);
