/** CPU of a small piece of work, by doing it often enough. */
import { type Figure, figureOf } from "../signalling/figures.ts";

/** CPU microseconds of this process up to now, helper threads included. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Microseconds of CPU each time, over `rounds` of about `roundMs` each, after a warm-up. */
export function timed(work: () => void, rounds = 5, roundMs = 150): Figure {
  const warmUntil = performance.now() + 2 * roundMs;
  let times = 0;
  while (performance.now() < warmUntil) {
    work();
    times += 1;
  }
  const perRound = Math.max(1, Math.round(times / 2));
  const costs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = cpuMicros();
    for (let index = 0; index < perRound; index++) work();
    costs.push((cpuMicros() - before) / perRound);
  }
  return figureOf(costs);
}
