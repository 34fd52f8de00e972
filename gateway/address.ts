/**
 * IP addresses and blocks of them, as allow lists need them (SEC-01, SEC-02). IPv4 is strict dotted
 * quad: forms that some programs read as octal are refused, not guessed at. An IPv4 address inside
 * IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
 */

export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

export interface Cidr {
  readonly family: 4 | 6;
  /** The network: host bits are zero. */
  readonly value: bigint;
  /** The prefix length: 0 to 32, or 0 to 128. */
  readonly length: number;
}

const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
const MAPPED_PREFIX = 0xffffn;

function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

/** Undefined for what is no IP literal. Brackets and zones are not part of one. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(":")) {
    const value = parseQuad(text);
    return value === undefined ? undefined : { family: 4, value };
  }
  const value = parseGroups(text);
  if (value === undefined) return undefined;
  return value >> 32n === MAPPED_PREFIX
    ? { family: 4, value: value & 0xffffffffn }
    : { family: 6, value };
}

function parseQuad(text: string): bigint | undefined {
  const octets = text.split(".");
  if (octets.length !== 4) return undefined;
  let value = 0n;
  for (const octet of octets) {
    if (!OCTET.test(octet) || Number(octet) > 255) return undefined;
    value = (value << 8n) | BigInt(octet);
  }
  return value;
}

/** RFC 4291 §2.2: eight groups, one run of zeros as `::`, the last two perhaps as a dotted quad. */
function parseGroups(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half, index) => groupsOf(half, index === halves.length - 1));
  const [left, right] = groups;
  if (!left || (halves.length === 2 && !right)) return undefined;
  const tail = right ?? [];
  const missing = 8 - left.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = halves.length === 1 ? left : [...left, ...Array<bigint>(missing).fill(0n), ...tail];
  return all.reduce((value, group) => (value << 16n) | group, 0n);
}

function groupsOf(half: string, isLast: boolean): bigint[] | undefined {
  if (half === "") return [];
  const parts = half.split(":");
  const groups: bigint[] = [];
  for (const [index, part] of parts.entries()) {
    if (isLast && index === parts.length - 1 && part.includes(".")) {
      const quad = parseQuad(part);
      if (quad === undefined) return undefined;
      groups.push(quad >> 16n, quad & 0xffffn);
    } else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

/**
 * An address, `address/length`, or an IPv4 address with a dotted mask. `hostBitsCleared` says that
 * `192.168.0.1/24` was taken as `192.168.0.0/24`. Undefined for anything else.
 */
export function parseCidr(text: string): { cidr: Cidr; hostBitsCleared: boolean } | undefined {
  const [host = "", mask, ...more] = text.split("/");
  const address = parseAddress(host);
  if (!address || more.length > 0) return undefined;
  const { family } = address;
  // The length of a mapped address counts the 96 bits in front.
  const offset = family === 4 && host.includes(":") ? 96 : 0;
  const length = mask === undefined ? bitsOf(family) : lengthOf(mask, family, offset);
  if (length === undefined) return undefined;
  const value = networkOf(address.value, family, length);
  return { cidr: { family, value, length }, hostBitsCleared: value !== address.value };
}

function lengthOf(mask: string, family: 4 | 6, offset: number): number | undefined {
  if (mask.includes(".") && family === 4 && offset === 0) return lengthOfMask(mask);
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(mask)) return undefined;
  const length = Number(mask) - offset;
  return length >= 0 && length <= bitsOf(family) ? length : undefined;
}

/** A dotted mask is ones, then zeros. */
function lengthOfMask(mask: string): number | undefined {
  const value = parseQuad(mask);
  if (value === undefined) return undefined;
  const bits = value.toString(2).padStart(32, "0");
  return /^1*0*$/.test(bits) ? bits.indexOf("0") + (bits.includes("0") ? 0 : 33) : undefined;
}

function networkOf(value: bigint, family: 4 | 6, length: number): bigint {
  const hostBits = BigInt(bitsOf(family) - length);
  return (value >> hostBits) << hostBits;
}

/** The canonical form, always with its length. */
export function printCidr({ family, value, length }: Cidr): string {
  return `${printAddress({ family, value })}/${length}`;
}

/** Dotted quad, or RFC 5952's form of IPv6. */
export function printAddress({ family, value }: Address): string {
  if (family === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
  }
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
  const { first, length } = longestRunOfZeros(groups);
  // RFC 5952 §4.2.2: a single group of zeros is not shortened.
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, first).join(":")}::${groups.slice(first + length).join(":")}`;
}

/** The first of the longest (RFC 5952 §4.2.3). */
function longestRunOfZeros(groups: readonly string[]): { first: number; length: number } {
  let longest = { first: 0, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === "0" ? length + 1 : 0;
    if (length > longest.length) longest = { first: index - length + 1, length };
  }
  return longest;
}

/**
 * What may be sent to an address: `group` is multicast (RFC 5771, RFC 4291 §2.7) and IPv4's limited
 * broadcast, `nowhere` is all zeros (RFC 6890), `host` is everything else.
 */
export function reach({ family, value }: Address): "host" | "group" | "nowhere" {
  if (value === 0n) return "nowhere";
  if (family === 6) return value >> 120n === 0xffn ? "group" : "host";
  return value >> 28n === 0xen || value === 0xffffffffn ? "group" : "host";
}

/** Of networks behind a NAT: RFC 1918, RFC 6598, RFC 4193; and of this machine or link alone. */
const PRIVATE = [
  ...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"],
  ...["169.254.0.0/16", "fc00::/7", "fe80::/10", "::1/128"],
].flatMap((block) => parseCidr(block)?.cidr ?? []);

/** Whether nobody outside can reach the IP literal. */
export function isPrivateAddress(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && PRIVATE.some((block) => contains(block, address));
}

export function contains(cidr: Cidr, address: Address): boolean {
  if (cidr.family !== address.family) return false;
  return networkOf(address.value, cidr.family, cidr.length) === cidr.value;
}

/** SEC-02: true when the blocks together hold all of IPv4 or all of IPv6. */
export function coversEverything(cidrs: readonly Cidr[]): boolean {
  return ([4, 6] as const).some((family) => {
    const own = cidrs.filter((cidr) => cidr.family === family);
    const ends = own
      .map(({ value, length }) => ({
        first: value,
        next: value + (1n << BigInt(bitsOf(family) - length)),
      }))
      .sort((a, b) => (a.first < b.first ? -1 : 1));
    let covered = 0n;
    for (const { first, next } of ends) {
      if (first > covered) return false;
      if (next > covered) covered = next;
    }
    return covered === 1n << BigInt(bitsOf(family));
  });
}
