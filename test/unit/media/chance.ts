/** Seeded chance for the randomised media tests: a failing run prints its seed and replays. */

/** mulberry32: a number in [0, 1) from each call. */
export function seededChance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed of this run, from JACKFIELD_SEED or the clock; printed, so that it can be set. */
export function runSeed(name: string): number {
  const seed = Number(process.env["JACKFIELD_SEED"] ?? Date.now() % 2 ** 31);
  console.log(`${name}: JACKFIELD_SEED=${seed}`);
  return seed;
}

/** How many mutations to try: JACKFIELD_FUZZ, or a number that takes about a second. */
export function mutations(usual: number): number {
  return Number(process.env["JACKFIELD_FUZZ"] ?? usual);
}

/** A copy of `bytes` with one to four changes: bits, bytes, cut, repeated or inserted pieces. */
export function mutate(bytes: Uint8Array, chance: () => number): Uint8Array {
  let result = Uint8Array.from(bytes);
  const changes = 1 + Math.floor(chance() * 4);
  for (let change = 0; change < changes; change++) {
    const at = Math.floor(chance() * result.length);
    const kind = Math.floor(chance() * 6);
    if (kind === 0) result[at] = (result[at] ?? 0) ^ (1 << Math.floor(chance() * 8));
    else if (kind === 1) result[at] = Math.floor(chance() * 256);
    else if (kind === 2) result[at] = chance() < 0.5 ? 0 : 0xff;
    else if (kind === 3) result = result.slice(0, at);
    else {
      const piece = result.subarray(at, at + 1 + Math.floor(chance() * 16));
      const joined = new Uint8Array(result.length + piece.length);
      joined.set(result.subarray(0, at));
      joined.set(piece, at);
      joined.set(result.subarray(at), at + piece.length);
      result = joined;
    }
  }
  return result;
}

/** The STUN message filled to whole words and with a true length, so that a reader goes deeper. */
export function repairedStun(datagram: Uint8Array): Uint8Array {
  const repaired = new Uint8Array(Math.max(20, (datagram.length + 3) & ~3));
  repaired.set(datagram);
  repaired[2] = (repaired.length - 20) >> 8;
  repaired[3] = repaired.length - 20;
  return repaired;
}
