/**
 * INVITEs that become no call: whom nobody routes, whom nobody knows. They leave evidence and a
 * record as calls do; strangers leave them where they push no calls out, and none on disk.
 */
import type { Millis, WallMillis } from "../machine.ts";
import { type Random, randomToken } from "../random.ts";
import { callId, from } from "../sip/accessors.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest } from "../sip/message.ts";
import type { Stack } from "../sip/stack.ts";
import { parseUri } from "../sip/uri.ts";
import type { Effect, Incoming } from "./call-control.ts";
import type { LegOwner } from "./leg-contract.ts";
import { causeOf, type Ending, printable, refusal } from "./reason.ts";
import type { CallRecord } from "./status.ts";
import type { Tracer, Verdict } from "./tracer.ts";

/** Who wanted to call whom. */
export type AttemptFacts = Pick<CallRecord, "direction" | "caller" | "callee"> &
  Partial<Pick<CallRecord, "connection" | "user">>;

export interface AttemptsOptions {
  stack: Stack;
  tracer: Tracer;
  random: Random;
  wall: (at: Millis) => WallMillis;
}

const RETRY_AFTER: [string, string] = ["Retry-After", "30"];

export class Attempts {
  readonly #options: AttemptsOptions;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /**
   * Refuses somebody known, and leaves a record of it: one, however often the INVITE is repeated,
   * which without a transaction is refused anew each time.
   */
  turnAway(
    incoming: Incoming,
    facts: AttemptFacts,
    ending: Ending,
    now: Millis,
    verdicts: readonly Verdict[] = [],
  ): Effect[] {
    const { flow, invite, options } = incoming;
    const attempted = { flow, invite, owner: options.owner };
    const all = [admission(incoming), ...verdicts];
    const record = this.#keep(attempted, facts, ending, all, false, now);
    const { status, reason, q850 } = ending;
    const headers = status === 503 ? [RETRY_AFTER] : [];
    const response = refusal(invite, status, reason, headers, q850);
    const refused = this.#options.stack.reply(flow, response);
    return record ? [{ type: "record", record }, ...refused] : refused;
  }

  /** Somebody unknown was refused. */
  strange(flow: Flow, request: SipRequest, ending: Ending, now: Millis): void {
    if (request.method !== "INVITE") return;
    const caller = numberOf(from(request).uri);
    const facts = { direction: "inbound", caller, callee: numberOf(request.uri) } as const;
    const attempted = { flow, invite: request, owner: {} };
    const record = this.#keep(attempted, facts, ending, [], true, now);
    if (record) this.#options.tracer.ended(record);
  }

  #keep(
    { flow, invite, owner }: { flow: Flow; invite: SipRequest; owner: LegOwner },
    facts: AttemptFacts,
    ending: Ending,
    verdicts: readonly Verdict[],
    isStranger: boolean,
    now: Millis,
  ): CallRecord | undefined {
    const { tracer, random, wall } = this.#options;
    if (tracer.isKnown(callId(invite))) return undefined;
    const id = randomToken(random, 8);
    const dialogue = { call: id, callId: callId(invite), role: "caller", owner, flow } as const;
    tracer.begin(dialogue, isStranger, now);
    for (const verdict of verdicts) tracer.decide(id, verdict, now);
    const { status, reason } = ending;
    const text = `refused with ${status}: ${reason}`;
    tracer.decide(id, { about: "end", text }, now);
    const at = wall(now);
    const cause = causeOf(ending);
    const outcome = { status, reason, cause, endedBy: "gateway" } as const;
    const record: CallRecord = { id, ...facts, started: at, ended: at, ...outcome };
    return record;
  }
}

/** The user part of a URI of a peer's, or its beginning where it can't be read. */
export function numberOf(uri: string): string {
  return printable(parseUri(uri)?.user ?? uri);
}

/** How it is known who calls. */
export function admission({ known }: Incoming): Verdict {
  return { about: "admission", text: known };
}
