/** LIM-05: whose minutes of the day a call to outside uses, whichever way it got there. */
import { expect, test } from "bun:test";
import type { Forward, User } from "../../schema/config.ts";
import { configOf, stageOf } from "./stage.ts";
import { connected, type Stage, type Story } from "./story.ts";

const FAIR = { loss: 0, duplication: 0, delayMaxMs: 10 };

/** The company, where everybody may call outside for two minutes a day. */
function company(forward?: Forward) {
  const story: Story = { name: "", play() {}, ...(forward ? { forward } : {}) };
  const stage = stageOf(story, 3, FAIR);
  const config = configOf(story);
  const users = config.users.map((user): User => ({ ...user, minutesPerDay: 2 }));
  stage.house.configure({ ...config, users });
  /** Who has used them up. */
  const spent = () =>
    users.flatMap((user) => {
      const { reason = "" } = stage.house.b2bua.explain(user, "299", stage.house.now);
      return reason.includes("has used up its 2 minutes") ? [user.name] : [];
    });
  const over = () => {
    for (const actor of [stage.alice, stage.bob, stage.pbx]) {
      for (const view of [...actor.views]) actor.hangUp(view);
    }
    stage.house.pass(40_000);
    return stage.house.b2bua.status(stage.house.now).alive;
  };
  return { stage, spent, over };
}

/** A second short of all of it, and past it. */
function spentWith({ house }: Stage, spent: () => string[], ms: number) {
  house.pass(ms);
  const before = spent();
  house.pass(20_000);
  return [before, spent()];
}

test("LIM-05: who dials outside spends it, while the call goes on and after it", () => {
  const { stage, spent, over } = company();
  connected(stage);
  expect(spentWith(stage, spent, 105_000)).toEqual([[], ["alice"]]);
  expect(over()).toMatchObject({ calls: 0, spendingLegs: 0 });
  expect(spent()).toEqual(["alice"]);
});

test("LIM-05: who forwards to outside spends it, not who called", () => {
  const { stage, spent, over } = company({ always: "250" });
  connected(stage, "sip:bob@gateway");
  expect(stage.pbx.views.length).toBe(1);
  expect(spentWith(stage, spent, 105_000)).toEqual([[], ["bob"]]);
  expect(over()).toMatchObject({ calls: 0, spendingLegs: 0 });
  expect(spent()).toEqual(["bob"]);
});

test("LIM-05: who transfers a call to outside spends it from there on", () => {
  const { stage, spent, over } = company();
  stage.pbx.call("sip:alice@gateway");
  stage.house.pass(200_000);
  expect([stage.alice.views.length, spent()]).toEqual([1, []]);
  stage.alice.refer("sip:250@gateway");
  stage.house.pass(8_000);
  expect([stage.alice.views.length, stage.pbx.views.length]).toEqual([0, 2]);
  expect(spentWith(stage, spent, 105_000)).toEqual([[], ["alice"]]);
  expect(over()).toMatchObject({ calls: 0, spendingLegs: 0 });
});
