import { expect, test } from "bun:test";
import { AttemptLimit, PasswordAttempts } from "../../../admin/attempt-limit.ts";

test("the window slides: each failure counts for fifteen minutes", () => {
  let now = 0;
  const limit = new AttemptLimit(() => now, 5);
  for (now = 0; now < 5_000; now += 1_000) limit.failed("a");
  expect(limit.waitSeconds("a")).toBe(895);
  expect(limit.waitSeconds("b")).toBe(0);
  now = 900_000;
  expect(limit.waitSeconds("a")).toBe(0);
  limit.failed("a");
  expect(limit.waitSeconds("a")).toBe(1);
});

test("a success clears the count", () => {
  const limit = new AttemptLimit(() => 0, 5);
  for (let index = 0; index < 5; index++) limit.failed("a");
  limit.succeeded("a");
  expect(limit.waitSeconds("a")).toBe(0);
});

test("memory is bounded, whoever tries", () => {
  const limit = new AttemptLimit(() => 0, 5);
  for (let failure = 0; failure < 5; failure++) limit.failed("first");
  for (let index = 0; index < 10_000; index++) limit.failed(`address ${index}`);
  expect(limit.waitSeconds("first")).toBe(0);
});

test("W4: log-ins that succeed are no attempts of their address; wrong ones before them stay", () => {
  const attempts = new PasswordAttempts(() => 0);
  for (let count = 0; count < 100; count++) {
    expect(attempts.begin("alice", "192.0.2.1")).toBe(0);
    attempts.succeeded("alice", "192.0.2.1");
  }
  for (let name = 0; name < 20; name++) {
    expect(attempts.begin(`name-${name}`, "192.0.2.1")).toBe(0);
    expect(attempts.begin("alice", "192.0.2.2")).toBe(0);
    attempts.succeeded("alice", "192.0.2.2");
  }
  expect(attempts.begin("alice", "192.0.2.1")).toBe(900);
  expect(attempts.begin("alice", "192.0.2.2")).toBe(0);
});
