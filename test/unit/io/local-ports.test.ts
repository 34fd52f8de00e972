import { expect, test } from "bun:test";
import { readCommandLine } from "../../../gateway/io/command-line.ts";
import { portAdvice } from "../../../gateway/io/local-ports.ts";

const system = (range: string, reserved: string) => (file: string) =>
  file.endsWith("ip_local_port_range") ? range : reserved;
const LINUX = "32768\t60999\n";

test("NAT-06: 10000 to 20000 unless told, and up to 65000; a default system has no use for those", () => {
  const portsOf = (...args: string[]) => {
    const line = readCommandLine(args);
    return line.command === "serve" ? line.options.rtpPorts : undefined;
  };
  expect(portsOf()).toEqual({ first: 10_000, last: 20_000 });
  expect(portsOf("--rtp-ports=10000-65000")).toEqual({ first: 10_000, last: 65_000 });
  expect(portAdvice({ first: 10_000, last: 20_000 }, system(LINUX, "\n"))).toEqual([]);
});

test("NAT-06: ports that others may be given are told, with what keeps them; reserved ones are not", () => {
  const wide = { first: 10_000, last: 65_000 };
  expect(portAdvice(wide, system(LINUX, "\n"))).toEqual([
    "the system gives ports 32768 to 60999 of the media's to any program: sysctl -w net.ipv4.ip_local_reserved_ports=32768-60999 keeps them",
  ]);
  expect(portAdvice(wide, system(LINUX, "8080,10000-65000\n"))).toEqual([]);
  expect(portAdvice(wide, system(LINUX, "8080,40000\n"))).toHaveLength(1);
  expect(portAdvice({ first: 40_000, last: 40_001 }, system(LINUX, "40000-40001"))).toEqual([]);
});

test("a system that doesn't tell is not complained of", () => {
  const silent = () => {
    throw new Error("ENOENT");
  };
  expect(portAdvice({ first: 40_000, last: 50_000 }, silent)).toEqual([]);
});
