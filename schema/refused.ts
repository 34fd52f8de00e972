/** A change that was not made, and why. */
import type { Problem } from "./config.ts";

/** 404, 409 (somebody else was first), 412 (changed meanwhile) or 422 with problems. */
export class Refused extends Error {
  readonly status: 404 | 409 | 412 | 422;
  readonly problems: readonly Problem[];

  constructor(status: 404 | 409 | 412 | 422, message: string, problems: readonly Problem[] = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}
