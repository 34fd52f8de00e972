/**
 * Gathers the evidence of every call (X2): its messages by their Call-ID, wherever they pass the
 * stack, and what the calls, the routing and the media workers say of it. It changes nothing and
 * decides nothing. Above: the B2BUA and its call control. Below: the ring it is kept in.
 */
import type { Config } from "../../schema/config.ts";
import { fromUtf8 } from "../bytes.ts";
import {
  TRACED_CALLS_MAX,
  TRACED_CHALLENGE_CHARACTERS_MAX,
  TRACED_CHALLENGES_MAX,
  TRACED_STRANGERS_MAX,
} from "../limits.ts";
import type { Millis, WallMillis } from "../machine.ts";
import type { LegFacts, LegId, LegQuality } from "../media/protocol.ts";
import { callId, to } from "../sip/accessors.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipMessage } from "../sip/message.ts";
import { tagOf } from "../sip/name-addr.ts";
import type { CallTrace, Decision, TracedMessage, TracedParty } from "./call-trace.ts";
import type { LegOwner } from "./leg-contract.ts";
import type { CallRecord } from "./status.ts";
import { timelineSample } from "./timeline.ts";
import { OpenTrace, TraceRing } from "./trace-ring.ts";

/** What was decided before there was a call, or of one. */
export type Verdict = Omit<Decision, "at">;

/** A dialog that belongs to a call from now on. */
export interface Dialogue {
  readonly call: string;
  readonly leg?: LegId;
  readonly callId: string;
  readonly role: TracedParty["role"];
  readonly owner: LegOwner;
  readonly flow: Flow;
}

interface Place {
  readonly trace: OpenTrace;
  readonly party: number;
}

type Overheard = Pick<TracedMessage, "at" | "direction" | "text">;

const CALL_ID = "\r\nCall-ID: ";
const CHALLENGE = /^SIP\/2\.0 40[17] /;
/** INVITE, challenge and ACK. */
const CHALLENGE_MESSAGES_MAX = 3;

export class Tracer {
  readonly #wall: (at: Millis) => WallMillis;
  readonly #calls = new TraceRing(TRACED_CALLS_MAX, (trace) => this.#forget(trace));
  readonly #strangers = new TraceRing(TRACED_STRANGERS_MAX, (trace) => this.#forget(trace));
  readonly #byCallId = new Map<string, Place>();
  readonly #byLeg = new Map<LegId, Place>();
  /** INVITEs that came with the input at work and belong to no call yet. */
  readonly #fresh = new Map<string, Overheard>();
  /** INVITEs that were asked for a password: they come again, as part of a call. */
  readonly #challenged = new Map<string, Overheard[]>();
  #config: Config | undefined;

  constructor(wall: (at: Millis) => WallMillis) {
    this.#wall = wall;
  }

  configure(config: Config): void {
    this.#config = config;
  }

  /** A message came in and could be read. */
  readonly heard = (message: SipMessage, bytes: Uint8Array, now: Millis): void => {
    const id = callId(message);
    const place = this.#byCallId.get(id);
    if (place)
      this.#keep(place, { at: this.#wall(now), direction: "received", text: fromUtf8(bytes) });
    else if (message.kind === "request") this.#overhear(id, message.method, message, bytes, now);
  };

