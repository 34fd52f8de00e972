/**
 * What became of each connection (OPS-05): the changes of its registration and its reachability that
 * mean something. That a registration is renewed does not.
 */
import type { ConnectionStatus, ReachabilityState, RegistrationState } from "../b2bua/status.ts";
import type { WallMillis } from "../machine.ts";

export interface StatusChange {
  readonly connection: number;
  readonly at: WallMillis;
  readonly aspect: "registration" | "reachability";
  readonly state: RegistrationState | ReachabilityState;
  /** One sentence: why. */
  readonly reason: string;
}

/** On the way from one to another: what it comes to is told. */
const PASSING: ReadonlySet<string> = new Set(["registering", "idle", "unregistering"]);

export class StatusHistory {
  readonly #registrations = new Map<number, string>();
  readonly #reachabilities = new Map<number, string>();

  /** What changed since it was told last. */
  changes(connections: readonly ConnectionStatus[], now: WallMillis): StatusChange[] {
    const changes: StatusChange[] = [];
    const there = new Set<number>();
    for (const { id, registration, reason, reachability } of connections) {
      there.add(id);
      const state = registration === "refreshing" ? "registered" : registration;
      if (
        !PASSING.has(state) &&
        state !== "not-applicable" &&
        this.#registrations.get(id) !== state
      ) {
        this.#registrations.set(id, state);
        changes.push({ connection: id, at: now, aspect: "registration", state, reason });
      }
      const reach = reachability?.state;
      if (reach === undefined || reach === "unknown" || this.#reachabilities.get(id) === reach)
        continue;
      this.#reachabilities.set(id, reach);
      const why = reachability?.reason ?? "";
      changes.push({ connection: id, at: now, aspect: "reachability", state: reach, reason: why });
    }
    for (const known of [this.#registrations, this.#reachabilities]) {
      for (const id of known.keys()) if (!there.has(id)) known.delete(id);
    }
    return changes;
  }
}
