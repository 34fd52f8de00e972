/** W12: one line an event, whatever stands in its fields. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { scaled } from "../../rigs/scale.ts";

const PROGRAM = `
  const { openLog } = await import(process.env.LOG_MODULE);
  const log = await openLog("debug");
  const evil = ["a\\r\\nb", "\\u001b[31mred", "%s %d", "\\u2028x\\u2029", "\\u0000", "\\u009b2J", "\\ud800", "x".repeat(1_000_000), '"quoted"', "a=b c=d", "\\n2026-01-01T00:00:00.000Z error   fault"];
  for (let index = 0; index < Number(process.env.EVENTS); index++) {
    log(index % 7 === 0 ? "warning" : "debug", "event", { index, text: evil[index % evil.length] });
  }
`;

test("W12: no text breaks a line, colours a terminal or passes for another event", async () => {
  const events = scaled("events with hostile fields (W12)", 1_000_000, 0.002);
  const child = Bun.spawn([process.execPath, "-e", PROGRAM], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      EVENTS: String(events),
      LOG_MODULE: join(import.meta.dir, "../../../gateway/io/log.ts"),
    },
  });
  const [out, error] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const lines = `${out}${error}`.split("\n").filter((line) => line !== "");
  expect(lines.length).toBe(events);
  const shape = /^\d{4}-\d\d-\d\dT[\d:.]+Z (?:warning|debug) {0,2} event index=\d+ text=/;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
  const acting = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
  for (const line of lines) {
    expect([line.slice(0, 200), shape.test(line), acting.test(line)]).toEqual([
      line.slice(0, 200),
      true,
      false,
    ]);
    expect(line.length).toBeLessThan(4_096);
  }
}, 60_000);
