/** Refer-To and Replaces as softphones write them, and the reports on a transfer. */
import { expect, test } from "bun:test";
import { fromUtf8 } from "../../../gateway/bytes.ts";
import { createRequest } from "../../../gateway/sip/build.ts";
import { parseReplaces, readRefer, replacesOf, sipfrag } from "../../../gateway/sip/refer.ts";

const plain = (uri: string) => ({ uri, params: new Map<string, string | undefined>() });

function refer(headers: [string, string][]) {
  return createRequest({
    method: "REFER",
    uri: "sip:a@b",
    from: plain("sip:a@b"),
    to: plain("sip:c@d"),
    callId: "1",
    cseq: 1,
    headers,
  });
}

test("a blind transfer names a target, with or without brackets", () => {
  for (const written of ["<sip:300@gw>", "sip:300@gw", '"Sales" <sip:300@gw;method=INVITE>']) {
    const read = readRefer(refer([["Refer-To", written]]));
    expect(read.ok && read.refer.target.uri.startsWith("sip:300@gw")).toBe(true);
    expect(read.ok && read.refer.replaces).toBeUndefined();
    expect(read.ok && read.refer.reports).toBe(true);
  }
});

test("an attended one carries the dialog, escaped, as JsSIP and SIP.js write it", () => {
  const jssip = "<sip:bob@gw?Replaces=abc%40host%3Bto-tag%3Dt1%3Bfrom-tag%3Df1>";
  const sipjs = "<sip:bob@gw;transport=ws?Replaces=abc%40host%3Bto-tag%3Dt1%3Bfrom-tag%3Df1>";
  for (const written of [jssip, sipjs]) {
    const read = readRefer(refer([["Refer-To", written]]));
    expect(read.ok && read.refer.replaces).toEqual({
      callId: "abc@host",
      toTag: "t1",
      fromTag: "f1",
      earlyOnly: false,
    });
  }
});

test("what can't be carried out says why", () => {
  const reasonOf = (headers: [string, string][]) => {
    const read = readRefer(refer(headers));
    return read.ok ? "" : read.reason;
  };
  expect(reasonOf([])).toContain("one Refer-To");
  expect(
    reasonOf([
      ["Refer-To", "<sip:a@b>"],
      ["Refer-To", "<sip:c@d>"],
    ]),
  ).toContain("one Refer-To");
  expect(reasonOf([["Refer-To", "<tel:123>"]])).toContain("SIP address");
  expect(reasonOf([["Refer-To", "<sip:a@b;method=BYE>"]])).toContain("BYE");
  expect(reasonOf([["Refer-To", "<sip:a@b?Replaces=abc>"]])).toContain("Replaces");
  expect(reasonOf([["Refer-To", "<sip:a@b?Replaces=%zz>"]])).not.toBe("");
});

test("RFC 4488: a referrer may want no reports", () => {
  const headers: [string, string][] = [
    ["Refer-To", "<sip:a@b>"],
    ["Refer-Sub", "false"],
  ];
  const read = readRefer(refer(headers));
  expect(read.ok && read.refer.reports).toBe(false);
});

test("Replaces as a header: both tags, in any order, and early-only", () => {
  expect(parseReplaces("id@h;from-tag=f;to-tag=t;early-only")).toEqual({
    callId: "id@h",
    toTag: "t",
    fromTag: "f",
    earlyOnly: true,
  });
  expect(parseReplaces("id@h;to-tag=t")).toBeUndefined();
  expect(replacesOf(refer([]))).toBeUndefined();
  expect(replacesOf(refer([["Replaces", "id"]]))).toBe("malformed");
  expect(
    replacesOf(
      refer([
        ["Replaces", "a;to-tag=t;from-tag=f"],
        ["Replaces", "b;to-tag=t;from-tag=f"],
      ]),
    ),
  ).toBe("malformed");
});

test("a report is one status line, whatever the reason holds", () => {
  const { type, bytes } = sipfrag(486, "Busy\r\nVia: evil");
  expect(type).toBe("message/sipfrag;version=2.0");
  expect(fromUtf8(bytes)).toBe("SIP/2.0 486 Busy  Via: evil\r\n");
});
