/**
 * The real B2BUA between a softphone, a PBX and a media worker that are simulated, in virtual time,
 * over a network that loses, doubles and reorders as its seed says. WebSockets keep order and lose
 * nothing; datagrams do both. Every message is kept for the ladder.
 */
import { B2bua } from "../../gateway/b2bua/b2bua.ts";
import type { B2buaInput, B2buaOutput } from "../../gateway/b2bua/border.ts";
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import { fromUtf8 } from "../../gateway/bytes.ts";
import type { Command, LocalLeg } from "../../gateway/media/protocol.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import type { Config } from "../../schema/config.ts";
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
  /** Nothing gets through to the PBX and back while true. */
  partitioned = false;
  now = 0;
  readonly #network: Network;
  readonly #events: Event[] = [];
  readonly #trunkFlows = new Map<FlowId, Flow>();
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

  readonly fromPbx = (bytes: Uint8Array): void => {
    this.#note("PBX", "gateway", bytes);
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
        else this.#toPbx(output.bytes);
        break;
      case "open": {
        const flow = this.pbxFlow(output.flow);
        this.at(2, () => {
          this.#trunkFlows.set(flow.id, flow);
          this.feed({ type: "opened", flow });
        });
        break;
      }
      case "close":
        this.#trunkFlows.delete(output.flow);
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

  #toPbx(bytes: Uint8Array): void {
    this.#note("gateway", "PBX", bytes);
    this.#datagram((now) => this.pbx?.receive(bytes, now));
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
      return;
    }
    if (command.type === "closeLeg") {
      this.legs.delete(`${command.session} ${command.leg}`);
      return;
    }
    const { seq } = command;
    if (command.type === "open" && !this.mediaRefuses)
      this.legs.add(`${command.session} ${command.leg}`);
    this.at(1 + this.random.below(4), () => {
      if (command.type === "open") {
        const message = this.mediaRefuses
          ? ({ type: "refused", seq, reason: "no-port" } as const)
          : ({ type: "opened", seq, local: localLeg(command.kind) } as const);
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

function localLeg(kind: "webrtc" | "trunk"): LocalLeg {
  const rtp = { address: GATEWAY, port: 10_000 };
  if (kind === "trunk") return { kind, rtp, rtcp: { ...rtp, port: 10_001 }, ssrc: 1, cname: "c" };
  return {
    kind,
    candidates: [{ address: GATEWAY, port: 8_081 }],
    ice: { ufrag: "ours", password: "ourpasswordourpassword" },
    fingerprint: { algorithm: "sha-256", value: Array.from({ length: 32 }, () => "AB").join(":") },
    ssrc: 2,
    cname: "c",
  };
}
