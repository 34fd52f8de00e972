/** The SIP sockets at one address of this machine: UDP and TCP on one port, TLS (RFC 3261 §18). */
import type { B2buaInput } from "../b2bua/border.ts";
import type { HostPort } from "../options.ts";
import type { FlowId, Target } from "../sip/flow.ts";
import type { OwnCertificates } from "./own-certificates.ts";
import type { LocalHostFor } from "./own-flow.ts";
import type { ResolvedTarget } from "./resolver.ts";
import { listenTcp, type SipTcp } from "./sip-tcp.ts";
import { openTls } from "./sip-tls.ts";
import { listenUdp, type SipUdp } from "./sip-udp.ts";

export interface SipListeners {
  /** UDP and TCP. */
  readonly port: number;
  /** Undefined while there is no certificate, or where the port can't be opened. */
  readonly tlsPort: number | undefined;
  /** Why it can't. */
  readonly tlsProblem: string | undefined;
  /** A flow to that place: `opened` is fed, else the reason is the result. */
  reach(id: FlowId, target: Target, remote: ResolvedTarget): Promise<string | undefined>;
  send(flow: FlowId, bytes: Uint8Array): boolean;
  close(flow: FlowId, reason: string): boolean;
  stop(): void;
}

export interface SipListenersOptions {
  at: HostPort;
  /** Where PBXs connect by TLS as soon as there is a certificate; absent: they don't. */
  tls?: HostPort & { certificates: OwnCertificates; tell: (problem: string) => void };
  /** Of the address where it is not the command line's: what is sent comes from there. */
  interfaceAddress?: string;
  localHostFor: LocalHostFor;
  feed: (input: B2buaInput) => void;
}

/** What every transport at an address has in common. */
export interface ListenerBase
  extends Pick<SipListenersOptions, "interfaceAddress" | "localHostFor" | "feed"> {
  /** In front of the ids of flows that peers begin: they are others at each address. */
  readonly idPrefix: string;
}

const ANY_PORT_TRIES = 8;

/** Rejects where the port can't be opened for UDP or TCP. */
export async function listenSip(options: SipListenersOptions): Promise<SipListeners> {
  const { at, interfaceAddress, localHostFor, feed } = options;
  const base: ListenerBase = {
    idPrefix: interfaceAddress === undefined ? "" : `${at.host}:${at.port} `,
    ...(interfaceAddress === undefined ? {} : { interfaceAddress }),
    ...{ localHostFor, feed },
  };
  const { udp, tcp } = await listenBoth(at, base);
  const listen = options.tls && { ...options.tls, hostname: options.tls.host };
  const tls = await openTls({ ...base, ...(listen ? { listen } : {}) });
  return {
    port: udp.port,
    get tlsPort() {
      return tls.port;
    },
    get tlsProblem() {
      return tls.problem;
    },
    reach: async (id, { host, nat, tls: wanted = { verify: "strict" } }, remote) => {
      if (remote.transport === "tcp") return tcp.open(id, remote, nat);
      if (remote.transport === "tls") return tls.open(id, remote, { name: host, nat, ...wanted });
      feed({ type: "opened", flow: udp.open(id, remote, nat) });
      return undefined;
    },
    send: (id, bytes) => tcp.send(id, bytes) || tls.send(id, bytes) || udp.send(id, bytes),
    close: (id, reason) => tcp.close(id, reason) || tls.close(id, reason) || udp.close(id),
    stop: () => {
      tcp.stop();
      tls.stop();
      udp.stop();
    },
  };
}

async function listenBoth(
  { host: hostname, port }: HostPort,
  base: ListenerBase,
): Promise<{ udp: SipUdp; tcp: SipTcp }> {
  // Port 0 asks for any: TCP then takes the one UDP got, unless somebody's connection has it.
  for (let triesLeft = port === 0 ? ANY_PORT_TRIES : 1; ; triesLeft--) {
    const udp = await listenUdp({ ...base, hostname, port });
    try {
      return { udp, tcp: listenTcp({ ...base, hostname, port: udp.port }) };
    } catch (error) {
      udp.stop();
      if (triesLeft <= 1) throw error;
    }
  }
}
