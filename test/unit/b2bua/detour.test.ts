/** Where a call goes on after a search that failed: targets in order, each once, and forwards. */
import { expect, test } from "bun:test";
import type { Destination } from "../../../gateway/b2bua/destination.ts";
import { byPreference, Detours } from "../../../gateway/b2bua/detour.ts";
import { parseNameAddr } from "../../../gateway/sip/name-addr.ts";
import type { UserId } from "../../../schema/config.ts";

const bob = 2 as UserId;
const destination: Destination = { candidates: [], user: bob, forward: { busy: "300" } };
const moved = (...redirects: string[]) => ({ status: 302, reason: "moved", redirects });
const busy = { status: 486, reason: "busy", why: "busy" } as const;

test("contacts by q: 1 where there is none, order kept between equals, nonsense last", () => {
  const contacts = ["<sip:a@h>;q=0.5", "<sip:b@h>", "<sip:c@h>;q=2", "<sip:d@h>;q=1.0"].flatMap(
    (it) => parseNameAddr(it) ?? [],
  );
  const order = byPreference(contacts).map(({ uri }) => uri);
  expect(order).toEqual(["sip:b@h", "sip:d@h", "sip:a@h", "sip:c@h"]);
});

test("targets are asked one after the other, each once, then the user's forward", () => {
  const detours = new Detours();
  const next = (missed: Parameters<Detours["next"]>[1]) =>
    detours.next(destination, missed, "bob")?.uri;
  expect(next(moved("sip:1@h", "sip:2@h", "sip:1@h"))).toBe("sip:1@h");
  // A redirect from there comes before the rest, but nobody is asked twice.
  expect(next(moved("sip:3@h", "sip:2@h"))).toBe("sip:3@h");
  expect(next(busy)).toBe("sip:2@h");
  expect(next(busy)).toBe("sip:300@forward.invalid");
});

test("a refused target makes room for the next; who refuses for all ends it; so does an answer", () => {
  const refused = new Detours();
  refused.next(destination, moved("sip:1@h", "sip:2@h"), "bob");
  expect(refused.next(undefined, { status: 502, reason: "foreign" }, "bob")?.uri).toBe("sip:2@h");
  const declined = new Detours();
  declined.next(destination, moved("sip:1@h", "sip:2@h"), "bob");
  expect(declined.next(destination, { status: 603, reason: "no" }, "bob")).toBeUndefined();
  const answered = new Detours();
  answered.next(destination, moved("sip:1@h", "sip:2@h"), "bob");
  answered.clear();
  expect(answered.next(undefined, { status: 404, reason: "none" }, "bob")).toBeUndefined();
});

test("of a hundred targets eight are asked", () => {
  const detours = new Detours();
  const many = Array.from({ length: 100 }, (_, index) => `sip:${index}@h`);
  let asked = 0;
  for (let detour = detours.next(destination, moved(...many), "bob"); detour; asked += 1) {
    detour = detours.next(undefined, { status: 480, reason: "away" }, "bob");
  }
  expect(asked).toBe(8);
});
