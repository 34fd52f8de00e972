/** Who stands in for whom, as the configuration says. */
import { expect, test } from "bun:test";
import type { Connection, ConnectionId } from "../../../schema/config.ts";
import { standInsOf } from "../../../schema/stand-ins.ts";

function one(id: number, more: Partial<Connection> = {}): Connection {
  return { id: id as ConnectionId, ...more } as Connection;
}

const group = (name: string) => ({ failoverGroup: { name, strategy: "ordered" } }) as const;

test("TST-09, RTE-08: mates of its group stand in, and all others where it lets calls go on", () => {
  const all = [one(1, group("out")), one(2, group("out")), one(3, group("in")), one(4)];
  const of = (connection: Connection) => standInsOf(connection, all).map(Number);
  expect(of(one(1, group("out")))).toEqual([2]);
  expect(of(one(4))).toEqual([]);
  expect(of(one(4, { continueOnFailure: true }))).toEqual([1, 2, 3]);
  expect(of(one(1, { ...group("out"), continueOnFailure: false }))).toEqual([]);
});
