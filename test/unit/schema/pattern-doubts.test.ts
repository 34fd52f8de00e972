/** Dial patterns that may not do what they look like, as Test connection tells them (TST-03). */
import { expect, test } from "bun:test";
import type { Config, Connection, ConnectionId, DialPattern } from "../../../schema/config.ts";
import { patternDoubts } from "../../../schema/pattern-doubts.ts";
import { configOf } from "../../sim/stage.ts";

const patterns = (...all: string[]): DialPattern[] =>
  all.map((pattern) => ({ pattern, strip: 0, prepend: "" }));

/** A draft beside a carrier of less weight that takes those. */
function doubtsOf(own: string[], others: string[], changes: Partial<Connection> = {}) {
  const config: Config = configOf({ name: "", play() {} });
  const [template] = config.connections as [Connection];
  const carrier = { ...template, name: "Carrier", weight: 1, patterns: patterns(...others) };
  const draft = { ...template, id: 9 as ConnectionId, name: "New", patterns: patterns(...own) };
  const all = { ...config, connections: [carrier] };
  return patternDoubts(all, { ...draft, ...changes });
}

test("TST-03: patterns that work, and are reached, raise no doubt", () => {
  expect(doubtsOf(["^3\\d{2}$"], ["^2\\d{2}$"])).toEqual({ isUnreachable: false, sentences: [] });
});

test("TST-03: what a pattern of less weight takes never gets there", () => {
  const { isUnreachable, sentences } = doubtsOf(["^3\\d{2}$"], ["."]);
  expect([isUnreachable, sentences]).toEqual([
    true,
    ["^3\\d{2}$: . of Carrier takes all its numbers"],
  ]);
  const some = doubtsOf(["^4\\d{2}$", "^31"], ["^3\\d*$"]);
  expect([some.isUnreachable, some.sentences.length]).toEqual([false, 1]);
  // Changed in the place of the stored one, it takes nothing from itself.
  expect(doubtsOf(["."], ["."], { id: 1 as ConnectionId }).isUnreachable).toBe(false);
});

test("TST-03: what the linter says of a pattern is told with it", () => {
  const { sentences } = doubtsOf(["^2d{2}$"], ["^9"]);
  expect(sentences[0]).toMatch(/^\^2d\{2\}\$: .*\\d/);
});
