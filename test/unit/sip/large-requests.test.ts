/** Where a large request goes, what is remembered of a peer, and that none of it grows (§18.1.1). */
import { expect, test } from "bun:test";
import { LARGE_REQUEST_WAYS_MAX } from "../../../gateway/limits.ts";
import { createRequest } from "../../../gateway/sip/build.ts";
import type { Flow, FlowId } from "../../../gateway/sip/flow.ts";
import { LargeRequests, type Outgoing } from "../../../gateway/sip/large-requests.ts";
import type { TransactionId } from "../../../gateway/sip/transaction-table.ts";

const LARGE = 1_301;

const flowOf = (name: string, transport: "udp" | "tcp" = "udp"): Flow => ({
  id: name as FlowId,
  transport,
  sentBy: "10.0.0.1:5060",
  remote: { address: "10.0.0.50", port: 5_060 },
  local: { address: "10.0.0.1", port: 5_060 },
});

const requestTo = (uri: string, route?: string) =>
  createRequest({
    method: "BYE",
    uri,
    from: { uri: "sip:a@h", params: new Map([["tag", "f"]]) },
    to: { uri: "sip:b@h", params: new Map() },
    callId: "c",
    cseq: 1,
    ...(route === undefined ? {} : { headers: [["Route", route]] }),
  });

const outgoing = (id: string, flow: Flow): Outgoing => ({
  id: id as TransactionId,
  flow,
  request: requestTo("sip:b@h"),
  branch: `z9hG4bK${id}`,
});

/** The connection that was asked for, come up. */
function opened(large: LargeRequests, base: Flow, now = 0): Flow {
  const { open } = large.nextHop(outgoing("first", base), LARGE, now);
  if (!open) throw new Error("no connection was asked for");
  const stream = flowOf(open.flow, "tcp");
  large.opened(stream, now);
  return stream;
}

test("1300 bytes go by UDP, one more waits for a connection to the same place, once", () => {
  const large = new LargeRequests();
  const base = flowOf("trunk");
  expect(large.nextHop(outgoing("small", base), 1_300, 0).over).toBe(base);
  const { over, open } = large.nextHop(outgoing("a", base), LARGE, 0);
  expect(over).toBeUndefined();
  expect(open?.target).toEqual({ transport: "tcp", host: "10.0.0.50", port: 5_060 });
  expect(large.nextHop(outgoing("b", base), LARGE, 0)).toEqual({ over: undefined });
  expect(large.size).toBe(2);
  const stream = flowOf(open?.flow ?? "", "tcp");
  expect(large.opened(stream, 5)?.map(({ id }) => String(id))).toEqual(["a", "b"]);
  expect(large.size).toBe(0);
  expect(large.nextHop(outgoing("c", base), LARGE, 6).over).toBe(stream);
  expect(large.baseOf(stream.id)).toBe(base);
  // A stream of our own choice has no such limit, and a stranger's flow is none of ours.
  const own = flowOf("own", "tcp");
  expect(large.nextHop(outgoing("d", own), 60_000, 0).over).toBe(own);
  expect(large.opened(own, 0)).toBeUndefined();
});

test("§12.2.1.1: a next hop that names TCP keeps to the connection; others and other words do not", () => {
  const large = new LargeRequests();
  const base = flowOf("trunk");
  const asked = (uri: string, route?: string) =>
    large.streamFor(base, requestTo(uri, route), 500, 0);
  expect(asked("sip:b@h;transport=tcp")).toBeUndefined();
  const stream = opened(large, base);
  expect(asked("sip:b@h;transport=tcp")).toBe(stream);
  expect(asked("sip:b@h;transport=TCP;lr")).toBe(stream);
  expect(asked("sip:b@h", "<sip:p;lr;transport=tcp>, <sip:q;lr>")).toBe(stream);
  for (const uri of ["sip:b@h", "sip:b@h;transport=tcpx", "sip:b@h;x-transport=tcp"]) {
    expect(asked(uri)).toBeUndefined();
  }
  expect(asked("sip:b@h;transport=tcp", "<sip:p;lr>")).toBeUndefined();
});

test("a connection that comes up after all is used; one nobody uses is closed after 30 minutes", () => {
  const large = new LargeRequests();
  const base = flowOf("trunk");
  const { open } = large.nextHop(outgoing("a", base), LARGE, 0);
  expect(large.timeout(2_000).overDatagram.length).toBe(1);
  expect(large.nextHop(outgoing("b", base), LARGE, 2_500).over).toBe(base);
  const stream = flowOf(open?.flow ?? "", "tcp");
  expect(large.opened(stream, 3_000)).toEqual([]);
  expect(large.nextHop(outgoing("c", base), LARGE, 10_000).over).toBe(stream);
  expect(large.deadline()).toBe(1_810_000);
  expect(large.timeout(1_810_000).unused).toEqual([stream.id]);
  expect(large.deadline()).toBeUndefined();
});

test("what is remembered of peers has a bound, and who goes takes it along", () => {
  const large = new LargeRequests();
  for (let peer = 0; peer < LARGE_REQUEST_WAYS_MAX + 10; peer++) {
    const base = flowOf(`udp ${peer}`);
    const { open } = large.nextHop(outgoing(`r${peer}`, base), LARGE, 0);
    expect(large.closed((open?.flow ?? "") as FlowId, 1).length).toBe(1);
  }
  // The oldest refusals made room: they are asked again.
  expect(large.nextHop(outgoing("x", flowOf("udp 0")), LARGE, 2).open).toBeDefined();
  expect(large.nextHop(outgoing("y", flowOf("udp 900")), LARGE, 2).over).toBeDefined();
  const base = flowOf("trunk");
  const stream = opened(large, base, 3);
  expect(large.released(base.id)).toEqual({ stream: stream.id, waiting: [] });
  expect(large.baseOf(stream.id)).toBeUndefined();
  expect(large.released(base.id)).toBeUndefined();
});
