/** Where a datagram came from, as ICE compares it: an IP literal without brackets, and a port. */
import type { Endpoint } from "../protocol.ts";

export type Source = Endpoint;

export function sameSource(a: Source, b: Source): boolean {
  return a.port === b.port && a.address === b.address;
}
