/** The kernel's addresses: where they are in memory, and what they say. */
import { ptr } from "bun:ffi";
import { expect, test } from "bun:test";
import { Destinations, Sources } from "../../../gateway/io/socket-address.ts";

test("an address stays where the kernel was told it is, whoever looks at its bytes", () => {
  const destinations = new Destinations();
  for (const address of ["192.0.2.1", "2001:db8::1"]) {
    const known = destinations.of({ address, port: 5_004 });
    const told = known?.pointer;
    // A view of it is what makes JavaScriptCore move an array that has no buffer of its own.
    expect(known?.bytes.subarray(2, 4).toHex()).toBe("138c");
    expect(Number(ptr(known?.bytes ?? new Uint8Array()))).toBe(told ?? 0);
  }
});

/** `struct sockaddr_in6` of that address, behind some bytes that are not its own. */
function structureOf(hex: string, port: number): Uint8Array {
  const bytes = new Uint8Array(4 + 28);
  bytes[4] = 10;
  bytes.set([port >> 8, port & 0xff], 4 + 2);
  bytes.set(Uint8Array.fromHex(hex), 4 + 8);
  return bytes;
}

test("an IPv6 source is told as its text, as one object for one endpoint, and as no other", () => {
  const sources = new Sources();
  const at = (hex: string, port: number) => sources.at(structureOf(hex, port), 4);
  const documented = "20010db8000000000000000000000001";
  expect(at(documented, 5_004)).toEqual({ address: "2001:db8::1", port: 5_004 });
  expect(at(documented, 5_004)).toBe(at(documented, 5_004));
  expect(at("00000000000000000000ffffc0000201", 9)).toEqual({ address: "192.0.2.1", port: 9 });
  // Each differs from the first in such a way that a sum of its bytes could be the same.
  const alike: [hex: string, port: number, address: string][] = [
    ["20010db8000000000000000000000120", 4_000, "2001:db8::120"],
    ["20010db8000000000000000000000201", 4_000, "2001:db8::201"],
    ["1f200db8000000000000000000000120", 4_000, "1f20:db8::120"],
    ["01010db8000000000000000000000120", 4_001, "101:db8::120"],
  ];
  for (let round = 0; round < 2; round++) {
    for (const [hex, port, address] of alike) expect(at(hex, port)).toEqual({ address, port });
  }
});
