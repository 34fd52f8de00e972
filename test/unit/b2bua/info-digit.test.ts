/** Digits in INFO, in the forms that are out there (DTM-02). */
import { expect, test } from "bun:test";
import { digitBody, digitOf } from "../../../gateway/b2bua/info-digit.ts";
import { fromUtf8, utf8 } from "../../../gateway/bytes.ts";
import { createRequest } from "../../../gateway/sip/build.ts";

const plain = (uri: string) => ({ uri, params: new Map<string, string | undefined>() });

function info(type: string, text: string) {
  return createRequest({
    method: "INFO",
    uri: "sip:a@b",
    from: plain("sip:a@b"),
    to: plain("sip:c@d"),
    callId: "1",
    cseq: 1,
    body: { type, bytes: utf8(text) },
  });
}

test("dtmf-relay as JsSIP, SIP.js and PBXs write it", () => {
  const cases: [string, string, number][] = [
    ["Signal=5\r\nDuration=100\r\n", "5", 100],
    ["Signal= *\nDuration= 250", "*", 250],
    ["signal=#", "#", 160],
    ["Signal=11\r\nDuration=160", "#", 160],
    ["Signal=d\r\nDuration=1", "D", 40],
    ["Signal=1\r\nDuration=99999", "1", 6_000],
  ];
  for (const [text, digit, durationMs] of cases) {
    expect(digitOf(info("application/dtmf-relay", text))).toEqual({ digit, durationMs });
  }
});

test("plain dtmf is the bare digit", () => {
  expect(digitOf(info("application/dtmf", " 7\r\n"))).toEqual({ digit: "7", durationMs: 160 });
});

test("what is no digit is none", () => {
  for (const text of ["", "Signal=\r\n", "Signal=xyz", "Signal=99", "Duration=100"]) {
    expect(digitOf(info("application/dtmf-relay", text))).toBeUndefined();
  }
  expect(digitOf(info("text/plain", "Signal=5"))).toBeUndefined();
  expect(digitOf(info("application/dtmf", "55x"))).toBeUndefined();
});

test("what we send is what we read", () => {
  const { type, bytes } = digitBody({ digit: "#", durationMs: 120 });
  expect(digitOf(info(type, fromUtf8(bytes)))).toEqual({ digit: "#", durationMs: 120 });
});
