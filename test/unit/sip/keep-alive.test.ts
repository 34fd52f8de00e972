/** RFC 5626 keep-alives in virtual time. */
import { expect, test } from "bun:test";
import { KeepAlive } from "../../../gateway/sip/keep-alive.ts";
import { seededRandom } from "../../sim/random.ts";

/** Lets time pass; answers pings while `answers` says so. */
function live(alive: KeepAlive, untilMs: number, answers: (at: number) => boolean) {
  const events: [string, number][] = [];
  for (let at = alive.deadline(); at !== undefined && at <= untilMs; at = alive.deadline()) {
    const due = alive.timeout(at);
    if (due) events.push([due, at]);
    if (due === "ping" && answers(at)) alive.pong();
  }
  return events;
}

test("§4.4.1: on a stream every 96 to 120 s, never twice at the same distance", () => {
  const events = live(new KeepAlive("tls", seededRandom(1), 0), 1_200_000, () => true);
  const gaps = events.map(([, at], index) => at - (events[index - 1]?.[1] ?? 0));
  expect(gaps.length).toBeGreaterThan(9);
  for (const gap of gaps) {
    expect(gap).toBeGreaterThanOrEqual(96_000);
    expect(gap).toBeLessThanOrEqual(120_000);
  }
  expect(new Set(gaps).size).toBeGreaterThan(5);
});

test("a peer that has answered once and falls silent is dead 10 s after the next one", () => {
  const alive = new KeepAlive("tcp", seededRandom(2), 0);
  const events = live(alive, 600_000, (at) => at < 150_000);
  const dead = events.at(-1);
  const lastPing = events.at(-2);
  expect(dead?.[0]).toBe("dead");
  expect((dead?.[1] ?? 0) - (lastPing?.[1] ?? 0)).toBe(10_000);
  expect(alive.deadline()).toBeUndefined();
});

test("a peer that never answers is let live, and UDP is kept open at a NAT's pace", () => {
  expect(live(new KeepAlive("tcp", seededRandom(3), 0), 1_000_000, () => false)).not.toContainEqual(
    expect.arrayContaining(["dead"]),
  );
  const events = live(new KeepAlive("udp", seededRandom(4), 0), 290_000, () => true);
  expect(events.length).toBeGreaterThanOrEqual(10);
  expect(events.every(([what]) => what === "ping")).toBe(true);
});
