/** A connection's flows: opened once, replaced when they lead nowhere, kept for the calls on them. */
import { expect, test } from "bun:test";
import { Trunk, type TrunkOutput } from "../../../gateway/b2bua/trunk.ts";
import type { Flow, FlowId } from "../../../gateway/sip/flow.ts";
import type { Connection, ConnectionId } from "../../../schema/config.ts";
import { seededRandom } from "../../sim/random.ts";

const connection: Connection = {
  id: 1 as ConnectionId,
  name: "PBX",
  type: "outbound-trunk",
  enabled: true,
  host: "pbx.example",
  transport: "udp",
  realm: "*",
  registrationExpires: 300,
  weight: 100,
  patterns: [],
  allow: [],
  codecs: ["PCMA"],
  allowInbound: true,
  allowOutbound: true,
};

const flow = (id: FlowId): Flow => ({
  id,
  transport: "udp",
  sentBy: "gateway:5060",
  remote: { address: "192.0.2.1", port: 5_060 },
  local: { address: "192.0.2.9", port: 5_060 },
});

function openOf(outputs: readonly TrunkOutput[]) {
  const open = outputs.find((it) => it.type === "open");
  if (open?.type !== "open") throw new Error("nothing was opened");
  return open;
}

const made = () => new Trunk(connection, seededRandom(1), 1, 0);

test("whoever needs the flow first opens it; the others wait for the same", () => {
  const trunk = made();
  const first = openOf(trunk.reach("a"));
  expect(trunk.reach("b")).toEqual([]);
  expect(trunk.owns(first.flow)).toBe(true);
  const told = trunk.opened(flow(first.flow), 0);
  expect(told.map((it) => it.type === "reached" && it.call)).toEqual(["a", "b"]);
  expect(trunk.reach("c")).toEqual([{ type: "reached", call: "c", flow: flow(first.flow) }]);
});

test("RFC 3263 §4.3: another flow for who found the first dead; calls on the old one keep it", () => {
  const trunk = made();
  const first = openOf(trunk.reach("a"));
  trunk.opened(flow(first.flow), 0);
  const second = openOf(trunk.reach("b", first.flow));
  expect(second.instead).toBe(first.flow);
  expect(trunk.reach("c", first.flow)).toEqual([]);
  // Until it is there, the old one serves whoever has nothing against it.
  expect(trunk.reach("d")).toEqual([{ type: "reached", call: "d", flow: flow(first.flow) }]);
  const told = trunk.opened(flow(second.flow), 0);
  expect(told.map((it) => it.type === "reached" && it.call)).toEqual(["b", "c"]);
  expect(trunk.openFlow?.id).toBe(second.flow);
  expect(trunk.owns(first.flow)).toBe(true);
  // Who comes late with the old complaint gets the new flow at once.
  expect(trunk.reach("e", first.flow)).toEqual([
    { type: "reached", call: "e", flow: flow(second.flow) },
  ]);
  expect(trunk.closed(first.flow, "gone", 0)).toEqual([]);
  expect(trunk.owns(first.flow)).toBe(false);
  expect(trunk.release("the end").map((it) => it.type === "close" && it.flow)).toEqual([
    second.flow,
  ]);
});

test("where there is no other address the complaint is answered and the flow stays", () => {
  const trunk = made();
  const first = openOf(trunk.reach("a"));
  trunk.opened(flow(first.flow), 0);
  const second = openOf(trunk.reach("b", first.flow));
  expect(trunk.closed(second.flow, "there is no other address", 0)).toEqual([
    { type: "unreached", call: "b", reason: "there is no other address" },
  ]);
  expect(trunk.openFlow?.id).toBe(first.flow);
});
