/** Load at a steady pace, and what it costs whoever bears it. */
import { type Quantiles, Samples } from "../load/samples.ts";
import type { Phone } from "./phone.ts";

export interface Load {
  readonly phones: readonly Phone[];
  /** How often each phone acts. */
  readonly everyMs: number;
  readonly act: (phone: Phone) => Promise<void>;
}

/** Every phone acts at its pace, or as fast as it is answered, until time is up; how often in all. */
export async function bear({ phones, everyMs, act }: Load, seconds: number): Promise<number> {
  const start = performance.now();
  const until = start + seconds * 1_000;
  let done = 0;
  await Promise.all(
    phones.map(async (phone, index) => {
      // They don't all begin at once.
      let next = start + (everyMs * index) / phones.length;
      while (next < until) {
        const wait = next - performance.now();
        if (wait > 0) await Bun.sleep(wait);
        await act(phone);
        done += 1;
        next = Math.max(next + everyMs, performance.now());
      }
    }),
  );
  return done;
}

/** CPU microseconds for each thing done: of whoever bears the load, and of us who make it. */
export interface Cost {
  readonly bearer: number;
  readonly load: number;
  /** From asking to the last answer, ms. */
  readonly tookMs: Quantiles;
}

export async function costOf(cpu: () => number, load: Load, seconds: number): Promise<Cost> {
  const before = cpu();
  const own = process.cpuUsage();
  const took = new Samples();
  const act = async (phone: Phone) => {
    const asked = performance.now();
    await load.act(phone);
    took.add(performance.now() - asked);
  };
  const done = await bear({ ...load, act }, seconds);
  const { user, system } = process.cpuUsage(own);
  return {
    bearer: ((cpu() - before) * 1_000_000) / done,
    load: (user + system) / done,
    tookMs: took.quantiles(),
  };
}
