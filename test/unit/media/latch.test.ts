import { expect, test } from "bun:test";
import { Latch } from "../../../gateway/media/latch.ts";
import { RtpHeader } from "../../../gateway/media/rtp/rtp-packet.ts";

const signalled = { address: "192.0.2.1", port: 4000 };
const samePortMoved = { address: "192.0.2.1", port: 4002 };
const behindNat = { address: "203.0.113.7", port: 61_000 };
const attacker = { address: "198.51.100.66", port: 5000 };

function packet(sequence: number, ssrc = 1): RtpHeader {
  return Object.assign(new RtpHeader(), { sequence, ssrc });
}

test("the SDP's address is heard at once and then locked", () => {
  const latch = new Latch(signalled, 0);
  expect(latch.destination).toEqual(signalled);
  expect(latch.locked).toBe(false);
  expect(latch.accept(signalled, packet(1), 20)).toBe(true);
  expect(latch.locked).toBe(true);
  expect(latch.accept(samePortMoved, packet(2), 40)).toBe(false);
  expect(latch.destination).toEqual(signalled);
});

test("the SDP's host may send from another port, and is answered there", () => {
  const latch = new Latch(signalled, 0);
  expect(latch.accept(samePortMoved, packet(1), 20)).toBe(true);
  expect(latch.destination).toEqual(samePortMoved);
});

test("SEC-09, NAT-05: a NAT is latched after three consecutive packets of one SSRC", () => {
  const latch = new Latch(signalled, 0);
  expect([10, 11].map((sequence) => latch.accept(behindNat, packet(sequence), 600))).toEqual([
    false,
    false,
  ]);
  expect(latch.accept(behindNat, packet(12), 640)).toBe(true);
  expect(latch.destination).toEqual(behindNat);
});

test("SEC-09: packets that don't follow each other, or change SSRC, latch nothing", () => {
  const latch = new Latch(signalled, 0);
  for (let sequence = 0; sequence < 100; sequence += 2) {
    expect(latch.accept(behindNat, packet(sequence), 600)).toBe(false);
  }
  for (let sequence = 0; sequence < 100; sequence++) {
    expect(latch.accept(behindNat, packet(sequence, sequence % 2), 600)).toBe(false);
  }
});

test("SEC-09: after three seconds no stranger is latched", () => {
  const latch = new Latch(signalled, 0);
  for (let sequence = 0; sequence < 100; sequence++) {
    expect(latch.accept(behindNat, packet(sequence), 3_001 + 20 * sequence)).toBe(false);
  }
});

test("M1: a spray from before the first packet gets nothing when the PBX sends from its SDP", () => {
  const latch = new Latch(signalled, 0);
  let sequence = 0;
  for (let now = 0; now < 400; now += 5) {
    expect(latch.accept(attacker, packet(sequence++), now)).toBe(false);
    expect(latch.destination).toEqual(signalled);
  }
  expect(latch.accept(signalled, packet(1, 2), 400)).toBe(true);
  for (let now = 400; now < 6_000; now += 5) {
    expect(latch.accept(attacker, packet(sequence++), now)).toBe(false);
    if (now % 20 === 0) expect(latch.accept(signalled, packet(now / 20, 2), now)).toBe(true);
    expect(latch.destination).toEqual(signalled);
  }
});

test("M1: a stranger that was latched loses to the SDP's address while learning lasts", () => {
  const latch = new Latch(signalled, 0);
  for (let sequence = 0; sequence < 3; sequence++) {
    latch.accept(attacker, packet(sequence), 600 + sequence);
  }
  expect(latch.destination).toEqual(attacker);
  expect(latch.accept(signalled, packet(1, 2), 1_000)).toBe(true);
  expect(latch.destination).toEqual(signalled);
  expect(latch.accept(attacker, packet(3), 1_020)).toBe(false);
});

test("M3: a locked host that moves its port is followed after 50 packets and 200 ms of silence", () => {
  const latch = new Latch(signalled, 0);
  latch.accept(signalled, packet(1), 0);
  for (let sequence = 0; sequence < 10; sequence++) {
    expect(latch.accept(samePortMoved, packet(sequence), 20 * sequence)).toBe(false);
  }
  let accepted = 0;
  for (let sequence = 100; sequence < 150; sequence++) {
    if (latch.accept(samePortMoved, packet(sequence), 20 * (sequence - 100) + 200)) accepted += 1;
  }
  expect(accepted).toBe(1);
  expect(latch.destination).toEqual(samePortMoved);
});

test("NAT-01, NAT-05: with no NAT in between nothing is learnt: the SDP's host is heard, its port spoken to", () => {
  const latch = new Latch(signalled, 0, true);
  for (let sequence = 0; sequence < 10; sequence++) {
    expect(latch.accept(behindNat, packet(sequence), 600 + 20 * sequence)).toBe(false);
  }
  expect(latch.accept(samePortMoved, packet(1), 900)).toBe(true);
  expect(latch.accept(signalled, packet(2), 920)).toBe(true);
  expect([latch.destination, latch.locked]).toEqual([signalled, false]);
});
