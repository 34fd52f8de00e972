import { expect, test } from "bun:test";
import { fromUtf8, utf8 } from "../../../gateway/bytes.ts";
import { createRequest, createResponse, reasonPhrase } from "../../../gateway/sip/build.ts";
import { Headers } from "../../../gateway/sip/headers.ts";
import type { SipRequest } from "../../../gateway/sip/message.ts";
import { printMessage } from "../../../gateway/sip/print.ts";

const PARTS = {
  method: "INVITE",
  uri: "sip:b@h",
  from: { uri: "sip:a@h", params: new Map([["tag", "f"]]) },
  to: { displayName: "B", uri: "sip:b@h", params: new Map<string, string>() },
  callId: "c",
  cseq: 1,
};

test("§8.1.1: a request of ours, in print", () => {
  const request = createRequest({
    ...PARTS,
    contact: "<sip:a@us>",
    routes: ["<sip:p1;lr>", "<sip:p2;lr>"],
    headers: [["Allow", "INVITE"]],
    body: { type: "text/plain", bytes: utf8("é") },
  });
  expect(fromUtf8(printMessage(request)).split("\r\n")).toEqual([
    "INVITE sip:b@h SIP/2.0",
    "Max-Forwards: 70",
    "Route: <sip:p1;lr>",
    "Route: <sip:p2;lr>",
    "From: <sip:a@h>;tag=f",
    'To: "B" <sip:b@h>',
    "Call-ID: c",
    "CSeq: 1 INVITE",
    "Contact: <sip:a@us>",
    "Allow: INVITE",
    "Content-Type: text/plain",
    "Content-Length: 2",
    "",
    "é",
  ]);
});

test("P12: no part of a request or a response can begin a line of its own", () => {
  const evil = "x\r\nVia: SIP/2.0/UDP evil";
  expect(() => createRequest({ ...PARTS, method: evil })).toThrow();
  expect(() => createRequest({ ...PARTS, uri: `sip:${evil}` })).toThrow();
  expect(() => createRequest({ ...PARTS, callId: evil })).toThrow();
  expect(() => createRequest({ ...PARTS, contact: evil })).toThrow();
  expect(() => createRequest({ ...PARTS, routes: [evil] })).toThrow();
  expect(() => createRequest({ ...PARTS, headers: [["Subject", evil]] })).toThrow();
  expect(() => createRequest({ ...PARTS, headers: [[evil, "x"]] })).toThrow();
  const request = createRequest(PARTS);
  expect(() => createResponse(request, 200, { reason: evil })).toThrow();
  expect(() => createResponse(request, 200, { toTag: evil })).toThrow();
  // A display name is no assertion of ours: it may come from anywhere, and is made harmless.
  const to = { ...PARTS.to, displayName: evil };
  const printed = fromUtf8(printMessage(createRequest({ ...PARTS, to })));
  expect(printed.split("\r\n").filter((line) => line.startsWith("Via"))).toEqual([]);
});

function received(method: string): SipRequest {
  const headers = Headers.of([
    ["Via", "SIP/2.0/UDP one, SIP/2.0/UDP two"],
    ["Via", "SIP/2.0/UDP three"],
    ["Record-Route", "<sip:r1;lr>"],
    ["Record-Route", "<sip:r2;lr>"],
    ["From", "sip:a@h;tag=f"],
    ["To", "sip:b@h"],
    ["Call-ID", "c"],
    ["CSeq", `1 ${method}`],
    ["Timestamp", "54"],
    ["Subject", "not copied"],
  ]);
  return { kind: "request", method, uri: "sip:b@h", headers, body: new Uint8Array(0) };
}

test("§8.2.6.2: a response copies Via, From, Call-ID, CSeq and To with its tag", () => {
  const { headers } = createResponse(received("INVITE"), 180, { toTag: "t" });
  expect([...headers.entries()]).toEqual([
    ["Via", "SIP/2.0/UDP one, SIP/2.0/UDP two"],
    ["Via", "SIP/2.0/UDP three"],
    ["Record-Route", "<sip:r1;lr>"],
    ["Record-Route", "<sip:r2;lr>"],
    ["From", "sip:a@h;tag=f"],
    ["Call-ID", "c"],
    ["CSeq", "1 INVITE"],
    ["To", "sip:b@h;tag=t"],
  ]);
});

test("§12.1.1: the route set goes back where a dialog may begin, and nowhere else", () => {
  const routes = (method: string, status: number) =>
    createResponse(received(method), status).headers.all("Record-Route").length;
  expect(["INVITE", "SUBSCRIBE", "REFER", "NOTIFY"].map((it) => routes(it, 200))).toEqual([
    2, 2, 2, 2,
  ]);
  expect(["REGISTER", "OPTIONS", "BYE", "MESSAGE"].map((it) => routes(it, 200))).toEqual([
    0, 0, 0, 0,
  ]);
  expect([100, 300, 486].map((status) => routes("INVITE", status))).toEqual([0, 0, 0]);
});

test("§8.2.6: a 100 has the Timestamp and no tag; a tag that is there stays", () => {
  const trying = createResponse(received("INVITE"), 100, { toTag: "t" });
  expect(trying.headers.get("Timestamp")).toBe("54");
  expect(trying.headers.get("To")).toBe("sip:b@h");
  const request = received("BYE");
  request.headers.set("To", "<sip:b@h;tag=uri>;tag=there");
  const response = createResponse(request, 200, { toTag: "t" });
  expect(response.headers.get("To")).toBe("<sip:b@h;tag=uri>;tag=there");
  request.headers.set("To", "<sip:b@h;tag=uri>");
  expect(createResponse(request, 200, { toTag: "t" }).headers.get("To")).toBe(
    "<sip:b@h;tag=uri>;tag=t",
  );
});

test("a request that could only be read in part is answered with what there is", () => {
  const headers = Headers.of([
    ["Via", "nonsense"],
    ["CSeq", "x"],
    ["To", '"unbalanced'],
  ]);
  const request = { ...received("INVITE"), headers };
  expect([...createResponse(request, 400, { toTag: "t" }).headers.entries()]).toEqual([
    ["Via", "nonsense"],
    ["CSeq", "x"],
    ["To", '"unbalanced'],
  ]);
});

test("every status has a phrase", () => {
  expect([reasonPhrase(200), reasonPhrase(488), reasonPhrase(499), reasonPhrase(699)]).toEqual([
    "OK",
    "Not Acceptable Here",
    "Bad Request",
    "Global Failure",
  ]);
});
