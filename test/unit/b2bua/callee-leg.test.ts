/** A callee's leg alone: challenges, forks, the CANCEL race and its end (RFC 3261 §9.1, §13.2, §15). */
import { expect, test } from "bun:test";
import { CalleeLeg } from "../../../gateway/b2bua/callee-leg.ts";
import { sdpBody } from "../../../gateway/b2bua/leg.ts";
import type { CallOrder } from "../../../gateway/b2bua/order.ts";
import type { LegId } from "../../../gateway/media/protocol.ts";
import { cseq, to } from "../../../gateway/sip/accessors.ts";
import { createResponse } from "../../../gateway/sip/build.ts";
import type { Flow, FlowId } from "../../../gateway/sip/flow.ts";
import type { SipRequest } from "../../../gateway/sip/message.ts";
import { tagOf } from "../../../gateway/sip/name-addr.ts";
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

class Rig {
  readonly orders: CallOrder[] = [];
  readonly leg: CalleeLeg;

  constructor(credentials = true) {
    const base = {
      id: "callee" as LegId,
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
    };
    const known = { username: "gateway", password: "secret", realm: "*" };
    this.leg = new CalleeLeg(
      { ...base, random: seededRandom(3), orders: this.orders },
      credentials ? { ...invitation, credentials: known } : invitation,
    );
    const rtp = { address: "192.0.2.1", port: 10_000 };
    this.leg.opened({ kind: "trunk", rtp, rtcp: { ...rtp, port: 10_001 }, ssrc: 1, cname: "c" });
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
    return this.leg.received(response, flow);
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
  const foreign = { ...flow, id: "elsewhere" as FlowId };
  expect(rig.leg.received(response, foreign)).toMatchObject({ type: "failed" });
  expect(rig.count("request")).toBe(1);
});

test("answered, then hung up: BYE, and when it is challenged, once more with credentials", () => {
  const rig = new Rig();
  expect(rig.answer(200)).toEqual({ type: "answered" });
  expect(rig.count("acknowledge")).toBe(1);
  rig.leg.end(200, "hung up");
  const bye = rig.request("BYE");
  rig.leg.byeAnswered(createResponse(bye, 407, { headers: [CHALLENGE] }), flow);
  const again = rig.request("BYE");
  expect(cseq(again).number).toBe(cseq(bye).number + 1);
  expect(again.headers.get("Proxy-Authorization")).toContain("gateway");
  expect(again.headers.get("Reason")).toContain("hung up");
  rig.leg.byeAnswered(createResponse(again, 407, { headers: [CHALLENGE] }), flow);
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
  rig.leg.end(487, "cancelled");
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
  expect(rig.leg.received(response, flow)).toMatchObject({ type: "failed", status: 488 });
  expect(rig.leg.state).toBe("leaving");
});
