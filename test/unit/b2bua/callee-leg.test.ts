/** A callee's leg alone: challenges, forks, the CANCEL race and its end (RFC 3261 §9.1, §13.2, §15). */

import { expect, test } from "bun:test";
import { CalleeLeg } from "../../../gateway/b2bua/callee-leg.ts";
import { profileOf } from "../../../gateway/b2bua/interop.ts";
import type { CallOrder } from "../../../gateway/b2bua/order.ts";
import { sdpBody } from "../../../gateway/b2bua/session-body.ts";
import type { LegId } from "../../../gateway/media/protocol.ts";
import { cseq, to } from "../../../gateway/sip/accessors.ts";
import { createResponse } from "../../../gateway/sip/build.ts";
import type { Flow, FlowId } from "../../../gateway/sip/flow.ts";
import type { SipRequest } from "../../../gateway/sip/message.ts";
import { tagOf } from "../../../gateway/sip/name-addr.ts";
import { localLeg } from "../../sim/local-leg.ts";
import { seededRandom } from "../../sim/random.ts";

const flow: Flow = {
  id: "trunk" as FlowId,
  transport: "udp",
  sentBy: "192.0.2.1:5060",
  remote: { address: "192.0.2.50", port: 5060 },
  local: { address: "192.0.2.1", port: 5060 },
};
const SDP =
  "v=0\r\no=- 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
const CHALLENGE: [string, string] = [
  "Proxy-Authenticate",
  'Digest realm="pbx", nonce="n", qop="auth"',
];
const plain = (uri: string) => ({ uri, params: new Map<string, string | undefined>() });

/** The addresses in what is said to a PBX that SIP tells `told`, of a leg behind a NAT. */
function saidBehindNat(told: string): string[] {
  const orders: CallOrder[] = [];
  const leg = new Rig(false, orders).leg;
  const opened = localLeg("trunk", "198.51.100.1", 1);
  if (opened.kind !== "trunk") throw new Error("no trunk leg");
  leg.opened({ ...opened, interfaceAddress: "10.0.0.1" }, 0);
  leg.invite({ ...flow, sentBy: `${told}:5060`, local: { address: told, port: 5060 } });
  const [request] = orders.flatMap((order) => (order.type === "request" ? [order.request] : []));
  const sdp = new TextDecoder().decode(request?.body);
  return [...sdp.matchAll(/^[oc]=.*IN IP4 (\S+)/gm)].map((match) => match[1] ?? "");
}

test("NAT-03: o= and c= name the address that SIP names to that PBX", () => {
  const outside = saidBehindNat("198.51.100.1");
  expect([...new Set(outside)]).toEqual(["198.51.100.1"]);
  expect(outside.length).toBe(2);
  expect([...new Set(saidBehindNat("10.0.0.1"))]).toEqual(["10.0.0.1"]);
  // The external address became another one since the worker was started (NAT-02).
  expect([...new Set(saidBehindNat("198.51.100.9"))]).toEqual(["198.51.100.9"]);
  // A PBX on this very machine is told loopback by SIP; media is received at the interface alone.
  expect([...new Set(saidBehindNat("127.0.0.1"))]).toEqual(["10.0.0.1"]);
});

class Rig {
  readonly orders: CallOrder[];
  readonly leg: CalleeLeg;

  /** With orders of its own: the leg is not opened, nobody invited. */
  constructor(credentials = true, orders?: CallOrder[]) {
    this.orders = orders ?? [];
    const base = {
      id: "callee" as LegId,
      owner: {},
      profile: profileOf("trunk"),
      mayRefer: false,
      kind: "trunk",
      codecs: ["PCMA"],
      contactUser: "gateway",
    } as const;
    const invitation = {
      uri: "sip:250@pbx",
      from: plain("sip:gateway@pbx"),
      to: plain("sip:250@pbx"),
      routes: [],
      maxForwards: 69,
      headers: [],
    };
    const known = { username: "gateway", password: "secret", realm: "*" };
    this.leg = new CalleeLeg(
      { ...base, random: seededRandom(3), orders: this.orders },
      credentials ? { ...invitation, credentials: known } : invitation,
    );
    if (orders) return;
    this.leg.opened(localLeg("trunk", "192.0.2.1", 1), 0);
    this.leg.invite(flow);
  }

