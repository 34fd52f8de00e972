/**
 * SIP over UDP: one socket, a flow for each peer address (RFC 3261 §18.2.1, RFC 3581).
 *
 * A flow is either one the B2BUA opened towards a resolved address, or one made because an unknown
 * address spoke; the latter's id is its address, so forgetting it costs nothing.
 */
import { UDP_FLOWS_MAX } from "../limits.ts";
import type { Nat } from "../own-place.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import { ownFlow } from "./own-flow.ts";
import type { ListenerBase } from "./sip-listeners.ts";

export interface SipUdp {
  readonly port: number;
  /** Ties a flow id to a remote address, in both directions. */
  open(id: FlowId, remote: Flow["remote"], nat?: Nat): Flow;
  /** False when the flow is not one of UDP. */
  send(id: FlowId, bytes: Uint8Array): boolean;
  close(id: FlowId): boolean;
  stop(): void;
}

export interface SipUdpOptions extends ListenerBase {
  hostname: string;
  port: number;
}

export async function listenUdp(options: SipUdpOptions): Promise<SipUdp> {
  const opened = new Map<FlowId, Flow>();
  const byRemote = new Map<string, Flow>();

  const flowFor = (id: FlowId, { address, port }: Flow["remote"], nat?: Nat): Flow => {
    const { localHostFor, interfaceAddress } = options;
    const ports = { sentByPort: socket.port, localPort: socket.port };
    const place = { localHostFor, interfaceAddress, nat };
    return ownFlow({ id, transport: "udp", remote: { address, port }, ...ports, ...place });
  };

  const flowOf = (address: string, port: number): Flow => {
    const key = `${address} ${port}`;
    const known = byRemote.get(key);
    if (known) return known;
    if (byRemote.size >= UDP_FLOWS_MAX) forgetOldest(byRemote, opened);
    const flow = flowFor(`${options.idPrefix}udp ${key}` as FlowId, { address, port });
    byRemote.set(key, flow);
    return flow;
  };

  const socket = await Bun.udpSocket({
    hostname: options.hostname,
    port: options.port,
    socket: {
      data: (_socket, data, port, address) => {
        // The buffer is the socket's own and reused; the gateway keeps what it parses.
        options.feed({
          type: "received",
          flow: flowOf(address, port),
          bytes: new Uint8Array(data),
        });
      },
      // An ICMP refusal is reported here; the transaction's timers notice the silence anyway.
      error: () => {},
    },
  });

  return {
    port: socket.port,
    open: (id, remote, nat) => {
      const flow = flowFor(id, remote, nat);
      opened.set(id, flow);
      byRemote.set(`${remote.address} ${remote.port}`, flow);
      return flow;
    },
    send: (id, bytes) => {
      const remote = opened.get(id)?.remote ?? remoteOf(id, options.idPrefix);
      if (!remote) return false;
      sendDatagram(socket, bytes, remote);
      return true;
    },
    close: (id) => {
      const flow = opened.get(id);
      if (!flow) return false;
      opened.delete(id);
      const key = `${flow.remote.address} ${flow.remote.port}`;
      if (byRemote.get(key) === flow) byRemote.delete(key);
      return true;
    },
    stop: () => socket.close(),
  };
}

/**
 * Bun throws an ICMP refusal of an earlier datagram out of the next `send`: it says nothing about
 * this one. The transaction's timers notice silence, whatever its cause.
 */
function sendDatagram(
  socket: Bun.udp.Socket<"buffer">,
  bytes: Uint8Array,
  { port, address }: { port: number; address: string },
): void {
  try {
    socket.send(bytes, port, address);
  } catch {
    // Once more: the refusal is used up. What is refused again is lost, as datagrams may be.
    try {
      socket.send(bytes, port, address);
    } catch {}
  }
}

/** The address in the id of a flow that a peer's datagram made. */
function remoteOf(id: FlowId, prefix: string): { address: string; port: number } | undefined {
  const match = id.startsWith(prefix) && /^udp (\S+) (\d+)$/.exec(id.slice(prefix.length));
  return !match || match[1] === undefined
    ? undefined
    : { address: match[1], port: Number(match[2]) };
}

function forgetOldest(byRemote: Map<string, Flow>, opened: Map<FlowId, Flow>): void {
  for (const [key, flow] of byRemote) {
    if (opened.has(flow.id)) continue;
    byRemote.delete(key);
    return;
  }
}
