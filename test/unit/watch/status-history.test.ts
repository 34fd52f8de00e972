import { expect, test } from "bun:test";
import type { ConnectionStatus } from "../../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../../gateway/machine.ts";
import { StatusHistory } from "../../../gateway/watch/status-history.ts";
import type { ConnectionId } from "../../../schema/config.ts";

test("OPS-05: what means something is history, that a registration is renewed is not", () => {
  const history = new StatusHistory();
  let at = 0;
  const told = (registration: string, reach?: string) => {
    const status = {
      id: 1 as ConnectionId,
      name: "a",
      registration,
      reason: `${registration}!`,
      since: 0,
      callsNow: 0,
      ...(reach ? { reachability: { state: reach, reason: `${reach}!`, since: 0 } } : {}),
    } as ConnectionStatus;
    const changes = history.changes([status], at++ as WallMillis);
    return changes.map((it) => `${it.at} ${it.aspect} ${it.state} ${it.reason}`);
  };
  expect(told("registering")).toEqual([]);
  expect(told("registered", "unknown")).toEqual(["1 registration registered registered!"]);
  expect(told("refreshing", "ok")).toEqual(["2 reachability ok ok!"]);
  expect(told("registered", "ok")).toEqual([]);
  expect(told("failed", "down")).toEqual([
    "4 registration failed failed!",
    "4 reachability down down!",
  ]);
  expect(told("registering", "down")).toEqual([]);
  expect(told("failed", "down")).toEqual([]);
  expect(told("registered", "ok")).toEqual([
    "7 registration registered registered!",
    "7 reachability ok ok!",
  ]);
});
