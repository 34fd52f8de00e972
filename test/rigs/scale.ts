/**
 * How much of a large test is run: its full size only where `JACKFIELD_SCALE=1` asks for it. What
 * was run, and of how many, is printed beside the result.
 */

/** `share`: how much of `full` is run unless `JACKFIELD_SCALE` (above 0, at most 1) says otherwise. */
export function scaled(what: string, full: number, share: number): number {
  const wanted = Number(process.env["JACKFIELD_SCALE"] ?? share);
  const factor = wanted > 0 && wanted <= 1 ? wanted : share;
  const count = Math.max(1, Math.round(full * factor));
  const rest = count < full ? `, scaled by ${factor}; JACKFIELD_SCALE=1 runs them all` : "";
  console.log(`${what}: ${count} of ${full}${rest}`);
  return count;
}