  /** The last request ordered with that method. */
  request(method: string): SipRequest {
    const found = this.orders.flatMap((order) => (order.type === "request" ? [order.request] : []));
    const request = found.filter((it) => it.method === method).at(-1);
    if (!request) throw new Error(`no ${method}`);
    return request;
  }

  count(type: CallOrder["type"]): number {
    return this.orders.filter((order) => order.type === type).length;
  }

  answer(status: number, toTag = "pbx", headers: [string, string][] = []) {
    const contact = "<sip:pbx@192.0.2.50>";
    const body = sdpBody(SDP);
    const response = createResponse(this.request("INVITE"), status, {
      toTag,
      contact,
      headers,
      body,
    });
    return this.leg.response(response, flow, 0);
  }
}

test("a 407 is answered with a new INVITE of the same call, the next CSeq and credentials", () => {
  const rig = new Rig();
  const first = rig.request("INVITE");
  expect(first.headers.has("Proxy-Authorization")).toBe(false);
  expect(rig.answer(407, "pbx", [CHALLENGE])).toBeUndefined();
  const second = rig.request("INVITE");
  expect(second.headers.get("Call-ID")).toBe(first.headers.get("Call-ID") as string);
  expect(cseq(second).number).toBe(cseq(first).number + 1);
  expect(second.headers.get("Proxy-Authorization")).toContain('username="gateway"');
  // Asked again, it gives up and says why.
  expect(rig.answer(407, "pbx", [CHALLENGE])).toMatchObject({ type: "failed", status: 503 });
});

test("without credentials a challenge is a failure in words", () => {
  expect(new Rig(false).answer(407, "pbx", [CHALLENGE])).toEqual({
    type: "failed",
    status: 503,
    reason: "the PBX wants credentials this connection doesn't have",
  });
});

test("S6: a challenge that comes from elsewhere gets nothing", () => {
  const rig = new Rig();
  const response = createResponse(rig.request("INVITE"), 407, { toTag: "x", headers: [CHALLENGE] });
  const remote = { ...flow.remote, address: "192.0.2.66" };
  const foreign = { ...flow, id: "elsewhere" as FlowId, remote };
  expect(rig.leg.response(response, foreign, 0)).toMatchObject({ type: "failed" });
  expect(rig.count("request")).toBe(1);
});

test("answered, then hung up: BYE, and when it is challenged, once more with credentials", () => {
  const rig = new Rig();
  expect(rig.answer(200)).toEqual({ type: "answered" });
  expect(rig.count("acknowledge")).toBe(1);
  rig.leg.end({ status: 200, reason: "hung up" });
  const bye = rig.request("BYE");
  rig.leg.response(createResponse(bye, 407, { headers: [CHALLENGE] }), flow, 0);
  const again = rig.request("BYE");
  expect(cseq(again).number).toBe(cseq(bye).number + 1);
  expect(again.headers.get("Proxy-Authorization")).toContain("gateway");
  expect(again.headers.get("Reason")).toContain("hung up");
  rig.leg.response(createResponse(again, 407, { headers: [CHALLENGE] }), flow, 0);
  expect(rig.leg.state).toBe("over");
});

test("§13.2.2.4: a second branch of a fork that answers is acknowledged and hung up", () => {
  const rig = new Rig();
  rig.answer(200, "one");
  expect(rig.answer(200, "two")).toBeUndefined();
  expect(rig.count("acknowledge")).toBe(2);
  expect(tagOf(to(rig.request("BYE")))).toBe("two");
  expect(rig.leg.state).toBe("confirmed");
});

test("§9.1: a 200 that crosses our CANCEL is acknowledged and hung up", () => {
  const rig = new Rig();
  rig.leg.end({ status: 487, reason: "cancelled" });
  expect(rig.count("cancel")).toBe(1);
  expect(rig.answer(200)).toBeUndefined();
  expect(rig.leg.state).toBe("leaving");
  expect(rig.request("BYE").method).toBe("BYE");
});

test("an answer we can't speak is hung up, and the caller hears why", () => {
  const rig = new Rig();
  const body = sdpBody(SDP.replace("RTP/AVP 8", "RTP/AVP 18"));
  const response = createResponse(rig.request("INVITE"), 200, {
    toTag: "x",
    contact: "<sip:p@h>",
    body,
  });
  expect(rig.leg.response(response, flow, 0)).toMatchObject({ type: "failed", status: 488 });
  expect(rig.leg.state).toBe("leaving");
});
