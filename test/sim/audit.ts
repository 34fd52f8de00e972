/** The networks stories play on, and what must be true when everybody has gone home. */
import { expect } from "bun:test";
import type { Weather } from "./house.ts";
import type { Stage } from "./story.ts";

export const FAIR: Weather = { loss: 0, duplication: 0.1, delayMaxMs: 80 };
export const FOUL: Weather = { loss: 0.3, duplication: 0.1, delayMaxMs: 120 };
/** Every transaction, ring and session of a story is over by then. */
const SETTLED_MS = 400_000;

/**
 * Everybody goes home; then nothing may be left anywhere. Only where they were cut off do callers
 * give up what still rings: it must end by itself otherwise.
 */
export function audit({ house }: Stage, isParted: boolean): void {
  for (const actor of house.actors) {
    actor.manner = { answer: 486, afterMs: 10 };
    actor.hangUpAll();
    if (isParted) actor.cancelAll();
  }
  house.pass(SETTLED_MS);
  for (const actor of house.actors) if (actor.views.length > 0) actor.hangUpAll();
  house.pass(SETTLED_MS);
  // Subscriptions and registrations run out by themselves.
  house.pass(4_000_000);
  const { alive, calls } = house.b2bua.status(house.now);
  expect(calls).toEqual([]);
  expect(Object.entries(alive).filter(([, count]) => count !== 0)).toEqual([]);
  expect(house.b2bua.deadline()).toBeUndefined();
  expect([...house.legs.keys()]).toEqual([]);
  expect([...house.standing.keys()]).toEqual([]);
  for (const actor of house.actors) {
    expect(actor.views).toEqual([]);
    expect(actor.isIdle).toBe(true);
  }
}
