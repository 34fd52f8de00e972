/**
 * A whole company in virtual time: the real B2BUA, any number of softphones on WebSockets, PBXs on
 * UDP that loses, doubles and reorders as the seed says, and a media worker that does what it is
 * told. Every message is kept for the ladder, every open leg for the audit.
 */

import { B2bua } from "../../gateway/b2bua/b2bua.ts";
import type { B2buaInput, B2buaOutput } from "../../gateway/b2bua/border.ts";
import type { StandingCall } from "../../gateway/b2bua/standing.ts";
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import { fromUtf8 } from "../../gateway/bytes.ts";
import type { Command, LegKind, Notice } from "../../gateway/media/protocol.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import type { Config } from "../../schema/config.ts";
import type { ActorOptions, SdpDirection } from "./acting.ts";
import { Actor } from "./actor.ts";
import { DIGEST, localLeg } from "./local-leg.ts";
import { type SeededRandom, seededRandom } from "./random.ts";

export interface Weather {
  /** Chances, 0 to 1, for each datagram. */
  readonly loss: number;
  readonly duplication: number;
  readonly delayMaxMs: number;
}

const GATEWAY = "10.0.0.1";
const SOCKET_DELAY_MS = 5;
/** How long what is played once lasts. */
const PLAYED_MS = 3_000;

interface Event {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/** A softphone's connection: a new one after each break. */
interface Line {
  readonly actor: Actor;
  flow: Flow;
  isUp: boolean;
}

export class House {
  readonly random: SeededRandom;
  readonly b2bua: B2bua;
  readonly records: CallRecord[] = [];
  readonly commands: Command[] = [];
  /** Open media legs, by leg: the session each is in. */
  readonly legs = new Map<string, { session: string; kind: LegKind }>();
  now = 0;
  /** Nothing gets through to PBXs and back while true. */
  partitioned = false;
  /** Each media session is in a worker of its own: legs can't go over. */
  isSpread = false;
  /** Makes something else of a message that came in, which then comes in as well. */
  forge: ((bytes: Uint8Array) => Uint8Array | undefined) | undefined;
  /** What would be known of each call, should the gateway end. */
  readonly standing = new Map<string, StandingCall>();
  readonly #weather: Weather;
  readonly #events: Event[] = [];
  readonly #ladder: string[] = [];
  readonly #lines = new Map<Actor, Line>();
  readonly #pbxs = new Map<string, Actor>();
  readonly #trunkFlows = new Map<FlowId, Flow>();
  #order = 0;
  #flowCount = 0;

  constructor(seed: number, weather: Weather) {
    this.random = seededRandom(seed);
    this.#weather = weather;
    this.b2bua = new B2bua({ random: seededRandom(seed + 1), wallClock: (at) => at });
  }

  configure(config: Config): void {
    this.feed({ type: "configured", config });
  }

  /** A softphone of `user`; several of one user have names of their own after a slash. */
  softphone(name: string, options: Partial<ActorOptions> = {}): Actor {
    const index = this.#lines.size + 1;
    const flow = ours("ws", `${name.replace("/", "-")}.invalid`);
    const actor: Actor = new Actor({
      ...this.#common(name),
      flow,
      sdp: (direction, isOffer) => browserSdp(direction, isOffer),
      send: (bytes) => this.#fromSoftphone(actor, bytes),
      ...options,
    });
    this.#lines.set(actor, { actor, flow: this.#socketFlow(`10.0.1.${index}`), isUp: false });
    return actor;
  }

  pbx(name: string, address: string, options: Partial<ActorOptions> = {}): Actor {
    const actor: Actor = new Actor({
      ...this.#common(name),
      flow: ours("udp", `${address}:5060`),
      sdp: (direction) => phoneSdp(address, direction),
      send: (bytes) => this.#fromPbx(actor, address, bytes),
      ...options,
    });
    this.#pbxs.set(address, actor);
    return actor;
  }

  connect(actor: Actor): void {
    const line = this.#lineOf(actor);
    line.isUp = true;
    this.feed({ type: "opened", flow: line.flow });
  }

  /** The connection breaks; the gateway notices at once. */
  drop(actor: Actor): void {
    const line = this.#lineOf(actor);
    line.isUp = false;
    actor.disconnected();
    this.feed({ type: "closed", flow: line.flow.id, reason: "the network changed" });
  }

  /** It comes back, from another address where its network changed. */
  reconnect(actor: Actor, address?: string): void {
    const line = this.#lineOf(actor);
    line.flow = this.#socketFlow(address ?? line.flow.remote.address);
    this.connect(actor);
  }

