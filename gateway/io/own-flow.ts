/**
 * A flow over a socket of ours. What its peer is told of us is asked anew each time: which networks
 * are local may change while a flow is open (NAT-03), and a UDP flow is open for months.
 */
import { isIPv6 } from "node:net";
import type { Flow } from "../sip/flow.ts";

export interface OwnFlowParts extends Pick<Flow, "id" | "transport" | "remote"> {
  /** The port our Via and Contact name. */
  sentByPort: number;
  /** The socket's own. */
  localPort: number;
  /** The host of our Via and Contact towards that peer. */
  localHostFor: (remoteAddress: string) => string;
}

export function ownFlow(parts: OwnFlowParts): Flow {
  const { id, transport, remote, sentByPort, localPort: port, localHostFor } = parts;
  const host = () => localHostFor(remote.address);
  return {
    id,
    transport,
    remote,
    get sentBy() {
      const address = host();
      return `${isIPv6(address) ? `[${address}]` : address}:${sentByPort}`;
    },
    get local() {
      return { address: host(), port };
    },
  };
}
