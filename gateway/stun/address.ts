/**
 * A transport address, and the binary form of its IP address in STUN (RFC 8489 §14.1). Addresses are
 * IP literals without brackets; an IPv4-mapped IPv6 address counts as IPv4. Above: stun.ts and
 * stun-writer.ts. Below nothing.
 */
export interface TransportAddress {
  address: string;
  port: number;
}

/** 4 or 16 bytes of an IP literal (a zone after `%` is left out); undefined where it is none. */
export function addressBytes(address: string): Uint8Array | undefined {
  if (!address.includes(":")) return ipv4Bytes(address);
  const bytes = ipv6Bytes(address.split("%", 1)[0] ?? "");
  if (bytes?.subarray(0, 12).toHex() === "00000000000000000000ffff") return bytes.slice(12);
  return bytes;
}

/** The literal of 4 or 16 bytes; IPv6 in the form of RFC 5952. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
  const zeros = longestZeros(groups);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (zeros.count < 2) return hex(groups);
  return `${hex(groups.slice(0, zeros.start))}::${hex(groups.slice(zeros.start + zeros.count))}`;
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [at, part] of parts.entries()) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    bytes[at] = Number(part);
  }
  return bytes;
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const left = groupBytes(halves[0] ?? "");
  const right = groupBytes(halves[1] ?? "");
  if (!left || !right) return undefined;
  const length = left.length + right.length;
  if (halves.length === 2 ? length > 14 : length !== 16) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(left, 0);
  bytes.set(right, 16 - right.length);
  return bytes;
}

/** One side of a `::`: hexadecimal groups, the last of which may be a dotted IPv4 address. */
function groupBytes(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [at, group] of groups.entries()) {
    if (group.includes(".") && at === groups.length - 1) {
      const dotted = ipv4Bytes(group);
      if (!dotted) return undefined;
      bytes.push(...dotted);
      continue;
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
  }
  return bytes.length <= 16 ? bytes : undefined;
}

function longestZeros(groups: number[]): { start: number; count: number } {
  let best = { start: 0, count: 0 };
  let start = 0;
  for (const [at, group] of groups.entries()) {
    if (group !== 0) start = at + 1;
    else if (at - start + 1 > best.count) best = { start, count: at - start + 1 };
  }
  return best;
}
