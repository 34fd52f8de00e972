import { expect, test } from "bun:test";
import { parseVia, printVia } from "../../../gateway/sip/via.ts";

test.each([
  ["SIP/2.0/UDP h;branch=z9hG4bKa", "SIP/2.0/UDP h;branch=z9hG4bKa"],
  [
    "sip / 2.0\t/ wss  H.invalid : 5062 ; rport ;branch = x",
    "SIP/2.0/WSS h.invalid:5062;rport;branch=x",
  ],
  ["SIP/2.0/UNKNOWN [2001:DB8::1]:5060", "SIP/2.0/UNKNOWN [2001:db8::1]:5060"],
  ["SIP/2.0/UDP h;received=2001:db8::2;ttl=1", "SIP/2.0/UDP h;received=2001:db8::2;ttl=1"],
])("%j is %j", (text, printed) => {
  const via = parseVia(text);
  expect(via && printVia(via)).toBe(printed);
});

test.each([
  "",
  "SIP/2.0/UDP",
  "SIP/2.0/UDP ",
  "SIP/2.0/ h",
  "SIP/2.0/U,P h",
  "SIP/2.0/UDP/x h",
  "SIP/3.0/UDP h",
  "HTTP/1.1/TCP h",
  "SIP/2.0/UDP h x",
  "SIP/2.0/UDP h:0x1",
  "SIP/2.0/UDP h;branch=a;branch=b",
  'SIP/2.0/UDP h;branch="a b"',
  "SIP/2.0/UDP ;branch=a",
  "SIP/2.0/UDP h;;branch=a",
])("%j is refused", (text) => {
  expect(parseVia(text)).toBeUndefined();
});
