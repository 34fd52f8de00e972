/** What an actor of the simulated house is told, what it believes, and what it reads off messages. */
import { fromUtf8, utf8 } from "../../gateway/bytes.ts";
import type { Dialog } from "../../gateway/sip/dialog.ts";
import type { Flow } from "../../gateway/sip/flow.ts";
import type { SipRequest, SipResponse } from "../../gateway/sip/message.ts";
import type { SeededRandom } from "./random.ts";

export type SdpDirection = "sendrecv" | "sendonly" | "recvonly" | "inactive";

/** What it does with a call that comes in. */
export interface Manner {
  /** The final answer: 200, or a refusal; absent: it rings until it is cancelled. */
  readonly answer?: number;
  readonly afterMs: number;
  /** It answers without ringing first. */
  readonly atOnce?: boolean;
  /** A 183 with its description instead of 180. */
  readonly early?: boolean;
  /** Its provisional answer wants a PRACK. */
  readonly reliable?: boolean;
  /** It answers under each of these ends of its To tag: a call that was forked behind it. */
  readonly forks?: readonly string[];
  /** For a 302. */
  readonly contact?: string;
  /** The Reason of its refusal. */
  readonly reason?: string;
  /** For calls to certain numbers something else. */
  readonly at?: Readonly<Record<string, Manner>>;
}

/** One of its calls, as it believes it to be. */
export interface View {
  readonly dialog: Dialog;
  /** The direction the other side last wrote, and what it answered or offered itself. */
  heard: SdpDirection | undefined;
  said: SdpDirection;
  /** A re-INVITE of its own without an answer. */
  isOffering: boolean;
}

/** The value of a Replaces that names the call. */
export function replacesOf({ dialog }: View): string {
  return `${dialog.callId};to-tag=${dialog.remoteTag};from-tag=${dialog.localTag}`;
}

export interface ActorOptions {
  readonly name: string;
  readonly random: SeededRandom;
  /** Its side of the connection to the gateway. */
  readonly flow: Flow;
  readonly sdp: (direction: SdpDirection, isOffer: boolean) => string;
  readonly send: (bytes: Uint8Array) => void;
  readonly later: (afterMs: number, act: () => void) => void;
  readonly now: () => number;
  /** Says 405 to UPDATE, as SIP.js does. */
  readonly refusesUpdate?: boolean;
}

export function sdpBody(sdp: string): { type: string; bytes: Uint8Array } {
  return { type: "application/sdp", bytes: utf8(sdp) };
}

export function withBody(ack: SipRequest, sdp: string): SipRequest {
  const headers = ack.headers.clone();
  headers.set("Content-Type", "application/sdp");
  return { ...ack, headers, body: utf8(sdp) };
}

export function directionOf(message: SipRequest | SipResponse): SdpDirection | undefined {
  const text = fromUtf8(message.body);
  if (!text.startsWith("v=0")) return undefined;
  const written = /^a=(sendrecv|sendonly|recvonly|inactive)\r?$/m.exec(text)?.[1];
  return (written as SdpDirection | undefined) ?? "sendrecv";
}

/** Of a NOTIFY what it reports, of a MESSAGE what it says. */
export function fragmentOf(request: SipRequest): string {
  if (request.method === "INFO" || request.method === "MESSAGE") {
    return ` ${fromUtf8(request.body).replaceAll("\r\n", " ").trim()}`;
  }
  if (request.method !== "NOTIFY") return "";
  const text = fromUtf8(request.body);
  const state = /<state>(\w+)<\/state>/.exec(text)?.[1];
  return ` ${(/^SIP\/2\.0 (\d+)/.exec(text)?.[1] ?? state ?? text.split("\r\n")[0])?.trim()}`;
}

/** What a PBX tells of whatever is watched there: an extension that rings, a mailbox with mail. */
export function watchedBody(event: string): { type: string; bytes: Uint8Array } {
  if (event !== "dialog") {
    const bytes = utf8("Messages-Waiting: yes\r\nVoice-Message: 2/0 (0/0)\r\n");
    return { type: "application/simple-message-summary", bytes };
  }
  const lamp =
    '<?xml version="1.0"?><dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" ' +
    'state="full" entity="sip:260@pbx"><dialog id="1"><state>early</state></dialog></dialog-info>';
  return { type: "application/dialog-info+xml", bytes: utf8(lamp) };
}
