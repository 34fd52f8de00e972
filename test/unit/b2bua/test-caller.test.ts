/** X3: what a test call adds to the configuration, and for whom. */
import { expect, test } from "bun:test";
import { type Routable, type RouteQuery, route } from "../../../gateway/b2bua/route.ts";
import {
  DRAFT_ID,
  lasting,
  type TestCaller,
  withTestCaller,
} from "../../../gateway/b2bua/test-caller.ts";
import type { Config, Connection, ConnectionId, UserId } from "../../../schema/config.ts";

const SAVED: Connection = {
  ...{ id: 3 as ConnectionId, name: "Saved", type: "outbound-registration", enabled: true },
  ...{ host: "pbx.example", transport: "udp", username: "jack", password: "pw", realm: "*" },
  ...{ registrationExpires: 300, weight: 100, patterns: [], allow: ["192.0.2.7/32"] },
  ...{ codecs: ["PCMA"], allowInbound: true, allowOutbound: true, optionsInterval: 30 },
  ...{ inboundUser: 4 as UserId, allowTransfer: true, followRedirects: true },
  failoverGroup: { name: "out", strategy: "ordered" },
};
const CONFIG: Config = { revision: 1, realm: "gateway", users: [], connections: [SAVED] };
const CALLER = { id: 0 as UserId, name: "test", only: [DRAFT_ID] } as unknown as TestCaller;

test("X3: a draft is a way out for its caller and nothing else; the saved one stays as it is", () => {
  const { connections, users } = withTestCaller(CONFIG, CALLER, { ...SAVED, host: "new.example" });
  const [saved, draft] = connections;
  expect([saved, users, lasting(connections)]).toEqual([SAVED, [CALLER], [SAVED]]);
  // It neither registers nor asks, and nobody calls in by it.
  expect(draft).toMatchObject({
    ...{ id: DRAFT_ID, type: "outbound-trunk", host: "new.example", password: "pw" },
    ...{ allow: [], allowInbound: false, allowTransfer: false, followRedirects: false },
  });
  for (const key of ["optionsInterval", "inboundUser", "failoverGroup"]) {
    expect([key, draft && key in draft]).toEqual([key, false]);
  }
  const idle = { usage: { inbound: 0, outbound: 0 }, ineligible: () => undefined };
  const ways = connections.map((connection): Routable => ({ connection, ...idle }));
  const goesBy = (query: Partial<RouteQuery>) => {
    const decision = route(ways, { number: "112", ...query }, 0);
    return decision.found ? decision.trunk.connection.id : undefined;
  };
  expect(goesBy({ only: [DRAFT_ID] })).toBe(DRAFT_ID);
  expect(goesBy({ user: 4 as UserId })).toBeUndefined();
  expect(goesBy({})).toBeUndefined();
  expect(goesBy({ user: 4 as UserId, isEmergency: true })).toBeUndefined();
});

test("X3: with patterns of its own a draft takes the numbers these take", () => {
  const patterns = [{ pattern: "^9", strip: 1, prepend: "" }];
  const { connections } = withTestCaller(CONFIG, CALLER, { ...SAVED, patterns });
  expect(connections[1]?.patterns).toEqual(patterns);
});
