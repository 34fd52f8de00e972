/**
 * S12: both sides of a call at once, in virtual time. Offers cross in re-INVITE and UPDATE (RFC 3261
 * §14.1, RFC 3311 §5.2), again and again in each call, and at the end a BYE crosses an offer. On
 * a good network both get their turn; on a bad one, with 30 % lost, everything still comes to an end.
 */
import { expect, test } from "bun:test";
import { scaled } from "../rigs/scale.ts";
import type { SdpDirection } from "./acting.ts";
import type { Actor } from "./actor.ts";
import { audit, FAIR, FOUL } from "./audit.ts";
import type { Weather } from "./house.ts";
import { stageOf } from "./stage.ts";
import { connected, type Stage } from "./story.ts";

const RACES = 10_000;
const PER_CALL = 10;
/** Both act within that: less than a way there and back. */
const CROSSING_MS = 120;
/** §14.1: the wait after a 491 is at most 4 s; here for each of two legs, one after the other. */
const TURNS_MS = 20_000;

/** §14.1: whoever chose the dialog's Call-ID waits that long after a 491, the other that. */
const OWNER_MS = { least: 2_100, most: 4_000 };
const OTHER_MS = { least: 0, most: 2_000 };
const STILL: Weather = { loss: 0, duplication: 0, delayMaxMs: 0 };
const WAITS = 100;
const STEP_MS = 10;

const directions: SdpDirection[] = ["sendrecv", "sendonly", "inactive"];

function race({ house, alice, pbx }: Stage): void {
  const { random } = house;
  for (const actor of [alice, pbx]) {
    const direction = directions[random.below(directions.length)] ?? "sendrecv";
    const byUpdate = random.below(3) === 0;
    house.later(random.below(CROSSING_MS), () => {
      if (!actor.view || actor.view.isOffering) return;
      if (byUpdate) actor.update(direction);
      else actor.reoffer(direction);
    });
  }
  house.pass(TURNS_MS);
}

const refusals = ({ diary }: Actor) => diary.filter((it) => / 491$/.test(it)).length;

/** Returns how many offers were refused with 491. */
function run(seed: number, isFair: boolean): number {
  const stage = stageOf({ name: "", play: () => {} }, seed, isFair ? FAIR : FOUL);
  const { house, alice, pbx } = stage;
  try {
    connected(stage);
    for (let count = 0; count < PER_CALL; count++) {
      race(stage);
      if (!isFair) continue;
      expect([alice.view?.isOffering, pbx.view?.isOffering]).toEqual([false, false]);
    }
    house.later(house.random.below(CROSSING_MS), () => alice.hangUp());
    house.later(house.random.below(CROSSING_MS), () => pbx.view && pbx.reoffer("sendrecv"));
    const count = refusals(alice) + refusals(pbx);
    audit(stage, false);
    return count;
  } catch (error) {
    const where = `seed ${seed} (${isFair ? "fair" : "foul"})`;
    throw new Error(`${where}\n${house.ladder()}\n${(error as Error).message}`, { cause: error });
  }
}

test("S12: offers that cross are refused with 491, each gets its turn, and no leg is stuck", () => {
  const races = scaled("S12 re-INVITE glare", RACES, 0.3);
  const seeds = Math.ceil(races / PER_CALL);
  let crossed = 0;
  for (let seed = 1; seed <= seeds; seed++) crossed += run(seed, seed % 2 === 0);
  console.log(`S12: ${crossed} of ${seeds * PER_CALL} races ended in a 491`);
  // They did cross: it was a race.
  expect(crossed).toBeGreaterThan((seeds * PER_CALL) / 20);
}, 600_000);

/** How long after `peer`'s 491 the gateway offers it the same again, in steps of 10 ms. */
function waitAfter491(seed: number, towards: "alice" | "pbx"): number {
  const stage = stageOf({ name: "", play: () => {} }, seed, STILL);
  const { house, alice, pbx } = stage;
  connected(stage);
  const [peer, offerer] = towards === "pbx" ? [pbx, alice] : [alice, pbx];
  const { view } = peer;
  if (!view) throw new Error("nobody talks");
  const offered = () => peer.diary.filter((it) => it === "got INVITE").length;
  const untilOffered = (count: number): number => {
    const from = house.now;
    while (offered() < count && house.now - from < TURNS_MS) house.pass(STEP_MS);
    expect(offered()).toBe(count);
    return house.now;
  };
  const before = offered();
  // An offer of its own is on its way, so it refuses the gateway's.
  view.isOffering = true;
  offerer.reoffer("sendonly");
  const refusedAt = untilOffered(before + 1);
  view.isOffering = false;
  const waited = untilOffered(before + 2) - refusedAt;
  house.pass(TURNS_MS);
  expect(view.heard).toBe("sendonly");
  return waited;
}

test.each([
  // The gateway called the PBX, so that Call-ID is the gateway's; the softphone's is the softphone's.
  ["pbx", OWNER_MS],
  ["alice", OTHER_MS],
] as const)("S12: after a 491 from %s the gateway waits as RFC 3261 14.1 says", (towards, {
  least,
  most,
}) => {
  const waits = Array.from({ length: WAITS }, (_, at) => waitAfter491(at + 1, towards));
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(least);
  // A step for the look, one for the timer's own grain.
  expect(Math.max(...waits)).toBeLessThanOrEqual(most + 2 * STEP_MS);
  // Drawn from all of it, or two gateways would meet again and again.
  expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan((most - least) / 2);
});
