/** Stories of what is heard of the gateway itself: music on hold, and why a call comes to nothing. */
import { expect } from "bun:test";
import type { Command } from "../../gateway/media/protocol.ts";
import { connected, type Stage, type Story } from "./story.ts";

/** What was played to whom, in order; nothing where something ended. */
function played({ house }: Stage): string[] {
  const isPlay = (it: Command) => it.type === "play";
  return house.commands.filter(isPlay).map((it) => {
    const { sound, leg } = it as Extract<Command, { type: "play" }>;
    const name = typeof sound === "object" ? sound.file : (sound ?? "nothing");
    const command = house.commands.find((each) => each.type === "open" && each.leg === leg);
    return `${name} to ${command?.type === "open" ? command.kind : "?"}`;
  });
}

/** A call to the PBX that comes to nothing there. */
function refused({ house, alice, pbx }: Stage, answer: number): void {
  pbx.manner = { answer, afterMs: 100 };
  alice.call("sip:250@gateway");
  house.pass(20_000);
}

export const sounds: Story[] = [
  {
    name: "music on hold: the PBX hears it while the softphone holds, and no longer",
    connection: { holdMusic: "waiting.wav" },
    play(stage) {
      connected(stage);
      stage.alice.reoffer("sendonly");
      stage.house.pass(6_000);
      stage.alice.reoffer("sendrecv");
      stage.house.pass(6_000);
    },
    goal: (stage) =>
      expect(played(stage).slice(-2)).toEqual(["waiting.wav to trunk", "nothing to trunk"]),
  },
  {
    name: "music on hold: a hold that wants to hear and say nothing leaves the way for it",
    connection: { holdMusic: "waiting.wav" },
    play(stage) {
      connected(stage);
      stage.alice.reoffer("inactive");
      stage.house.pass(6_000);
    },
    goal: (stage) => {
      expect(played(stage).at(-1)).toBe("waiting.wav to trunk");
      expect(stage.pbx.view?.heard).toBe("sendonly");
    },
  },
  {
    name: "music on hold: a PBX that holds has its own; where both hold nobody listens",
    connection: { holdMusic: "waiting.wav" },
    play(stage) {
      connected(stage);
      stage.pbx.reoffer("sendonly");
      stage.house.pass(6_000);
      stage.alice.reoffer("inactive");
      stage.house.pass(6_000);
    },
    goal: (stage) => expect(played(stage)).not.toContain("waiting.wav to trunk"),
  },
  {
    name: "music on hold ends where the held party is transferred",
    connection: { holdMusic: "waiting.wav" },
    play(stage) {
      connected(stage);
      stage.alice.reoffer("sendonly");
      stage.house.pass(6_000);
      stage.alice.refer("sip:bob@gateway");
      stage.house.pass(12_000);
    },
    goal: (stage) => expect(played(stage).at(-1)).toBe("nothing to trunk"),
  },
  {
    name: "MED-11: busy is heard before the refusal (early)",
    connection: { announcements: "early" },
    play: (stage) => refused(stage, 486),
    goal: (stage) => {
      const { house } = stage;
      expect(played(stage)).toEqual(["busy.wav to webrtc"]);
      const at = (status: string) =>
        house.ladder().indexOf(`gateway → alice        SIP/2.0 ${status}`);
      expect(at("183")).toBeGreaterThan(-1);
      expect(at("486")).toBeGreaterThan(at("183"));
      expect(house.records.at(-1)).toMatchObject({ status: 486, endedBy: "callee" });
    },
  },
  {
    name: "MED-11: an unknown number is told in an answered call (answered)",
    connection: { announcements: "answered" },
    play: (stage) => refused(stage, 404),
    goal: (stage) => {
      const { alice, house } = stage;
      expect(played(stage)).toEqual(["unknown-number.wav to webrtc"]);
      expect(alice.diary).toContain("INVITE 200");
      expect(alice.reasons.at(-1)).toContain("Q.850;cause=1");
      expect(house.records.at(-1)).toMatchObject({ status: 404 });
      expect(house.records.at(-1)?.answered).toBeUndefined();
    },
  },
  {
    name: "MED-11: who hangs up while it is told is rid of it",
    connection: { announcements: "early" },
    play(stage) {
      const { house, alice, pbx } = stage;
      pbx.manner = { answer: 503, afterMs: 100 };
      alice.call("sip:250@gateway");
      house.pass(2_500);
      alice.cancel();
      house.pass(10_000);
    },
    goal: ({ alice }) => expect(alice.diary).toContain("INVITE 487"),
  },
  {
    name: "MED-11: a PBX's caller hears that its callee is busy, and none hears anything where none is wanted",
    connection: { announcements: "early" },
    play({ house, alice, pbx }) {
      alice.manner = { answer: 486, afterMs: 100 };
      pbx.call("sip:alice@gateway");
      house.pass(15_000);
    },
    goal: (stage) => expect(played(stage)).toEqual(["busy.wav to trunk"]),
  },
  {
    name: "MED-11: none: a refusal alone",
    play: (stage) => refused(stage, 486),
    goal: (stage) => expect(played(stage)).toEqual([]),
  },
];
