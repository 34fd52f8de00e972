/** Samples of a profile, by layer. */
import { expect, test } from "bun:test";
import { sampledLayers } from "../../../../bench/signalling/profile.ts";

const node = (id: number, url: string, children: number[] = []) => ({
  id,
  callFrame: { functionName: "f", url },
  children,
});

const PROFILE = {
  nodes: [
    node(1, "", [2, 4]),
    node(2, "file:///x/gateway/b2bua/call.ts", [3, 5]),
    node(3, "[native code]"),
    node(4, "file:///x/gateway/sip/parse.ts"),
    node(5, "file:///x/gateway/sip/invite-server-transaction.ts"),
  ],
  samples: [4, 2, 3, 5, 1],
  timeDeltas: [100, 100, 100, 100, 100],
};

test("what has no file belongs to its caller, and what nobody calls to no layer", () => {
  expect(sampledLayers(PROFILE, 500)).toEqual([
    "else",
    "transactions and timers",
    "calls, registrar, routing",
    "calls, registrar, routing",
    "parse",
  ]);
});

test("only the last part of a profile counts", () => {
  expect(sampledLayers(PROFILE, 150)).toEqual(["else", "transactions and timers"]);
});
