/** The SIP sockets of the process behind one face: UDP and TCP on one port, TLS (RFC 3261 §18). */
import type { B2buaInput } from "../b2bua/border.ts";
import { type HostPort, OperatorError } from "../options.ts";
import type { FlowId, Target } from "../sip/flow.ts";
import type { OwnCertificates } from "./own-certificates.ts";
import type { ResolvedTarget, Resolver } from "./resolver.ts";
import { listenTcp, type SipTcp } from "./sip-tcp.ts";
import { openTls } from "./sip-tls.ts";
import { listenUdp, type SipUdp } from "./sip-udp.ts";

export interface SipTransports {
  /** Where it listens, for the log. */
  readonly description: string;
  /** UDP and TCP. */
  readonly port: number;
  /** Undefined while there is no certificate, or where the port can't be opened. */
  readonly tlsPort: number | undefined;
  /** Why it can't. */
  readonly tlsProblem: string | undefined;
  open(flow: FlowId, target: Target, instead?: FlowId): void;
  send(flow: FlowId, bytes: Uint8Array): boolean;
  close(flow: FlowId, reason: string, unanswered?: boolean): boolean;
  stop(): void;
}

export interface SipOptions {
  at: HostPort;
  /** Where PBXs connect by TLS as soon as there is a certificate; absent: they don't. */
  tls?: HostPort & { certificates: OwnCertificates; tell: (problem: string) => void };
  localHostFor: (remoteAddress: string) => string;
  feed: (input: B2buaInput) => void;
  resolver: Resolver;
}

/** How often names are looked up anew; the runtime tells no TTL. */
const REFRESH_MS = 60_000;
const ANY_PORT_TRIES = 8;

/** Rejects with an `OperatorError` when the port is taken. */
export async function openSip(options: SipOptions): Promise<SipTransports> {
  const { at, localHostFor, resolver } = options;
  /** Where flows we opened lead: an address that fails is shunned by this. */
  const remotes = new Map<FlowId, ResolvedTarget>();
  const targets = new Map<FlowId, Target>();
  const feed = (input: B2buaInput): void => {
    if (input.type === "closed") {
      remotes.delete(input.flow);
      targets.delete(input.flow);
    }
    options.feed(input);
  };
  const { udp, tcp } = await listenBoth(at, localHostFor, feed);
  const listen = options.tls && { ...options.tls, hostname: options.tls.host };
  const tls = await openTls({ localHostFor, feed, ...(listen ? { listen } : {}) });
  const reach = async (
    id: FlowId,
    target: Target,
    remote: ResolvedTarget,
  ): Promise<string | undefined> => {
    remotes.set(id, remote);
    if (remote.transport === "tcp") return tcp.open(id, remote);
    if (remote.transport === "tls") {
      return tls.open(id, remote, target.host, target.tls ?? { verify: "strict" });
    }
    feed({ type: "opened", flow: udp.open(id, remote) });
    return undefined;
  };

  const open = async (id: FlowId, target: Target, instead: FlowId | undefined): Promise<void> => {
    const failed = instead === undefined ? undefined : remotes.get(instead);
    if (failed) resolver.shun(failed);
    let reason = "there is no other address";
    targets.set(id, target);
    try {
      const servers = await resolver.resolveAll(target);
      const addresses = servers.map(({ remote }) => remote.address);
      feed({ type: "resolved", flow: id, addresses });
      for (const { remote, target: own } of servers) {
        if (failed && remote.address === failed.address && remote.port === failed.port) continue;
        const failure = await reach(id, own, remote);
        if (failure === undefined) return;
        resolver.shun(remote);
        reason = failure;
      }
    } catch (error) {
      reason = (error as Error).message;
    }
    feed({ type: "closed", flow: id, reason });
  };

  /** AMB-17: what the names of open connections stand for, for their allow lists. */
  const refresh = setInterval(async () => {
    for (const [flow, target] of targets) {
      const servers = await resolver.resolveAll(target).catch(() => []);
      const addresses = servers.map(({ remote }) => remote.address);
      if (addresses.length > 0 && targets.has(flow)) feed({ type: "resolved", flow, addresses });
    }
  }, REFRESH_MS);

  return {
    description: `${at.host}:${udp.port}`,
    port: udp.port,
    get tlsPort() {
      return tls.port;
    },
    get tlsProblem() {
      return tls.problem;
    },
    open: (id, target, instead) => void open(id, target, instead),
    send: (id, bytes) => tcp.send(id, bytes) || tls.send(id, bytes) || udp.send(id, bytes),
    close: (id, reason, unanswered = false) => {
      const remote = remotes.get(id);
      if (remote && unanswered) resolver.shun(remote);
      remotes.delete(id);
      targets.delete(id);
      return tcp.close(id, reason) || tls.close(id, reason) || udp.close(id);
    },
    stop: () => {
      clearInterval(refresh);
      tcp.stop();
      tls.stop();
      udp.stop();
    },
  };
}

async function listenBoth(
  at: HostPort,
  localHostFor: (remoteAddress: string) => string,
  feed: (input: B2buaInput) => void,
): Promise<{ udp: SipUdp; tcp: SipTcp }> {
  const base = { hostname: at.host, localHostFor, feed };
  // Port 0 asks for any: TCP then takes the one UDP got, unless somebody's connection has it.
  for (let triesLeft = at.port === 0 ? ANY_PORT_TRIES : 1; ; triesLeft--) {
    let udp: SipUdp | undefined;
    try {
      udp = await listenUdp({ ...base, port: at.port });
      return { udp, tcp: listenTcp({ ...base, port: udp.port }) };
    } catch (error) {
      udp?.stop();
      if (triesLeft > 1) continue;
      throw new OperatorError(
        `--sip ${at.host}:${at.port} can't be opened (${(error as Error).message}): ` +
          "is another SIP program running, or is the address not one of this machine's?",
      );
    }
  }
}
