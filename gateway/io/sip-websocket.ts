/**
 * SIP over WebSocket: RFC 7118, on the HTTP port. A flow is a WebSocket; a message is one SIP
 * message. Here are the upgrade (subprotocol, Origin), keep-alive pings and the bounds; everything
 * that is SIP is the stack's.
 */
import type { Server, ServerWebSocket, WebSocketHandler } from "bun";
import type { B2buaInput } from "../b2bua/border.ts";
import { fromUtf8, utf8 } from "../bytes.ts";
import {
  FLOWS_PER_ADDRESS_MAX,
  SIP_MESSAGE_BYTES_MAX,
  WEBSOCKET_BACKLOG_BYTES_MAX,
} from "../limits.ts";
import type { Flow, FlowId } from "../sip/flow.ts";

export interface SocketData {
  flow: Flow;
  /** Why it was cut off by us; absent where the peer or the protocol ended it. */
  reason?: string;
}

export interface SipWebSocket {
  /** True for the paths the SIP WebSocket is served on. */
  serves(path: string): boolean;
  /** Undefined once the socket is upgraded; else the refusal. */
  upgrade(request: Request, server: Server<SocketData>): Response | undefined;
  readonly handlers: WebSocketHandler<SocketData>;
  send(id: FlowId, bytes: Uint8Array): boolean;
  close(id: FlowId, reason: string): boolean;
  closeAll(): void;
}

export interface SipWebSocketOptions {
  /** Origins besides our own that may connect. */
  origins: readonly string[];
  feed: (input: B2buaInput) => void;
}

const PATHS = new Set(["/sip", "/ws"]);
/** RFC 6455 §7.4.1. */
const GOING_AWAY = 1001;
const SERVICE_RESTART = 1012;
/** Bun pings by itself; a peer silent for this long, pings included, is gone (E2 point 2). */
const IDLE_SECONDS = 60;

export function sipWebSocket(options: SipWebSocketOptions): SipWebSocket {
  const { feed } = options;
  const sockets = new Map<FlowId, ServerWebSocket<SocketData>>();
  const perAddress = new Map<string, number>();
  let count = 0;

  return {
    serves: (path) => PATHS.has(path),
    upgrade: (request, server) => {
      const refused = refuseUpgrade(request, options.origins);
      if (refused) return refused;
      const remote = server.requestIP(request);
      const address = remote?.address.replace(/^::ffff:/, "") ?? "";
      if (!remote || (perAddress.get(address) ?? 0) >= FLOWS_PER_ADDRESS_MAX) {
        return new Response("too many connections from this address\n", { status: 429 });
      }
      count += 1;
      const origin = request.headers.get("origin");
      const { host, protocol } = new URL(request.url);
      const flow: Flow = {
        id: `ws ${count}` as FlowId,
        transport: protocol === "https:" ? "wss" : "ws",
        sentBy: host,
        remote: { address, port: remote.port },
        local: { address: server.hostname ?? "", port: server.port ?? 0 },
        ...(origin === null ? {} : { origin }),
      };
      // Bun would echo the first subprotocol offered, whatever it is.
      const headers = { "Sec-WebSocket-Protocol": "sip" };
      if (server.upgrade(request, { data: { flow }, headers })) return undefined;
      return new Response("a WebSocket upgrade is expected here\n", { status: 426 });
    },
    handlers: {
      maxPayloadLength: SIP_MESSAGE_BYTES_MAX,
      backpressureLimit: WEBSOCKET_BACKLOG_BYTES_MAX,
      closeOnBackpressureLimit: true,
      idleTimeout: IDLE_SECONDS,
      sendPings: true,
      perMessageDeflate: false,
      open: (socket) => {
        const { flow } = socket.data;
        sockets.set(flow.id, socket);
        perAddress.set(flow.remote.address, (perAddress.get(flow.remote.address) ?? 0) + 1);
        feed({ type: "opened", flow });
      },
      message: (socket, message) => {
        const bytes = typeof message === "string" ? utf8(message) : new Uint8Array(message);
        feed({ type: "received", flow: socket.data.flow, bytes });
      },
      close: (socket, code, why) => {
        const { flow } = socket.data;
        if (!sockets.delete(flow.id)) return;
        const left = (perAddress.get(flow.remote.address) ?? 1) - 1;
        if (left > 0) perAddress.set(flow.remote.address, left);
        else perAddress.delete(flow.remote.address);
        const closed = `the WebSocket closed (${code}${why === "" ? "" : `: ${why}`})`;
        const reason = socket.data.reason ?? closed;
        feed({ type: "closed", flow: flow.id, reason });
      },
    },
    send: (id, bytes) => {
      const socket = sockets.get(id);
      if (!socket) return false;
      if (socket.getBufferedAmount() + bytes.length > WEBSOCKET_BACKLOG_BYTES_MAX) {
        socket.data.reason = "the peer reads too slowly";
        socket.terminate();
        return true;
      }
      // Text frames: JsSIP reads nothing else (RFC 7118 §4.2 allows both).
      socket.sendText(fromUtf8(bytes));
      return true;
    },
    close: (id, reason) => {
      const socket = sockets.get(id);
      socket?.close(GOING_AWAY, reason.slice(0, 100));
      return socket !== undefined;
    },
    closeAll: () => {
      for (const socket of sockets.values()) socket.close(SERVICE_RESTART, "shutting down");
    },
  };
}

/** E2 point 1: the `sip` subprotocol is required; the Origin is ours, a listed one, or none. */
function refuseUpgrade(request: Request, origins: readonly string[]): Response | undefined {
  const offered = request.headers.get("sec-websocket-protocol") ?? "";
  if (!offered.split(",").some((name) => name.trim() === "sip")) {
    return new Response("the WebSocket subprotocol sip is required (RFC 7118)\n", { status: 400 });
  }
  const origin = request.headers.get("origin");
  if (origin === null || origins.includes(origin)) return undefined;
  if (isOwn(origin, request.headers.get("host"))) return undefined;
  return new Response("this origin may not connect; see --origin\n", { status: 403 });
}

/** W1: the page's own host, as a browser writes an origin (RFC 6454 §6.2) and nobody else does. */
function isOwn(origin: string, host: string | null): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, origin: written, host: its } = new URL(origin);
  return /^https?:$/.test(protocol) && written === origin && its === host;
}
