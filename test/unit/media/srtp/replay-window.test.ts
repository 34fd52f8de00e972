import { expect, test } from "bun:test";
import { ReplayWindow } from "../../../../gateway/media/srtp/replay-window.ts";
import { runSeed, seededChance } from "../chance.ts";

test("P7 window edges: 63, 64, 65, 127 behind are new once; 128 behind is too old", () => {
  for (const behind of [0, 1, 63, 64, 65, 127, 128, 129, 1_000]) {
    const window = new ReplayWindow();
    window.record(5_000);
    const index = 5_000 - behind;
    expect([behind, window.accepts(index)]).toEqual([behind, behind > 0 && behind < 128]);
    if (!window.accepts(index)) continue;
    window.record(index);
    expect([behind, window.accepts(index)]).toEqual([behind, false]);
    expect(window.highest).toBe(5_000);
  }
});

test("P7 indices below zero are refused", () => {
  const window = new ReplayWindow();
  window.record(3);
  expect(window.accepts(-1)).toBe(false);
});

test("P7 the window says the same as a set of all that was seen, over jumps and 2^48", () => {
  const seed = runSeed("P7 replay window");
  const chance = seededChance(seed);
  for (const start of [0, 65_500, 2 ** 32 - 50, 2 ** 48 - 40_000]) {
    const window = new ReplayWindow();
    const seen = new Set<number>();
    let highest = start;
    window.record(start);
    seen.add(start);
    for (let count = 0; count < 20_000; count++) {
      const jump = chance() < 0.01 ? 300 : 4;
      const index = Math.max(
        0,
        highest + Math.floor((chance() * 2 - 1) * jump) - (chance() < 0.1 ? 125 : 0),
      );
      const fresh = index > highest || (index > highest - 128 && !seen.has(index));
      expect([seed, index, window.accepts(index)]).toEqual([seed, index, fresh]);
      if (!fresh) continue;
      window.record(index);
      seen.add(index);
      highest = Math.max(highest, index);
    }
  }
});
