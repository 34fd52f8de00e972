import { expect, test } from "bun:test";
import { readCommandLine } from "../../../gateway/io/command-line.ts";

function optionsOf(...args: string[]) {
  const line = readCommandLine(args);
  if (line.command !== "serve") throw new Error(`it is ${line.command}`);
  return line.options;
}

test("NAT-08, AMB-11: unless told otherwise UDP and TCP are at 5060, TLS at 5061, browsers at 443", () => {
  const { sip, sipTls, https } = optionsOf();
  expect([sip, sipTls, https]).toEqual([
    { host: "0.0.0.0", port: 5_060 },
    { host: "0.0.0.0", port: 5_061 },
    { host: "0.0.0.0", port: 443 },
  ]);
  // RFC 3261 §19.1.2: elsewhere TLS is the next one as well.
  expect(optionsOf("--sip=192.0.2.1:6060").sipTls).toEqual({ host: "192.0.2.1", port: 6_061 });
});
