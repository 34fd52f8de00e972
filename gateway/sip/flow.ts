/**
 * A flow (RFC 5626 §2): a path to one peer over one transport, named by the shell that owns its
 * socket. Protocol code addresses bytes to a flow and never sees a socket.
 *
 * A stream transport's flow is its connection. A UDP flow is a pair of local socket and remote
 * address; the shell makes one when the first datagram comes from, or goes to, that address.
 */

export type Transport = "udp" | "tcp" | "tls" | "ws" | "wss";

export type FlowId = string & { readonly brand: "FlowId" };

export interface Flow {
  readonly id: FlowId;
  readonly transport: Transport;
  /** `host:port` for the sent-by of our Via and the host of our Contact (RFC 3261 §18.1.1). */
  readonly sentBy: string;
  /** The IP literal (no brackets) and port bytes come from and go to. */
  readonly remote: { readonly address: string; readonly port: number };
  readonly local: { readonly address: string; readonly port: number };
  /** For ws and wss: the Origin header of the upgrade, when the client sent one. */
  readonly origin?: string;
}

/** Where a flow that does not exist yet should lead; resolved by RFC 3263 when it is opened. */
export interface Target {
  readonly transport: "udp" | "tcp" | "tls";
  readonly host: string;
  /** Absent: NAPTR and SRV decide, else the transport's default port. */
  readonly port?: number;
}

/** True where the transport repeats and orders by itself, so that transactions need not. */
export function isReliable(transport: Transport): boolean {
  return transport !== "udp";
}
