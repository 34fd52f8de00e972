/**
 * A gateway that is only spoken to: the real B2BUA with two users and a PBX, and what it sends for
 * each message that comes in, byte by byte where somebody wants that. No network, no actors.
 */
import { B2bua } from "../../gateway/b2bua/b2bua.ts";
import type { B2buaOutput } from "../../gateway/b2bua/border.ts";
import { fromUtf8, utf8 } from "../../gateway/bytes.ts";
import { callId, cseq, to } from "../../gateway/sip/accessors.ts";
import { answerChallenge } from "../../gateway/sip/digest-client.ts";
import type { Flow, FlowId, Transport } from "../../gateway/sip/flow.ts";
import type { SipMessage, SipRequest } from "../../gateway/sip/message.ts";
import { parseMessage } from "../../gateway/sip/parse.ts";
import type { Config } from "../../schema/config.ts";
import { localLeg } from "./local-leg.ts";
import { seededRandom } from "./random.ts";
import { configOf } from "./stage.ts";
import { PBX } from "./story.ts";

export interface Sent {
  readonly flow: FlowId;
  readonly text: string;
  /** Undefined where it repeats what could not be read, as a 400 does. */
  readonly message: SipMessage | undefined;
}

const GATEWAY = "10.0.0.1";

export function flowFrom(address: string, transport: Transport = "udp", id?: string): Flow {
  return {
    id: (id ?? `${transport} ${address}`) as FlowId,
    transport,
    sentBy: `${GATEWAY}:5060`,
    remote: { address, port: 5_060 },
    local: { address: GATEWAY, port: 5_060 },
  };
}

export class Desk {
  readonly b2bua = new B2bua({ random: seededRandom(11), wallClock: (at) => at });
  readonly random = seededRandom(12);
  readonly outputs: B2buaOutput[] = [];
  now = 0;
  #sockets = 0;

  constructor(config: Config = configOf({ name: "", play() {} })) {
    this.#feed({ type: "configured", config });
  }

  get pbx(): Flow {
    return flowFrom(PBX);
  }

  /** A softphone's connection. */
  socket(): Flow {
    this.#sockets += 1;
    return this.open(flowFrom(`10.0.1.${this.#sockets}`, "ws", `ws ${this.#sockets}`));
  }

  open(flow: Flow): Flow {
    this.#feed({ type: "opened", flow });
    return flow;
  }

  close(flow: Flow): void {
    this.#feed({ type: "closed", flow: flow.id, reason: "the peer closed it" });
  }

  configure(config: Config): void {
    this.#feed({ type: "configured", config });
  }

  /** The administrator hangs up whatever is up. */
  hangUpAll(): Sent[] {
    const { calls } = this.b2bua.status(this.now);
    return calls.flatMap(({ id }) => this.#feed({ type: "hangUp", call: id }));
  }

  /** Says it and returns what is sent for it, to whomever. */
  say(flow: Flow, what: string | Uint8Array): Sent[] {
    const bytes = typeof what === "string" ? utf8(what) : what;
    return this.#feed({ type: "received", flow, bytes });
  }

  /** The same, octet by octet. */
  spell(flow: Flow, bytes: Uint8Array): Sent[] {
    return [...bytes].flatMap((byte) => this.say(flow, new Uint8Array([byte])));
  }

  pass(ms: number): Sent[] {
    const until = this.now + ms;
    const sent: Sent[] = [];
    for (let at = this.b2bua.deadline(); at !== undefined && at <= until; ) {
      this.now = Math.max(this.now, at);
      sent.push(...this.#feed({ type: "timeout" }));
      at = this.b2bua.deadline();
    }
    this.now = until;
    return sent;
  }

  /** A request of alice's or bob's, with the password where it is asked for. */
  prove(flow: Flow, user: string, request: (headers: string) => string): Sent[] {
    const [challenge] = this.say(flow, request(""));
    const message = challenge?.message;
    const asked = parseMessage(utf8(request("")));
    if (message?.kind !== "response" || !asked.ok || asked.message.kind !== "request") return [];
    const credentials = { username: user, password: `${user}-secret`, realm: "*" };
    const answer = answerChallenge(message, credentials, asked.message, {}, this.random);
    if (!answer.ok) throw new Error(answer.reason);
    const headers = answer.headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    return this.say(flow, request(headers));
  }

  #feed(input: Parameters<B2bua["handle"]>[0]): Sent[] {
    const outputs = this.b2bua.handle(input, this.now);
    this.outputs.push(...outputs);
    return outputs.flatMap((output) => this.#carry(output));
  }

  /** The media worker opens whatever is asked for; trunks are reached at once. */
  #carry(output: B2buaOutput): Sent[] {
    if (output.type === "send") {
      const parsed = parseMessage(output.bytes);
      const message = parsed.ok ? parsed.message : undefined;
      return [{ flow: output.flow, text: fromUtf8(output.bytes), message }];
    }
    if (output.type === "open") {
      return this.#feed({ type: "opened", flow: flowFrom(PBX, "udp", output.flow) });
    }
    if (output.type !== "media" || output.command.type !== "open") return [];
    const { seq, kind } = output.command;
    const message = { type: "opened", seq, local: localLeg(kind, GATEWAY, seq) } as const;
    return this.#feed({ type: "media", message });
  }
}

/** Status of the first response to this flow; 0 where there was none. */
export function statusOf(sent: readonly Sent[], flow: Flow): number {
  const own = sent.find((it) => it.flow === flow.id && it.text.startsWith("SIP/2.0 "));
  return Number(own?.text.slice(8, 11) ?? 0);
}

/** The requests among them, of one method. */
export function requestsOf(sent: readonly Sent[], method: string): SipRequest[] {
  return sent.flatMap(({ message }) =>
    message?.kind === "request" && message.method === method ? [message] : [],
  );
}

/** An answer to a request of the gateway's, as its peer writes it. */
export function answerTo(request: SipRequest, status: number, more = ""): string {
  const vias = request.headers
    .all("Via")
    .map((via) => `Via: ${via}\r\n`)
    .join("");
  const tag = to(request).params.has("tag") ? "" : ";tag=peer";
  return [
    `SIP/2.0 ${status} X\r\n${vias}From: ${request.headers.get("From")}`,
    `To: ${request.headers.get("To")}${tag}`,
    `Call-ID: ${callId(request)}`,
    `CSeq: ${cseq(request).number} ${request.method}`,
    `${more}Content-Length: 0\r\n\r\n`,
  ].join("\r\n");
}
