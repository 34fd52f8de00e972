/** A call's evidence as the table of causes looks at it: who was asked, what it said, who is mute. */
import type { LegFacts } from "../media/protocol.ts";
import { printHostPort } from "../sip/grammar.ts";
import type { Evidence, LegEvidence } from "./evidence.ts";

export interface Sight extends Evidence {
  /** The sentence of the record, and its status; empty and 0 while the call runs. */
  readonly reason: string;
  readonly status: number;
  /** Q.850, as the record has it. */
  readonly q850: number;
  readonly isAnswered: boolean;
  /** Since the answer, in milliseconds; 0 where there was none. */
  readonly talkedMs: number;
  readonly caller?: LegEvidence;
  /** The one asked last. */
  readonly callee?: LegEvidence;
  /** The PBX's leg and the softphone's, whoever called. */
  readonly pbx?: LegEvidence;
  readonly phone?: LegEvidence;
  /** Whom to name: the connection, or who was called. */
  readonly who: string;
  /** The callee's final answer, 0 where none came. */
  readonly answer: number;
}

export function sightOf(evidence: Evidence): Sight {
  const { call, record, legs, connection } = evidence;
  const callee = legs.findLast(({ party }) => party.role === "callee");
  const caller = legs.find(({ party }) => party.role === "caller");
  const pbx = legs.findLast(({ party }) => party.kind === "pbx");
  const phone = legs.findLast(({ party }) => party.kind === "softphone");
  const { answered } = call;
  return {
    ...evidence,
    reason: record?.reason ?? "",
    status: record?.status ?? 0,
    q850: record?.cause ?? 0,
    isAnswered: answered !== undefined,
    talkedMs: answered === undefined || !record ? 0 : record.ended - answered,
    ...(caller ? { caller } : {}),
    ...(callee ? { callee } : {}),
    ...(pbx ? { pbx } : {}),
    ...(phone ? { phone } : {}),
    who: callee?.party.name ?? connection?.name ?? call.callee,
    answer: callee?.final ?? 0,
  };
}

/** A leg of which something should have been heard, and was not. */
export function isMute(leg: LegEvidence | undefined): boolean {
  const facts = leg?.party.media;
  return facts !== undefined && hears(facts) && facts.packetsReceived === 0;
}

/** Whether the leg had room to bring audio: its peer was described, and was to send. */
function hears({ direction }: LegFacts): boolean {
  return direction === "sendrecv" || direction === "recvonly";
}

export function droppedOf(leg: LegEvidence | undefined, why: string): number {
  return leg?.party.media?.dropped[why] ?? 0;
}

/** `10.0.0.5:4000`, brackets around IPv6. */
export function placeOf(endpoint: { address: string; port: number } | undefined): string {
  if (!endpoint) return "an unknown address";
  return printHostPort({ host: endpoint.address, port: endpoint.port });
}

/** A PBX that was asked and said `progress` at most: nothing, or 100. */
export function isUnheard(progress: 0 | 100): (it: Sight) => boolean {
  return ({ callee, answer, status }) =>
    callee?.party.kind === "pbx" &&
    callee.invites > 0 &&
    callee.progress === progress &&
    answer === 0 &&
    status !== 487;
}

/** It spoke, and nothing was sent to it. */
export function isDeaf({ party: { media } }: LegEvidence): boolean {
  return media?.packetsSent === 0 && media.packetsReceived > 0 && media.isSealed !== true;
}
