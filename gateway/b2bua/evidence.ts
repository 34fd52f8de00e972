/**
 * From a call's messages to what the table of causes asks about: which side said what, which codecs
 * were offered and taken, how often it was asked in vain. Pure; reads what the trace holds and
 * trusts none of it. Above: `causes`. Below: the parsers of SIP and SDP.
 */
import type { Connection } from "../../schema/config.ts";
import { isPrivateAddress } from "../address.ts";
import { fromUtf8, utf8 } from "../bytes.ts";
import { parseSdp } from "../sdp/parse.ts";
import { attributes, type MediaDescription } from "../sdp/session-description.ts";
import { contentType, cseq } from "../sip/accessors.ts";
import type { SipMessage } from "../sip/message.ts";
import { parseMessage } from "../sip/parse.ts";
import type { CallTrace, TracedMessage, TracedParty } from "./call-trace.ts";
import { printable } from "./reason.ts";
import type { CallRecord, CallStatus } from "./status.ts";

/** What one side's description said of its audio. */
export interface Description {
  readonly codecs: readonly string[];
  readonly protocol: string;
  /** Where it wants audio; absent where ICE says it. */
  readonly address?: string;
  readonly isPrivate: boolean;
}

/** One dialog, as the messages show it. */
export interface LegEvidence {
  readonly party: TracedParty;
  /** INVITEs that went this way, and how often they were repeated unheard. */
  readonly invites: number;
  readonly repeats: number;
  /** The highest provisional status, 0 where none came; the final one of the last INVITE. */
  readonly progress: number;
  readonly final?: number;
  /** In the words of whoever answered: the reason phrase, `Warning` and `Reason`. */
  readonly phrase: string;
  readonly warning: string;
  readonly realms: readonly string[];
  readonly hadPassword: boolean;
  readonly retryAfter?: string;
  readonly unsupported?: string;
  /** The first offer and the last answer of the INVITE, by who made them. */
  readonly ours?: Description;
  readonly theirs?: Description;
  /** A body of a refusal that says what would have been taken. */
  readonly instead?: Description;
  /** Our 200 was repeated, or theirs, without an ACK that arrived. */
  readonly answersRepeated: number;
}

export interface Evidence {
  readonly call: CallStatus | CallRecord;
  readonly record?: CallRecord;
  readonly legs: readonly LegEvidence[];
  readonly decisions: readonly string[];
  /** As it is configured now; the one the call used last. */
  readonly connection?: Connection;
  readonly connections: readonly Connection[];
}

/** RFC 3551 §6: payload types that need no rtpmap. */
const STATIC: Readonly<Record<string, string>> = {
  0: "PCMU",
  3: "GSM",
  4: "G723",
  8: "PCMA",
  9: "G722",
  18: "G729",
};
const NO_CODEC = new Set(["telephone-event", "CN", "red"]);

/** What a session description says of its first audio stream; undefined where it has none. */
export function describe(sdp: string): Description | undefined {
  const parsed = parseSdp(sdp);
  if (!parsed.ok) return undefined;
  const { session } = parsed;
  const audio = session.media.find(({ kind, port }) => kind === "audio" && port > 0);
  if (!audio) return undefined;
  const address = audio.connection ?? session.connection;
  const isNowhere = address === undefined || address === "0.0.0.0" || address === "::";
  return {
    codecs: codecsOf(audio),
    protocol: audio.protocol,
    ...(isNowhere || audio.port === 9 ? {} : { address }),
    isPrivate: !isNowhere && isPrivateAddress(address),
  };
}

function codecsOf(audio: MediaDescription): string[] {
  const named = new Map(
    attributes(audio, "rtpmap").map((value) => {
      const [type = "", name = ""] = value.split(/[ /]/, 2);
      return [type, name];
    }),
  );
  const names = audio.formats.flatMap((format) => named.get(format) ?? STATIC[format] ?? []);
  return [...new Set(names)].filter((name) => !NO_CODEC.has(name)).map(printable);
}

