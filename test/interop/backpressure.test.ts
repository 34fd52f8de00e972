/**
 * Peers that read nothing, over TCP, TLS and WebSocket: what waits for them has a bound, past it
 * they are closed with a reason, and who reads beside them hears everything in the meantime. So do
 * peers that are closed and never close themselves.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { B2buaInput } from "../../gateway/b2bua/border.ts";
import { utf8 } from "../../gateway/bytes.ts";
import { monotonicNow } from "../../gateway/io/clock.ts";
import { type OwnCertificates, openOwnCertificates } from "../../gateway/io/own-certificates.ts";
import { Resolver, systemDns } from "../../gateway/io/resolver.ts";
import { openSip, type SipTransports } from "../../gateway/io/sip-transports.ts";
import {
  type SipWebSocket,
  type SocketData,
  sipWebSocket,
} from "../../gateway/io/sip-websocket.ts";
import { TCP_BACKLOG_BYTES_MAX, WEBSOCKET_BACKLOG_BYTES_MAX } from "../../gateway/limits.ts";
import type { FlowId, Transport } from "../../gateway/sip/flow.ts";
import { freePort } from "../rigs/free-port.ts";
import { hasOpenssl, makeCertificate } from "../rigs/openssl.ts";

const HOST = "127.0.0.1";
/** What may wait with us. */
const BACKLOG_BYTES = Math.min(TCP_BACKLOG_BYTES_MAX, WEBSOCKET_BACKLOG_BYTES_MAX);
/** What a kernel may take for a peer before anything waits with us. */
const KERNEL_BYTES_MAX = 32_000_000;
const messageOf = (number: number) => utf8(`<${number}> ${"x".repeat(16_000)}`);
const MESSAGE = messageOf(0);
/** How much each transport took for a peer that reads nothing, before it was closed. */
const taken = new Map<Transport, number>();

let directory = "";
let sip: SipTransports;
let sockets: SipWebSocket;
let web: Bun.Server<SocketData>;
let certificates: OwnCertificates;
let tlsPort = 0;
const inputs: B2buaInput[] = [];
const peers: Socket[] = [];

beforeAll(async () => {
  if (!hasOpenssl) return;
  directory = mkdtempSync(join(tmpdir(), "backpressure-"));
  await makeCertificate(directory, "own", ["own.test"]);
  const file = (name: string) => join(directory, name);
  certificates = openOwnCertificates({
    files: [{ certificate: file("own.pem"), key: file("own.key") }],
    now: Date.now,
    log: () => {},
  });
  tlsPort = await freePort();
  const feed = (input: B2buaInput) => void inputs.push(input);
  sip = await openSip({
    at: { host: HOST, port: 0 },
    tls: { host: HOST, port: tlsPort, certificates, tell: () => {} },
    localHostFor: () => HOST,
    feed,
    resolver: new Resolver({ dns: systemDns, now: monotonicNow, chance: () => 0 }),
  });
  sockets = sipWebSocket({ origins: [], feed });
  web = Bun.serve<SocketData>({
    hostname: HOST,
    port: 0,
    websocket: sockets.handlers,
    fetch: (request, own) => sockets.upgrade(request, own),
  });
});

afterAll(async () => {
  if (!hasOpenssl) return;
  for (const peer of peers) peer.destroy();
  await web.stop(true);
  sip.stop();
  certificates.stop();
  rmSync(directory, { recursive: true });
});

async function until(what: string, done: () => boolean): Promise<void> {
  for (let tries = 0; !done(); tries++) {
    if (tries > 3_000) throw new Error(`never ${what}`);
    await Bun.sleep(5);
  }
}

interface Peer {
  flow: FlowId;
  socket: Socket;
}

