/**
 * Two stacks on a lossy link in virtual time: whatever is lost, doubled or overtaken, both ends
 * come to the same end and nothing is left. And the single cases RFC 3261 §17 is particular about.
 */
import { expect, test } from "bun:test";
import { fromUtf8, utf8 } from "../../../gateway/bytes.ts";
import { to } from "../../../gateway/sip/accessors.ts";
import { createRequest, createResponse } from "../../../gateway/sip/build.ts";
import { ackFor, dialogFromResponse } from "../../../gateway/sip/dialog.ts";
import type { Flow, FlowId, Transport } from "../../../gateway/sip/flow.ts";
import type { SipRequest } from "../../../gateway/sip/message.ts";
import { tagOf } from "../../../gateway/sip/name-addr.ts";
import { parseMessage } from "../../../gateway/sip/parse.ts";
import { Stack } from "../../../gateway/sip/stack.ts";
import type { StackOutput } from "../../../gateway/sip/stack-output.ts";
import type { TransactionId } from "../../../gateway/sip/transaction-table.ts";
import { type SeededRandom, seededRandom } from "../../sim/random.ts";

const flowOf = (name: string, transport: Transport, port: number): Flow => ({
  id: name as FlowId,
  transport,
  sentBy: `127.0.0.1:${port}`,
  remote: { address: "127.0.0.1", port: 10_000 - port },
  local: { address: "127.0.0.1", port },
});

const requestOf = (method: string, cseq = 1): SipRequest =>
  createRequest({
    method,
    uri: "sip:b@127.0.0.1",
    from: { uri: "sip:a@127.0.0.1", params: new Map([["tag", "from"]]) },
    to: { uri: "sip:b@127.0.0.1", params: new Map() },
    callId: "call@a",
    cseq,
    contact: "<sip:a@127.0.0.1:4000>",
  });

/** One end: its stack, and what its user was told. */
class End {
  readonly stack: Stack;
  readonly flow: Flow;
  readonly told: StackOutput[] = [];

  constructor(flow: Flow, seed: number) {
    this.flow = flow;
    this.stack = new Stack({ random: seededRandom(seed) });
  }
}

type Behaviour = (end: End, output: StackOutput, now: number) => StackOutput[];

/** Runs both ends until neither has a timer left and nothing is on its way. */
function run(
  caller: End,
  callee: End,
  first: StackOutput[],
  behaviour: Behaviour,
  random: SeededRandom,
): number {
  const lossy = caller.flow.transport === "udp";
  const link: { at: number; to: End; bytes: Uint8Array }[] = [];
  let now = 0;
  const carry = (from: End, outputs: readonly StackOutput[]): void => {
    for (const output of outputs) {
      if (output.type === "send") {
        const copies = !lossy ? 1 : random.fraction() < 0.2 ? 0 : random.fraction() < 0.15 ? 2 : 1;
        for (let copy = 0; copy < copies; copy++) {
          const delay = lossy ? 1 + random.below(200) : 10;
          link.push({
            at: now + delay,
            to: from === caller ? callee : caller,
            bytes: output.bytes,
          });
        }
      } else {
        from.told.push(output);
        carry(from, behaviour(from, output, now));
      }
    }
  };
  carry(caller, first);
  for (let step = 0; step < 5_000; step++) {
    const times = [
      ...link.map(({ at }) => at),
      caller.stack.deadline(),
      callee.stack.deadline(),
    ].filter((at) => at !== undefined);
    if (times.length === 0) return now;
    now = Math.max(now, Math.min(...times));
    for (const end of [caller, callee]) carry(end, end.stack.timeout(now));
    const due = link.filter(({ at }) => at <= now);
    for (const packet of due) {
      link.splice(link.indexOf(packet), 1);
      carry(packet.to, packet.to.stack.receive(packet.to.flow, packet.bytes, now));
    }
  }
  throw new Error("it never came to an end");
}

const SEEDS = Number(process.env["JACKFIELD_SEEDS"] ?? 1_500);
const NONE = { clientTransactions: 0, serverTransactions: 0, framings: 0 };

