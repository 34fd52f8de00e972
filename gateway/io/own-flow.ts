/**
 * A flow over a socket of ours. What its peer is told of us is asked anew each time: which networks
 * are local may change while a flow is open (NAT-03), and a UDP flow is open for months.
 */
import { isIPv6 } from "node:net";
import type { Nat } from "../own-place.ts";
import type { Flow } from "../sip/flow.ts";

export interface OwnFlowParts extends Pick<Flow, "id" | "transport" | "remote"> {
  /** The port our Via and Contact name. */
  sentByPort: number;
  /** The socket's own. */
  localPort: number;
  localHostFor: LocalHostFor;
  /** Of a named one. */
  interfaceAddress?: string | undefined;
  nat?: Nat | undefined;
}

/** The host of our Via and Contact towards that peer. */
export type LocalHostFor = (remoteAddress: string, nat?: Nat) => string;

export function ownFlow(parts: OwnFlowParts): Flow {
  const { id, transport, remote, sentByPort, localPort: port, localHostFor, nat } = parts;
  const { interfaceAddress } = parts;
  const host = () => localHostFor(remote.address, nat);
  return {
    id,
    transport,
    remote,
    ...(interfaceAddress === undefined ? {} : { interfaceAddress }),
    beyond: (is) => ownFlow({ ...parts, nat: is }),
    get sentBy() {
      const address = host();
      return `${isIPv6(address) ? `[${address}]` : address}:${sentByPort}`;
    },
    get local() {
      return { address: host(), port };
    },
  };
}
