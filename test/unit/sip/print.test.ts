import { expect, test } from "bun:test";
import { fromUtf8, utf8 } from "../../../gateway/bytes.ts";
import { Headers } from "../../../gateway/sip/headers.ts";
import { printMessage } from "../../../gateway/sip/print.ts";

test("§7.2: Content-Length is exact, last and alone, whatever the headers say", () => {
  const headers = Headers.of([
    ["l", "99"],
    ["Via", "SIP/2.0/UDP h"],
    ["Content-Length", "7"],
    ["X-Empty", ""],
  ]);
  const bytes = printMessage({
    kind: "response",
    status: 200,
    reason: "Все хорошо",
    headers,
    body: utf8("é\r\n"),
  });
  expect(fromUtf8(bytes)).toBe(
    "SIP/2.0 200 Все хорошо\r\nVia: SIP/2.0/UDP h\r\nX-Empty: \r\nContent-Length: 4\r\n\r\né\r\n",
  );
});

test("an empty reason keeps its space", () => {
  const message = { kind: "response", status: 100, reason: "", headers: new Headers() } as const;
  expect(fromUtf8(printMessage({ ...message, body: new Uint8Array(0) }))).toBe(
    "SIP/2.0 100 \r\nContent-Length: 0\r\n\r\n",
  );
});

test("the body's bytes are not touched", () => {
  const body = Uint8Array.from({ length: 256 }, (_, octet) => octet);
  const message = { kind: "request", method: "MESSAGE", uri: "sip:a@b" } as const;
  const printed = printMessage({ ...message, headers: new Headers(), body });
  expect(printed.subarray(-256)).toEqual(body);
});
