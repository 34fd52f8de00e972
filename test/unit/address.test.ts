/** S2 and SEC-01/02: what an allow list may say, held against a bitwise oracle. */
import { expect, test } from "bun:test";
import {
  contains,
  coversEverything,
  parseAddress,
  parseCidr,
  printAddress,
  printCidr,
} from "../../gateway/address.ts";
import { seededRandom } from "../sim/random.ts";

const cidrOf = (text: string) => {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`${text} is no block`);
  return parsed.cidr;
};

test.each([
  ["192.168.0.1/24", "192.168.0.0/24", true],
  ["192.168.1.0", "192.168.1.0/32", false],
  ["10.0.0.0/255.0.0.0", "10.0.0.0/8", false],
  ["1.2.3.4/255.255.255.255", "1.2.3.4/32", false],
  ["::ffff:10.0.0.1", "10.0.0.1/32", false],
  ["::ffff:10.0.0.0/104", "10.0.0.0/8", false],
  ["2001:db8::1/64", "2001:db8::/64", true],
  ["2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1/128", false],
  ["::/0", "::/0", false],
  ["::1", "::1/128", false],
  ["0.0.0.0/0", "0.0.0.0/0", false],
])("S2: %s is %s", (text, canonical, cleared) => {
  expect(parseCidr(text)?.hostBitsCleared).toBe(cleared);
  expect(printCidr(cidrOf(text))).toBe(canonical);
});

test.each([
  "010.0.0.1",
  "1.2.3",
  "1.2.3.4.5",
  "256.1.1.1",
  "0x7f.1.1.1",
  "1.2.3.4/33",
  "1.2.3.4/-1",
  "1.2.3.4/",
  "1.2.3.4/8/8",
  "1.2.3.4/255.0.255.0",
  "pbx.example.com",
  "",
  "::1::",
  ":::",
  "1::2::3",
  "12345::",
  "fe80::1%eth0",
  "[::1]",
  "2001:db8::/129",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "::ffff:1.2.3.4/95",
  " 1.2.3.4",
])("S2: %j is refused", (text) => {
  expect(parseCidr(text)).toBeUndefined();
});

test.each([
  [["0.0.0.0/0"], true],
  [["::/0"], true],
  [["0.0.0.0/1", "128.0.0.0/1"], true],
  [["128.0.0.0/1", "64.0.0.0/2", "0.0.0.0/2"], true],
  [["0.0.0.0/1", "128.0.0.0/2"], false],
  [["::/1", "8000::/1", "10.0.0.0/8"], true],
  [["10.0.0.0/8"], false],
  [[], false],
])("SEC-02: %j covers everything: %p", (texts, expected) => {
  expect(coversEverything(texts.map(cidrOf))).toBe(expected);
});

test("S2: random addresses and blocks agree with a bitwise oracle", () => {
  const random = seededRandom(11);
  for (let round = 0; round < 20_000; round++) {
    const quad = Array.from({ length: 4 }, () => random.below(256));
    const length = random.below(33);
    // Half of the addresses share the block's first bits, so that both answers come up.
    const other =
      random.fraction() < 0.5
        ? quad.map((it, index) => (index < 3 ? it : random.below(256)))
        : Array.from({ length: 4 }, () => random.below(256));
    const bits = (octets: number[]) => octets.map((it) => it.toString(2).padStart(8, "0")).join("");
    const expected = bits(quad).slice(0, length) === bits(other).slice(0, length);
    const address = parseAddress(other.join("."));
    if (!address) throw new Error("no address");
    expect(contains(cidrOf(`${quad.join(".")}/${length}`), address)).toBe(expected);
    expect(printAddress(address)).toBe(other.join("."));
  }
});
