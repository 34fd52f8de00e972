/**
 * `a=rtcp-xr` (RFC 3611 §5): which extended reports a side wants. Of those it names we know VoIP
 * metrics and the round trip of receivers. Above: the profiles.
 */
import type { ExtendedReports } from "../media/protocol.ts";
import { type Attribute, attribute, type MediaDescription } from "./session-description.ts";

/** As part of a choice: what the peer wants; nothing where it wants nothing we have. */
export function extendedReportsOf(media: MediaDescription): { extendedReports?: ExtendedReports } {
  const formats = (attribute(media, "rtcp-xr") ?? "").split(" ").map((it) => it.split("=")[0]);
  const wanted = {
    voip: formats.includes("voip-metrics"),
    roundTrip: formats.includes("rcvr-rtt"),
  };
  return wanted.voip || wanted.roundTrip ? { extendedReports: wanted } : {};
}

/** What we want: both, and in an answer no round trips the offer left out (§5.2). */
export function describeExtendedReports(reports: ExtendedReports | undefined): Attribute[] {
  if (!reports) return [];
  const value = reports.roundTrip ? "rcvr-rtt=all voip-metrics" : "voip-metrics";
  return [{ name: "rtcp-xr", value }];
}
