import { expect, test } from "bun:test";
import { eventsIn, hitsOf, keysOf } from "../../../../bench/load/keypad.ts";

test("hits are the longest sequence that was pressed and heard in one order", () => {
  expect(hitsOf("123456", "123456")).toBe(6);
  expect(hitsOf("123456", "12456")).toBe(5);
  expect(hitsOf("123456", "1234556")).toBe(6);
  expect(hitsOf("123456", "654321")).toBe(1);
  expect(hitsOf("123", "")).toBe(0);
});

test("the same seed presses the same keys, none twice in a row", () => {
  const keys = keysOf(500, 7);
  expect(keys).toBe(keysOf(500, 7));
  expect(keys).not.toBe(keysOf(500, 8));
  expect(keys).toMatch(/^[0-9*#]{500}$/);
  expect(keys).not.toMatch(/(.)\1/);
});

test("an event counts once, at its end, however often that is said", () => {
  const event = (timestamp: number, key: number, isEnd: boolean) => {
    const packet = new Uint8Array(16);
    packet.set([0x80, 101]);
    new DataView(packet.buffer).setUint32(4, timestamp);
    packet.set([key, isEnd ? 0x8a : 0x0a, 0, 160], 12);
    return { packet };
  };
  const ended = event(160, 11, true);
  const packets = [event(0, 5, false), event(0, 5, true), event(160, 11, false), ended, ended];
  expect(eventsIn(packets, 101)).toBe("5#");
  expect(eventsIn(packets, 96)).toBe("");
});
