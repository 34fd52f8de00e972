/**
 * Stories of how calls end and of who gets them instead: causes carried from one side to the other
 * (RFC 3326, RFC 6432), redirects with several targets (RFC 3261 §8.1.3.4), calls picked up where
 * they ring (RFC 3891).
 */
import { expect } from "bun:test";
import { connected, PBX, type Stage, type Story } from "./story.ts";

const last = <Value>(list: readonly Value[]): Value | undefined => list.at(-1);

/** A PBX that redirects 250 to these numbers, and does at each what `at` says. */
function redirecting(
  { house, alice, pbx }: Stage,
  contact: string,
  at: Readonly<Record<string, number>>,
): void {
  const there = Object.entries(at).map(([number, answer]) => [number, { answer, afterMs: 100 }]);
  const manner = { answer: 302, afterMs: 50, contact };
  pbx.manner = { ...manner, at: Object.fromEntries(there) };
  alice.call("sip:250@gateway");
  house.pass(15_000);
}

/** A second device of alice's rings and the first one picks up what rings there. */
function pickedUp({ house, alice, pbx }: Stage, params = ""): void {
  const desk = house.softphone("alice/desk");
  house.connect(desk);
  desk.register();
  house.pass(500);
  desk.manner = { afterMs: 0 };
  alice.manner = { afterMs: 0 };
  pbx.call("sip:alice@gateway");
  house.pass(3_000);
  const replaces = desk.ringing;
  if (replaces !== undefined) {
    alice.call("sip:alice@gateway", [["Replaces", `${replaces}${params}`]]);
  }
  house.pass(8_000);
}

