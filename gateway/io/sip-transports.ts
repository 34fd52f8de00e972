/**
 * SIP's sockets behind one face: those of the command line's address, and those of the interfaces
 * the settings name (CON-20). A flow goes by the one its target names, to the address its host stands
 * for (RFC 3263).
 */
import type { B2buaInput } from "../b2bua/border.ts";
import { OperatorError } from "../options.ts";
import type { FlowId, Target } from "../sip/flow.ts";
import type { ResolvedTarget, Resolver } from "./resolver.ts";
import { SipInterfaces } from "./sip-interfaces.ts";
import { listenSip, type SipListeners, type SipListenersOptions } from "./sip-listeners.ts";

export interface SipTransports extends Pick<SipListeners, "port" | "tlsPort" | "tlsProblem"> {
  /** Where it listens, for the log. */
  readonly description: string;
  readonly interfaces: SipInterfaces;
  open(flow: FlowId, target: Target, instead?: FlowId): void;
  send(flow: FlowId, bytes: Uint8Array): boolean;
  close(flow: FlowId, reason: string, unanswered?: boolean): boolean;
  stop(): void;
}

export interface SipOptions extends Omit<SipListenersOptions, "interfaceAddress"> {
  resolver: Resolver;
}

/** How often names are looked up anew; the runtime tells no TTL. */
const REFRESH_MS = 60_000;

/** Rejects with an `OperatorError` when the port is taken. */
export async function openSip(options: SipOptions): Promise<SipTransports> {
  const { at, resolver } = options;
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
  const own = await listenSip({ ...options, feed }).catch(({ message }: Error) => {
    throw new OperatorError(
      `--sip ${at.host}:${at.port} can't be opened (${message}): ` +
        "is another SIP program running, or is the address not one of this machine's?",
    );
  });
  const { tls } = options;
  const interfaces = new SipInterfaces({ feed, ...(tls ? { tls } : {}) });

  const open = async (id: FlowId, target: Target, instead: FlowId | undefined): Promise<void> => {
    const failed = instead === undefined ? undefined : remotes.get(instead);
    if (failed) resolver.shun(failed);
    let reason = "there is no other address";
    targets.set(id, target);
    try {
      const by = target.interface === undefined ? own : await interfaces.named(target.interface);
      const servers = await resolver.resolveAll(target);
      const addresses = servers.map(({ remote }) => remote.address);
      feed({ type: "resolved", flow: id, addresses });
      for (const { remote, target: server } of servers) {
        if (failed && remote.address === failed.address && remote.port === failed.port) continue;
        remotes.set(id, remote);
        const failure = await by.reach(id, server, remote);
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
    description: `${at.host}:${own.port}`,
    port: own.port,
    interfaces,
    get tlsPort() {
      return own.tlsPort;
    },
    get tlsProblem() {
      return own.tlsProblem ?? interfaces.tlsProblem;
    },
    open: (id, target, instead) => void open(id, target, instead),
    send: (id, bytes) => interfaces.send(id, bytes) || own.send(id, bytes),
    close: (id, reason, unanswered = false) => {
      const remote = remotes.get(id);
      if (remote && unanswered) resolver.shun(remote);
      remotes.delete(id);
      targets.delete(id);
      return interfaces.close(id, reason) || own.close(id, reason);
    },
    stop: () => {
      clearInterval(refresh);
      interfaces.stop();
      own.stop();
    },
  };
}
