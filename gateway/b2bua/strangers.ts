/**
 * Who has proved nothing, and what it gets for it: a refusal, a question, or silence (S4, S5, S11).
 * Nothing is kept of a stranger but how often it failed, too often is a ban, and its latest calls.
 */
import type { Millis } from "../machine.ts";
import { createResponse } from "../sip/build.ts";
import type { DigestServer } from "../sip/digest-server.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { printMessage } from "../sip/print.ts";
import type { Stack } from "../sip/stack.ts";
import type { Attempts } from "./attempts.ts";
import type { Effect } from "./call-control.ts";
import type { PbxVerdict } from "./pbx-registrar.ts";
import { refusal, warningValue } from "./reason.ts";
import { isScanner, type SourceGuard } from "./source-guard.ts";

/** What a question that was not answered counts, beside a wrong password (S4). */
const UNANSWERED_WEIGHT = 0.1;
/** S11: an answer to nobody in particular is at most so much longer than what it answers. */
const AMPLIFICATION_MAX = 1.5;

export class Strangers {
  readonly #guard: SourceGuard;
  readonly #stack: Stack;
  readonly #attempts: Attempts;
  /** SEC-04: none of them is answered at all. */
  isSilent = false;

  constructor(guard: SourceGuard, stack: Stack, attempts: Attempts) {
    this.#guard = guard;
    this.#stack = stack;
    this.#attempts = attempts;
  }

  /** It is nobody's address, and nobody may show a password. */
  refuse(reason: string, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    // One sentence: more, and we would make more of what a stranger sends (S11).
    const warning: [string, string] = ["Warning", warningValue("this address may not call here")];
    const response = createResponse(request, 403, { headers: [warning] });
    const failed = this.failed(flow, reason, now);
    return this.#answer("trunk-refused", reason, flow, request, response, failed, now);
  }

  /** Whoever and whatever it named, it is asked the same (S5). */
  question(
    digest: DigestServer,
    verdict: Exclude<PbxVerdict, { outcome: "admitted" }>,
    flow: Flow,
    request: SipRequest,
    now: Millis,
  ): Effect[] {
    if (verdict.outcome === "refused") {
      const { reason } = verdict;
      const failed = this.failed(flow, reason, now);
      const response = refusal(request, 403, reason);
      return this.#answer("pbx-refused", reason, flow, request, response, failed, now);
    }
    const { isWrong, isStale } = verdict;
    const reason = isWrong ? "wrong user name or password" : "it was asked for a password";
    const failed = this.failed(flow, reason, now, isWrong ? 1 : UNANSWERED_WEIGHT);
    const headers = digest
      .challenge(now, flow.remote.address, isStale)
      .map((value): [string, string] => ["WWW-Authenticate", value]);
    const response = createResponse(request, 401, { headers });
    const event = isWrong ? "pbx-refused" : undefined;
    return this.#answer(event, reason, flow, request, response, failed, now);
  }

  /** Counts against the source; one line in the log when that makes it a ban. */
  failed(flow: Flow, why: string, now: Millis, weight = 1): Effect[] {
    const ban = this.#guard.failed(flow, why, now, weight);
    if (!ban) return [];
    const { source, reason, until } = ban;
    const fields = { source, remote: flow.remote.address, reason, seconds: (until - now) / 1_000 };
    return [{ type: "log", level: "warning", event: "ban", fields }, { type: "changed" }];
  }

  /** A line in the log, while there is room for lines about strangers. */
  told(event: string, fields: Record<string, string>, now: Millis): Effect[] {
    return this.#guard.mayLog(now) ? [{ type: "log", level: "warning", event, fields }] : [];
  }

  #answer(
    event: string | undefined,
    reason: string,
    flow: Flow,
    request: SipRequest,
    response: SipResponse,
    failed: Effect[],
    now: Millis,
  ): Effect[] {
    const isMute = this.isSilent || isScanner(request.headers.get("User-Agent"));
    const { method } = request;
    const fields = { remote: flow.remote.address, method, reason };
    // What is told of silence is told at the pace of answers.
    const mayAnswer = this.#guard.mayRefuse(flow, now);
    const log = event !== undefined && mayAnswer ? this.told(event, fields, now) : [];
    // What there is a line for in the log may be looked into; no more of it.
    if (log.length > 0)
      this.#attempts.strange(flow, request, { status: response.status, reason }, now);
    if (isMute || !mayAnswer) return [...(this.isSilent ? log : []), ...failed];
    const sent = this.#stack.reply(flow, response);
    return amplifies(flow, request, sent) ? [...log, ...failed] : [...log, ...sent, ...failed];
  }
}

/** A real request is long enough; what is shorter may have a forged source. */
function amplifies(
  { transport }: Flow,
  request: SipRequest,
  response: readonly { bytes: Uint8Array }[],
): boolean {
  if (transport !== "udp") return false;
  const sizeBytes = response.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return sizeBytes > AMPLIFICATION_MAX * printMessage(request).length;
}
