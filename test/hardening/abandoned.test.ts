/**
 * R13 in masses, in virtual time: one call after the other whose peer is gone without a word, at any
 * moment and in every way. Each ends by itself within its time, with the cause in its record, and of
 * none of them is anything left.
 */
import { expect, test } from "bun:test";
import { scaled } from "../rigs/scale.ts";
import type { House } from "../sim/house.ts";
import { stageOf } from "../sim/stage.ts";
import type { Stage } from "../sim/story.ts";

const FULL = 10_000;
const SEED = Number(process.env["JACKFIELD_SEED"] ?? 13);
/** Of silence, as the media worker reports it. */
const SILENCE_MS = 30_000;
/** Of a request nobody answers, and of a 2xx nobody acknowledges: 64 times T1 (RFC 3261 §17.1). */
const TIMEOUT_MS = 32_000;
/** For how long a softphone whose connection broke is waited for. */
const ABSENCE_MS = 60_000;
/** A PBX that rings and rings: RFC 3261 §16.6 has three minutes for it. */
const RINGING_MS = 181_000;
/** Half the session's interval (RFC 4028 §10). */
const PROBE_MS = 900_000;
/** Before somebody is gone. */
const TALK_MS = 3_000;
/** Networks' delays, and half a second of ringing. */
const LEEWAY_MS = 1_000;
/** Ringing, transactions, half an hour of session timer: whatever ends the call has come by then. */
const OVER_MS = 2_200_000;

/** Nothing comes from the PBX any more, and nothing gets there. */
function vanish({ house, pbx }: Stage): void {
  house.partitioned = true;
  pbx.forgetAll();
}

/** What the media worker notices when no audio comes over a leg of this kind. */
function silence(house: House, kind: "trunk" | "webrtc"): void {
  for (const [leg, found] of house.legs) {
    if (found.kind !== kind) continue;
    const notice = { type: "silent", session: found.session, leg, forMs: SILENCE_MS };
    house.notice(notice as Parameters<House["notice"]>[0]);
  }
}

interface Way {
  play(stage: Stage): void;
  /** The cause in the record. */
  why: RegExp;
  /** From the call's first message to its end, but for `LEEWAY_MS`. */
  withinMs: number;
}

const WAYS: Readonly<Record<string, Way>> = {
  "the PBX is gone in the call: no audio": {
    play(stage) {
      stage.alice.call("sip:250@gateway");
      stage.house.pass(TALK_MS);
      vanish(stage);
      stage.house.pass(SILENCE_MS);
      silence(stage.house, "trunk");
    },
    why: /no audio from the callee/,
    withinMs: TALK_MS + SILENCE_MS + TIMEOUT_MS,
  },
  "the caller's softphone says nothing any more: no audio": {
    play({ house, alice }) {
      alice.call("sip:250@gateway");
      house.pass(TALK_MS);
      alice.forgetAll();
      house.pass(SILENCE_MS);
      silence(house, "webrtc");
    },
    why: /no audio from the caller/,
    withinMs: TALK_MS + SILENCE_MS,
  },
  "the PBX is gone while it holds us: it is asked, and says nothing": {
    play(stage) {
      stage.alice.call("sip:250@gateway");
      stage.house.pass(TALK_MS);
      // Its re-INVITE says nothing of a session timer: it keeps none.
      stage.pbx.reoffer("inactive");
      stage.house.pass(TALK_MS);
      vanish(stage);
    },
    why: /answers no more/,
    withinMs: 2 * TALK_MS + PROBE_MS + 2 * TIMEOUT_MS,
  },
  "the softphone's connection is gone for good": {
    play({ house, alice }) {
      alice.call("sip:250@gateway");
      house.pass(TALK_MS);
      house.drop(alice);
      alice.forgetAll();
    },
    why: /did not come back/,
    withinMs: TALK_MS + ABSENCE_MS,
  },
  "the PBX calls, and never acknowledges the answer": {
    play(stage) {
      stage.pbx.call("sip:alice@gateway");
      stage.house.pass(400);
      vanish(stage);
    },
    why: /never acknowledged/,
    withinMs: 2 * TIMEOUT_MS,
  },
  "the PBX is gone while it rings": {
    play(stage) {
      stage.pbx.manner = { afterMs: 0 };
      stage.alice.call("sip:250@gateway");
      stage.house.pass(2_000);
      vanish(stage);
    },
    why: /nobody answered in time/,
    withinMs: RINGING_MS + TIMEOUT_MS,
  },
  "the PBX is gone before it says anything": {
    play(stage) {
      vanish(stage);
      stage.alice.call("sip:250@gateway");
    },
    why: /did not answer the INVITE|says nothing/,
    withinMs: TIMEOUT_MS,
  },
  "both are gone": {
    play(stage) {
      stage.alice.call("sip:250@gateway");
      stage.house.pass(TALK_MS);
      stage.house.drop(stage.alice);
      stage.alice.forgetAll();
      vanish(stage);
    },
    why: /did not come back/,
    withinMs: TALK_MS + ABSENCE_MS + TIMEOUT_MS,
  },
};

/** The world is whole again, for the next call. */
function restore({ house, alice, pbx }: Stage): void {
  house.partitioned = false;
  pbx.manner = { answer: 200, afterMs: 500 };
  if (!house.isUp(alice)) house.reconnect(alice);
  for (const actor of [alice, pbx]) {
    actor.hangUpAll();
    actor.cancelAll();
  }
  alice.register();
  house.pass(100_000);
}

test("R13 whoever is gone without a word leaves no call behind", () => {
  const calls = scaled("R13 abandoned calls", FULL, 0.03);
  const connection = { allowInbound: true };
  const story = { name: "abandoned", connection, play() {} };
  const stage = stageOf(story, SEED, { loss: 0, duplication: 0.1, delayMaxMs: 60 });
  const { house, alice, bob } = stage;
  house.drop(bob);
  const names = Object.keys(WAYS);
  for (let count = 1; count <= calls; count++) {
    const name = names[count % names.length] ?? "";
    const { play, why, withinMs } = WAYS[name] as Way;
    const what = `JACKFIELD_SEED=${SEED}, call ${count}: ${name}`;
    play(stage);
    house.pass(OVER_MS);
    const { calls: left } = house.b2bua.status(house.now);
    if (left.length > 0 || house.legs.size > 0)
      throw new Error(`${what} goes on\n${house.ladder()}`);
    expect([what, house.records.length]).toEqual([what, count]);
    const record = house.records.at(-1);
    expect(record?.reason).toMatch(why);
    const tookMs = (record?.ended ?? Infinity) - (record?.started ?? 0);
    expect(tookMs, what).toBeLessThanOrEqual(withinMs + LEEWAY_MS);
    restore(stage);
  }
  house.drop(alice);
  house.pass(4_000_000);
  const { alive } = house.b2bua.status(house.now);
  expect(Object.entries(alive).filter(([, left]) => left !== 0)).toEqual([]);
  expect(house.b2bua.deadline()).toBeUndefined();
}, 900_000);
