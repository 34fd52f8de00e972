/**
 * The real B2BUA between a softphone, a PBX and a media worker that are simulated, in virtual time,
 * over a network that loses, doubles and reorders as its seed says. WebSockets keep order and lose
 * nothing; datagrams do both. Every message is kept for the ladder.
 */

import { B2bua } from "../../gateway/b2bua/b2bua.ts";
import type { B2buaInput, B2buaOutput } from "../../gateway/b2bua/border.ts";
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import { fromUtf8 } from "../../gateway/bytes.ts";
import type { Command } from "../../gateway/media/protocol.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import type { Config } from "../../schema/config.ts";
import { localLeg } from "./local-leg.ts";
import { type SeededRandom, seededRandom } from "./random.ts";
import type { SimulatedAgent } from "./simulated-agent.ts";

export interface Network {
  /** Chance of each, 0 to 1, for a datagram. */
  loss: number;
  duplication: number;
  delayMaxMs: number;
}

interface Event {
  at: number;
  order: number;
  act: (now: number) => void;
}

/** A request that reached the PBX's network, and over what. */
export interface SentToPbx {
  readonly at: number;
  readonly transport: "udp" | "tcp";
  readonly text: string;
}

/** What the PBX does with TCP; who `breaks` or `ignores` takes the connection first. */
export type TcpManner = "takes" | "refuses" | "drops" | "breaks" | "ignores";

export const GATEWAY = "10.0.0.1";
export const PBX = "10.0.0.50";
const SOCKET_DELAY_MS = 5;

/** The gateway's side of the softphone's WebSocket. */
export const socketFlow: Flow = {
  id: "ws 1" as FlowId,
  transport: "ws",
  sentBy: `${GATEWAY}:8080`,
  remote: { address: "10.0.0.2", port: 40_000 },
  local: { address: GATEWAY, port: 8_080 },
};

export class SimulatedWorld {
  readonly random: SeededRandom;
  readonly b2bua: B2bua;
  readonly records: CallRecord[] = [];
  readonly ladder: string[] = [];
  /** Open media legs, by session and leg. */
  readonly legs = new Set<string>();
  softphone: SimulatedAgent | undefined;
  pbx: SimulatedAgent | undefined;
  mediaRefuses = false;
  tcp: TcpManner = "takes";
  /** Connections the gateway asked for, and requests it sent to the PBX. */
  connects = 0;
  readonly sent: SentToPbx[] = [];
  /** Nothing gets through to the PBX and back while true. */
  partitioned = false;
  now = 0;
  readonly #network: Network;
  readonly #events: Event[] = [];
  readonly #trunkFlows = new Map<FlowId, Flow>();
  readonly #streams = new Map<FlowId, Flow>();
  #order = 0;
  #socketOpen = false;

  constructor(seed: number, network: Network) {
    this.random = seededRandom(seed);
    this.#network = network;
    this.b2bua = new B2bua({
      random: seededRandom(seed + 1),
      wallClock: (at) => 1_700_000_000_000 + at,
    });
  }

  readonly at = (afterMs: number, act: (now: number) => void): void => {
    this.#order += 1;
    this.#events.push({ at: this.now + afterMs, order: this.#order, act });
  };

  configure(config: Config): void {
    this.feed({ type: "configured", config });
  }

  openSocket(): void {
    this.#socketOpen = true;
    this.feed({ type: "opened", flow: socketFlow });
  }

  closeSocket(): void {
    this.#socketOpen = false;
    this.feed({ type: "closed", flow: socketFlow.id, reason: "the network changed" });
  }

  feed(input: B2buaInput): void {
    for (const output of this.b2bua.handle(input, this.now)) this.#carry(output);
  }

