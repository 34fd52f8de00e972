/** ADM-03, ADM-04: what a PBX's answers and silences make of it. */
import { expect, test } from "bun:test";
import type { KnownPlace } from "../../../gateway/b2bua/last-place.ts";
import { Reachability } from "../../../gateway/b2bua/reachability.ts";
import { cseq } from "../../../gateway/sip/accessors.ts";
import type { Flow, FlowId } from "../../../gateway/sip/flow.ts";
import type { Connection, ConnectionId } from "../../../schema/config.ts";
import { seededRandom } from "../../sim/random.ts";

const flow: Flow = {
  id: "trunk" as FlowId,
  transport: "udp",
  sentBy: "192.0.2.1:5060",
  remote: { address: "192.0.2.9", port: 5_060 },
  local: { address: "192.0.2.1", port: 5_060 },
};

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

function started(): Reachability {
  const machine = new Reachability(connection, 60, seededRandom(1), 0);
  machine.start(0, 0);
  return machine;
}

/** The next probe goes out; returns when. */
function probe(machine: Reachability): number {
  const at = machine.deadline() ?? Number.NaN;
  expect(machine.timeout(at)).toBe("probe");
  machine.request(flow, at);
  return at;
}

test.each([200, 401, 404, 405, 486, 500])("a %d says that somebody is there", (status) => {
  const machine = started();
  expect(machine.status.state).toBe("unknown");
  const at = probe(machine);
  machine.answered(status, at + 12);
  expect(machine.status).toMatchObject({ state: "ok", since: at + 12, roundTripMs: 12 });
  // The next one comes after the interval, more or less.
  const next = machine.deadline() ?? 0;
  expect(next - at).toBeGreaterThan(54_000);
  expect(next - at).toBeLessThan(66_100);
});

test("a 503 is down at once: the PBX says so itself", () => {
  const machine = started();
  machine.answered(503, probe(machine));
  expect(machine.status.state).toBe("down");
});

test("two silences are a doubt, a third an outage, and it is asked on and on", () => {
  const machine = started();
  const states: string[] = [];
  let last = 0;
  for (let round = 0; round < 50; round++) {
    const at = probe(machine);
    if (round > 0) expect(at - last).toBeLessThan(11_000);
    last = at;
    expect(machine.timeout(machine.deadline() ?? 0)).toBe("missed");
    states.push(machine.status.state);
  }
  expect(states.slice(0, 4)).toEqual(["degraded", "degraded", "down", "down"]);
  expect(new Set(states.slice(2))).toEqual(new Set(["down"]));
  // An answer that comes late is one all the same.
  machine.answered(200, last + 9_000);
  expect(machine.status.state).toBe("ok");
});

test("probes are OPTIONS of one call with growing numbers", () => {
  const machine = started();
  const first = machine.request(flow, 0);
  const second = machine.request(flow, 1);
  expect(first.method).toBe("OPTIONS");
  expect(first.uri).toBe("sip:pbx.example");
  expect(first.headers.get("Call-ID")).toBe(second.headers.get("Call-ID") as string);
  expect(cseq(second).number).toBe(cseq(first).number + 1);
});

test("stopped, it wants nothing more", () => {
  const machine = started();
  machine.stop();
  expect(machine.deadline()).toBeUndefined();
});

test("TST-04: what was known before the start counts, for the host it was known of alone", () => {
  const address = "192.0.2.8:5060";
  for (const [host, told] of [
    [
      "pbx.example",
      "; it last answered at 192.0.2.8:5060, and pbx.example leads to 192.0.2.9:5060 now",
    ],
    ["former.example", ""],
  ] as const) {
    const known: KnownPlace = { place: { host, address } };
    const machine = new Reachability(connection, 30, seededRandom(1), 0, known);
    machine.start(0, 0);
    probe(machine);
    expect(machine.timeout(machine.deadline() ?? Number.NaN)).toBe("missed");
    expect(machine.status.reason).toBe(`the PBX doesn't answer OPTIONS${told}`);
    machine.answered(200, probe(machine));
    expect(known.place).toEqual({ host: "pbx.example", address: "192.0.2.9:5060" });
  }
});

test("TST-04: silence from another address than the one that answered says so", () => {
  const machine = started();
  machine.answered(200, probe(machine) + 5);
  const at = machine.deadline() ?? Number.NaN;
  expect(machine.timeout(at)).toBe("probe");
  machine.request({ ...flow, remote: { address: "192.0.2.10", port: 5_060 } }, at);
  expect(machine.timeout(machine.deadline() ?? Number.NaN)).toBe("missed");
  expect(machine.status.reason).toBe(
    "the PBX doesn't answer OPTIONS; it last answered at 192.0.2.9:5060, and pbx.example leads to 192.0.2.10:5060 now",
  );
});
