import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseNameAddr, printNameAddr, tagOf } from "../../../gateway/sip/name-addr.ts";

test("§20.10: brackets tell the URI's parameters from the header's", () => {
  const within = parseNameAddr("<sip:a@b;x=1>;tag=t");
  expect(within?.uri).toBe("sip:a@b;x=1");
  expect(within && tagOf(within)).toBe("t");
  const without = parseNameAddr("sip:a@b;tag=t");
  expect(without?.uri).toBe("sip:a@b");
  expect(without && tagOf(without)).toBe("t");
});

test.each([
  ['"A. \\"B\\" <C>" <sip:a@b>', 'A. "B" <C>'],
  ["Mr. Watson <sip:a@b>", "Mr. Watson"],
  ["Jürg  Müller<sip:a@b>", "Jürg  Müller"],
  ['"" <sip:a@b>', undefined],
  ["<sip:a@b>", undefined],
  ['\t"x"\t<sip:a@b>\t;\ttag = y', "x"],
])("%j is called %j", (text, name) => {
  const parsed = parseNameAddr(text);
  expect(parsed?.uri).toBe("sip:a@b");
  expect(parsed?.displayName).toBe(name);
});

test.each([
  "",
  "<>",
  "<a@b>",
  "sip:a@b, sip:c@d",
  "sip:a@b?x=1",
  "<sip:a@b",
  "sip:a@b>",
  '"x <sip:a@b>',
  '"x" y <sip:a@b>',
  '"x" sip:a@b',
  "Bell, Alexander <sip:a@b>",
  "a@b <sip:a@b>",
  "<sip:a @b>",
  "<sip:a@b> x",
  "<sip:a@b>;tag=1;tag=2",
  "< sip:a@b>",
  "<sip:a@b\u0000>",
  "<sip:a@b\u2028>",
  "*",
])("%j is refused", (text) => {
  expect(parseNameAddr(text)).toBeUndefined();
});

test("schemes we do not know are kept as they stand", () => {
  expect(parseNameAddr("<tel:+1-201-555;phone-context=+1>;tag=t")?.uri).toBe(
    "tel:+1-201-555;phone-context=+1",
  );
  expect(parseNameAddr("<name:John_Smith>")?.uri).toBe("name:John_Smith");
});

test("P12: whatever the display name, it stays one value and reads back without its controls", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (displayName) => {
      const params = new Map([["tag", "t"]]);
      const text = printNameAddr({ displayName, uri: "sip:a@b", params });
      expect(text).not.toMatch(/[\r\n\0]/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is left out.
      const kept = displayName.replace(/[\u0000-\u001f\u007f\u2028\u2029]/g, "");
      const parsed = parseNameAddr(text);
      expect(parsed?.displayName ?? "").toBe(kept);
      expect(parsed?.uri).toBe("sip:a@b");
      expect(parsed?.params).toEqual(params);
    }),
    { numRuns: 1_000 },
  );
});
