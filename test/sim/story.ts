/** What a story is, and the stage it plays on. */
import type { Connection, Forward } from "../../schema/config.ts";
import type { Actor } from "./actor.ts";
import type { House } from "./house.ts";

export const PBX = "10.0.0.50";

export interface Stage {
  readonly house: House;
  readonly alice: Actor;
  readonly bob: Actor;
  readonly pbx: Actor;
}

export interface Story {
  readonly name: string;
  readonly forward?: Forward;
  readonly connection?: Partial<Connection>;
  play(stage: Stage): void;
  /** What is true on a network without loss, before everybody hangs up. */
  goal?(stage: Stage): void;
}

/** Up: the caller's call to the PBX, or to bob. */
/** Alice, who is connected, calls a colleague and leaves both to each other. */
export function attendedTransfer({ alice, house }: Stage): void {
  alice.call("sip:bob@gateway");
  house.pass(6_000);
  const [first, second] = alice.views;
  if (first && second) alice.refer("sip:bob@gateway", second, first);
  house.pass(12_000);
}

export const connected = ({ house, alice }: Stage, uri = "sip:250@gateway") => {
  alice.call(uri);
  house.pass(8_000);
};
