/** Connections that stand in for each other, as the configuration says. */
import type { Connection, ConnectionId } from "./config.ts";

/** Whether both are of one failover group. */
export function areMates({ failoverGroup }: Connection, other: Connection): boolean {
  return failoverGroup !== undefined && other.failoverGroup?.name === failoverGroup.name;
}

/** Who would be asked if that one failed, in no order: as routing has it (RTE-08, AMB-02). */
export function standInsOf(
  connection: Connection,
  connections: readonly Connection[],
): ConnectionId[] {
  const { id, continueOnFailure } = connection;
  const standsIn = (other: Connection) =>
    continueOnFailure === true || (continueOnFailure !== false && areMates(connection, other));
  return connections.filter((other) => other.id !== id && standsIn(other)).map((it) => it.id);
}
