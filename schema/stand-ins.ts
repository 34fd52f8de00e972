/** Connections that stand in for each other, as the configuration says. */
import type { Connection, ConnectionId } from "./config.ts";

/** Who would be asked if that one failed, in no order: as routing has it (RTE-08, AMB-02). */
export function standInsOf(
  { id, failoverGroup, continueOnFailure }: Connection,
  connections: readonly Connection[],
): ConnectionId[] {
  const isMate = (other: Connection) =>
    failoverGroup !== undefined && other.failoverGroup?.name === failoverGroup.name;
  const standsIn = (other: Connection) =>
    continueOnFailure === true || (continueOnFailure !== false && isMate(other));
  return connections.filter((other) => other.id !== id && standsIn(other)).map((it) => it.id);
}
