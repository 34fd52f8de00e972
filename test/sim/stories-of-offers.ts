/**
 * Stories of what is said anew in a call and of who says it: holds in every flavour by re-INVITE and
 * by UPDATE (RFC 3311), offers that cross, calls without an offer, answers from several ends of a
 * fork (RFC 3261 §13.2.2.4), and transfers that meet something else.
 */
import { expect } from "bun:test";
import { replacesOf } from "./acting.ts";
import { connected, type Story } from "./story.ts";

const CALLER = "sip:alice@gateway";

export const offers: Story[] = [
  {
    name: "the softphone holds by re-INVITE in every flavour; the PBX hears each",
    play(stage) {
      const { house, alice, pbx } = stage;
      connected(stage);
      for (const direction of ["inactive", "recvonly", "sendonly", "sendrecv"] as const) {
        alice.reoffer(direction);
        house.pass(6_000);
        pbx.diary.push(`hears ${pbx.view?.heard}`);
      }
    },
    goal: ({ pbx }) => {
      const heard = pbx.diary.filter((it) => it.startsWith("hears"));
      expect(heard).toEqual([
        "hears inactive",
        "hears recvonly",
        "hears sendonly",
        "hears sendrecv",
      ]);
    },
  },
  {
    name: "RFC 3311: the softphone holds and resumes by UPDATE",
    play(stage) {
      const { house, alice, pbx } = stage;
      connected(stage);
      alice.update("sendonly");
      house.pass(6_000);
      pbx.diary.push(`hears ${pbx.view?.heard}`);
      alice.update("sendrecv");
      house.pass(6_000);
    },
    goal: ({ alice, pbx }) => {
      expect(pbx.diary).toContain("hears sendonly");
      expect(pbx.view?.heard).toBe("sendrecv");
      expect(alice.view?.heard).toBe("sendrecv");
      expect(alice.diary.filter((it) => it === "UPDATE 200").length).toBe(2);
    },
  },
  {
    name: "RFC 3311: the PBX holds by UPDATE, the softphone is offered the same",
    play(stage) {
      connected(stage);
      stage.pbx.update("sendonly");
      stage.house.pass(8_000);
    },
    goal: ({ alice, pbx }) => {
      expect(pbx.diary).toContain("UPDATE 200");
      expect(alice.view?.heard).toBe("sendonly");
    },
  },
  {
    name: "UPDATE meets re-INVITE: one of them gives way, the call goes on",
    play(stage) {
      connected(stage);
      stage.alice.update("sendonly");
      stage.pbx.reoffer("inactive");
      stage.house.pass(20_000);
    },
    goal: ({ alice, pbx }) => {
      expect(alice.view?.isOffering).toBe(false);
      expect(pbx.view?.isOffering).toBe(false);
      expect(alice.views.length + pbx.views.length).toBe(2);
    },
  },
  {
    name: "an INVITE without an offer from the softphone is offered something",
    play({ house, alice }) {
      alice.call("sip:250@gateway", [], false);
      house.pass(9_000);
    },
    goal: ({ alice, pbx }) => {
      expect(alice.diary).toContain("INVITE 200");
      expect(alice.views.length).toBe(1);
      expect(pbx.views.length).toBe(1);
    },
  },
  {
    name: "a fork answers twice: one is the call, the other is acknowledged and ended",
    play({ house, alice, pbx }) {
      pbx.manner = { answer: 200, afterMs: 400, forks: ["-one", "-two"] };
      alice.call("sip:250@gateway");
      house.pass(8_000);
    },
    goal: ({ alice, pbx, house }) => {
      expect(alice.views.length).toBe(1);
      expect(pbx.views.length).toBe(1);
      expect(pbx.diary).toContain("got BYE");
      expect(house.legs.size).toBe(2);
    },
  },
  {
    name: "a fork: one end sends early media, another one answers",
    play({ house, alice, pbx }) {
      pbx.manner = { answer: 200, afterMs: 900, early: true, forks: ["-other"] };
      alice.call("sip:250@gateway");
      house.pass(9_000);
      pbx.hangUp();
      house.pass(4_000);
    },
    goal: ({ alice }) => {
      expect(alice.diary).toContain("INVITE 200");
      expect(alice.diary).toContain("got BYE");
      expect(alice.views.length).toBe(0);
    },
  },
  {
    name: "attended transfer by the PBX: its two calls become one of ours",
    play({ house, alice, bob, pbx }) {
      pbx.call(CALLER);
      house.pass(6_000);
      bob.call("sip:251@gateway");
      house.pass(6_000);
      const [first, second] = pbx.views;
      if (first && second) pbx.refer("sip:bob@gateway", second, first);
      house.pass(12_000);
      expect(alice.views.length).toBeLessThan(3);
    },
    goal: ({ house, alice, bob, pbx }) => {
      expect(pbx.views.length).toBe(0);
      expect(alice.views.length).toBe(1);
      expect(bob.views.length).toBe(1);
      expect(new Set([...house.legs.values()].map(({ session }) => session)).size).toBe(1);
    },
  },
  {
    name: "RFC 3891: an INVITE of the PBX's takes the place of its own call",
    play({ house, pbx }) {
      pbx.call(CALLER);
      house.pass(6_000);
      if (pbx.view) pbx.call(CALLER, [["Replaces", replacesOf(pbx.view)]]);
      house.pass(8_000);
    },
    goal: ({ alice, pbx, house }) => {
      expect(pbx.diary.filter((it) => it === "INVITE 200").length).toBe(2);
      expect(pbx.diary).toContain("got BYE");
      expect(pbx.views.length).toBe(1);
      expect(alice.views.length).toBe(1);
      expect(house.legs.size).toBe(2);
    },
  },
  {
    name: "always: forwarded to a number of the PBX",
    forward: { always: "250" },
    play({ house, alice }) {
      alice.call("sip:bob@gateway");
      house.pass(8_000);
    },
    goal: ({ alice, bob, pbx }) => {
      expect(alice.diary).toContain("INVITE 200");
      expect(bob.diary).not.toContain("got INVITE");
      expect(pbx.views.length).toBe(1);
    },
  },
  {
    name: "softphone to softphone: hold, resume, and the other one hangs up",
    play(stage) {
      const { house, alice, bob } = stage;
      connected(stage, "sip:bob@gateway");
      alice.reoffer("sendonly");
      house.pass(4_000);
      bob.diary.push(`hears ${bob.view?.heard}`);
      alice.reoffer("sendrecv");
      house.pass(4_000);
      bob.hangUp();
      house.pass(4_000);
    },
    goal: ({ alice, bob }) => {
      expect(bob.diary).toContain("hears sendonly");
      expect(alice.diary).toContain("got BYE");
    },
  },
  {
    name: "both transfer at once: everybody ends up somewhere, or nowhere",
    play(stage) {
      const { house, alice, pbx } = stage;
      connected(stage);
      alice.refer("sip:bob@gateway");
      pbx.refer("sip:260@gateway");
      house.pass(20_000);
    },
  },
  {
    name: "the other one hangs up while it is being transferred",
    play(stage) {
      const { house, alice, pbx } = stage;
      connected(stage);
      alice.refer("sip:bob@gateway");
      house.pass(house.random.below(900));
      pbx.hangUp();
      house.pass(15_000);
    },
    goal: ({ alice, bob, pbx }) => {
      expect(pbx.views.length).toBe(0);
      expect(alice.views.length + bob.views.length).toBe(0);
    },
  },
  {
    name: "X1: held by the PBX while the softphone is away; it hears of it when it is back",
    play(stage) {
      const { house, alice, pbx } = stage;
      connected(stage);
      house.drop(alice);
      house.pass(1_000);
      pbx.reoffer("sendonly");
      house.pass(5_000);
      house.reconnect(alice);
      alice.register();
      house.pass(8_000);
    },
    goal: ({ alice }) => expect(alice.view?.heard).toBe("sendonly"),
  },
  {
    name: "X8: an extension of the PBX is watched there once for two lamps",
    play({ house, alice, bob, pbx }) {
      for (const watcher of [alice, bob]) watcher.subscribe("sip:260@gateway", "dialog");
      house.pass(8_000);
      expect(pbx.diary.filter((it) => it === "got SUBSCRIBE").length).toBeLessThan(2);
    },
    goal: ({ alice, bob }) => {
      for (const { diary } of [alice, bob]) expect(diary).toContain("got NOTIFY early");
    },
  },
];
