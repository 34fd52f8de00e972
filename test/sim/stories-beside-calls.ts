/** Stories of what goes on beside calls: lamps, mailboxes and text messages. */
import { expect } from "bun:test";
import { connected, type Story } from "./story.ts";

export const besideCalls: Story[] = [
  {
    name: "RFC 8840: a softphone's late candidates are acknowledged, a PBX has none to tell",
    play(stage) {
      const { house, alice, pbx } = stage;
      connected(stage);
      const fragment = (line: string) => `a=ice-ufrag:abcd\r\nm=audio 9 RTP/AVP 0\r\n${line}\r\n`;
      const type = "application/trickle-ice-sdpfrag";
      alice.inform(fragment("a=candidate:1 1 UDP 1 10.0.1.1 5000 typ host"), type);
      alice.inform(fragment("a=end-of-candidates"), type);
      pbx.inform(fragment("a=candidate:1 1 UDP 1 169.254.169.254 80 typ host"), type);
      house.pass(6_000);
    },
    goal: ({ alice, pbx }) => {
      expect(alice.diary.filter((it) => it === "INFO 200").length).toBe(2);
      expect(pbx.diary).toContain("INFO 415");
    },
  },
  {
    name: "lamps: a colleague's calls are seen, and the end of them",
    play(stage) {
      const { house, alice, bob } = stage;
      bob.subscribe("sip:alice@gateway", "dialog");
      house.pass(1_000);
      connected(stage);
      alice.hangUp();
      house.pass(4_000);
    },
    goal: ({ bob }) => {
      const seen = bob.diary.filter((it) => it.startsWith("got NOTIFY"));
      expect(seen).toContain("got NOTIFY confirmed");
      expect(seen.at(-1)).toBe('got NOTIFY <?xml version="1.0" encoding="UTF-8"?>');
    },
  },
  {
    name: "X8: a mailbox at the PBX is watched once for two watchers",
    play({ house, alice, pbx }) {
      alice.subscribe("sip:alice@gateway", "message-summary");
      house.pass(2_000);
      const second = house.softphone("alice/desk");
      house.connect(second);
      second.register();
      house.pass(500);
      second.subscribe("sip:alice@gateway", "message-summary");
      house.pass(8_000);
      expect(pbx.diary.filter((it) => it === "got SUBSCRIBE").length).toBeLessThan(2);
    },
    goal: ({ alice }) => expect(alice.diary).toContain("got NOTIFY Messages-Waiting: yes"),
  },
  {
    name: "text messages go to colleagues and to the PBX, and come from it",
    play({ house, alice, pbx }) {
      alice.message("sip:bob@gateway", "hello bob");
      alice.message("sip:250@gateway", "hello PBX");
      pbx.message("sip:alice@gateway", "hello alice");
      house.pass(40_000);
    },
    goal: ({ alice, bob, pbx }) => {
      expect(bob.diary).toContain("got MESSAGE hello bob");
      expect(pbx.diary).toContain("got MESSAGE hello PBX");
      expect(alice.diary).toContain("got MESSAGE hello alice");
      expect(alice.diary.filter((it) => it === "MESSAGE 200").length).toBe(2);
    },
  },
];
