/**
 * A row of the table of causes (X2), and the few questions its rows ask. Texts of peers stand in
 * quotes and are never trusted; those of ours are known by their words, which a test holds.
 */

import type { Connection } from "../../schema/config.ts";
import { isPrivateAddress } from "../address.ts";
import type { LegEvidence } from "./evidence.ts";
import type { Sight } from "./sight.ts";
import type { Finding } from "./status.ts";

export interface Cause {
  /** A stable name. */
  readonly cause: string;
  /** `fault` where absent. */
  readonly weight?: Finding["weight"];
  readonly when: (it: Sight) => boolean;
  /** For an administrator who has never read a trace. */
  readonly says: (it: Sight) => string;
  readonly advice: string | ((it: Sight) => string);
  /** What mends it in the connection's form. */
  readonly field?: string;
  /** Whose form that is, where it isn't the connection the call went over. */
  readonly at?: (it: Sight) => Connection | undefined;
}

type Question = (it: Sight) => boolean;

/** The gateway's own last words. */
export function own(words: RegExp): Question {
  return ({ reason }) => words.test(reason);
}

/** Anything the gateway noted on the way, the end included. */
export function noted(words: RegExp): Question {
  return ({ reason, decisions }) => words.test(reason) || decisions.some((it) => words.test(it));
}

/** What the callee answered at last. */
export function said(...statuses: number[]): Question {
  return ({ answer }) => statuses.includes(answer);
}

/** All of them, of a call nobody answered. */
export function unanswered(...questions: Question[]): Question {
  return (it) => !it.isAnswered && questions.every((question) => question(it));
}

/** All of them, of one somebody answered. */
export function answered(...questions: Question[]): Question {
  return (it) => it.isAnswered && questions.every((question) => question(it));
}

/** What was noted in such words, as a sentence. */
export function noteOf({ reason, decisions }: Sight, words: RegExp): string {
  const note = [reason, ...decisions].find((it) => words.test(it)) ?? reason;
  return sentence(note.replace(/^ended by the \w+ with \d+: /, ""));
}

export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}

export function list(names: readonly string[] | undefined): string {
  return names?.join(", ") || "nothing";
}

export function quoted(text: string): string {
  return text === "" ? "" : ` (“${text}”)`;
}

/** The callee's own words, in quotes. */
export function words({ callee }: Sight): string {
  return quoted(callee?.warning || callee?.phrase || "");
}

export function realm({ callee }: Sight): string {
  const realms = callee?.realms ?? [];
  return realms.length > 0 ? ` for “${realms.join("”, “")}”` : "";
}

/** Codecs we could speak that it would take and was not offered. */
export function missing({ callee }: Sight): string[] {
  const spoken: readonly string[] = ["G722", "PCMA", "PCMU", "opus"];
  const offered = callee?.ours?.codecs ?? [];
  const wanted = callee?.instead?.codecs ?? [];
  return wanted.filter((name) => spoken.includes(name) && !offered.includes(name));
}

export function isSecure({ callee }: Sight): boolean {
  return /SAVP/.test(callee?.ours?.protocol ?? "");
}

/** As it was sent, after what the pattern strips and prepends. */
export function sentNumber({ call, decisions }: Sight): string {
  const sent = decisions.findLast((it) => it.startsWith("the call goes to "));
  return /sips?:([^@;>]+)@/.exec(sent ?? "")?.[1] ?? call.callee;
}

/** AMB-01: a pattern whose `\d` became `d`, and whose it is. */
export function lostBackslash({ connections }: Sight): [Connection, string] | undefined {
  for (const connection of connections) {
    const found = connection.patterns.find(({ pattern }) =>
      /(?:^|[^\\a-z])[dw][{+*]/.test(pattern),
    );
    if (found) return [connection, found.pattern];
  }
  return undefined;
}

/** The worst of either party and direction. */
export function worst(
  { call }: Sight,
  of: (direction: { readonly loss: number; readonly jitterMs: number }) => number,
): number {
  const directions = (call.quality ?? []).flatMap(({ received, sent }) => [received, sent]);
  return Math.max(0, ...directions.map((it) => (it ? of(it) : 0)));
}

/** Its description names an address nobody can send to from where we are. */
export function isNatted(leg: LegEvidence | undefined): boolean {
  const { isPrivate: hides = false, address } = leg?.theirs ?? {};
  const remote = leg?.party.remote.address;
  return hides && remote !== undefined && !isPrivateAddress(remote) && remote !== address;
}
