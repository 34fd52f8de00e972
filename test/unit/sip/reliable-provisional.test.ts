/** RFC 3262 §3 alone: one at a time, repeated until its PRACK, and an end to patience. */
import { expect, test } from "bun:test";
import { createRequest } from "../../../gateway/sip/build.ts";
import { ReliableProvisionals, rackOf } from "../../../gateway/sip/reliable-provisional.ts";

const name = (text: string) => (sequence: number) => `${text} ${sequence}`;
const rack = (sequence: number, cseq = 7, method = "INVITE") => ({ sequence, cseq, method });

test("the second waits for the first one's PRACK, and gets the next number", () => {
  const provisionals = new ReliableProvisionals<string>(7, 41);
  expect(provisionals.send(name("ringing"), 0)).toBe("ringing 41");
  expect(provisionals.send(name("progress"), 10)).toBeUndefined();
  expect(provisionals.isPending).toBe(true);
  expect(provisionals.acknowledge(rack(40), 20)).toEqual({ matched: false });
  expect(provisionals.acknowledge(rack(41, 8), 20)).toEqual({ matched: false });
  expect(provisionals.acknowledge(rack(41, 7, "UPDATE"), 20)).toEqual({ matched: false });
  expect(provisionals.acknowledge(rack(41), 20)).toEqual({ matched: true, next: "progress 42" });
  expect(provisionals.acknowledge(rack(41), 30)).toEqual({ matched: false });
  expect(provisionals.acknowledge(rack(42), 30)).toEqual({ matched: true });
  expect(provisionals.isPending).toBe(false);
  expect(provisionals.deadline()).toBeUndefined();
});

test("repeated at T1, 2*T1, 4*T1 … and given up at 64*T1", () => {
  const provisionals = new ReliableProvisionals<string>(7, 1);
  provisionals.send(name("ringing"), 0);
  const repeated: number[] = [];
  for (let at = provisionals.deadline(); at !== undefined; at = provisionals.deadline()) {
    const due = provisionals.timeout(at);
    if (due.unacknowledged) {
      expect(at).toBe(32_000);
      break;
    }
    expect(due.repeat).toBe("ringing 1");
    repeated.push(at);
  }
  expect(repeated).toEqual([500, 1_500, 3_500, 7_500, 15_500, 31_500]);
  expect(provisionals.isPending).toBe(false);
});

test("a final response ends the repetitions", () => {
  const provisionals = new ReliableProvisionals<string>(7, 1);
  provisionals.send(name("ringing"), 0);
  provisionals.stop();
  expect(provisionals.deadline()).toBeUndefined();
});

test("RAck is three words", () => {
  const plain = (uri: string) => ({ uri, params: new Map<string, string | undefined>() });
  const prack = (value: string) =>
    createRequest({
      method: "PRACK",
      uri: "sip:a@b",
      from: plain("sip:a@b"),
      to: plain("sip:c@d"),
      callId: "1",
      cseq: 2,
      headers: [["RAck", value]],
    });
  expect(rackOf(prack("776656 1 INVITE"))).toEqual(rack(776_656, 1));
  for (const bad of ["776656 1", "a 1 INVITE", "1 2 INVITE x", ""]) {
    expect(rackOf(prack(bad))).toBeUndefined();
  }
});
