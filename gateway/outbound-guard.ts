/**
 * Where the gateway may connect to on somebody's word (D16, W8, SSRF): not to this machine, not to
 * the link, not to what clouds keep their machines' secrets at, however the address is written.
 * Private networks are allowed: PBXs and receivers of alerts live there.
 */
import { type Address, type Cidr, contains, parseCidr } from "./address.ts";

const LOOPBACK = ["127.0.0.0/8", "::1/128"];
const DENIED = [
  // This host (RFC 1122), link-local with the metadata of most clouds (RFC 3927).
  ...["0.0.0.0/8", "169.254.0.0/16", "::/128", "fe80::/10"],
  // Metadata elsewhere: Oracle, Alibaba, Azure; Amazon and Google over IPv6.
  ...["192.0.0.192/32", "100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::/32"],
  "fd20:ce::254/128",
  // Groups and broadcast (RFC 5771, RFC 4291 §2.7), and what is reserved beyond.
  ...["224.0.0.0/3", "ff00::/8"],
];

/** IPv4 inside IPv6: compatible of old (RFC 4291 §2.5.5.1), NAT64 (RFC 6052), 6to4 (RFC 3056). */
const EMBEDDED: readonly (readonly [prefix: string, shift: bigint])[] = [
  ["::/96", 0n],
  ["64:ff9b::/96", 0n],
  ["2002::/16", 80n],
];

const blockOf = (text: string): Cidr[] => {
  const parsed = parseCidr(text);
  return parsed ? [parsed.cidr] : [];
};
const loopback = LOOPBACK.flatMap(blockOf);
const denied = DENIED.flatMap(blockOf);
const embedded = EMBEDDED.flatMap(([prefix, shift]) =>
  blockOf(prefix).map((cidr) => ({ cidr, shift })),
);

/** `allowLoopback`: the operator said by a flag that the other side runs on this machine. */
export function mayConnect(address: Address, allowLoopback = false): boolean {
  const isLoopback = isIn(loopback, address);
  if (isLoopback) return allowLoopback;
  return !formsOf(address).some((form) => isIn(denied, form) || isIn(loopback, form));
}

function isIn(blocks: readonly Cidr[], address: Address): boolean {
  return blocks.some((block) => contains(block, address));
}

/** The address, and the IPv4 address it carries; a mapped one is IPv4 already. */
function formsOf(address: Address): Address[] {
  if (address.family === 4) return [address];
  const carried = embedded
    .filter(({ cidr }) => contains(cidr, address))
    .map(({ shift }): Address => ({ family: 4, value: (address.value >> shift) & 0xffffffffn }));
  return [address, ...carried];
}