test.each([
  "udp",
  "ws",
] as const)("seeded: INVITE, CANCEL and non-INVITE over %s leave nothing behind", (transport) => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = seededRandom(seed);
    const caller = new End(flowOf("caller", transport, 4_000), seed);
    const callee = new End(flowOf("callee", transport, 6_000), seed + 1_000_000);
    const method = random.pick(["INVITE", "INVITE", "INFO"]);
    const answer = random.pick([200, 200, 486]);
    const cancels = method === "INVITE" && random.below(3) === 0;
    let served: { id: TransactionId; request: SipRequest } | undefined;
    let answered = false;
    const sent = caller.stack.request(caller.flow, requestOf(method), 0);
    const behaviour: Behaviour = (end, output, now) => {
      if (end === callee && output.type === "request") {
        const { transaction, outputs } = callee.stack.serve(callee.flow, output.request, now);
        served = { id: transaction, request: output.request };
        if (method !== "INVITE") {
          return [
            ...outputs,
            ...callee.stack.respond(transaction, createResponse(output.request, 200), now),
          ];
        }
        const ringing = createResponse(output.request, 180, { toTag: "to" });
        const replies = callee.stack.respond(transaction, ringing, now);
        if (cancels && random.below(2) === 0) return [...outputs, ...replies];
        answered = true;
        const final = createResponse(output.request, answer, {
          toTag: "to",
          contact: "<sip:b@127.0.0.1:6000>",
        });
        return [...outputs, ...replies, ...callee.stack.respond(transaction, final, now)];
      }
      if (end === callee && output.type === "cancelled" && served && !answered) {
        answered = true;
        return callee.stack.respond(
          served.id,
          createResponse(served.request, 487, { toTag: "to" }),
          now,
        );
      }
      if (end === caller && output.type === "response") {
        const { status } = output.response;
        if (status < 200) return cancels ? caller.stack.cancel(sent.transaction, now) : [];
        if (status < 300 && method === "INVITE") {
          const dialog = dialogFromResponse(requestOf("INVITE"), output.response);
          if (!dialog) throw new Error("no dialog");
          return caller.stack.acknowledge(
            sent.transaction,
            caller.flow,
            ackFor(dialog, requestOf("INVITE")),
            now,
          );
        }
      }
      return [];
    };
    run(caller, callee, sent.outputs, behaviour, random);
    const context = `JACKFIELD_SEED=${seed} over ${transport}`;
    expect([context, caller.stack.alive]).toEqual([context, NONE]);
    expect([context, callee.stack.alive]).toEqual([context, NONE]);
    // One request went up, however often it came; the caller heard one end, and not two.
    expect(callee.told.filter(({ type }) => type === "request").length).toBeLessThanOrEqual(1);
    const finals = caller.told.filter(
      (it) => (it.type === "response" && it.response.status >= 200) || it.type === "failed",
    );
    expect([context, finals.length]).toEqual([context, 1]);
    const [final] = finals;
    outcomes.add(final?.type === "response" ? String(final.response.status) : "failed");
  }
  // Every kind of end was seen, so the test has looked at them all.
  expect([...outcomes].sort()).toEqual(expect.arrayContaining(["200", "486", "487"]));
});

const callee = () => new End(flowOf("callee", "udp", 6_000), 1);
const textOf = (outputs: StackOutput[]) =>
  outputs.flatMap((it) => (it.type === "send" ? fromUtf8(it.bytes) : []));

const invite = (branch: string, extra = "") =>
  utf8(
    `INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:4000;branch=${branch}${extra}\r\nFrom: <sip:a@h>;tag=f\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1:4000>\r\n\r\n`,
  );

test("§8.2.2.2: a request that arrives on a second path is 482", () => {
  const { stack, flow } = callee();
  const [first] = stack.receive(flow, invite("z9hG4bK-1"), 0);
  if (first?.type !== "request") throw new Error("not handed up");
  stack.serve(flow, first.request, 0);
  expect(textOf(stack.receive(flow, invite("z9hG4bK-2"), 0))[0]).toStartWith("SIP/2.0 482 ");
});

test("RFC 4475 badbranch: a branch that is only the cookie matches no other transaction", () => {
  const { stack, flow } = callee();
  const [first] = stack.receive(flow, invite("z9hG4bK"), 0);
  if (first?.type !== "request") throw new Error("not handed up");
  stack.serve(flow, first.request, 0);
  const other = fromUtf8(invite("z9hG4bK")).replace("Call-ID: c", "Call-ID: d");
  expect(stack.receive(flow, utf8(other), 0)[0]?.type).toBe("request");
});

