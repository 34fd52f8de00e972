/**
 * Calls as a company has them, in virtual time: transfers, holds, forwards, lost connections, both
 * sides acting at once. A third of the seeds have a network without loss, and there each story must
 * reach its goal; the others lose 30 % of all datagrams, and a quarter of these are cut off
 * altogether for a while: there everything must still come to an end. After each run an audit finds nothing
 * left, on either side. A failure prints seed and ladder.
 */
import { expect, test } from "bun:test";
import type { Weather } from "./house.ts";
import { stageOf } from "./stage.ts";
import { stories } from "./stories.ts";
import type { Stage } from "./story.ts";

/** Each story is played so often. */
const ROUNDS = 260;
const SEEDS = Number(process.env["JACKFIELD_SEEDS"] ?? ROUNDS * stories.length);
const ONLY = process.env["JACKFIELD_SEED"];
const FAIR: Weather = { loss: 0, duplication: 0.1, delayMaxMs: 80 };
const FOUL: Weather = { loss: 0.3, duplication: 0.1, delayMaxMs: 120 };
/** Every transaction, ring and session of a story is over by then. */
const SETTLED_MS = 400_000;

/**
 * Everybody goes home; then nothing may be left anywhere. Only where they were cut off do callers
 * give up what still rings: it must end by itself otherwise.
 */
function audit({ house }: Stage, isParted: boolean): void {
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
  for (const actor of house.actors) {
    expect(actor.views).toEqual([]);
    expect(actor.isIdle).toBe(true);
  }
}

/** At some moment of the story, nothing gets through for up to a minute. */
function part({ house }: Stage): void {
  const from = house.random.below(20_000);
  house.later(from, () => {
    house.partitioned = true;
  });
  house.later(from + 1_000 + house.random.below(60_000), () => {
    house.partitioned = false;
  });
}

function run(seed: number): void {
  const story = stories[seed % stories.length];
  if (!story) return;
  const round = Math.floor(seed / stories.length);
  const isFair = round % 3 === 0;
  const stage = stageOf(story, seed, isFair ? FAIR : FOUL);
  const { house } = stage;
  const isParted = round % 6 === 5;
  if (isParted) part(stage);
  try {
    story.play(stage);
    if (isFair) story.goal?.(stage);
    audit(stage, isParted);
  } catch (error) {
    const where = `JACKFIELD_SEED=${seed}: ${story.name} (${isFair ? "fair" : "foul"})`;
    throw new Error(`${where}\n${house.ladder()}\n${(error as Error).message}`, {
      cause: error,
    });
  }
}

test("stories of a company end as they should and leave nothing behind", () => {
  if (ONLY !== undefined) {
    run(Number(ONLY));
    return;
  }
  for (let seed = 0; seed < SEEDS; seed++) run(seed);
}, 600_000);