export function evidenceOf(
  call: CallStatus | CallRecord,
  trace: CallTrace | undefined,
  connections: readonly Connection[],
): Evidence {
  const legs = (trace?.parties ?? []).map((party, index) => {
    return legOf(party, trace?.messages.filter((it) => it.party === index) ?? []);
  });
  const used = legs.findLast(({ party }) => party.connection !== undefined)?.party.connection;
  const id = used ?? call.connection;
  const connection = connections.find((it) => it.id === id);
  return {
    call,
    ...("ended" in call ? { record: call } : {}),
    legs,
    decisions: trace?.decisions.map(({ text }) => text) ?? [],
    ...(connection ? { connection } : {}),
    connections,
  };
}

type Growing = { -readonly [Key in keyof LegEvidence]: LegEvidence[Key] };

function legOf(party: TracedParty, messages: readonly TracedMessage[]): LegEvidence {
  const leg: Growing = {
    party,
    invites: 0,
    repeats: 0,
    progress: 0,
    phrase: "",
    warning: "",
    realms: [],
    hadPassword: false,
    answersRepeated: 0,
  };
  let isEstablished = false;
  for (const traced of messages) {
    const parsed = parseMessage(utf8(traced.text));
    if (!parsed.ok) continue;
    const { message } = parsed;
    const isOurs = traced.direction === "sent";
    // What comes once the call is up is another story: hold, a new address, its end.
    if (isEstablished) continue;
    if (message.kind === "request") takeRequest(leg, message, traced, isOurs);
    else if (cseq(message).method === "INVITE") {
      takeResponse(leg, message, traced, isOurs);
      isEstablished = message.status >= 200 && message.status < 300;
    }
  }
  return leg;
}

function takeRequest(
  leg: Growing,
  message: SipMessage & { kind: "request" },
  traced: TracedMessage,
  isOurs: boolean,
): void {
  if (message.method !== "INVITE") return;
  leg.invites += 1;
  leg.repeats = traced.repeats;
  delete leg.final;
  leg.hadPassword ||=
    message.headers.get("Authorization") !== undefined ||
    message.headers.get("Proxy-Authorization") !== undefined;
  noteDescription(leg, message, isOurs);
}

function takeResponse(
  leg: Growing,
  message: SipMessage & { kind: "response" },
  traced: TracedMessage,
  isOurs: boolean,
): void {
  const { status, headers } = message;
  if (status < 200) {
    if (status > 100) leg.progress = Math.max(leg.progress, status);
    else if (leg.progress === 0) leg.progress = 100;
    noteDescription(leg, message, isOurs);
    return;
  }
  leg.final = status;
  leg.phrase = printable(message.reason);
  leg.warning = wordsOf(headers.get("Warning")) || wordsOf(headers.get("Reason"));
  const retryAfter = headers.get("Retry-After");
  if (retryAfter !== undefined) leg.retryAfter = printable(retryAfter);
  const unsupported = headers.get("Unsupported");
  if (unsupported !== undefined) leg.unsupported = printable(unsupported);
  const challenges = [...headers.all("WWW-Authenticate"), ...headers.all("Proxy-Authenticate")];
  const realms = challenges.flatMap((it) => /\brealm\s*=\s*"([^"]*)"/i.exec(it)?.[1] ?? []);
  leg.realms = [...new Set([...leg.realms, ...realms.map(printable)])];
  if (status < 300) {
    leg.answersRepeated = traced.repeats;
    noteDescription(leg, message, isOurs);
  } else if (bodyOf(message) !== undefined) {
    const instead = describe(bodyOf(message) ?? "");
    if (instead) leg.instead = instead;
  }
}

function noteDescription(leg: Growing, message: SipMessage, isOurs: boolean): void {
  const sdp = bodyOf(message);
  const description = sdp === undefined ? undefined : describe(sdp);
  if (!description) return;
  if (isOurs) leg.ours = description;
  else leg.theirs = description;
}

function bodyOf(message: SipMessage): string | undefined {
  if (message.body.length === 0 || contentType(message) !== "application/sdp") return undefined;
  return fromUtf8(message.body);
}

/** The quoted text of a `Warning` or a `Reason`. */
function wordsOf(value: string | undefined): string {
  return printable(/"((?:[^"\\]|\\.)*)"/.exec(value ?? "")?.[1]?.replace(/\\(.)/g, "$1") ?? "");
}
