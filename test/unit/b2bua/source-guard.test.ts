/** Floods, failures and bans, source by source (S4, S9, S11). */
import { expect, test } from "bun:test";
import { isScanner, SourceGuard } from "../../../gateway/b2bua/source-guard.ts";
import { SOURCES_MAX } from "../../../gateway/limits.ts";
import type { Flow, FlowId, Transport } from "../../../gateway/sip/flow.ts";

const flow = (address: string, transport: Transport = "udp", id = address): Flow => ({
  id: id as FlowId,
  transport,
  sentBy: "gateway",
  remote: { address, port: 5_060 },
  local: { address: "192.0.2.1", port: 5_060 },
});
const PBX = "192.0.2.50";
const guarded = () => new SourceGuard(({ remote }) => remote.address === PBX);

function admitted(guard: SourceGuard, from: Flow, count: number, now: number): number {
  let passed = 0;
  for (let index = 0; index < count; index++) if (guard.admits(from, now)) passed += 1;
  return passed;
}

test("S9: a flood is cut to its source's share, and costs nobody else", () => {
  const guard = guarded();
  expect(admitted(guard, flow("203.0.113.1"), 10_000, 0)).toBe(200);
  expect(admitted(guard, flow("203.0.113.1"), 10_000, 1_000)).toBe(50);
  expect(admitted(guard, flow("203.0.113.2"), 10, 1_000)).toBe(10);
  expect(admitted(guard, flow(PBX), 5_000, 1_000)).toBe(5_000);
});

test("an office behind one address: each softphone's WebSocket has its own share", () => {
  const guard = guarded();
  expect(admitted(guard, flow("203.0.113.1", "wss", "ws 1"), 1_000, 0)).toBe(200);
  expect(admitted(guard, flow("203.0.113.1", "wss", "ws 2"), 100, 0)).toBe(100);
});

test("an IPv6 customer is one source, whichever of its addresses it takes", () => {
  const guard = guarded();
  expect(admitted(guard, flow("2001:db8:1:2::1"), 1_000, 0)).toBe(200);
  expect(admitted(guard, flow("2001:db8:1:2:ffff:1:2:3"), 1_000, 0)).toBe(0);
  expect(admitted(guard, flow("2001:db8:1:3::1"), 10, 0)).toBe(10);
});

test("S11: at most five refusals a second to a stranger, a PBX gets all of them", () => {
  const guard = guarded();
  const refused = (from: Flow, now: number) =>
    Array.from({ length: 100 }, () => guard.mayRefuse(from, now)).filter(Boolean).length;
  expect(refused(flow("203.0.113.1"), 0)).toBe(5);
  expect(refused(flow("203.0.113.1"), 1_000)).toBe(5);
  expect(refused(flow(PBX), 0)).toBe(100);
});

test("S4: ten failures in a minute ban for five, the next time for twenty; slow ones never", () => {
  const guard = guarded();
  const guesser = flow("203.0.113.1");
  const guess = (now: number) => guard.failed(guesser, "wrong password", now);
  for (let count = 1; count < 10; count++) expect(guess(count)).toBeUndefined();
  expect(guess(10)).toMatchObject({
    source: "203.0.113.1",
    reason: "wrong password",
    until: 300_010,
  });
  expect(guard.admits(guesser, 11)).toBe(false);
  expect(guard.bans(11).length).toBe(1);
  expect(guard.admits(guesser, 300_010)).toBe(true);
  for (let count = 1; count < 10; count++) guess(300_010 + count);
  expect(guess(300_020)?.until).toBe(300_020 + 1_200_000);
  const slow = flow("203.0.113.9");
  for (let minute = 0; minute < 100; minute++) {
    expect(guard.failed(slow, "wrong password", minute * 61_000)).toBeUndefined();
  }
});

test("a ban that is lifted is over at once, and the next one is as short as the first", () => {
  const guard = guarded();
  const guesser = flow("203.0.113.1");
  const ban = (now: number) => {
    for (let count = 1; count < 10; count++) guard.failed(guesser, "wrong password", now);
    return guard.failed(guesser, "wrong password", now);
  };
  expect(ban(0)?.until).toBe(300_000);
  expect(guard.lift("203.0.113.2")).toBe(false);
  expect(guard.admits(guesser, 1)).toBe(false);
  expect(guard.lift("203.0.113.1")).toBe(true);
  expect(guard.bans(1)).toEqual([]);
  expect(guard.admits(guesser, 1)).toBe(true);
  expect(ban(2)?.until).toBe(300_002);
});

test("a PBX on an allow list is never banned, however often it fails", () => {
  const guard = guarded();
  for (let count = 0; count < 1_000; count++) {
    expect(guard.failed(flow(PBX), "no such user", count)).toBeUndefined();
  }
  expect(guard.admits(flow(PBX), 1_000)).toBe(true);
});

test("who is trusted since a ban began is trusted once it is over", () => {
  let isTrusted = false;
  const guard = new SourceGuard(() => isTrusted);
  const guesser = flow("203.0.113.1");
  for (let count = 0; count < 10; count++) guard.failed(guesser, "wrong password", 0);
  isTrusted = true;
  guard.configured();
  expect(guard.admits(guesser, 1)).toBe(false);
  guard.lift("203.0.113.1");
  for (let count = 0; count < 100; count++) {
    expect(guard.failed(guesser, "wrong password", 2)).toBeUndefined();
  }
});

test("the table is bounded, and a ban is not washed out of it", () => {
  const guard = guarded();
  const guesser = flow("203.0.113.1");
  for (let count = 0; count < 10; count++) guard.failed(guesser, "wrong password", 0);
  for (let index = 0; index < SOURCES_MAX + 100; index++) {
    guard.admits(flow(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`), 1);
  }
  expect(guard.admits(guesser, 2)).toBe(false);
});

test("scanners are known by the names they give themselves", () => {
  for (const name of ["friendly-scanner", "sipcli/v1.8", "pplsip"])
    expect(isScanner(name)).toBe(true);
  for (const name of [undefined, "JsSIP 3.13", "Asterisk PBX 20", "baresip"]) {
    expect(isScanner(name)).toBe(false);
  }
});

test("S9: what is written about strangers is bounded, however many they are", () => {
  const guard = guarded();
  const lines = (now: number) =>
    Array.from({ length: 10_000 }, () => guard.mayLog(now)).filter(Boolean).length;
  expect(lines(0)).toBe(50);
  expect(lines(1_000)).toBe(10);
  expect(lines(60_000)).toBe(50);
});
