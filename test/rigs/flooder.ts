/**
 * A flood, as a program of its own: SIP requests nobody asked for, and garbage, from many addresses of
 * the loopback network at a set rate, over UDP, TCP or WebSocket. It says what it sent and what came
 * back. Started by `flood`.
 */
import { connect, type Socket } from "node:net";
import type { FloodPlan, FloodReport } from "./flood.ts";

const KINDS = ["INVITE", "REGISTER", "OPTIONS", "garbage"] as const;
/** Different messages; each is sent again and again, which costs the target as much as new ones. */
const MESSAGES = 1_024;
const TICK_MS = 2;
/** Connections at most for a flood over streams: the gateway takes 64 of one address. */
const CONNECTIONS = 16;
/** A stream that is not read any more gets nothing more. */
const BACKLOG_BYTES = 1_000_000;

const report: FloodReport = { sent: 0, bytesSent: 0, replies: 0, replyBytes: 0, mostReplies: 0 };
const repliesOf = new Map<number, number>();

function heard(source: number, bytes: number): void {
  report.replies += 1;
  report.replyBytes += bytes;
  repliesOf.set(source, (repliesOf.get(source) ?? 0) + 1);
}

/** One of 65,025 addresses that are nobody's. */
function addressOf(source: number): string {
  return `127.66.${Math.floor(source / 255)}.${1 + (source % 255)}`;
}

function messages(transport: string): Uint8Array[] {
  return Array.from({ length: MESSAGES }, (_, index) => {
    const kind = KINDS[index % KINDS.length] ?? "INVITE";
    if (kind === "garbage") return crypto.getRandomValues(new Uint8Array(300));
    const text = [
      `${kind} sip:9${index}@127.0.0.1 SIP/2.0`,
      `Via: SIP/2.0/${transport} 127.66.0.1:9;rport;branch=z9hG4bK${index}`,
      `From: <sip:a${index}@127.0.0.1>;tag=${index}`,
      `To: <sip:9${index}@127.0.0.1>`,
      `Call-ID: flood-${index}`,
      `CSeq: 1 ${kind}`,
      "Contact: <sip:a@127.66.0.1:9>",
      "Max-Forwards: 70",
      "Content-Length: 0",
      "",
      "",
    ].join("\r\n");
    return new TextEncoder().encode(text);
  });
}

/** A client's frame; its mask is zero, which leaves the message as it is (RFC 6455 §5.3). */
function framed(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(8 + message.length);
  frame.set([0x82, 0x80 | 126, message.length >> 8, message.length & 0xff]);
  frame.set(message, 8);
  return frame;
}

type Send = (count: number) => void;

async function datagrams(plan: FloodPlan): Promise<Send> {
  const all = messages("UDP");
  const sockets = await Promise.all(
    Array.from({ length: plan.sources }, (_, source) =>
      Bun.udpSocket({
        hostname: addressOf(plan.from + source),
        socket: { data: (_socket, data) => heard(source, data.length), error: () => {} },
      }),
    ),
  );
  let at = 0;
  return (count) => {
    const each = Math.ceil(count / sockets.length);
    for (let left = count; left > 0; left -= each) {
      const batch: (Uint8Array | number | string)[] = [];
      const size = Math.min(each, left);
      for (let index = 0; index < size; index++) {
        const message = all[at % MESSAGES] ?? new Uint8Array();
        batch.push(message, plan.port, "127.0.0.1");
        report.bytesSent += message.length;
        at += 1;
      }
      const socket = sockets[at % sockets.length];
      try {
        report.sent += socket?.sendMany(batch) ?? 0;
      } catch {
        // No room, or an ICMP refusal of an earlier one: a flood does not care.
      }
    }
  };
}

/** Connections that are opened again as soon as they are closed. */
function streams(plan: FloodPlan): Send {
  const isSocket = plan.transport === "ws";
  const all = messages(isSocket ? "WS" : "TCP").map((it) => (isSocket ? framed(it) : it));
  const open = new Set<Socket>();
  const begin = (source: number) => {
    const socket = connect({
      port: plan.port,
      host: "127.0.0.1",
      localAddress: addressOf(plan.from + source),
    });
    socket.on("connect", () => {
      if (isSocket) socket.write(upgrade(plan.port));
      open.add(socket);
    });
    socket.on("data", (data) => heard(source, data.length));
    socket.on("error", () => {});
    socket.on("close", () => {
      open.delete(socket);
      setTimeout(() => begin(source), 50);
    });
  };
  for (let source = 0; source < Math.min(plan.sources, CONNECTIONS); source++) begin(source);
  let at = 0;
  return (count) => {
    const sockets = [...open].filter((it) => it.writableLength < BACKLOG_BYTES);
    if (sockets.length === 0) return;
    for (let index = 0; index < count; index++) {
      const message = all[at % MESSAGES] ?? new Uint8Array();
      sockets[at % sockets.length]?.write(message);
      report.sent += 1;
      report.bytesSent += message.length;
      at += 1;
    }
  };
}

function upgrade(port: number): string {
  return [
    "GET /sip HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol: sip",
    "",
    "",
  ].join("\r\n");
}

async function flood(plan: FloodPlan): Promise<void> {
  const send = plan.transport === "udp" ? await datagrams(plan) : streams(plan);
  if (plan.transport !== "udp") await Bun.sleep(300);
  const started = performance.now();
  let asked = 0;
  for (;;) {
    const elapsed = performance.now() - started;
    if (elapsed > plan.seconds * 1_000) break;
    const due = Math.floor((elapsed / 1_000) * plan.rate) - asked;
    // What could not be sent in time is left out: the rate is what was asked, or less, never more.
    const count = Math.min(due, Math.ceil(plan.rate / 20));
    asked += due;
    if (count > 0) send(count);
    await Bun.sleep(TICK_MS);
  }
  await Bun.sleep(200);
  report.mostReplies = Math.max(0, ...repliesOf.values());
  process.send?.(report);
  process.exit(0);
}

process.on("message", (plan: FloodPlan) => void flood(plan));
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
