/**
 * Serial arithmetic for RTP's wrapping counters: 16-bit sequence numbers and 32-bit timestamps,
 * after RFC 1982 and RFC 3711 §3.3.1. Below it nothing; RTP statistics, SRTP and the receivers use
 * it. A difference is signed: positive when the first argument is later.
 */

/** How far 16-bit `a` is ahead of `b`, -32768 … 32767. */
export function sequenceDifference(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}

/** How far 32-bit `a` is ahead of `b`, -2^31 … 2^31 - 1. */
export function timestampDifference(a: number, b: number): number {
  return (a - b) | 0;
}

/** `sequence` moved by `by`, modulo 2^16. */
export function addSequence(sequence: number, by: number): number {
  return (sequence + by) & 0xffff;
}

/** `timestamp` moved by `by`, modulo 2^32. */
export function addTimestamp(timestamp: number, by: number): number {
  return (timestamp + by) >>> 0;
}

/**
 * The index (rollovers * 65536 + sequence) nearest to `highest` whose low 16 bits are `sequence`:
 * RFC 3711 §3.3.1 and its appendix A. Negative for a packet from before the first rollover.
 */
export function nearestIndex(highest: number, sequence: number): number {
  const last = highest % 65_536;
  const same = highest - last + sequence;
  if (sequence - last > 32_768) return same - 65_536;
  if (last - sequence > 32_768) return same + 65_536;
  return same;
}
