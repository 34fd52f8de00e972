/**
 * The real B2BUA between a softphone of an unmodified library and a simulated PBX, in virtual time.
 * A message takes some milliseconds each way; after every event the library's promises are let run
 * before time goes on.
 */

import { B2bua } from "../../gateway/b2bua/b2bua.ts";
import type { B2buaInput, B2buaOutput } from "../../gateway/b2bua/border.ts";
import { fromUtf8, utf8 } from "../../gateway/bytes.ts";
import type { Command } from "../../gateway/media/protocol.ts";
import { digestHa1 } from "../../gateway/sip/digest.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import type { Config, ConnectionId, UserId } from "../../schema/config.ts";
import { Actor } from "../sim/actor.ts";
import { localLeg } from "../sim/local-leg.ts";
import { type SeededRandom, seededRandom } from "../sim/random.ts";
import type { Softphone } from "./page/softphone/softphone.ts";
import type { Library } from "./softphones.ts";
import { installVirtualBrowser, type VirtualSocket } from "./virtual-browser.ts";

const GATEWAY = "10.0.0.1";
const PBX = "10.0.0.50";
const REALM = "jackfield";
const SOCKET_DELAY_MS = 15;
const TRUNK_DELAY_MS = 5;
export const ALICE: UserId = 1 as UserId;

type MakeSoftphone = (hear: (stream: unknown) => void) => Softphone;

/** The driver is browser code: its types end where the browser's would begin. */
async function driverOf(library: Library): Promise<MakeSoftphone> {
  const path = `${import.meta.dir}/page/softphone/${library}-softphone.ts`;
  const driver = (await import(path)) as Record<string, MakeSoftphone>;
  const make = driver[`${library}Softphone`];
  if (!make) throw new Error(`${library} has no driver`);
  return make;
}

interface Line {
  flow: Flow;
  socket: VirtualSocket;
  isUp: boolean;
}

export class VirtualClient {
  readonly #random: SeededRandom;
  readonly b2bua: B2bua;
  readonly pbx: Actor;
  readonly #events: { at: number; order: number; act: () => void }[] = [];
  readonly #restore: () => void;
  readonly #trunkFlows = new Map<FlowId, Flow>();
  readonly #lines: Line[] = [];
  readonly #ladder: string[] = [];
  #softphone: Softphone | undefined;
  #order = 0;
  now = 0;
  /** While true, connections break as they are opened. */
  isNetworkDown = false;

