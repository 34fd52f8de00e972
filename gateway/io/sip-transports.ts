/** The SIP sockets of the process behind one face: UDP and TCP on one port (RFC 3261 §18). */
import type { B2buaInput } from "../b2bua/border.ts";
import { type HostPort, OperatorError } from "../options.ts";
import type { FlowId, Target } from "../sip/flow.ts";
import { resolveTarget } from "./resolver.ts";
import { listenTcp, type SipTcp } from "./sip-tcp.ts";
import { listenUdp, type SipUdp } from "./sip-udp.ts";

export interface SipTransports {
  /** Where it listens, for the log. */
  readonly description: string;
  open(flow: FlowId, target: Target): void;
  send(flow: FlowId, bytes: Uint8Array): boolean;
  close(flow: FlowId, reason: string): boolean;
  stop(): void;
}

/** Rejects with an `OperatorError` when the port is taken. */
export async function openSip(
  at: HostPort,
  localHostFor: (remoteAddress: string) => string,
  feed: (input: B2buaInput) => void,
): Promise<SipTransports> {
  const { udp, tcp } = await listenBoth(at, localHostFor, feed);
  const open = async (flow: FlowId, target: Target): Promise<void> => {
    try {
      const remote = await resolveTarget(target);
      if (target.transport === "udp") feed({ type: "opened", flow: udp.open(flow, remote) });
      else await tcp.open(flow, remote);
    } catch (error) {
      feed({ type: "closed", flow, reason: (error as Error).message });
    }
  };
  return {
    description: `${at.host}:${udp.port}`,
    open: (flow, target) => void open(flow, target),
    send: (flow, bytes) => tcp.send(flow, bytes) || udp.send(flow, bytes),
    close: (flow, reason) => tcp.close(flow, reason) || udp.close(flow),
    stop: () => {
      tcp.stop();
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
  try {
    const udp = await listenUdp({ ...base, port: at.port });
    // Port 0 asks for any: TCP then takes the one UDP got.
    return { udp, tcp: listenTcp({ ...base, port: udp.port }) };
  } catch (error) {
    throw new OperatorError(
      `--sip ${at.host}:${at.port} can't be opened (${(error as Error).message}): ` +
        "is another SIP program running, or is the address not one of this machine's?",
    );
  }
}
