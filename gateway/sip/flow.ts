/**
 * A flow (RFC 5626 §2): a path to one peer over one transport, named by the shell that owns its
 * socket. Protocol code addresses bytes to a flow and never sees a socket.
 *
 * A stream transport's flow is its connection. A UDP flow is a pair of local socket and remote
 * address; the shell makes one when the first datagram comes from, or goes to, that address.
 */

import type { Nat } from "../own-place.ts";

export type Transport = "udp" | "tcp" | "tls" | "ws" | "wss";

export type FlowId = string & { readonly brand: "FlowId" };

export interface Flow {
  readonly id: FlowId;
  readonly transport: Transport;
  /** `host:port` for the sent-by of our Via and the host of our Contact (RFC 3261 §18.1.1). */
  readonly sentBy: string;
  /** The IP literal (no brackets) and port bytes come from and go to. */
  readonly remote: { readonly address: string; readonly port: number };
  /** `address` is the one the peer reaches us at; SDP towards it follows it (NAT-03). */
  readonly local: { readonly address: string; readonly port: number };
  /** The address of the named interface it goes by; absent: the command line's (CON-20). */
  readonly interfaceAddress?: string;
  /** The same flow as a peer sees it that is beyond a NAT, or isn't (NAT-01). */
  readonly beyond?: (nat: Nat) => Flow;
  /** For ws and wss: the Origin header of the upgrade, when the client sent one. */
  readonly origin?: string;
}

/** Where a flow that does not exist yet should lead; resolved by RFC 3263 when it is opened. */
export interface Target {
  /** `auto`: what the domain prefers by its NAPTR and SRV records (RFC 3263 §4.1). */
  readonly transport: "udp" | "tcp" | "tls" | "auto";
  readonly host: string;
  /** Absent: SRV decides, else the transport's default port. */
  readonly port?: number;
  /** Servers of the same peer that are tried after it, in this order. */
  readonly others?: readonly { readonly host: string; readonly port?: number }[];
  /** The named interface it goes by; absent: the command line's. */
  readonly interface?: string;
  /** Absent: `auto`. */
  readonly nat?: Nat;
  /** Nobody saved it: it leads nowhere where the gateway goes on nobody's word (W8). */
  readonly isOnTrial?: boolean;
  /** Where it comes to be TLS: what the peer's certificate must be. */
  readonly tls?: TargetTls;
}

/** How a TLS peer is told from an impostor, and we from a stranger. Files are PEM. */
export interface TargetTls {
  /** `strict`: name and chain; `pin`: this certificate; `off`: any. */
  readonly verify: "strict" | "pin" | "off";
  /** SHA-256 of the certificate, in hex. */
  readonly pin?: string;
  readonly caFile?: string;
  readonly certificateFile?: string;
  readonly keyFile?: string;
}

/** True where the transport repeats and orders by itself, so that transactions need not. */
export function isReliable(transport: Transport): boolean {
  return transport !== "udp";
}

/** True where both lead to the same address and port over the same transport. */
export function leadsToSamePlace(one: Flow, other: Flow): boolean {
  return (
    one.transport === other.transport &&
    one.remote.address === other.remote.address &&
    one.remote.port === other.remote.port
  );
}