  notice(notice: Exclude<Notice, { type: "load" }>): void {
    this.feed({ type: "media", message: notice });
  }

  feed(input: B2buaInput): void {
    for (const output of this.b2bua.handle(input, this.now)) this.#carry(output);
  }

  later = (afterMs: number, act: () => void): void => {
    this.#order += 1;
    const event = { at: this.now + afterMs, order: this.#order, act };
    let index = this.#events.length;
    while (index > 0 && (this.#events[index - 1]?.at ?? 0) > event.at) index -= 1;
    this.#events.splice(index, 0, event);
  };

  /** Lets `ms` pass. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const next = this.#nextTime();
      if (next > until) break;
      this.now = Math.max(this.now, next);
      while ((this.#events[0]?.at ?? Infinity) <= this.now) this.#events.shift()?.act();
      if ((this.b2bua.deadline() ?? Infinity) <= this.now) this.feed({ type: "timeout" });
      for (const actor of this.actors) {
        if ((actor.stack.deadline() ?? Infinity) <= this.now) actor.timeout();
      }
    }
    this.now = until;
  }

  get softphones(): Actor[] {
    return [...this.#lines.keys()];
  }

  /** Whether the softphone's connection is there. */
  isUp(actor: Actor): boolean {
    return this.#lineOf(actor).isUp;
  }

  get actors(): Actor[] {
    return [...this.#lines.keys(), ...this.#pbxs.values()];
  }

  /** A column for each party, a line for each message: who sent what to whom, when. */
  ladder(): string {
    return this.#ladder.join("\n");
  }

  #nextTime(): number {
    let next = Math.min(this.#events[0]?.at ?? Infinity, this.b2bua.deadline() ?? Infinity);
    for (const actor of this.actors) next = Math.min(next, actor.stack.deadline() ?? Infinity);
    return next;
  }

  #common(name: string) {
    return { name, random: this.random, later: this.later, now: () => this.now };
  }

  #lineOf(actor: Actor): Line {
    const line = this.#lines.get(actor);
    if (!line) throw new Error(`${actor.name} is no softphone of this house`);
    return line;
  }

  #socketFlow(address: string): Flow {
    this.#flowCount += 1;
    return {
      id: `ws ${this.#flowCount}` as FlowId,
      transport: "ws",
      sentBy: `${GATEWAY}:8080`,
      remote: { address, port: 40_000 + this.#flowCount },
      local: { address: GATEWAY, port: 8_080 },
    };
  }

  #fromSoftphone(actor: Actor, bytes: Uint8Array): void {
    this.#note(actor.name, "gateway", bytes);
    const { flow } = this.#lineOf(actor);
    this.later(SOCKET_DELAY_MS, () => {
      const line = this.#lineOf(actor);
      if (line.isUp && line.flow === flow) this.#receive(flow, bytes);
    });
  }

  #fromPbx(actor: Actor, address: string, bytes: Uint8Array): void {
    this.#note(actor.name, "gateway", bytes);
    this.#datagram(() => {
      const opened = [...this.#trunkFlows.values()].findLast((it) => it.remote.address === address);
      const flow = opened ?? trunkFlow(`udp ${address}` as FlowId, address);
      this.#receive(flow, bytes);
    });
  }