export const endings: Story[] = [
  {
    name: "the PBX's cause in its BYE reaches the softphone and the record",
    play(stage) {
      connected(stage);
      stage.pbx.hangUp(stage.pbx.view, 'Q.850;cause=31;text="Normal, unspecified"');
      stage.house.pass(5_000);
    },
    goal({ house, alice }) {
      expect(last(alice.reasons)).toContain("Q.850;cause=31");
      expect(last(house.records)).toMatchObject({ cause: 31, reason: "Normal, unspecified" });
    },
  },
  {
    name: "a softphone hangs up: normal call clearing at the PBX",
    play(stage) {
      connected(stage);
      stage.alice.hangUp();
      stage.house.pass(5_000);
    },
    goal({ house, pbx }) {
      expect(last(pbx.reasons)).toContain("Q.850;cause=16");
      expect(last(house.records)?.cause).toBe(16);
    },
  },
  {
    name: "the PBX's cause in its refusal reaches the softphone and the record",
    play({ house, alice, pbx }) {
      pbx.manner = { answer: 503, afterMs: 100, reason: "Q.850 ;cause=34" };
      alice.call("sip:250@gateway");
      house.pass(20_000);
    },
    goal({ house, alice }) {
      expect(last(alice.reasons)).toContain("Q.850;cause=34");
      expect(last(house.records)?.cause).toBe(34);
    },
  },
  {
    name: "a refusal without a cause gets the one its status stands for (RFC 3398)",
    play({ house, alice, pbx }) {
      pbx.manner = { answer: 486, afterMs: 100 };
      alice.call("sip:250@gateway");
      house.pass(8_000);
    },
    goal: ({ alice }) => expect(last(alice.reasons)).toMatch(/^SIP;cause=486;.*Q\.850;cause=17$/),
  },
  {
    name: "the PBX's cause in its CANCEL reaches the softphone that rings",
    play({ house, alice, pbx }) {
      alice.manner = { afterMs: 0 };
      pbx.call("sip:alice@gateway");
      house.pass(3_000);
      pbx.cancel('Q.850;cause=102;text="Timer"');
      house.pass(5_000);
    },
    goal({ house, alice }) {
      expect(last(alice.reasons)).toContain("Q.850;cause=102");
      expect(last(house.records)).toMatchObject({ status: 487, cause: 102 });
    },
  },
  {
    name: "a redirect with several targets: the next after one that fails, by preference",
    play(stage) {
      const [first, second, third] = ["271", "272", "273"].map((it) => `<sip:${it}@${PBX}>`);
      const contact = `${second};q=0.5, ${third};q=0.1, ${first};q=0.9`;
      redirecting(stage, contact, { 271: 486, 272: 200, 273: 200 });
    },
    goal({ house, alice, pbx }) {
      expect(alice.diary).toContain("INVITE 200");
      expect(pbx.invited).toEqual(["250", "271", "272"]);
      expect(house.records).toEqual([]);
    },
  },
  {
    name: "a redirect with several targets, none of which answers: the last one's reason",
    play(stage) {
      const contact = `<sip:271@${PBX}>, <sip:272@192.0.2.66>, <sip:271@${PBX}>, <sip:273@${PBX}>`;
      redirecting(stage, contact, { 271: 480, 273: 486 });
    },
    goal({ alice, pbx }) {
      expect(alice.diary).toContain("INVITE 486");
      expect(pbx.invited).toEqual(["250", "271", "273"]);
    },
  },
  {
    name: "targets of a redirect are no more asked after a 6xx",
    play(stage) {
      redirecting(stage, `<sip:271@${PBX}>, <sip:272@${PBX}>`, { 271: 603, 272: 200 });
    },
    goal({ alice, pbx }) {
      expect(alice.diary).toContain("INVITE 603");
      expect(pbx.invited).toEqual(["250", "271"]);
    },
  },
  {
    name: "S1: of many targets none is called where redirects are not followed",
    connection: { followRedirects: false },
    play(stage) {
      redirecting(stage, `<sip:271@${PBX}>, <sip:272@${PBX}>`, { 271: 200, 272: 200 });
    },
    goal({ alice, pbx }) {
      expect(alice.diary).toContain("INVITE 502");
      expect(pbx.invited).toEqual(["250"]);
    },
  },
  {
    name: "RFC 3891: a call that rings is picked up by another device of its user",
    play(stage) {
      pickedUp(stage);
    },
    goal({ alice, pbx, house }) {
      expect(pbx.diary).toContain("INVITE 200");
      expect(alice.views.length).toBe(1);
      expect(house.softphones.every((it) => it === alice || it.views.length === 0)).toBe(true);
      expect(house.legs.size).toBe(2);
    },
  },
  {
    name: "RFC 3891: early-only picks up what rings, and is refused once it is answered",
    play(stage) {
      pickedUp(stage, ";early-only");
      const { house, alice } = stage;
      const { callId, remoteTag, localTag } = alice.view?.dialog ?? {};
      const replaces = `${callId};to-tag=${remoteTag};from-tag=${localTag};early-only`;
      if (callId !== undefined) alice.call("sip:alice@gateway", [["Replaces", replaces]]);
      house.pass(5_000);
    },
    goal({ alice, pbx }) {
      expect(pbx.views.length).toBe(1);
      expect(alice.diary.filter((it) => it.startsWith("INVITE"))).toEqual([
        "INVITE 200",
        "INVITE 486",
      ]);
    },
  },
  {
    name: "RFC 3891: a call a user has begun and nobody answered is not replaced here: 481",
    play({ house, alice, pbx }) {
      pbx.manner = { answer: 486, afterMs: 60_000 };
      alice.call("sip:250@gateway");
      house.pass(3_000);
      const begun = alice.begun;
      if (begun !== undefined) alice.call("sip:250@gateway", [["Replaces", begun]]);
      house.pass(2_000);
      alice.cancelAll();
      house.pass(5_000);
    },
    goal({ alice }) {
      expect(alice.diary).toContain("INVITE 481");
      expect(alice.diary).toContain("INVITE 487");
    },
  },
  {
    name: "a PBX whose handshake fails before it answers: the search ends, and the caller hears why",
    play({ house, alice, pbx }) {
      pbx.manner = { answer: 200, afterMs: 30_000, early: true };
      alice.call("sip:250@gateway");
      house.pass(3_000);
      const detail = "the certificate is another one";
      for (const [leg, { kind, session }] of house.legs) {
        const failed = { type: "failed", session, leg, reason: "fingerprint", detail };
        if (kind === "trunk") house.notice(failed as never);
      }
      house.pass(5_000);
    },
    goal({ house, alice, pbx }) {
      expect(alice.diary).toContain("INVITE 500");
      expect(house.records.at(-1)?.reason).toContain("the certificate is another one");
      expect(pbx.views.length).toBe(0);
    },
  },
];
