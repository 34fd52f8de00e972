/**
 * Chance, passed in. The shell hands protocol code a source over the operating system's generator;
 * a test hands it a seeded one, and the whole run replays.
 */

export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array;
}

/** A token of `length` bytes of chance in lower-case hex: tags, branches, Call-IDs, ids. */
export function randomToken(random: Random, length: number): string {
  return random.bytes(length).toHex();
}

/** An unsigned 32-bit number: SSRCs, tie-breakers. */
export function randomUint32(random: Random): number {
  const bytes = random.bytes(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
}

/** A number in [0, 1) with 32 bits of chance: jitter. */
export function randomFraction(random: Random): number {
  return randomUint32(random) / 2 ** 32;
}
