import { expect, test } from "bun:test";
import { Receiver } from "../../../gateway/media/receiver.ts";
import { RtpHeader } from "../../../gateway/media/rtp/rtp-packet.ts";

function receiver() {
  const delivered: { sequence: number; lost: number; first: number; at: number }[] = [];
  const header = new RtpHeader();
  const made = new Receiver({
    packet: (buffer, { sequence }, lost, at) => {
      delivered.push({ sequence, lost, first: buffer[0] ?? -1, at });
    },
  });
  const feed = (sequence: number, now: number, ssrc = 7, carried = 0) => {
    Object.assign(header, { sequence: sequence & 0xffff, ssrc });
    return made.receive(new Uint8Array([sequence & 0xff]), 1, header, now, carried);
  };
  const sequences = () => delivered.map(({ sequence }) => sequence);
  return { delivered, feed, made, sequences };
}

test("packets in order go straight through, across the wrap", () => {
  const { delivered, feed, made } = receiver();
  for (let sequence = 65_530; sequence < 65_545; sequence++) {
    expect(feed(sequence, sequence)).toBe(true);
    expect(delivered.at(-1)).toEqual({
      sequence: sequence & 0xffff,
      lost: 0,
      first: sequence & 0xff,
      at: sequence,
    });
    expect(made.deadline()).toBeUndefined();
  }
});

test("two swapped packets are put right as soon as the gap closes", () => {
  const { delivered, feed, sequences } = receiver();
  for (const sequence of [1, 3, 2, 4]) feed(sequence, 20 * sequence);
  expect(sequences()).toEqual([1, 2, 3, 4]);
  expect(delivered.map(({ first }) => first)).toEqual([1, 2, 3, 4]);
  expect(delivered.every(({ lost }) => lost === 0)).toBe(true);
});

test("a gap counts as lost when a second packet comes behind it", () => {
  const { delivered, feed, sequences } = receiver();
  for (const sequence of [1, 4]) feed(sequence, 20 * sequence);
  expect(sequences()).toEqual([1]);
  feed(5, 100);
  expect(sequences()).toEqual([1, 4, 5]);
  expect(delivered[1]?.lost).toBe(2);
  expect(feed(2, 140)).toBe(false);
  expect(feed(5, 140)).toBe(false);
});

test("where packets only get lost, a loss soon delays nothing", () => {
  const { delivered, feed } = receiver();
  const lossless = (sequence: number) => sequence % 10 !== 5;
  for (let sequence = 0; sequence < 100; sequence++) {
    if (lossless(sequence)) feed(sequence, 20 * sequence);
  }
  const delays = delivered.map(({ sequence, at }) => at - 20 * sequence);
  expect(delays.slice(0, 10)).toContain(20);
  expect(delays.slice(-10)).toEqual(Array(10).fill(0));
});

test("where packets are mixed up, patience grows until they come out in order", () => {
  const { delivered, feed, sequences } = receiver();
  // Every tenth comes three places late.
  const order = (place: number) =>
    place % 10 === 8 ? place - 3 : place % 10 >= 5 && place % 10 < 8 ? place + 1 : place;
  for (let place = 0; place < 100; place++) feed(order(place), 20 * place);
  const late = sequences();
  expect(late).not.toContain(5);
  expect(late.slice(-80)).toEqual(Array.from({ length: 80 }, (_, index) => 20 + index));
  expect(delivered.slice(-80).every(({ lost }) => lost === 0)).toBe(true);
});

test("a packet that carries what is missing closes the gap at once", () => {
  const { delivered, feed, sequences } = receiver();
  feed(1, 0);
  feed(4, 60, 7, 1);
  expect(sequences()).toEqual([1]);
  feed(5, 80, 7, 3);
  expect(sequences()).toEqual([1, 5]);
  expect(delivered[1]?.lost).toBe(3);
  feed(6, 100);
  expect(sequences()).toEqual([1, 5, 6]);
});

test("a gap counts as lost when its first packet has waited for 60 ms", () => {
  const { feed, made, sequences } = receiver();
  feed(1, 0);
  feed(3, 40);
  expect(made.deadline()).toBe(100);
  made.timeout(99);
  expect(sequences()).toEqual([1]);
  made.timeout(100);
  expect(sequences()).toEqual([1, 3]);
  expect(made.deadline()).toBeUndefined();
});

test("a held duplicate is dropped", () => {
  const { feed, sequences } = receiver();
  feed(1, 0);
  expect(feed(3, 20)).toBe(true);
  expect(feed(3, 21)).toBe(false);
  feed(2, 22);
  expect(sequences()).toEqual([1, 2, 3]);
});

test("another SSRC is believed at its second packet in a row; one stray packet changes nothing", () => {
  const { feed, sequences } = receiver();
  feed(1, 0);
  expect(feed(5_000, 20, 8)).toBe(false);
  feed(2, 20);
  expect(feed(9_000, 40, 8)).toBe(false);
  expect(feed(9_001, 60, 8)).toBe(true);
  feed(9_002, 80, 8);
  expect(sequences()).toEqual([1, 2, 9_001, 9_002]);
});

test("a jump within one SSRC is a new beginning at its second packet", () => {
  const { delivered, feed, sequences } = receiver();
  feed(1, 0);
  expect(feed(20_000, 20)).toBe(false);
  expect(feed(20_001, 40)).toBe(true);
  expect(sequences()).toEqual([1, 20_001]);
  expect(delivered[1]?.lost).toBe(0);
});
