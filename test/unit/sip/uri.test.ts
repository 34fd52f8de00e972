import { expect, test } from "bun:test";
import fc from "fast-check";
import { equalUris, parseUri, printUri, schemeOf } from "../../../gateway/sip/uri.ts";

function uri(text: string) {
  const parsed = parseUri(text);
  if (!parsed) throw new Error(`${text} is no SIP URI`);
  return parsed;
}

test("§19.1.1: all parts of a URI", () => {
  expect(uri("SIPS:al%69ce:pw@[2001:DB8::1]:5061;Transport=TCP;lr?Subject=a&x=b")).toEqual({
    scheme: "sips",
    user: "alice",
    password: "pw",
    host: "2001:db8::1",
    port: 5061,
    params: new Map([
      ["transport", "TCP"],
      ["lr", undefined],
    ]),
    headers: "Subject=a&x=b",
  });
  expect(uri("sip:example.com")).toEqual({ scheme: "sip", host: "example.com", params: new Map() });
});

test.each([
  "tel:+1",
  "sip:",
  "sip:@host",
  "sip:a@",
  "sip:a@b@c",
  "sip:a b@c",
  "sip:a@b;x=1;X=2",
  "sip:a@b;",
  "sip:a@b;=1",
  "sip:a@b;x=%zz",
  "sip:%4@b",
  "sip:a:p\u00e9@b",
  "sip:a@b:99999",
  "sip:<a@b>",
  'sip:"a"@b',
  "sip:a\u0000@b",
  "sip:a\\@b",
  "",
])("%j is refused", (text) => {
  expect(parseUri(text)).toBeUndefined();
});

test("schemes are told apart without case", () => {
  expect([
    schemeOf("SIP:a"),
    schemeOf("soap.beep://x"),
    schemeOf("a b:c"),
    schemeOf("1:x"),
  ]).toEqual(["sip", "soap.beep", undefined, undefined]);
});

test.each([
  ["sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"],
  ["sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"],
  ["sip:carol@chicago.com", "sip:carol@chicago.com;security=on"],
  [
    "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
    "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
  ],
  [
    "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
    "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
  ],
])("§19.1.4: %s equals %s", (a, b) => {
  expect(equalUris(uri(a), uri(b))).toBe(true);
  expect(equalUris(uri(b), uri(a))).toBe(true);
});

test.each([
  ["SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"],
  ["sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"],
  ["sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"],
  ["sip:bob@biloxi.com", "sips:bob@biloxi.com"],
  ["sip:bob@biloxi.com", "sip:bob:x@biloxi.com"],
  ["sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;newparam=6"],
  ["sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"],
  ["sip:a%00b@h.com", "sip:a%00c@h.com"],
  ["sip:a%FF@h.com", "sip:a%FE@h.com"],
])("§19.1.4: %s differs from %s", (a, b) => {
  expect(equalUris(uri(a), uri(b))).toBe(false);
  expect(equalUris(uri(b), uri(a))).toBe(false);
});

test("bytes that are no UTF-8 are kept, and not escaped twice", () => {
  expect(printUri(uri("sip:a%FFb%00@h"))).toBe("sip:a%FFb%00@h");
  expect(printUri(uri("sip:%ef%bf%bd%ef%bb%bf%c0%af@h"))).toBe("sip:%EF%BF%BD%EF%BB%BF%C0%AF@h");
  // Overlong and surrogate forms are no other spelling of a character.
  expect(uri("sip:%c0%af@h").user).not.toContain("/");
  expect(printUri(uri("sip:%25ff@h"))).toBe("sip:%25ff@h");
  expect(printUri(uri("sip:%c3%bc@h"))).toBe("sip:%C3%BC@h");
});

test("P12: no user part can end the URI, the header or the line", () => {
  const hostile = fc.string({ unit: "binary", minLength: 1 });
  fc.assert(
    fc.property(hostile, (user) => {
      const text = printUri({ scheme: "sip", user, host: "h.example", params: new Map() });
      expect(text).toMatch(/^sip:[!-~]+@h\.example$/);
      expect(text).not.toMatch(/[<>"]/);
      expect(uri(text).user).toBe(user);
    }),
    { numRuns: 1_000 },
  );
});

test("any escaped bytes in the user part survive parse and print", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (bytes) => {
      const user = [...bytes]
        .map((byte) => `%${byte.toString(16).padStart(2, "0").toUpperCase()}`)
        .join("");
      const once = uri(`sip:${user}@h`);
      expect(uri(printUri(once))).toEqual(once);
    }),
    { numRuns: 1_000 },
  );
});
