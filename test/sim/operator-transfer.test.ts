/** The administrator puts somebody else in the place of one of a call's parties, in virtual time. */
import { expect, test } from "bun:test";
import { stageOf } from "./stage.ts";
import { connected, type Story } from "./story.ts";

const CALM = { loss: 0, duplication: 0, delayMaxMs: 20 };
const STORY: Story = { name: "transfer", play() {} };

function talking() {
  const stage = stageOf(STORY, 5, CALM);
  connected(stage);
  const { house } = stage;
  const [call] = house.b2bua.status(house.now).calls;
  expect(call).toMatchObject({ state: "connected", caller: "alice", callee: "250" });
  const transfer = (leaves: "caller" | "callee", number: string) => {
    house.feed({ type: "transfer", call: call?.id ?? "", leaves, number });
    house.pass(8_000);
  };
  return { ...stage, transfer };
}

function nothingIsLeft({ house, alice, bob, pbx }: ReturnType<typeof talking>): void {
  for (const actor of [alice, bob, pbx]) actor.hangUpAll();
  house.pass(400_000);
  const { alive, calls } = house.b2bua.status(house.now);
  expect(calls).toEqual([]);
  expect([...house.legs]).toEqual([]);
  for (const count of [alive["clientTransactions"], alive["serverTransactions"]]) {
    expect(count).toBe(0);
  }
}

test("a colleague comes in the caller's place, who is let go; the PBX's party stays", () => {
  const company = talking();
  const { alice, bob, pbx, transfer } = company;
  transfer("caller", "bob");
  expect(bob.diary).toContain("got INVITE");
  expect(alice.diary).toContain("got BYE");
  expect(pbx.diary).not.toContain("got BYE");
  expect([alice.views.length, bob.views.length, pbx.views.length]).toEqual([0, 1, 1]);
  nothingIsLeft(company);
});

test("another number comes in the callee's place, by the rights of the user who stays", () => {
  const company = talking();
  const { alice, pbx, transfer } = company;
  transfer("callee", "251");
  expect(pbx.invited).toEqual(["250", "251"]);
  expect(pbx.diary).toContain("got BYE");
  expect(alice.diary).not.toContain("got BYE");
  expect([alice.views.length, pbx.views.length]).toEqual([1, 1]);
  nothingIsLeft(company);
});

test("where nobody is reached, or nobody answers to it, the two talk on", () => {
  const company = talking();
  const { house, alice, pbx, transfer } = company;
  transfer("callee", "999");
  transfer("caller", "");
  pbx.manner = { answer: 486, afterMs: 50 };
  transfer("caller", "252");
  expect(pbx.invited.at(-1)).toBe("252");
  expect([alice.views.length, pbx.views.length]).toEqual([1, 1]);
  expect(house.b2bua.status(house.now).calls[0]?.state).toBe("connected");
  house.feed({ type: "transfer", call: "none", leaves: "caller", number: "250" });
  nothingIsLeft(company);
});
