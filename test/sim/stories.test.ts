/**
 * Calls as a company has them, in virtual time: transfers, holds, forwards, lost connections, both
 * sides acting at once. A third of the seeds have a network without loss, and there each story must
 * reach its goal; the others lose 30 % of all datagrams, and a quarter of these are cut off
 * altogether for a while: there everything must still come to an end. After each run an audit finds nothing
 * left, on either side. A failure prints seed and ladder.
 */
import { test } from "bun:test";
import { audit, FAIR, FOUL } from "./audit.ts";
import { stageOf } from "./stage.ts";
import { stories } from "./stories.ts";
import type { Stage } from "./story.ts";

/** Each story is played so often. */
const ROUNDS = 260;
const SEEDS = Number(process.env["JACKFIELD_SEEDS"] ?? ROUNDS * stories.length);
const ONLY = process.env["JACKFIELD_SEED"];

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
