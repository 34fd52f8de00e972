/** The heap of deadlines against the obvious way: a map, searched. */
import { expect, test } from "bun:test";
import { Agenda } from "../../gateway/agenda.ts";
import { randomUint32 } from "../../gateway/random.ts";
import { seededRandom } from "../sim/random.ts";

test("takes keys in the order of their deadlines, whatever was set, moved and removed", () => {
  const random = seededRandom(7);
  const agenda = new Agenda<number>();
  const obvious = new Map<number, number>();
  for (let step = 0; step < 20_000; step++) {
    const key = randomUint32(random) % 50;
    const at = randomUint32(random) % 1_000;
    const choice = randomUint32(random) % 4;
    if (choice < 2) {
      agenda.set(key, at);
      obvious.set(key, at);
    } else if (choice === 2) {
      agenda.set(key, undefined);
      obvious.delete(key);
    } else {
      const taken = agenda.takeDue(at);
      const due = [...obvious].filter(([, time]) => time <= at).sort((a, b) => a[1] - b[1]);
      expect(taken === undefined).toBe(due.length === 0);
      if (taken !== undefined) {
        expect(obvious.get(taken)).toBe(due[0]?.[1] as number);
        obvious.delete(taken);
      }
    }
    const times = [...obvious.values()];
    expect(agenda.next()).toBe(times.length === 0 ? undefined : Math.min(...times));
    expect(agenda.size).toBe(obvious.size);
  }
});
