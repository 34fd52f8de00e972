import { expect, test } from "bun:test";
import {
  callId,
  contacts,
  contentType,
  cseq,
  expires,
  from,
  maxForwards,
  parseCSeq,
  recordRoutes,
  routes,
  to,
  tokens,
  topVia,
  vias,
} from "../../../gateway/sip/accessors.ts";
import { Headers } from "../../../gateway/sip/headers.ts";
import type { SipMessage } from "../../../gateway/sip/message.ts";

function message(...entries: [string, string][]): SipMessage {
  const headers = Headers.of(entries);
  return { kind: "request", method: "INVITE", uri: "sip:a@b", headers, body: new Uint8Array(0) };
}

test("every accessor of a full message", () => {
  const full = message(
    ["v", "SIP/2.0/UDP one;branch=z9hG4bK1, SIP/2.0/TCP two"],
    ["v", "SIP/2.0/TLS three:5061"],
    ["f", '"A" <sip:a@b>;tag=1'],
    ["t", "sip:c@d"],
    ["i", "id@host"],
    ["CSeq", "2147483647 \t INVITE"],
    ["m", '"x, y" <sip:a@b>, <sip:c@d>;expires=5'],
    ["Route", "<sip:p1;lr>,<sip:p2;lr>"],
    ["Record-Route", "<sip:r1;lr>"],
    ["Record-Route", "<sip:r2;lr>"],
    ["Max-Forwards", "070"],
    ["Expires", "4294967295"],
    ["c", "Application / SDP ; charset=x"],
    ["k", "100rel, timer"],
    ["k", "outbound"],
  );
  expect(topVia(full)).toEqual({
    transport: "UDP",
    host: "one",
    params: new Map([["branch", "z9hG4bK1"]]),
  });
  expect(vias(full).map(({ host, port }) => [host, port])).toEqual([
    ["one", undefined],
    ["two", undefined],
    ["three", 5061],
  ]);
  expect(from(full).displayName).toBe("A");
  expect(to(full).uri).toBe("sip:c@d");
  expect(callId(full)).toBe("id@host");
  expect(cseq(full)).toEqual({ number: 2_147_483_647, method: "INVITE" });
  const list = contacts(full);
  expect(list !== "*" && list.map(({ uri }) => uri)).toEqual(["sip:a@b", "sip:c@d"]);
  expect(routes(full).map(({ uri }) => uri)).toEqual(["sip:p1;lr", "sip:p2;lr"]);
  expect(recordRoutes(full).map(({ uri }) => uri)).toEqual(["sip:r1;lr", "sip:r2;lr"]);
  expect([maxForwards(full), expires(full)]).toEqual([70, 4_294_967_295]);
  expect(contentType(full)).toBe("application/sdp");
  expect(tokens(full, "Supported")).toEqual(["100rel", "timer", "outbound"]);
});

test("what is not there is undefined or empty, and asking for a must is our bug", () => {
  const bare = message();
  expect([maxForwards(bare), expires(bare), contentType(bare)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect([contacts(bare), routes(bare), vias(bare), tokens(bare, "Require")]).toEqual([
    [],
    [],
    [],
    [],
  ]);
  for (const accessor of [topVia, from, to, callId, cseq]) {
    expect(() => accessor(bare)).toThrow("the message has no valid");
  }
});

test("an accessor sees what was set after it was asked", () => {
  const changing = message(["From", "<sip:a@b>;tag=1"], ["Via", "SIP/2.0/UDP one"]);
  expect([from(changing).uri, topVia(changing).host]).toEqual(["sip:a@b", "one"]);
  changing.headers.set("From", "<sip:x@y>");
  changing.headers.prepend("Via", "SIP/2.0/UDP zero");
  expect([from(changing).uri, topVia(changing).host]).toEqual(["sip:x@y", "zero"]);
});

test("§10.2.2: the star stands alone", () => {
  expect(contacts(message(["Contact", " * "]))).toBe("*");
  expect(contacts(message(["Contact", "*"], ["Contact", "<sip:a@b>"]))).toHaveLength(1);
});

test.each([
  "",
  "1",
  "INVITE",
  "-1 INVITE",
  "2147483648 INVITE",
  "1 IN VITE",
  "1 INVITE;",
  "1,INVITE",
])("§8.1.1.5: %j is no CSeq", (text) => {
  expect(parseCSeq(text)).toBeUndefined();
});