  readonly fromSoftphone = (bytes: Uint8Array): void => {
    this.#note("softphone", "gateway", bytes);
    this.at(SOCKET_DELAY_MS, () => {
      if (this.#socketOpen) this.feed({ type: "received", flow: socketFlow, bytes });
    });
  };

  /** Over the stream of that name, else by datagram. */
  readonly fromPbx = (bytes: Uint8Array, over: FlowId): void => {
    this.#note("PBX", "gateway", bytes);
    const stream = this.#streams.get(over);
    if (stream) {
      this.at(SOCKET_DELAY_MS, () => {
        if (this.#streams.has(over)) this.feed({ type: "received", flow: stream, bytes });
      });
      return;
    }
    this.#datagram(() => {
      const [opened] = [...this.#trunkFlows.values()].slice(-1);
      this.feed({ type: "received", flow: opened ?? this.pbxFlow("udp strange" as FlowId), bytes });
    });
  };

  /** The gateway's side of the PBX's address. */
  pbxFlow(id: FlowId, address = PBX): Flow {
    const local = { address: GATEWAY, port: 5_060 };
    return {
      id,
      transport: "udp",
      sentBy: `${GATEWAY}:5060`,
      remote: { address, port: 5_060 },
      local,
    };
  }

  /** Goes from event to event until `untilMs`. */
  run(untilMs: number): void {
    for (;;) {
      const next = this.#nextTime();
      if (next === undefined || next > untilMs) break;
      this.now = Math.max(this.now, next);
      const due = this.#events
        .filter(({ at }) => at <= this.now)
        .sort((a, b) => a.at - b.at || a.order - b.order);
      for (const event of due) {
        this.#events.splice(this.#events.indexOf(event), 1);
        event.act(this.now);
      }
      if ((this.b2bua.deadline() ?? Infinity) <= this.now) this.feed({ type: "timeout" });
      for (const agent of [this.softphone, this.pbx]) {
        if ((agent?.stack.deadline() ?? Infinity) <= this.now) agent?.timeout(this.now);
      }
    }
    this.now = untilMs;
  }

  #nextTime(): number | undefined {
    const times = [
      ...this.#events.map(({ at }) => at),
      this.b2bua.deadline(),
      this.softphone?.stack.deadline(),
      this.pbx?.stack.deadline(),
    ].filter((at) => at !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #carry(output: B2buaOutput): void {
    switch (output.type) {
      case "send":
        if (output.flow === socketFlow.id) this.#toSoftphone(output.bytes);
        else this.#toPbx(output.flow, output.bytes);
        break;
      case "open": {
        if (output.target.transport === "tcp") {
          this.#connect(output.flow);
          break;
        }
        const flow = this.pbxFlow(output.flow);
        this.at(2, () => {
          // The PBX has one address: there is none instead of it.
          if (output.instead !== undefined) {
            this.feed({ type: "closed", flow: flow.id, reason: "no other address" });
            return;
          }
          this.#trunkFlows.set(flow.id, flow);
          this.feed({ type: "opened", flow });
        });
        break;
      }
      case "close":
        this.#trunkFlows.delete(output.flow);
        this.#break(output.flow, output.reason);
        break;
      case "media":
        this.#media(output.command);
        break;
      case "record":
        this.records.push(output.record);
        break;
      default:
    }
  }

  #toSoftphone(bytes: Uint8Array): void {
    this.#note("gateway", "softphone", bytes);
    this.at(SOCKET_DELAY_MS, (now) => {
      if (this.#socketOpen) this.softphone?.receive(bytes, now);
    });
  }

  #toPbx(over: FlowId, bytes: Uint8Array): void {
    const stream = this.#streams.get(over);
    const text = fromUtf8(bytes);
    this.#note("gateway", stream ? "PBX (TCP)" : "PBX", bytes);
    if (!text.startsWith("SIP/2.0 ")) {
      this.sent.push({ at: this.now, transport: stream ? "tcp" : "udp", text });
    }
    if (!stream) {
      this.#datagram((now) => this.pbx?.receive(bytes, now));
      return;
    }
    this.at(SOCKET_DELAY_MS, (now) => {
      if (this.tcp === "breaks") this.#break(over, "the peer closed it");
      else if (this.tcp === "takes" && this.#streams.has(over))
        this.pbx?.receive(bytes, now, theirEnd(stream));
    });
  }

  #connect(id: FlowId): void {
    this.connects += 1;
    const isRefused = this.tcp === "refuses";
    const local = { address: GATEWAY, port: 40_000 + this.connects };
    const flow: Flow = { ...this.pbxFlow(id), transport: "tcp", local };
    this.at(this.tcp === "drops" ? 4_000 : SOCKET_DELAY_MS, () => {
      if (isRefused || this.tcp === "drops") {
        this.feed({ type: "closed", flow: id, reason: "it takes no TCP connection" });
        return;
      }
      this.#streams.set(id, flow);
      this.feed({ type: "opened", flow });
    });
  }

  #break(id: FlowId, reason: string): void {
    if (!this.#streams.delete(id)) return;
    this.at(0, () => this.feed({ type: "closed", flow: id, reason }));
  }

  #datagram(deliver: (now: number) => void): void {
    const { loss, duplication, delayMaxMs } = this.#network;
    if (this.partitioned || this.random.fraction() < loss) return;
    const copies = this.random.fraction() < duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) this.at(1 + this.random.below(delayMaxMs), deliver);
  }

  /** A media worker that does what it is told, a little later. */
  #media(command: Command): void {
    if (command.type === "close") {
      for (const key of this.legs) if (key.startsWith(`${command.session} `)) this.legs.delete(key);
      const { session } = command;
      this.at(1 + this.random.below(4), () => {
        this.feed({ type: "media", message: { type: "closed", session } });
      });
      return;
    }
    if (command.type === "closeLeg") {
      this.legs.delete(`${command.session} ${command.leg}`);
      return;
    }
    if (!("seq" in command)) return;
    const { seq } = command;
    if (command.type === "open" && !this.mediaRefuses)
      this.legs.add(`${command.session} ${command.leg}`);
    this.at(1 + this.random.below(4), () => {
      if (command.type === "open") {
        const message = this.mediaRefuses
          ? ({ type: "refused", seq, reason: "no-port" } as const)
          : ({ type: "opened", seq, local: localLeg(command.kind, GATEWAY, 1) } as const);
        this.feed({ type: "media", message });
      } else if (command.type === "connect")
        this.feed({ type: "media", message: { type: "connected", seq } });
      else if (command.type === "join")
        this.feed({ type: "media", message: { type: "joined", seq } });
    });
  }

  #note(source: string, target: string, bytes: Uint8Array): void {
    const text = fromUtf8(bytes);
    const cseq = /\r\nCSeq: (.*)\r\n/.exec(text)?.[1] ?? "";
    this.ladder.push(
      `${(this.now / 1_000).toFixed(3).padStart(9)} ${source} → ${target}: ${text.split("\r\n")[0]} [${cseq}]`,
    );
  }
}

/** The stream as the PBX sees it. */
function theirEnd({ id, local, remote }: Flow): Flow {
  const sentBy = `${remote.address}:${remote.port}`;
  return { id, transport: "tcp", sentBy, remote: local, local: remote };
}
