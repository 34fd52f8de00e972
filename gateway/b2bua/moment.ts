/**
 * How things stand at one moment, as far as a number's way depends on it (RTE-16): plain values, of
 * now or, put together from what was kept, of a time that is past.
 */
import type { Connection } from "../../schema/config.ts";
import { fullness, type Usage } from "./capacity.ts";
import type { Ineligible, Routable } from "./route.ts";
import type { Allowance } from "./user-guard.ts";

export interface WayState {
  readonly connection: Connection;
  readonly usage: Usage;
  /** Why nobody is reached over it, as "is not registered: …"; absent where somebody is. */
  readonly down?: string;
  /** What can't be told of it, though it is taken as up. */
  readonly doubt?: string;
}

export interface Moment {
  readonly ways: readonly WayState[];
  /** Of the user in question. */
  readonly allowance: Allowance;
}

/** Why a call can't go out that way; undefined when it can. */
export function obstacleOf({ connection, usage, down }: WayState): Ineligible | undefined {
  const { name, allowOutbound } = connection;
  if (!allowOutbound) {
    return { because: "not-permitted", reason: `${name} is not used for outgoing calls` };
  }
  if (down !== undefined) return { because: "down", reason: `${name} ${down}` };
  const full = fullness(connection, usage, "outbound");
  return full === undefined ? undefined : { because: "full", reason: `${name} is full: ${full}` };
}

/** The way as routing asks it. */
export function routable(state: WayState): Routable {
  return { ...state, ineligible: () => obstacleOf(state) };
}
