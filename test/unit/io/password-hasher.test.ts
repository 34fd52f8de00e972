import { expect, test } from "bun:test";
import { passwordHasher } from "../../../gateway/io/password-hasher.ts";

const PASSWORD = "a long enough password";

test("passwords are kept as argon2id, each with a salt of its own", async () => {
  const [one, other] = await Promise.all([
    passwordHasher.hash(PASSWORD),
    passwordHasher.hash(PASSWORD),
  ]);
  expect(one).toStartWith("$argon2id$v=19$m=65536,t=2,p=1$");
  expect(one === other).toBe(false);
  expect(await passwordHasher.verify(PASSWORD, one)).toBe(true);
  expect(await passwordHasher.verify(`${PASSWORD} `, one)).toBe(false);
  expect(await passwordHasher.verify(PASSWORD, undefined)).toBe(false);
});

test("W4: an account that isn't there takes as long as a wrong password", async () => {
  const hash = await passwordHasher.hash(PASSWORD);
  const took = { known: [] as number[], unknown: [] as number[] };
  // In turns: what else the machine does falls on both alike.
  for (let index = 0; index < 7; index++) {
    for (const [kind, held] of [
      ["known", hash],
      ["unknown", undefined],
    ] as const) {
      const begun = performance.now();
      await passwordHasher.verify("wrong", held);
      took[kind].push(performance.now() - begun);
    }
  }
  const median = (times: number[]) => times.toSorted((a, b) => a - b)[3] ?? 0;
  const ratio = median(took.unknown) / median(took.known);
  expect([ratio > 0.5, ratio < 2]).toEqual([true, true]);
});

test("W4: passwords are hashed off the event loop", async () => {
  let turns = 0;
  let isDone = false;
  const hashing = Promise.all(
    Array.from({ length: 4 }, () => passwordHasher.hash(PASSWORD)),
  ).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    turns++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await hashing;
  // On the loop it would be one turn, or one for each.
  expect(turns).toBeGreaterThan(50);
});
