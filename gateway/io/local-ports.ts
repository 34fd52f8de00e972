/**
 * Ports the system gives to whoever asks for any (ip(7), `ip_local_port_range`): where the media's
 * are among them, another program may have one when a call wants it (NAT-06). Above: main.ts.
 */
import { readFileSync } from "node:fs";
import type { PortRange } from "../options.ts";

const RANGE = "/proc/sys/net/ipv4/ip_local_port_range";
const RESERVED = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/** What to do about it, in a sentence; none where all is well, or the system doesn't tell. */
export function portAdvice(
  ports: PortRange,
  read: (file: string) => string = (file) => readFileSync(file, "utf8"),
): string[] {
  try {
    const [from = 0, to = -1] = numbersIn(read(RANGE));
    const first = Math.max(ports.first, from);
    const last = Math.min(ports.last, to);
    if (first > last || isReserved({ first, last }, read(RESERVED))) return [];
    return [
      `the system gives ports ${first} to ${last} of the media's to any program: sysctl -w net.ipv4.ip_local_reserved_ports=${first}-${last} keeps them`,
    ];
  } catch {
    return [];
  }
}

/** Whether one of the reserved blocks, `8080,10000-20000`, holds them all. */
function isReserved({ first, last }: PortRange, reserved: string): boolean {
  return reserved.split(",").some((block) => {
    const [from = Number.NaN, to = from] = numbersIn(block);
    return from <= first && last <= to;
  });
}

function numbersIn(text: string): number[] {
  return (text.match(/[0-9]+/g) ?? []).map(Number);
}
