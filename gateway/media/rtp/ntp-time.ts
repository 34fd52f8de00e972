/**
 * NTP timestamps for RTCP, RFC 3550 §4 and §6.4.1. They count from when the monotonic clock began:
 * a sender without wall clock may do so, and round-trip times need no more.
 */
import type { Millis } from "../../machine.ts";

export function ntpSeconds(now: Millis): number {
  return Math.floor(now / 1_000) >>> 0;
}

/** In 1/2^32 s. */
export function ntpFraction(now: Millis): number {
  return Math.floor(((now / 1_000) % 1) * 2 ** 32) >>> 0;
}

/** The middle 32 bits: 1/65536 s, wrapping every 18 hours. */
export function ntpMiddle(now: Millis): number {
  return Math.floor(now * 65.536) % 2 ** 32;
}

/**
 * The round-trip time by a report block that arrives now, in milliseconds; undefined while its
 * sender had no report of ours. §6.4.1, figure 2: A - LSR - DLSR. A peer that counts coarsely can
 * make it negative by a little: then it is 0.
 */
export function roundTripMs(
  now: Millis,
  report: { lastSenderReport: number; delaySinceLastSenderReport: number },
): number | undefined {
  if (report.lastSenderReport === 0) return undefined;
  const units = (ntpMiddle(now) - report.lastSenderReport - report.delaySinceLastSenderReport) | 0;
  return Math.max(0, units / 65.536);
}
