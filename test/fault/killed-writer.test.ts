/** D1: a process killed while it writes loses nothing that it said was saved, and tears nothing. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../schema/database.ts";
import { loadConfig } from "../../schema/load.ts";
import { openSecrets } from "../../schema/secrets.ts";
import { scaled } from "../rigs/scale.ts";

test("D1: what was acknowledged before a SIGKILL is there after it, each with its audit row", async () => {
  const directory = mkdtempSync(join(tmpdir(), "killed-"));
  const acknowledged: string[] = [];
  const rounds = scaled("D1 kills of a writer", 1_000, 0.01);
  for (let round = 0; round < rounds; round++) {
    const command = [
      process.execPath,
      join(import.meta.dir, "killed-writer.ts"),
      directory,
      `r${round}`,
    ];
    const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    const decoder = new TextDecoder();
    // Killed after a few names, at whatever statement it then is.
    const lines = 1 + ((round * 5) % 12);
    for await (const chunk of child.stdout) {
      text += decoder.decode(chunk, { stream: true });
      if (text.split("\n").length > lines) child.kill("SIGKILL");
    }
    await child.exited;
    acknowledged.push(...text.split("\n").slice(0, -1));

    const database = await openDatabase(join(directory, "jackfield.db"));
    const config = await loadConfig(database, openSecrets(directory, undefined));
    const names = new Set(config.users.map(({ name }) => name));
    expect(acknowledged.filter((name) => !names.has(name))).toEqual([]);
    expect(names.size - acknowledged.length).toBeLessThanOrEqual(round + 1);
    const audit = await database.selectFrom("audit").select("action").execute();
    expect([audit.length, config.revision]).toEqual([names.size, names.size]);
    await database.destroy();
  }
  expect(acknowledged.length).toBeGreaterThanOrEqual(rounds);
  rmSync(directory, { recursive: true });
}, 1_800_000);