  private constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.b2bua = new B2bua({ random: seededRandom(seed + 1), wallClock: (at) => at });
    this.pbx = new Actor({
      name: "pbx",
      random: this.#random,
      flow: trunkFlow("pbx" as FlowId),
      sdp: (direction) => phoneSdp(direction),
      send: (bytes) => this.#fromPbx(bytes),
      later: this.#later,
      now: () => this.now,
    });
    this.#restore = installVirtualBrowser({
      now: () => this.now,
      later: this.#later,
      random: this.#random.fraction,
      connect: (socket) => this.#connect(socket),
    });
  }

  /** A registered softphone of alice's. Call `stop` afterwards: it borrows the globals. */
  static async start(library: Library, seed: number, expires = 300): Promise<VirtualClient> {
    const make = await driverOf(library);
    const client = new VirtualClient(seed);
    client.#softphone = make(() => {});
    client.#feed({ type: "configured", config: configOf() });
    const started = client.softphone.start({
      server: `ws://${GATEWAY}/sip`,
      user: "alice",
      password: "alice-secret",
      instance: "4c3e9b1a-7d52-4f0e-9a86-2b1c5d7e8f90",
      expires,
      answers: true,
    });
    let refused: unknown;
    started.catch((error: unknown) => {
      refused = error;
    });
    await client.pass(1_000);
    if (refused) throw refused;
    return client;
  }

  get softphone(): Softphone {
    if (!this.#softphone) throw new Error("it was not started");
    return this.#softphone;
  }

  /** Every message that passed the gateway, in order: `0:01:30.015 softphone → gateway: BYE …`. */
  get ladder(): readonly string[] {
    return this.#ladder;
  }

  /** Those that match. */
  passed(pattern: RegExp): string[] {
    return this.#ladder.filter((line) => pattern.test(line));
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    for (;;) {
      await settled();
      const next = Math.min(
        this.#events[0]?.at ?? Infinity,
        this.b2bua.deadline() ?? Infinity,
        this.pbx.stack.deadline() ?? Infinity,
      );
      if (next > until) break;
      this.now = Math.max(this.now, next);
      while ((this.#events[0]?.at ?? Infinity) <= this.now) {
        this.#events.shift()?.act();
        await settled();
      }
      if ((this.b2bua.deadline() ?? Infinity) <= this.now) this.#feed({ type: "timeout" });
      if ((this.pbx.stack.deadline() ?? Infinity) <= this.now) this.pbx.timeout();
    }
    this.now = until;
  }

  /** The connection breaks; both ends notice. */
  breakConnection(): void {
    for (const line of this.#lines) {
      if (!line.isUp) continue;
      line.isUp = false;
      line.socket.failed();
      this.#feed({ type: "closed", flow: line.flow.id, reason: "the network changed" });
    }
  }

  /** What the gateway still has of calls, by name and count; registrations are none of it. */
  leftOver(): [string, number][] {
    const alive: Readonly<Record<string, number>> = this.b2bua.status(this.now).alive;
    return Object.entries(alive).filter(([name, count]) => name !== "bindings" && count !== 0);
  }

  /** Gives the globals back. */
  stop(): void {
    this.#restore();
  }

  readonly #later = (afterMs: number, act: () => void): void => {
    this.#order += 1;
    const event = { at: this.now + afterMs, order: this.#order, act };
    let index = this.#events.length;
    while (index > 0 && (this.#events[index - 1]?.at ?? 0) > event.at) index -= 1;
    this.#events.splice(index, 0, event);
  };

  #feed(input: B2buaInput): void {
    for (const output of this.b2bua.handle(input, this.now)) this.#carry(output);
  }

  #connect(socket: VirtualSocket) {
    const number = this.#lines.length + 1;
    const line: Line = { flow: socketFlow(number), socket, isUp: false };
    this.#lines.push(line);
    this.#later(SOCKET_DELAY_MS, () => {
      if (this.isNetworkDown) {
        socket.failed();
        return;
      }
      line.isUp = true;
      this.#feed({ type: "opened", flow: line.flow });
      socket.opened();
    });
    return {
      receive: (text: string) => {
        this.#note("softphone → gateway", text);
        this.#later(SOCKET_DELAY_MS, () => {
          if (line.isUp) this.#feed({ type: "received", flow: line.flow, bytes: utf8(text) });
        });
      },
      closed: () => {
        if (!line.isUp) return;
        line.isUp = false;
        this.#feed({ type: "closed", flow: line.flow.id, reason: "the WebSocket closed" });
      },
    };
  }

  #fromPbx(bytes: Uint8Array): void {
    this.#note("PBX → gateway", fromUtf8(bytes));
    this.#later(TRUNK_DELAY_MS, () => {
      const flow = [...this.#trunkFlows.values()].at(-1) ?? trunkFlow("udp pbx" as FlowId);
      this.#feed({ type: "received", flow, bytes });
    });
  }

  #carry(output: B2buaOutput): void {
    switch (output.type) {
      case "send":
        this.#send(output.flow, output.bytes);
        break;
      case "open": {
        const flow = trunkFlow(output.flow);
        this.#later(1, () => {
          this.#trunkFlows.set(flow.id, flow);
          this.#feed({ type: "opened", flow });
        });
        break;
      }
      case "close":
        this.#trunkFlows.delete(output.flow);
        break;
      case "media":
        this.#media(output.command);
        break;
      case "log":
        if (output.level === "error") throw new Error(JSON.stringify(output.fields));
        break;
      default:
    }
  }

  #send(flow: FlowId, bytes: Uint8Array): void {
    const line = this.#lines.find((it) => it.flow.id === flow);
    const text = fromUtf8(bytes);
    this.#note(line ? "gateway → softphone" : "gateway → PBX", text);
    if (!line) this.#later(TRUNK_DELAY_MS, () => this.pbx.receive(bytes));
    else {
      this.#later(SOCKET_DELAY_MS, () => {
        if (line.isUp) line.socket.deliver(text);
      });
    }
  }

  /** A media worker that does what it is told. */
  #media(command: Command): void {
    if (!("seq" in command)) return;
    const { seq } = command;
    this.#later(2, () => {
      if (command.type === "open" || command.type === "restart") {
        const local = localLeg(command.type === "open" ? command.kind : "webrtc", GATEWAY, seq);
        this.#feed({ type: "media", message: { type: "opened", seq, local } });
      } else this.#feed({ type: "media", message: { type: "connected", seq } });
    });
  }

  #note(between: string, text: string): void {
    const seconds = this.now / 1_000;
    const clock = `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(3).padStart(6, "0")}`;
    const [first = ""] = text.split("\r\n", 1);
    const number = /\r\nCSeq: (.*)\r\n/.exec(text)?.[1] ?? "";
    const interval = /\r\nSession-Expires: (.*)\r\n/.exec(text)?.[1];
    const timer = interval === undefined ? "" : ` {${interval}}`;
    this.#ladder.push(`${clock.padStart(9)} ${between}: ${first} [${number}]${timer}`);
  }
}

/** Every promise that can go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function configOf(): Config {
  const ha1 = (algorithm: "MD5" | "SHA-256") =>
    digestHa1(algorithm, "alice", REALM, "alice-secret");
  return {
    revision: 1,
    realm: REALM,
    users: [
      {
        id: ALICE,
        name: "alice",
        displayName: "",
        enabled: true,
        ha1: { md5: ha1("MD5"), sha256: ha1("SHA-256") },
      },
    ],
    connections: [
      {
        id: 1 as ConnectionId,
        name: "PBX",
        type: "outbound-trunk",
        enabled: true,
        host: PBX,
        port: 5_060,
        transport: "udp",
        realm: "*",
        registrationExpires: 300,
        weight: 0,
        patterns: [{ pattern: "^2", strip: 0, prepend: "" }],
        allow: [`${PBX}/32`],
        codecs: ["G722", "PCMA"],
        inboundUser: ALICE,
        allowInbound: true,
        allowOutbound: true,
      },
    ],
  };
}

function socketFlow(number: number): Flow {
  return {
    id: `ws ${number}` as FlowId,
    transport: "ws",
    sentBy: `${GATEWAY}:8080`,
    remote: { address: "10.0.1.1", port: 40_000 + number },
    local: { address: GATEWAY, port: 8_080 },
  };
}

function trunkFlow(id: FlowId): Flow {
  const local = { address: GATEWAY, port: 5_060 };
  const remote = { address: PBX, port: 5_060 };
  return { id, transport: "udp", sentBy: `${GATEWAY}:5060`, remote, local };
}

function phoneSdp(direction: string): string {
  return [
    "v=0",
    `o=- 1 1 IN IP4 ${PBX}`,
    "s=-",
    `c=IN IP4 ${PBX}`,
    "t=0 0",
    "m=audio 4000 RTP/AVP 9 8 101",
    "a=rtpmap:101 telephone-event/8000",
    `a=${direction}`,
    "",
  ].join("\r\n");
}