/** A peer of ours and the flow that was made for it. */
async function peerOver(transport: Transport): Promise<Peer> {
  const sipPort = Number(sip.description.split(":").at(-1));
  const socket =
    transport === "tls"
      ? connectTls({ host: HOST, port: tlsPort, rejectUnauthorized: false })
      : connectTcp({ host: HOST, port: transport === "tcp" ? sipPort : Number(web.port) });
  socket.on("error", () => {});
  peers.push(socket);
  if (transport === "ws") {
    socket.write(
      `GET /sip HTTP/1.1\r\nHost: ${HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Protocol: sip\r\n\r\n",
    );
  }
  const opened = () =>
    inputs.flatMap((it) =>
      it.type === "opened" && it.flow.transport === transport ? [it.flow.id] : [],
    );
  const before = opened().length;
  await until("opened", () => opened().length > before);
  return { flow: opened().at(-1) as FlowId, socket };
}

const send = (flow: FlowId, bytes: Uint8Array) =>
  sockets.send(flow, bytes) || sip.send(flow, bytes);
const reasonOf = (flow: FlowId) =>
  inputs.flatMap((it) => (it.type === "closed" && it.flow === flow ? [it.reason] : []))[0];

test.skipIf(!hasOpenssl).each(["tcp", "tls", "ws"] as const)(
  "over %s a peer that reads nothing is closed with a reason, and costs its neighbour nothing",
  async (transport) => {
    const deaf = await peerOver(transport);
    deaf.socket.pause();
    const neighbour = await peerOver(transport);
    let heard = 0;
    neighbour.socket.on("data", (data: Uint8Array) => {
      heard += data.length;
    });
    let sent = 0;
    while (reasonOf(deaf.flow) === undefined && sent < KERNEL_BYTES_MAX) {
      send(deaf.flow, MESSAGE);
      sent += MESSAGE.length;
      if (sent % (MESSAGE.length * 16) !== 0) continue;
      // One word to the neighbour for sixteen to the deaf one, heard before it goes on.
      const before = heard;
      send(neighbour.flow, utf8("still there?"));
      await until("heard beside it", () => heard >= before + 12);
    }
    await until("closed", () => reasonOf(deaf.flow) !== undefined);
    expect(reasonOf(deaf.flow)).toBe("the peer reads too slowly");
    expect(sent).toBeLessThan(KERNEL_BYTES_MAX);
    taken.set(transport, sent);
    // It is gone: what is sent to it now goes nowhere, and nothing is kept for it.
    expect(send(deaf.flow, MESSAGE)).toBe(false);
    expect(reasonOf(neighbour.flow)).toBeUndefined();
  },
);

/** A peer that is sent so many words while it reads none. */
async function filled(transport: "tcp" | "tls" | "ws", words: number) {
  const { flow, socket } = await peerOver(transport);
  const heard: Uint8Array[] = [];
  socket.on("data", (data: Uint8Array) => void heard.push(data));
  socket.pause();
  for (let word = 0; word < words; word++) {
    send(flow, messageOf(word));
    // The kernel fills its buffers on both sides in between.
    if (word % 16 === 0) await Bun.sleep(2);
  }
  // Where the last words were too many, that is told behind them.
  await Bun.sleep(50);
  return { flow, socket, heard };
}

test.skipIf(!hasOpenssl).each(["tcp", "tls", "ws"] as const)(
  "over %s a peer that reads slowly loses nothing",
  async (transport) => {
    // More than the kernel takes, so that some of it waits with us; it never takes the same twice.
    let words = Math.floor(((taken.get(transport) ?? 0) - BACKLOG_BYTES / 2) / MESSAGE.length);
    let peer = await filled(transport, words);
    while (reasonOf(peer.flow) !== undefined && words > 100) {
      words = Math.floor(words * 0.9);
      peer = await filled(transport, words);
    }
    const { flow, socket, heard } = peer;
    expect(reasonOf(flow)).toBeUndefined();
    socket.resume();
    const size = () => heard.reduce((sum, { length }) => sum + length, 0);
    await until("all heard", () => size() >= words * MESSAGE.length);
    const numbers = [
      ...Buffer.concat(heard)
        .toString("latin1")
        .matchAll(/<(\d+)>/g),
    ];
    expect(numbers.map(([, number]) => Number(number))).toEqual([...Array(words).keys()]);
    expect(reasonOf(flow)).toBeUndefined();
  },
);

test.skipIf(!hasOpenssl).each(["tcp", "tls", "ws"] as const)(
  "over %s a peer that is closed and does not close is gone all the same",
  async (transport) => {
    const { flow, socket } = await peerOver(transport);
    socket.pause();
    // Something waits with us, which it will never read.
    for (let word = 0; word < 40; word++) send(flow, MESSAGE);
    expect(sockets.close(flow, "enough") || sip.close(flow, "enough")).toBe(true);
    await until("closed", () => reasonOf(flow) !== undefined);
    expect(send(flow, MESSAGE)).toBe(false);
  },
);
