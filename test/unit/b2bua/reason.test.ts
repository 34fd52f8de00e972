/** Reason headers: read, written, and what a status means to the telephone network. */
import { expect, test } from "bun:test";
import { causeOf, q850Of, reasonOf, reasonValue } from "../../../gateway/b2bua/reason.ts";
import { Headers } from "../../../gateway/sip/headers.ts";
import type { SipResponse } from "../../../gateway/sip/message.ts";

function saying(...reasons: string[]): SipResponse {
  const headers = Headers.of(reasons.map((it): [string, string] => ["Reason", it]));
  return { kind: "response", status: 486, reason: "Busy", headers, body: new Uint8Array() };
}

test("RFC 3326: the Q.850 cause is found beside SIP's, in one line or in several", () => {
  expect(q850Of(saying("Q.850;cause=17"))).toEqual({ q850: 17 });
  expect(q850Of(saying('SIP;cause=200;text="a, b", q.850 ;text="x;cause=5"; cause = 31'))).toEqual({
    q850: 31,
  });
  expect(q850Of(saying("SIP;cause=486", "Q.850;cause=1;foo=bar"))).toEqual({ q850: 1 });
});

test("what is no cause of Q.850 is none", () => {
  const none = ["SIP;cause=16", "Q.850", "Q.850;cause=0", "Q.850;cause=128", "Q.850;cause=1x"];
  for (const value of [...none, "Q.8500;cause=16", 'Q.850;text="cause=16"', ""]) {
    expect(q850Of(saying(value))).toEqual({});
  }
  expect(q850Of(saying())).toEqual({});
});

test("RFC 3398 §8.2.6.1: a status stands for a cause, a peer's own word goes before it", () => {
  const causes = [404, 480, 486, 503, 600, 603, 499].map((status) =>
    causeOf({ status, reason: "" }),
  );
  expect(causes).toEqual([1, 18, 17, 41, 17, 21, 127]);
  expect(causeOf({ status: 486, reason: "", q850: 34 })).toBe(34);
});

test("P12: what is written is read again, whatever the sentence", () => {
  for (const reason of ["hung up", 'a "quoted" one\\', "two\r\nVia: lines", "a, b;cause=99"]) {
    const value = reasonValue({ status: 480, reason, q850: 18 });
    expect(value).not.toMatch(/[\r\n]/);
    expect(q850Of(saying(value))).toEqual({ q850: 18 });
    expect(reasonOf(saying(value))).toBe(reason.replaceAll(/[\r\n]/g, " "));
  }
});
