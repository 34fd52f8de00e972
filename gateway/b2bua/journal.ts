/** What a call's life looks like from outside: its status while it runs, its record when it is over. */
import type { ConnectionId, UserId } from "../../schema/config.ts";
import type { Millis, WallMillis } from "../machine.ts";
import type { LegId, LegKind, LegQuality } from "../media/protocol.ts";
import type { CallerIdentity } from "./caller-identity.ts";
import { mediaModeOf } from "./codec-passing.ts";
import type { Destination } from "./destination.ts";
import type { Leg } from "./leg.ts";
import type { Parties } from "./parties.ts";
import { causeOf, type Ending } from "./reason.ts";
import type { CallRecord, CallState, CallStatus, PartyQuality } from "./status.ts";

/** What of a call is known when it starts. */
export type CallFacts = Pick<CallStatus, "id" | "direction" | "caller" | "callee"> & {
  readonly connection?: ConnectionId;
  readonly user?: UserId;
  readonly callerName?: string;
  /** The caller asked to be kept private. */
  readonly callerIsPrivate: boolean;
  /** Hops its INVITE may still pass. */
  readonly maxForwards: number;
};

export class Journal {
  facts: CallFacts;
  readonly #wall: (at: Millis) => WallMillis;
  readonly #started: Millis;
  #answered: Millis | undefined;
  readonly #quality = new Map<LegId, PartyQuality>();
  #outcome: Pick<CallRecord, "status" | "endedBy" | "reason" | "cause"> | undefined;

  constructor(facts: CallFacts, wall: (at: Millis) => WallMillis, now: Millis) {
    this.facts = facts;
    this.#wall = wall;
    this.#started = now;
  }

  get isAnswered(): boolean {
    return this.#answered !== undefined;
  }

  /** As the next callee is to see them. */
  get caller(): CallerIdentity {
    const { caller: number, callerName, callerIsPrivate: isPrivate } = this.facts;
    return callerName === undefined
      ? { number, isPrivate }
      : { number, isPrivate, displayName: callerName };
  }

  /** A call that goes out may do so over another connection than it began with. */
  routed({ candidates: [first] }: Destination): void {
    if (first?.connection === undefined || this.facts.direction !== "outbound") return;
    this.facts = { ...this.facts, connection: first.connection };
  }

  answered(now: Millis): void {
    this.#answered ??= now;
  }

  /** The latest word on a leg's audio counts; a leg that left keeps its last. */
  measured(legs: readonly LegQuality[], parties: Parties): void {
    for (const { leg: id, ...quality } of legs) {
      const leg = parties.get(id);
      if (leg) this.#quality.set(id, { party: parties.sideOf(leg), ...quality });
    }
  }

  /** False when it has ended before. A call that was answered has 200, however it ended. */
  ended(ending: Ending, endedBy: CallRecord["endedBy"]): boolean {
    if (this.#outcome) return false;
    const { reason } = ending;
    const status = this.isAnswered ? 200 : ending.status;
    this.#outcome = { status, endedBy, reason, cause: causeOf(ending) };
    return true;
  }

  status(state: CallState | "over", legs: readonly Leg[]): CallStatus {
    return { ...this.#common(legs), state: state === "over" ? "ending" : state };
  }

  record(legs: readonly Leg[], now: Millis): CallRecord {
    const unknown = { status: 500, endedBy: "gateway", reason: "ended", cause: 41 } as const;
    return { ...this.#common(legs), ...(this.#outcome ?? unknown), ended: this.#wall(now) };
  }

  #common(legs: readonly Leg[]): Omit<CallStatus, "state"> {
    const { id, direction, caller, callee, connection, user } = this.facts;
    const codecOf = (kind: LegKind) =>
      legs.find((leg) => leg.kind === kind && leg.negotiation.remote)?.negotiation.remote?.codec
        .name;
    const [webrtc, trunk] = [codecOf("webrtc"), codecOf("trunk")];
    const noticed = legs.flatMap(({ digits, negotiation }) => [digits.notice, negotiation.notice]);
    const notices = [...new Set(noticed.filter((it) => it !== undefined))];
    const [first, second] = new Set(legs);
    const mode = first && second && mediaModeOf(first, second);
    return {
      id,
      direction,
      caller,
      callee,
      ...(connection === undefined ? {} : { connection }),
      ...(user === undefined ? {} : { user }),
      started: this.#wall(this.#started),
      ...(this.#answered === undefined ? {} : { answered: this.#wall(this.#answered) }),
      ...(webrtc && trunk ? { codecs: { webrtc, trunk } } : {}),
      ...(mode ? { mode } : {}),
      ...trunkEncryptionOf(legs),
      ...(this.#quality.size > 0 ? { quality: [...this.#quality.values()] } : {}),
      ...(notices.length > 0 ? { notices } : {}),
    };
  }
}

function trunkEncryptionOf(legs: readonly Leg[]): Pick<CallStatus, "trunkEncryption"> {
  for (const { negotiation } of legs) {
    const { remote } = negotiation;
    if (remote?.kind === "trunk") return { trunkEncryption: remote.srtp?.keying ?? "none" };
  }
  return {};
}