test("RFC 3581: received and rport tell where it came from; over WebSocket only on request", () => {
  const { stack, flow } = callee();
  const via = (at: Flow, extra: string) => {
    const [output] = stack.receive(at, invite(`z9hG4bK${extra.length}${at.transport}`, extra), 0);
    return output?.type === "request" ? output.request.headers.get("Via") : undefined;
  };
  expect(via(flow, ";rport")).toContain("received=127.0.0.1;rport=4000".split(";")[0] ?? "");
  expect(via(flow, ";rport")).toContain("rport=4000");
  const socket = { ...flow, transport: "ws" as const, remote: { address: "10.9.8.7", port: 5 } };
  expect(via(socket, "")).not.toContain("received");
  expect(via({ ...socket, transport: "udp" }, "")).toContain("received=10.9.8.7");
});

test("a malformed request is answered 400 where it can be; noise is dropped without a word", () => {
  const { stack, flow } = callee();
  const bad = fromUtf8(invite("z9hG4bK-3")).replace("CSeq: 1 INVITE", "CSeq: 1 BYE");
  const outputs = stack.receive(flow, utf8(bad), 0);
  expect(textOf(outputs)[0]).toStartWith("SIP/2.0 400 ");
  expect(outputs.map(({ type }) => type)).toEqual(["send", "dropped"]);
  expect(stack.receive(flow, utf8("hello there"), 0).map(({ type }) => type)).toEqual(["dropped"]);
  expect(stack.alive).toEqual(NONE);
});

test("S9: an unanswered stranger costs no transaction; 481 answers a CANCEL for nothing", () => {
  const { stack, flow } = callee();
  const [first] = stack.receive(flow, invite("z9hG4bK-5"), 0);
  if (first?.type !== "request") throw new Error("not handed up");
  stack.reply(flow, createResponse(first.request, 403));
  expect(stack.alive).toEqual(NONE);
  const cancel = fromUtf8(invite("z9hG4bK-5")).replace(/INVITE/g, "CANCEL");
  expect(textOf(stack.receive(flow, utf8(cancel), 0))[0]).toStartWith("SIP/2.0 481 ");
});

test("§13.2.2.4: each branch of a fork that answers is told once, its repetitions get their ACK", () => {
  const caller = new End(flowOf("caller", "udp", 4_000), 3);
  const sent = caller.stack.request(caller.flow, requestOf("INVITE"), 0);
  const [bytes] = sent.outputs.flatMap((it) => (it.type === "send" ? [it.bytes] : []));
  const parsed = parseMessage(bytes ?? new Uint8Array(0));
  if (!parsed.ok || parsed.message.kind !== "request") throw new Error("no INVITE");
  const invitation = parsed.message;
  const success = (tag: string) =>
    createResponse(invitation, 200, { toTag: tag, contact: "<sip:b@127.0.0.1:6000>" });
  const print = (tag: string) => {
    const message = success(tag);
    let text = `SIP/2.0 200 OK\r\n`;
    for (const [name, value] of message.headers.entries()) text += `${name}: ${value}\r\n`;
    return utf8(`${text}\r\n`);
  };
  const first = caller.stack.receive(caller.flow, print("one"), 10);
  const second = caller.stack.receive(caller.flow, print("two"), 20);
  expect(
    [...first, ...second].map((it) => it.type === "response" && tagOf(to(it.response))),
  ).toEqual(["one", "two"]);
  const dialog = dialogFromResponse(invitation, success("one"));
  if (!dialog) throw new Error("no dialog");
  caller.stack.acknowledge(sent.transaction, caller.flow, ackFor(dialog, invitation), 30);
  const again = caller.stack.receive(caller.flow, print("one"), 40);
  expect(textOf(again)[0]).toStartWith("ACK ");
});

test("§8.2.6.2: a response gets a To tag, also where the address itself has a parameter of that name", () => {
  const { stack, flow } = callee();
  const request = fromUtf8(invite("z9hG4bK-7")).replace("To: <sip:b@h>", "To: <sip:b@h;tag=x>");
  const [first] = stack.receive(flow, utf8(request), 0);
  if (first?.type !== "request") throw new Error("not handed up");
  const [text = ""] = textOf(stack.reply(flow, createResponse(first.request, 403)));
  expect(text).toMatch(/\r\nTo: <sip:b@h;tag=x>;tag=[0-9a-f]+\r\n/);
});
