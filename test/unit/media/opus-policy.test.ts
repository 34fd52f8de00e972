import { expect, test } from "bun:test";
import { OpusPolicy } from "../../../gateway/media/opus-policy.ts";

test("over 2 % loss turns FEC on; it takes six clean reports to turn it off", () => {
  const policy = new OpusPolicy();
  expect(policy.reported(0.02, true)).toBe(false);
  expect(policy.reported(0.03, true)).toBe(true);
  expect(policy.mode).toBe("resilient");
  for (let report = 0; report < 5; report++) expect(policy.reported(0, true)).toBe(false);
  expect(policy.reported(0.01, true)).toBe(false);
  for (let report = 0; report < 5; report++) expect(policy.reported(0, true)).toBe(false);
  expect(policy.reported(0, true)).toBe(true);
  expect(policy.mode).toBe("low-delay");
});

test("a receiver that doesn't want FEC gets none", () => {
  const policy = new OpusPolicy();
  expect(policy.reported(0.5, false)).toBe(false);
  expect(policy.mode).toBe("low-delay");
});
