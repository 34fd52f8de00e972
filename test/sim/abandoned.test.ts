/** R2 in virtual time: by what was kept of a call the PBX's dialog is ended, whoever called. */
import { expect, test } from "bun:test";
import { FAIR } from "./audit.ts";
import { stageOf } from "./stage.ts";
import { attendedTransfer, connected } from "./story.ts";

test.each([
  "out",
  "in",
  "inside",
] as const)("R2: a call %s is kept as it stands, and ended at the PBX by that alone", (way) => {
  const stage = stageOf({ name: "", play: () => {} }, 7, FAIR);
  const { house, alice, bob, pbx } = stage;
  if (way === "in") pbx.call("sip:alice@gateway");
  else alice.call(way === "out" ? "sip:250@gateway" : "sip:bob@gateway");
  house.pass(10_000);
  const [kept, ...others] = house.standing.values();
  if (!kept) throw new Error("nothing stands");
  expect(others).toEqual([]);
  expect(kept.call.answered).toBeNumber();
  expect(kept.dialogs.map(({ connection }) => Number(connection))).toEqual(
    way === "inside" ? [] : [1],
  );
  const up = way === "inside" ? bob : pbx;
  expect(up.views).toHaveLength(1);
  // As it comes back from the disk.
  const { dialogs } = JSON.parse(JSON.stringify(kept)) as typeof kept;
  house.feed({ type: "abandoned", dialogs });
  house.pass(2_000);
  expect(pbx.views).toEqual([]);
  expect(pbx.diary.filter((it) => it === "got BYE")).toHaveLength(way === "inside" ? 0 : 1);
});

test("R2: what a transfer made one call is kept as it stands then", () => {
  const stage = stageOf({ name: "", play: () => {} }, 7, FAIR);
  const { house, alice, bob, pbx } = stage;
  connected(stage);
  attendedTransfer(stage);
  expect([alice, bob, pbx].map(({ views }) => views.length)).toEqual([0, 1, 1]);
  const kept = [...house.standing.values()];
  const dialogs = kept.flatMap((it) => it.dialogs);
  expect(dialogs.map(({ connection }) => Number(connection))).toEqual([1]);
  house.feed({ type: "abandoned", dialogs: JSON.parse(JSON.stringify(dialogs)) });
  house.pass(2_000);
  expect(pbx.views).toEqual([]);
  expect(pbx.diary.filter((it) => it === "got BYE")).toHaveLength(1);
});