  #receive(flow: Flow, bytes: Uint8Array): void {
    this.feed({ type: "received", flow, bytes });
    const forged = this.forge?.(bytes);
    if (forged) this.feed({ type: "received", flow, bytes: forged });
  }

  #carry(output: B2buaOutput): void {
    switch (output.type) {
      case "stands":
        this.standing.set(output.call.call.id, output.call);
        break;
      case "send":
        this.#send(output.flow, output.bytes);
        break;
      case "open": {
        const flow = trunkFlow(output.flow, output.target.host);
        const failed = this.#trunkFlows.get(output.instead ?? output.flow);
        this.later(2, () => {
          if (failed) {
            const reason = "there is no other address";
            this.feed({ type: "closed", flow: output.flow, reason });
            return;
          }
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
        this.standing.delete(output.record.id);
        break;
      case "log":
        if (output.level === "error") throw new Error(JSON.stringify(output.fields));
        break;
      default:
    }
  }

  #send(flow: FlowId, bytes: Uint8Array): void {
    refusesInWords(fromUtf8(bytes));
    const line = [...this.#lines.values()].find((it) => it.flow.id === flow);
    if (line) {
      this.#note("gateway", line.actor.name, bytes);
      this.later(SOCKET_DELAY_MS, () => {
        if (line.isUp && line.flow.id === flow) line.actor.receive(bytes);
      });
      return;
    }
    const address = this.#trunkFlows.get(flow)?.remote.address ?? /^udp (\S+)/.exec(flow)?.[1];
    const pbx = this.#pbxs.get(address ?? "");
    if (!pbx) return;
    this.#note("gateway", pbx.name, bytes);
    this.#datagram(() => pbx.receive(bytes));
  }

  #datagram(deliver: () => void): void {
    const { loss, duplication, delayMaxMs } = this.#weather;
    if (this.partitioned || this.random.fraction() < loss) return;
    const copies = this.random.fraction() < duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++)
      this.later(1 + this.random.below(delayMaxMs), deliver);
  }

  #media(command: Command): void {
    this.commands.push(command);
    if (command.type === "close") {
      for (const [leg, { session }] of this.legs) {
        if (session === command.session) this.legs.delete(leg);
      }
      const { session } = command;
      this.later(1 + this.random.below(4), () => {
        this.feed({ type: "media", message: { type: "closed", session } });
      });
    } else if (command.type === "closeLeg") this.legs.delete(command.leg);
    if (command.type === "play" && command.once) {
      const { session, leg } = command;
      this.later(PLAYED_MS, () => this.notice({ type: "played", session, leg }));
    }
    if (!("seq" in command)) return;
    const { seq } = command;
    if (command.type === "open") {
      this.legs.set(command.leg, { session: command.session, kind: command.kind });
    } else if (command.type === "adopt") {
      const leg = this.isSpread ? undefined : this.legs.get(command.leg);
      if (leg) leg.session = command.session;
    }
    this.later(1 + this.random.below(4), () => {
      if (command.type === "open" || command.type === "restart") {
        const kind = command.type === "open" ? command.kind : "webrtc";
        const local = localLeg(kind, GATEWAY, seq);
        this.feed({ type: "media", message: { type: "opened", seq, local } });
      } else if (command.type === "adopt" && this.isSpread) {
        this.feed({ type: "media", message: { type: "refused", seq, reason: "elsewhere" } });
      } else {
        this.feed({ type: "media", message: { type: "connected", seq } });
      }
    });
  }

  #note(source: string, target: string, bytes: Uint8Array): void {
    const text = fromUtf8(bytes);
    const number = /\r\nCSeq: (.*)\r\n/.exec(text)?.[1] ?? "";
    const direction = /\r\na=(sendrecv|sendonly|recvonly|inactive)/.exec(text)?.[1] ?? "";
    const at = (this.now / 1_000).toFixed(3).padStart(9);
    const line = text.slice(0, Math.max(0, text.indexOf("\r\n")));
    const between = `${source} → ${target}`.padEnd(22);
    this.#ladder.push(`${at} ${between} ${line} [${number}] ${direction}`);
  }
}

/** Whatever we refuse, a sentence says why; a challenge says it by itself. */
function refusesInWords(text: string): void {
  const isRefusal = /^SIP\/2\.0 (?!401|407)[4-6]/.test(text);
  if (isRefusal && !/^(?:Reason|Warning): .*"[^"]{8,}"/m.test(text)) {
    throw new Error(`a refusal without a sentence:\n${text}`);
  }
}

function ours(transport: "ws" | "udp", sentBy: string): Flow {
  const at = { address: GATEWAY, port: 1 };
  return { id: "gateway" as FlowId, transport, sentBy, remote: at, local: at };
}

function trunkFlow(id: FlowId, address: string): Flow {
  const local = { address: GATEWAY, port: 5_060 };
  const remote = { address, port: 5_060 };
  return { id, transport: "udp", sentBy: `${GATEWAY}:5060`, remote, local };
}

function browserSdp(direction: SdpDirection, isOffer: boolean): string {
  return [
    "v=0",
    "o=- 1 1 IN IP4 10.0.1.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 110",
    "c=IN IP4 0.0.0.0",
    "a=ice-ufrag:abcd",
    `a=ice-pwd:${"x".repeat(24)}`,
    `a=fingerprint:sha-256 ${DIGEST}`,
    `a=setup:${isOffer ? "actpass" : "active"}`,
    "a=mid:0",
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
    "a=rtpmap:110 telephone-event/48000",
    `a=${direction}`,
    "",
  ].join("\r\n");
}

function phoneSdp(address: string, direction: SdpDirection): string {
  return [
    "v=0",
    `o=- 1 1 IN IP4 ${address}`,
    "s=-",
    `c=IN IP4 ${address}`,
    "t=0 0",
    "m=audio 4000 RTP/AVP 9 8 101",
    "a=rtpmap:101 telephone-event/8000",
    `a=${direction}`,
    "",
  ].join("\r\n");
}
