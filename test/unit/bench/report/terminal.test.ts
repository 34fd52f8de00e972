import { expect, test } from "bun:test";
import { Terminal } from "../../../../bench/report/terminal.ts";

function terminal(isTTY: boolean) {
  const written: string[] = [];
  const clock = { now: 0 };
  const stream = { isTTY, columns: 80, write: (text: string) => written.push(text) };
  return { written, clock, terminal: new Terminal("bench", stream, () => clock.now) };
}

test("on a terminal: a bar, the time and what is left, written over and taken away", () => {
  const { written, clock, terminal: live } = terminal(true);
  clock.now = 30_000;
  live.update("run 1 of 2", 0.25);
  expect(written[0]).toContain(`${"━".repeat(8)}${"─".repeat(22)}  25 %  0:30, 1:30 left`);
  expect(written[0]).toContain("run 1 of 2");
  live.update("run 2 of 2", 0.5);
  expect(written[1]).toStartWith("\r\x1b[1A");
  live.clear();
  live.clear();
  expect(written.slice(2)).toEqual(["\r\x1b[1A\x1b[J"]);
});

test("elsewhere: a plain line when another stage begins, and one every ten seconds", () => {
  const { written, clock, terminal: plain } = terminal(false);
  for (const second of [1, 2, 3]) plain.update(`run 1: ${second} of 20 s`);
  clock.now = 10_000;
  plain.update("run 1: 11 of 20 s");
  plain.update("listening: call 4");
  plain.clear();
  expect(written).toEqual([
    "bench: run 1: 1 of 20 s\n",
    "bench: run 1: 11 of 20 s\n",
    "bench: listening: call 4\n",
  ]);
});
