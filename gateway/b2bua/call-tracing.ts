/**
 * The evidence of calls as the call control sees them happen: which dialog is whose, how a
 * connection was reached, why a call goes elsewhere, what its media do. Below: the tracer.
 */
import type { Millis } from "../machine.ts";
import type { LegId, Notice } from "../media/protocol.ts";
import { callId } from "../sip/accessors.ts";
import type { Flow } from "../sip/flow.ts";
import { printHostPort } from "../sip/grammar.ts";
import type { CallInput } from "./call-input.ts";
import type { CallTable, LiveCall, LiveLeg } from "./call-table.ts";
import type { CallerLeg } from "./caller-leg.ts";
import type { RouteAsk } from "./destination.ts";
import type { Directed } from "./director.ts";
import type { CallRecord } from "./status.ts";
import type { Dialogue, Tracer, Verdict } from "./tracer.ts";
import type { Trunk } from "./trunk.ts";
import { detourText, mediaText, routeVerdicts } from "./verdicts.ts";

export class CallTracing {
  readonly #tracer: Tracer;
  readonly #table: CallTable;

  constructor(tracer: Tracer, table: CallTable) {
    this.#tracer = tracer;
    this.#table = table;
  }

  began(call: string, leg: CallerLeg, flow: Flow, verdicts: readonly Verdict[], now: Millis): void {
    this.#tracer.begin(dialogueOf(call, leg, flow), false, now);
    for (const verdict of verdicts) this.#tracer.decide(call, verdict, now);
  }

  /** Another caller's leg, in the place of a party (RFC 3891). */
  joined(call: string, leg: CallerLeg, flow: Flow): void {
    this.#tracer.join(dialogueOf(call, leg, flow));
  }

  /** An INVITE of ours is about to go out. */
  called(live: LiveCall, id: LegId, ownCallId: string): void {
    const leg = live.call.legOf(id);
    if (!leg?.flow) return;
    const { owner, flow } = leg;
    const dialogue = { call: live.id, leg: id, callId: ownCallId, owner, flow };
    this.#tracer.join({ ...dialogue, role: "callee" });
  }

  moved(leg: LiveLeg, to: LiveCall): void {
    this.#tracer.move(leg.id, to.id);
  }

  /** How a connection is reached, or why not. */
  way({ id, live, trunk }: LiveLeg, input: CallInput, now: Millis): void {
    const name = trunk?.connection.name ?? this.#nameOf(id, live);
    if (input.type === "reached") {
      const { transport, remote } = input.flow;
      const at = printHostPort({ host: remote.address, port: remote.port });
      const over = transport.toUpperCase();
      this.#tell(live, "way", `${name} is reached at ${at} over ${over}`, now);
    } else if (input.type === "unreached") {
      this.#tell(live, "way", `${name} can't be reached: ${input.reason}`, now);
    }
  }

  anotherWay(live: LiveCall, { connection }: Trunk, now: Millis): void {
    this.#tell(live, "way", `${connection.name}: another of its addresses is tried`, now);
  }

  goesOn(live: LiveCall, ask: RouteAsk, directed: Directed, now: Millis): void {
    this.#tell(live, "failover", detourText(ask), now);
    for (const verdict of routeVerdicts(directed)) this.#tracer.decide(live.id, verdict, now);
  }

  media(notice: Exclude<Notice, { type: "load" }>, now: Millis): void {
    if (notice.type === "facts") this.#tracer.measured(notice.legs);
    if (notice.type === "quality") this.#tracer.sampled(notice.legs, now);
    const live = this.#table.get(notice.session);
    if (!live || !("leg" in notice)) return;
    const text = mediaText(notice, this.#nameOf(notice.leg, live));
    if (text !== undefined) this.#tell(live, "media", text, now);
  }

  over(live: LiveCall, { endedBy, status, reason }: CallRecord, now: Millis): void {
    this.#tell(live, "end", `ended by the ${endedBy} with ${status}: ${reason}`, now);
  }

  #tell(live: LiveCall, about: Verdict["about"], text: string, now: Millis): void {
    this.#tracer.decide(live.id, { about, text }, now);
  }

  #nameOf(leg: LegId, live: LiveCall): string {
    const owner = live.call.legOf(leg)?.owner;
    return (owner && this.#tracer.nameOf(owner)) ?? "the other side";
  }
}

function dialogueOf(call: string, leg: CallerLeg, flow: Flow): Dialogue {
  const { id, owner, invite } = leg;
  return { call, leg: id, callId: callId(invite), role: "caller", owner, flow };
}
