/**
 * Dial patterns of a connection that may not do what they look like (TST-03): by themselves, as the
 * linter sees them, and beside the others', which may take all their numbers.
 */
import { checkConfig } from "./check.ts";
import type { Config, Connection } from "./config.ts";
import { dialPlanOf } from "./dial-patterns.ts";

export interface PatternDoubts {
  /** No number gets to any of them. */
  readonly isUnreachable: boolean;
  readonly sentences: readonly string[];
}

/** `connection` need not be stored; in the place of a stored one it has that one's id. */
export function patternDoubts(config: Config, connection: Connection): PatternDoubts {
  const others = config.connections.filter(({ id }) => id !== connection.id);
  const planned = dialPlanOf([...others, connection]).filter((it) => it.connection === connection);
  const lost = planned.filter(({ unreachable }) => unreachable !== undefined);
  const { problems, warnings } = checkConfig({ ...config, connections: [connection] });
  const linted = [...problems, ...warnings].flatMap(({ path, message }) => {
    const index = /^connections\[0\]\.patterns\[(\d+)\]/.exec(path)?.[1];
    return index === undefined
      ? []
      : [`${connection.patterns[Number(index)]?.pattern}: ${message}`];
  });
  return {
    isUnreachable: lost.length === planned.length,
    sentences: [...lost.map((it) => `${it.pattern.pattern}: ${it.unreachable}`), ...linted],
  };
}
