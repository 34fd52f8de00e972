/**
 * Digits in INFO: the two bodies softphones and PBXs send (DTM-02). `application/dtmf-relay` has
 * `Signal=5` and `Duration=160`; `application/dtmf` is the bare digit.
 */
import { fromUtf8, utf8 } from "../bytes.ts";
import { DIGIT_MS_MAX, DIGIT_MS_MIN } from "../limits.ts";
import { contentType } from "../sip/accessors.ts";
import type { SipRequest } from "../sip/message.ts";

export interface Digit {
  /** One of `0123456789*#ABCD`, or `!` for a hook flash. */
  readonly digit: string;
  /** 40 to 6000 milliseconds. */
  readonly durationMs: number;
}

const DURATION_DEFAULT_MS = 160;
/** RFC 4733 §3.2 numbers the keys; some send 10 and 11 for star and pound. */
const NUMBERED: Readonly<Record<string, string>> = {
  "10": "*",
  "11": "#",
  "12": "A",
  "13": "B",
  "14": "C",
  "15": "D",
  "16": "!",
};

/** What a 415 says to an INFO that is none of a digit. */
export const NO_DIGIT: { reason: string; headers: [string, string][] } = {
  reason: "an INFO is read for a digit, and has none",
  headers: [["Accept", "application/dtmf-relay, application/dtmf"]],
};

/** Undefined for an INFO that carries no digit we can read. */
export function digitOf(request: SipRequest): Digit | undefined {
  const type = contentType(request);
  const text = fromUtf8(request.body);
  if (type === "application/dtmf-relay") {
    const signal = /^\s*Signal\s*=\s*([0-9A-Da-d*#!]{1,2})\s*$/im.exec(text)?.[1];
    const duration = /^\s*Duration\s*=\s*([0-9]{1,5})\s*$/im.exec(text)?.[1];
    return digit(signal, Number(duration ?? DURATION_DEFAULT_MS));
  }
  if (type !== "application/dtmf") return undefined;
  return digit(/^\s*([0-9A-Da-d*#!]{1,2})\s*$/.exec(text)?.[1], DURATION_DEFAULT_MS);
}

/** The body of our INFO, in the form both sides of the field read. */
export function digitBody({ digit: signal, durationMs }: Digit): {
  type: string;
  bytes: Uint8Array;
} {
  const text = `Signal=${signal}\r\nDuration=${Math.round(durationMs)}\r\n`;
  return { type: "application/dtmf-relay", bytes: utf8(text) };
}

function digit(signal: string | undefined, durationMs: number): Digit | undefined {
  const key = NUMBERED[signal ?? ""] ?? signal?.toUpperCase();
  if (key === undefined || key.length !== 1) return undefined;
  const bounded = Math.min(Math.max(durationMs, DIGIT_MS_MIN), DIGIT_MS_MAX);
  return { digit: key, durationMs: bounded };
}
