/**
 * Forged messages in the middle of living calls (P3, S7): while the stories of the company play, what
 * comes in comes in again, mutated, from the same flow. Calls may suffer from what their own peers
 * say; nothing may throw, and nothing may be left when everybody has gone home.
 */
import { expect, test } from "bun:test";
import { mutate } from "../sim/mutate.ts";
import { seededRandom } from "../sim/random.ts";
import { stageOf } from "../sim/stage.ts";
import { stories } from "../sim/stories.ts";

const FULL = 100_000;
const SEEDS = Number(process.env["JACKFIELD_FORGERIES"] ?? 2_000);
const ONLY = process.env["JACKFIELD_SEED"];

function play(seed: number): number {
  const story = stories[seed % stories.length];
  if (!story) return 0;
  const stage = stageOf(story, seed, { loss: 0, duplication: 0, delayMaxMs: 40 });
  const { house } = stage;
  const random = seededRandom(seed + 7);
  let latest = new Uint8Array();
  let forged = 0;
  house.forge = (bytes) => {
    const other = latest.length > 0 ? latest : bytes;
    latest = bytes.slice();
    if (random.fraction() < 0.3) return undefined;
    forged += 1;
    return mutate(bytes, other, random);
  };
  try {
    // Forged messages change what a story says: its own expectations may not hold.
    try {
      story.play(stage);
    } catch (error) {
      if ((error as Error).name === "TypeError") throw error;
    }
    house.forge = undefined;
    for (const actor of house.actors) {
      actor.manner = { answer: 486, afterMs: 10 };
      actor.hangUpAll();
      actor.forgetAll();
    }
    for (const actor of house.softphones) if (house.isUp(actor)) house.drop(actor);
    house.pass(6_000_000);
    const { alive } = house.b2bua.status(house.now);
    const left = Object.entries(alive).filter(([, count]) => count !== 0);
    expect(left).toEqual([]);
  } catch (error) {
    const where = `JACKFIELD_SEED=${seed}: ${story.name}`;
    throw new Error(`${where}\n${house.ladder()}\n${(error as Error).stack}`, { cause: error });
  }
  return forged;
}

test("P3, S7: forged messages in living dialogs throw nothing and leave nothing", () => {
  if (ONLY !== undefined) {
    play(Number(ONLY));
    return;
  }
  let forged = 0;
  for (let seed = 0; seed < SEEDS; seed++) forged += play(seed);
  console.log(
    `P3: ${forged} forged messages in ${SEEDS} stories, 1/${FULL / SEEDS} of the full run`,
  );
  expect(forged).toBeGreaterThan(SEEDS);
}, 300_000);
