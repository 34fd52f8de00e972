/**
 * What happens in the simulated company, as short plays: each sets a scene, lets time pass and says
 * what must be true on a network without loss. Who else must be home at the end is the audit's.
 */
import { expect } from "bun:test";
import { besideCalls } from "./stories-beside-calls.ts";
import { endings } from "./stories-of-endings.ts";
import { offers } from "./stories-of-offers.ts";
import { sounds } from "./stories-of-sounds.ts";
import { attendedTransfer, connected, PBX, type Story } from "./story.ts";

export const stories: Story[] = [
  {
    name: "hold and resume from the softphone are carried to the PBX",
    play(stage) {
      connected(stage);
      stage.alice.reoffer("sendonly");
      stage.house.pass(6_000);
      stage.alice.reoffer("sendrecv");
      stage.house.pass(6_000);
    },
    goal: ({ alice, pbx }) => {
      expect(pbx.diary.filter((it) => it === "got INVITE").length).toBe(3);
      expect(pbx.view?.heard).toBe("sendrecv");
      expect(alice.view?.heard).toBe("sendrecv");
    },
  },
  {
    name: "a call held by the PBX, in every flavour, stays held until it says otherwise",
    play(stage) {
      const { house, pbx } = stage;
      connected(stage);
      for (const direction of ["sendonly", "inactive"] as const) {
        pbx.reoffer(direction);
        house.pass(6_000);
      }
    },
    goal: ({ alice }) => expect(alice.view?.heard).toBe("inactive"),
  },
  {
    name: "both hold at once: 491, and each gets its turn",
    play(stage) {
      connected(stage);
      stage.alice.reoffer("sendonly");
      stage.pbx.reoffer("sendonly");
      stage.house.pass(20_000);
    },
    goal: ({ alice, pbx }) => {
      expect(alice.view?.isOffering).toBe(false);
      expect(pbx.view?.isOffering).toBe(false);
    },
  },
  {
    name: "an empty re-INVITE is offered something and answers in its ACK",
    play(stage) {
      connected(stage);
      stage.pbx.reoffer(undefined);
      stage.house.pass(5_000);
      stage.alice.reoffer(undefined);
      stage.house.pass(5_000);
    },
    goal: ({ alice, pbx }) => {
      expect(alice.views.length).toBe(1);
      expect(pbx.views.length).toBe(1);
    },
  },
  {
    name: "an INVITE without an offer from the PBX is offered something",
    play({ house, pbx }) {
      pbx.call("sip:alice@gateway", [], false);
      house.pass(9_000);
    },
    goal: ({ alice, pbx }) => {
      expect(pbx.diary).toContain("INVITE 200");
      expect(alice.views.length).toBe(1);
    },
  },
  {
    name: "blind transfer by the softphone to another softphone",
    play(stage) {
      connected(stage);
      stage.alice.refer("sip:bob@gateway");
      stage.house.pass(15_000);
    },
    goal: ({ alice, bob, pbx }) => {
      expect(alice.diary.filter((it) => it.startsWith("got NOTIFY"))).toContain("got NOTIFY 200");
      expect(alice.views.length).toBe(0);
      expect(bob.views.length).toBe(1);
      expect(pbx.views.length).toBe(1);
    },
  },
  {
    name: "blind transfer to a busy number: the two talk on",
    play(stage) {
      connected(stage);
      stage.pbx.manner = { answer: 486, afterMs: 100 };
      stage.alice.refer("sip:260@gateway");
      stage.house.pass(12_000);
    },
    goal: ({ alice, pbx }) => {
      expect(alice.diary).toContain("got NOTIFY 486");
      expect(alice.views.length).toBe(1);
      expect(pbx.views.length).toBe(1);
    },
  },
  {
    name: "the referrer hangs up before the new one answers",
    play(stage) {
      connected(stage);
      stage.bob.manner = { answer: 200, afterMs: 3_000 };
      stage.alice.refer("sip:bob@gateway");
      stage.house.pass(1_500);
      stage.alice.hangUp();
      stage.house.pass(10_000);
    },
    goal: ({ bob, pbx }) => {
      expect(bob.views.length).toBe(1);
      expect(pbx.views.length).toBe(1);
    },
  },
  {
    name: "attended transfer: the PBX's call and the colleague's become one",
    play(stage) {
      connected(stage);
      attendedTransfer(stage);
    },
    goal: ({ house, alice, bob, pbx }) => {
      expect(alice.views.length).toBe(0);
      expect(bob.views.length).toBe(1);
      expect(pbx.views.length).toBe(1);
      // They are joined in one session.
      expect(new Set([...house.legs.values()].map(({ session }) => session)).size).toBe(1);
      expect(house.legs.size).toBe(2);
    },
  },
  {
    name: "attended transfer between media workers: the PBX is offered the new address",
    play(stage) {
      stage.house.isSpread = true;
      connected(stage);
      attendedTransfer(stage);
    },
    goal: ({ house, alice, bob, pbx }) => {
      expect(alice.views.length).toBe(0);
      expect(bob.views.length).toBe(1);
      expect(pbx.views.length).toBe(1);
      expect(new Set([...house.legs.values()].map(({ session }) => session)).size).toBe(1);
      expect(pbx.diary.filter((it) => it === "got INVITE").length).toBe(2);
    },
  },
  {
    name: "blind transfer by the PBX, where its connection may",
    play(stage) {
      connected(stage);
      stage.pbx.refer("sip:bob@gateway");
      stage.house.pass(15_000);
    },
    goal: ({ alice, bob, pbx }) => {
      expect(pbx.diary).toContain("got NOTIFY 200");
      expect(alice.views.length).toBe(1);
      expect(bob.views.length).toBe(1);
      expect(pbx.views.length).toBe(0);
    },
  },
  {
    name: "S1: a PBX that may not transfer is told 603 and the call goes on",
    connection: { allowTransfer: false },
    play(stage) {
      connected(stage);
      stage.pbx.refer("sip:bob@gateway");
      stage.house.pass(8_000);
    },
    goal: ({ alice, bob, pbx }) => {
      expect(pbx.diary).toContain("REFER 603");
      expect(alice.views.length).toBe(1);
      expect(bob.views.length).toBe(0);
    },
  },
  {
    name: "X1: the connection breaks in a call and comes back; both can still hang up",
    play(stage) {
      const { house, alice, pbx } = stage;
      connected(stage);
      house.drop(alice);
      house.pass(1_000 + house.random.below(25_000));
      const moves = house.random.fraction() < 0.5;
      house.reconnect(alice, moves ? "10.9.9.9" : undefined);
      alice.register();
      house.pass(5_000);
      if (house.random.fraction() < 0.5) pbx.hangUp();
      else alice.hangUp();
      house.pass(5_000);
    },
    goal: ({ alice, pbx }) => {
      expect(alice.views.length).toBe(0);
      expect(pbx.views.length).toBe(0);
    },
  },
  {
    name: "X1: the PBX hangs up while the softphone is away; it is told when it returns",
    play(stage) {
      const { house, alice, pbx } = stage;
      connected(stage);
      house.drop(alice);
      house.pass(2_000);
      pbx.hangUp();
      house.pass(4_000);
      house.reconnect(alice);
      alice.register();
      house.pass(5_000);
    },
    goal: ({ alice }) => {
      expect(alice.diary).toContain("got BYE");
      expect(alice.views.length).toBe(0);
    },
  },
  {
    name: "X1: a softphone that never comes back ends the call after a minute",
    play(stage) {
      connected(stage);
      stage.house.drop(stage.alice);
      stage.alice.forgetAll();
      stage.house.pass(75_000);
    },
    goal: ({ house, pbx }) => {
      expect(pbx.views.length).toBe(0);
      expect(house.records.at(-1)?.reason).toContain("did not come back");
    },
  },
  {
    name: "busy: forwarded, with 181 to the caller",
    forward: { busy: "250" },
    play({ house, alice, bob }) {
      bob.manner = { answer: 486, afterMs: 300 };
      alice.call("sip:bob@gateway");
      house.pass(10_000);
    },
    goal: ({ alice, bob, pbx }) => {
      expect(alice.diary).toContain("INVITE 200");
      expect(bob.views.length).toBe(0);
      expect(pbx.views.length).toBe(1);
    },
  },
  {
    name: "no answer: forwarded after the user's own patience",
    forward: { noAnswer: "250", noAnswerSeconds: 5 },
    play({ house, alice, bob }) {
      bob.manner = { afterMs: 0 };
      alice.call("sip:bob@gateway");
      house.pass(20_000);
    },
    goal: ({ alice, bob, pbx }) => {
      expect(alice.diary).toContain("INVITE 200");
      expect(bob.diary).toContain("was cancelled");
      expect(pbx.views.length).toBe(1);
    },
  },
  {
    name: "always: forwarded in a circle comes to an end",
    forward: { always: "bob" },
    play({ house, alice }) {
      alice.call("sip:bob@gateway");
      house.pass(3_000);
    },
    goal: ({ alice }) => expect(alice.diary).toContain("INVITE 482"),
  },
  {
    name: "two devices ring, one answers, the other is told to stop",
    play({ house, alice, bob }) {
      const second = house.softphone("bob/desk");
      house.connect(second);
      second.register();
      house.pass(500);
      second.manner = { afterMs: 0 };
      alice.call("sip:bob@gateway");
      house.pass(6_000);
      expect(bob.views.length).toBe(1);
      expect(second.diary).toContain("was cancelled");
    },
    goal: ({ alice }) => expect(alice.views.length).toBe(1),
  },
  {
    name: "a redirect to the connection's own host is followed",
    play({ house, alice, pbx }) {
      pbx.manner = { answer: 302, afterMs: 50, contact: `<sip:277@${PBX}>` };
      alice.call("sip:250@gateway");
      house.later(400, () => {
        pbx.manner = { answer: 200, afterMs: 200 };
      });
      house.pass(10_000);
    },
  },
  {
    name: "S1: a redirect to a foreign host is not",
    play({ house, alice, pbx }) {
      pbx.manner = { answer: 302, afterMs: 50, contact: "<sip:277@192.0.2.66>" };
      alice.call("sip:250@gateway");
      house.pass(5_000);
    },
    goal: ({ alice, pbx }) => {
      expect(alice.diary).toContain("INVITE 502");
      expect(pbx.diary.filter((it) => it === "got INVITE").length).toBe(1);
    },
  },
  {
    name: "RFC 3262: the PBX's reliable 183 is acknowledged, and its call comes up",
    play({ house, alice, pbx }) {
      pbx.manner = { answer: 200, afterMs: 1_500, early: true, reliable: true };
      alice.call("sip:250@gateway");
      house.pass(9_000);
    },
    goal: ({ alice, pbx }) => {
      expect(pbx.diary).toContain("got PRACK");
      expect(alice.views.length).toBe(1);
    },
  },
  {
    name: "RFC 3262: a caller that requires it is rung reliably",
    play({ house, pbx }) {
      pbx.call("sip:alice@gateway", [["Require", "100rel"]]);
      house.pass(9_000);
    },
    goal: ({ alice, pbx }) => {
      expect(pbx.diary).toContain("PRACK 200");
      expect(pbx.diary).toContain("INVITE 200");
      expect(alice.views.length).toBe(1);
    },
  },
  {
    name: "RFC 4028: two hours, refreshed by us on each leg",
    play(stage) {
      const { house, alice } = stage;
      alice.call("sip:250@gateway", [
        ["Session-Expires", "90"],
        ["Supported", "timer"],
      ]);
      house.pass(8_000);
      house.pass(3_500_000);
    },
    goal: ({ alice, pbx }) => {
      expect(alice.views.length).toBe(1);
      expect(pbx.views.length).toBe(1);
      expect(pbx.diary.filter((it) => it === "got INVITE" || it === "got UPDATE").length).toBe(4);
    },
  },
  {
    name: "CANCEL and the answer cross",
    play({ house, alice, pbx }) {
      pbx.manner = { answer: 200, afterMs: 300 };
      alice.call("sip:250@gateway");
      house.pass(250 + house.random.below(250));
      alice.cancel();
      house.pass(3_000);
    },
  },
  {
    name: "both hang up at once",
    play(stage) {
      connected(stage);
      stage.alice.hangUp();
      stage.pbx.hangUp();
      stage.house.pass(4_000);
    },
    goal: ({ alice, pbx }) => {
      expect(alice.views.length).toBe(0);
      expect(pbx.views.length).toBe(0);
    },
  },
  {
    name: "the softphone hangs up while its hold is on its way to the PBX",
    play(stage) {
      connected(stage);
      stage.alice.reoffer("sendonly");
      stage.house.pass(stage.house.random.below(60));
      stage.alice.hangUp();
      stage.house.pass(5_000);
    },
    goal: ({ pbx }) => expect(pbx.views.length).toBe(0),
  },
  {
    name: "the media worker dies in a call: both sides are offered the new one",
    play(stage) {
      const { house } = stage;
      connected(stage);
      const sessions = [...new Set([...house.legs.values()].map(({ session }) => session))];
      house.legs.clear();
      house.feed({ type: "mediaLost", sessions });
      house.pass(8_000);
    },
    goal: ({ house, alice, pbx }) => {
      expect(alice.views.length).toBe(1);
      expect(pbx.views.length).toBe(1);
      expect(house.legs.size).toBe(2);
      expect(house.records).toEqual([]);
    },
  },
  {
    name: "R13: the PBX vanishes without a BYE: no audio ends the call",
    play(stage) {
      const { house, pbx } = stage;
      connected(stage);
      house.partitioned = true;
      const [leg, { session } = { session: "" }] =
        [...house.legs].find(([, { kind }]) => kind === "trunk") ?? [];
      if (leg !== undefined) {
        house.notice({ type: "silent", session, leg, forMs: 30_000 } as never);
      }
      house.pass(120_000);
      pbx.forgetAll();
      house.partitioned = false;
    },
    goal: ({ house, alice }) => {
      expect(alice.views.length).toBe(0);
      expect(house.records.at(-1)?.reason).toContain("no audio from the callee");
    },
  },
  {
    name: "digits by INFO become digits of the media worker",
    play(stage) {
      connected(stage);
      stage.alice.inform(`Signal=5\r\nDuration=100\r\n`);
      stage.alice.inform(`Signal=#\r\nDuration=100\r\n`);
      stage.house.pass(3_000);
    },
    goal: ({ house, alice }) => {
      expect(alice.diary.filter((it) => it === "INFO 200").length).toBe(2);
      const digits = house.commands.flatMap((it) => (it.type === "dtmf" ? [it.digit] : []));
      expect(digits).toEqual(["5", "#"]);
    },
  },
  ...besideCalls,
  ...endings,
  ...sounds,
  ...offers,
];
