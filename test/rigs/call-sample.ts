/** Real reports of calls in the simulated house, for whoever shows them; hostile where wanted. */
import type { CallReport } from "../../gateway/b2bua/call-trace.ts";
import type { LegFacts, LegId, LegQuality } from "../../gateway/media/protocol.ts";
import type { Manner } from "../sim/acting.ts";
import { Desk, flowFrom } from "../sim/desk.ts";
import { House } from "../sim/house.ts";
import { configOf } from "../sim/stage.ts";
import { PBX } from "../sim/story.ts";

/** A call through the house that ends as the PBX wants it. */
export function sampleCall(manner: Manner | undefined): CallReport {
  const house = new House(3, { loss: 0, duplication: 0, delayMaxMs: 20 });
  const alice = house.softphone("alice");
  const pbx = house.pbx("PBX", PBX);
  house.configure(configOf({ name: "", play: () => {} }));
  house.connect(alice);
  alice.register();
  house.pass(1_000);
  if (manner) pbx.manner = manner;
  alice.call("sip:250@gateway");
  house.pass(6_000);
  for (const [leg, { session, kind }] of house.legs) {
    const legs = [facts(leg as LegId, kind)];
    house.notice({ type: "facts", session: session as never, legs });
  }
  for (let moment = 0; moment < 40; moment += 1) {
    for (const [leg, { session, kind }] of house.legs) {
      const legs = [quality(leg as LegId, kind, moment)];
      house.notice({ type: "quality", session: session as never, legs });
    }
    house.pass(5_000);
  }
  alice.hangUp();
  house.pass(5_000);
  const record = house.records.at(-1);
  const report = record && house.b2bua.archive.report(record.id);
  if (!report) throw new Error("the call left no report");
  return report;
}

/** A network that is bad for a minute in the middle. */
function quality(leg: LegId, kind: "webrtc" | "trunk", moment: number): LegQuality {
  const isBad = kind === "webrtc" && moment > 12 && moment < 25;
  const way = (basis: "measured" | "reported") => ({
    ...{ basis, burstRatio: 1, loss: 0.01, mos: 4.1, mosWorst: 3.1 },
    lossNow: isBad ? 0.06 + 0.01 * (moment % 3) : 0.002,
    jitterMs: isBad ? 38 : 4 + (moment % 3),
    mosNow: isBad ? 3.1 + 0.1 * (moment % 2) : 4.4,
  });
  const roundTripMs = kind === "webrtc" ? 30 + (moment % 5) : 9;
  return {
    leg,
    kind,
    codec: "opus",
    roundTripMs,
    received: way("measured"),
    sent: way("reported"),
  };
}

function facts(leg: LegId, kind: "webrtc" | "trunk"): LegFacts {
  const common = { leg, kind, packetsReceived: 251, packetsSent: 250, packetsLost: 1, jitterMs: 4 };
  const remote = { address: kind === "trunk" ? PBX : "10.0.1.1", port: 4_000 };
  const path = kind === "webrtc" ? { ice: { checks: 12, isNominated: true } } : {};
  const keys = kind === "webrtc" ? ({ dtls: "keyed" } as const) : {};
  const rest = { dropped: { late: 2 }, hasReports: true, direction: "sendrecv" } as const;
  return { ...common, ...path, ...keys, ...rest, remote };
}

/** A stranger's INVITE with the payload in every text of its own. */
export function hostileCall(payload: string): CallReport {
  const desk = new Desk();
  const flow = flowFrom("203.0.113.66");
  const quoted = payload.replace(/["\\]/g, "\\$&");
  const user = encodeURIComponent(payload);
  desk.say(
    flow,
    [
      `INVITE sip:${user}@10.0.0.1 SIP/2.0`,
      "Via: SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bKhostile",
      `From: "${quoted}" <sip:${user}@203.0.113.66>;tag=1`,
      "To: <sip:100@10.0.0.1>",
      "Call-ID: hostile@203.0.113.66",
      "CSeq: 1 INVITE",
      "Max-Forwards: 70",
      "Contact: <sip:900@203.0.113.66>",
      `User-Agent: ${payload}`,
      `Reason: SIP;cause=200;text="${quoted}"`,
      "Content-Length: 0",
      "",
      "",
    ].join("\r\n"),
  );
  const [attempt] = desk.b2bua.archive.strangers();
  const report = attempt && desk.b2bua.archive.report(attempt.id);
  if (!report) throw new Error("the stranger left no report");
  return report;
}
