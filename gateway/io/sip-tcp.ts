/**
 * SIP over TCP (RFC 3261 §18.1, §18.3): a flow is a connection, ours or the peer's. Framing is the
 * stack's; here are sockets, what waits for a slow reader, and the bound on connections.
 */
import type { Socket } from "bun";
import { FLOWS_PER_ADDRESS_MAX, TCP_BACKLOG_BYTES_MAX } from "../limits.ts";
import type { Nat } from "../own-place.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import { ownFlow } from "./own-flow.ts";
import type { ListenerBase } from "./sip-listeners.ts";

interface Connection {
  flow: Flow | undefined;
  id: FlowId;
  nat: Nat | undefined;
  isAccepted: boolean;
  waiting: Uint8Array[];
  waitingBytes: number;
  reason: string;
}

type TcpSocket = Socket<Connection>;

export interface SipTcp {
  readonly port: number;
  /** Connects; `opened` is fed on success, else the reason is the result. */
  open(id: FlowId, remote: Flow["remote"], nat?: Nat): Promise<string | undefined>;
  send(id: FlowId, bytes: Uint8Array): boolean;
  close(id: FlowId, reason: string): boolean;
  stop(): void;
}

export interface SipTcpOptions extends ListenerBase {
  hostname: string;
  port: number;
}

const CONNECT_TIMEOUT_MS = 4_000;

export function listenTcp(options: SipTcpOptions): SipTcp {
  const { feed } = options;
  const sockets = new Map<FlowId, TcpSocket>();
  let accepted = 0;

  const flowOf = (socket: TcpSocket): Flow => {
    const address = socket.remoteAddress.replace(/^::ffff:/, "");
    return ownFlow({
      id: socket.data.id,
      transport: "tcp",
      remote: { address, port: socket.remotePort },
      sentByPort: listener.port,
      localPort: socket.localPort,
      localHostFor: options.localHostFor,
      interfaceAddress: options.interfaceAddress,
      nat: socket.data.nat,
    });
  };

  const handlers = {
    open: (socket: TcpSocket) => {
      const flow = flowOf(socket);
      socket.data.flow = flow;
      sockets.set(flow.id, socket);
      feed({ type: "opened", flow });
    },
    data: (socket: TcpSocket, data: Uint8Array) => {
      const { flow } = socket.data;
      if (flow) feed({ type: "received", flow, bytes: new Uint8Array(data) });
    },
    drain: flush,
    close: (socket: TcpSocket) => {
      if (!sockets.delete(socket.data.id)) return;
      feed({ type: "closed", flow: socket.data.id, reason: socket.data.reason });
    },
    error: (socket: TcpSocket, error: Error) => {
      socket.data.reason = error.message;
    },
  };

  const listener = Bun.listen<Connection>({
    hostname: options.hostname,
    port: options.port,
    socket: {
      ...handlers,
      open: (socket) => {
        accepted += 1;
        socket.data = connectionOf(`${options.idPrefix}tcp ${accepted}` as FlowId, undefined, true);
        if (acceptedFrom(sockets, socket.remoteAddress) < FLOWS_PER_ADDRESS_MAX) {
          handlers.open(socket);
        } else socket.terminate();
      },
    },
  });

  return {
    port: listener.port,
    open: (id, remote, nat) =>
      connect(remote, options.interfaceAddress, connectionOf(id, nat), handlers),
    send: (id, bytes) => {
      const socket = sockets.get(id);
      if (!socket) return false;
      write(socket, bytes);
      return true;
    },
    close: (id, reason) => {
      const socket = sockets.get(id);
      if (!socket) return false;
      socket.data.reason = reason;
      socket.end();
      return true;
    },
    stop: () => {
      listener.stop(true);
      for (const socket of sockets.values()) socket.end();
    },
  };
}

/** A sentence when it can't be done; else `open` of the handlers has been called. */
async function connect(
  { address: hostname, port }: Flow["remote"],
  localAddress: string | undefined,
  data: Connection,
  handlers: Bun.SocketHandler<Connection>,
): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  const late = new Promise<never>((_resolve, reject) => {
    timeout.addEventListener("abort", () => reject(new Error("no answer in time")));
  });
  try {
    const socket = { ...handlers, connectError: () => {} };
    const from = localAddress === undefined ? {} : { localAddress };
    await Promise.race([Bun.connect<Connection>({ hostname, port, ...from, data, socket }), late]);
    return undefined;
  } catch (error) {
    return `${hostname}:${port} takes no TCP connection: ${(error as Error).message}`;
  }
}

function connectionOf(id: FlowId, nat: Nat | undefined, isAccepted = false): Connection {
  const reason = "the peer closed it";
  return { flow: undefined, id, nat, isAccepted, waiting: [], waitingBytes: 0, reason };
}

/** Our own connections are not counted: a PBX may have many accounts of ours. */
function acceptedFrom(sockets: ReadonlyMap<FlowId, TcpSocket>, address: string): number {
  let count = 0;
  for (const { data, remoteAddress } of sockets.values()) {
    if (data.isAccepted && remoteAddress === address) count += 1;
  }
  return count;
}

function write(socket: TcpSocket, bytes: Uint8Array): void {
  const { data } = socket;
  const written = data.waiting.length > 0 ? 0 : Math.max(0, socket.write(bytes));
  if (written === bytes.length) return;
  data.waiting.push(bytes.subarray(written));
  data.waitingBytes += bytes.length - written;
  if (data.waitingBytes > TCP_BACKLOG_BYTES_MAX) {
    data.reason = "the peer reads too slowly";
    socket.terminate();
  }
}

function flush(socket: TcpSocket): void {
  const { data } = socket;
  for (let next = data.waiting[0]; next; next = data.waiting[0]) {
    const written = Math.max(0, socket.write(next));
    data.waitingBytes -= written;
    if (written < next.length) {
      data.waiting[0] = next.subarray(written);
      return;
    }
    data.waiting.shift();
  }
}
