/** What is done to a gateway while it soaks: which fault when, by a seed, and which calls it excuses. */
import { chanceFrom } from "../audio/signal.ts";

/** R1: a media worker is killed. R4: the PBX is silent. R7: every WebSocket is closed and comes back. */
export const FAULT_KINDS = ["worker", "pbx", "reconnect"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface PlannedFault {
  readonly kind: FaultKind;
  /** Seconds after the beginning. */
  readonly at: number;
}

/** The PBX's silence, and how long calls that began before or in it may take to come to their end. */
export const PBX_SILENT_MS = 8_000;
const AFTERMATH_MS: Readonly<Record<FaultKind, number>> = {
  worker: 3_000,
  pbx: PBX_SILENT_MS + 3_000,
  reconnect: 3_000,
};
/** After the last one the rest of a run shows whether all is well again. */
const LAST_SHARE = 0.85;

/** One about every `every` seconds, none in the first and the last stretch; the same for the same seed. */
export function plannedFaults(
  kinds: readonly FaultKind[],
  { seconds, every, seed }: { seconds: number; every: number; seed: number },
): PlannedFault[] {
  if (kinds.length === 0) return [];
  const chance = chanceFrom(seed);
  const planned: PlannedFault[] = [];
  for (let at = every * (0.5 + 0.5 * chance()); at < seconds * LAST_SHARE; ) {
    const kind = kinds[Math.floor(chance() * kinds.length)];
    if (kind) planned.push({ kind, at });
    at += every * (0.5 + chance());
  }
  return planned;
}

export interface Window {
  readonly from: number;
  readonly until: number;
}

/** While calls may fail for it, ms since the epoch. */
export function windowOf(kind: FaultKind, at: number): Window {
  return { from: at, until: at + AFTERMATH_MS[kind] };
}

/** Whether a call was there, or came, in one of the windows. */
export function isExcused(
  { beganAt = 0, endedAt = 0 }: { beganAt?: number; endedAt?: number },
  windows: readonly Window[],
): boolean {
  return windows.some(({ from, until }) => beganAt <= until && endedAt >= from);
}