  /** A message went out. */
  said(bytes: Uint8Array, now: Millis): void {
    if (this.#byCallId.size + this.#fresh.size === 0) return;
    const text = fromUtf8(bytes);
    const start = text.indexOf(CALL_ID) + CALL_ID.length;
    const id = text.slice(start, text.indexOf("\r\n", start));
    const place = this.#byCallId.get(id);
    const said: Overheard = { at: this.#wall(now), direction: "sent", text };
    if (place) this.#keep(place, said);
    else if (CHALLENGE.test(text)) this.#challenge(id, said);
  }

  /** The input is worked off: an INVITE that became no call is of no interest. */
  settle(): void {
    if (this.#fresh.size > 0) this.#fresh.clear();
  }

  /** A call, or somebody's attempt at one, begins. */
  begin(dialogue: Dialogue, isStranger: boolean, now: Millis): void {
    const trace = new OpenTrace(dialogue.call, this.#wall(now));
    (isStranger ? this.#strangers : this.#calls).add(trace);
    this.#join(trace, dialogue, isStranger);
    const before = this.#challenged.get(dialogue.callId) ?? [];
    this.#challenged.delete(dialogue.callId);
    const fresh = this.#fresh.get(dialogue.callId);
    this.#fresh.delete(dialogue.callId);
    const place = this.#byCallId.get(dialogue.callId);
    if (place?.trace !== trace) return;
    for (const message of fresh ? [...before, fresh] : before) this.#keep(place, message);
  }

  /** Whether the Call-ID is a call's, or an attempt's, already. */
  isKnown(id: string): boolean {
    return this.#byCallId.has(id);
  }

  /** Another dialog belongs to the call. */
  join(dialogue: Dialogue): void {
    const trace = this.#calls.get(dialogue.call);
    if (trace) this.#join(trace, dialogue, false);
  }

  /** A leg goes over to another call, and its messages with it. */
  move(leg: LegId, call: string): void {
    const place = this.#byLeg.get(leg);
    const trace = this.#calls.get(call);
    const party = place?.trace.parties[place.party];
    if (!trace || !party) return;
    const index = trace.party(party);
    if (index === undefined) return;
    trace.legs.push(leg);
    this.#byLeg.set(leg, { trace, party: index });
    this.#byCallId.set(party.callId, { trace, party: index });
  }

  decide(call: string, verdict: Verdict, now: Millis): void {
    const ring = this.#calls.get(call) ? this.#calls : this.#strangers;
    const trace = ring.get(call);
    if (trace) ring.grow(trace, () => trace.decide({ ...verdict, at: this.#wall(now) }));
  }

  /** What the media worker says of legs. */
  measured(legs: readonly LegFacts[]): void {
    for (const facts of legs) {
      const place = this.#byLeg.get(facts.leg);
      place?.trace.media(place.party, facts);
    }
  }

  /** How the audio of legs goes just now. */
  sampled(legs: readonly LegQuality[], now: Millis): void {
    for (const quality of legs) {
      const place = this.#byLeg.get(quality.leg);
      if (!place) continue;
      const { trace, party } = place;
      const sample = timelineSample(this.#wall(now), quality);
      this.#calls.grow(trace, () => trace.sample(party, sample));
    }
  }

  /** Whose the leg is, in words. */
  nameOf(owner: LegOwner): string | undefined {
    if (owner.connection !== undefined) {
      return this.#config?.connections.find(({ id }) => id === owner.connection)?.name;
    }
    return this.#config?.users.find(({ id }) => id === owner.user)?.name;
  }

  ended(record: CallRecord): void {
    for (const ring of [this.#calls, this.#strangers]) {
      const trace = ring.get(record.id);
      if (trace) ring.end(trace, record);
    }
  }

  /** The evidence of a call; undefined where it made room for newer calls. */
  traceOf(call: string): CallTrace | undefined {
    return (this.#calls.get(call) ?? this.#strangers.get(call))?.view();
  }

  recordOf(call: string): CallRecord | undefined {
    return (this.#calls.get(call) ?? this.#strangers.get(call))?.record;
  }

  /** Attempts of people who may not call here, newest first. */
  get strangers(): CallRecord[] {
    return this.#strangers.ended().flatMap(({ record }) => record ?? []);
  }

  #join(trace: OpenTrace, dialogue: Dialogue, isStranger: boolean): void {
    const { callId: id, leg, role, owner, flow } = dialogue;
    const isSocket = flow.transport === "ws" || flow.transport === "wss";
    const party = trace.party({
      role,
      kind: isStranger ? "stranger" : isSocket ? "softphone" : "pbx",
      name: this.nameOf(owner) ?? flow.remote.address,
      ...owner,
      transport: flow.transport,
      remote: { ...flow.remote },
      local: { ...flow.local },
      callId: id,
    });
    if (party === undefined) return;
    // A request of ours that a PBX sends back to us bears the Call-ID of the dialog it came from.
    if (!this.#byCallId.has(id)) this.#byCallId.set(id, { trace, party });
    if (leg === undefined) return;
    trace.legs.push(leg);
    this.#byLeg.set(leg, { trace, party });
  }

  #keep({ trace, party }: Place, message: Overheard): void {
    const ring = this.#calls.get(trace.id) ? this.#calls : this.#strangers;
    ring.grow(trace, () => trace.message({ ...message, party }));
  }

  #overhear(id: string, method: string, message: SipMessage, bytes: Uint8Array, now: Millis): void {
    const heard = (): Overheard => {
      return { at: this.#wall(now), direction: "received", text: fromUtf8(bytes) };
    };
    if (method === "INVITE" && tagOf(to(message)) === undefined) this.#fresh.set(id, heard());
    else if (method === "ACK" && this.#challenged.has(id)) this.#remember(id, heard());
  }

  #challenge(id: string, said: Overheard): void {
    const invite = this.#fresh.get(id);
    if (!invite) return;
    this.#remember(id, invite);
    this.#remember(id, said);
  }

  #remember(id: string, message: Overheard): void {
    const known = this.#challenged.get(id) ?? [];
    if (message.text.length > TRACED_CHALLENGE_CHARACTERS_MAX) return;
    if (known.length >= CHALLENGE_MESSAGES_MAX) return;
    this.#challenged.set(id, [...known, message]);
    if (this.#challenged.size <= TRACED_CHALLENGES_MAX) return;
    for (const oldest of this.#challenged.keys()) {
      this.#challenged.delete(oldest);
      break;
    }
  }

  #forget(trace: OpenTrace): void {
    for (const { callId: id } of trace.parties) {
      if (this.#byCallId.get(id)?.trace === trace) this.#byCallId.delete(id);
    }
    for (const leg of trace.legs) {
      if (this.#byLeg.get(leg)?.trace === trace) this.#byLeg.delete(leg);
    }
  }
}
