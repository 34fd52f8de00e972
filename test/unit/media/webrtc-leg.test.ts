import { expect, test } from "bun:test";
import { createCertificate } from "../../../gateway/media/dtls/certificate.ts";
import { Outbox } from "../../../gateway/media/outbox.ts";
import type { Endpoint, LegId, SessionId } from "../../../gateway/media/protocol.ts";
import type { MediaSocket } from "../../../gateway/media/sockets.ts";
import { WebRtcLeg } from "../../../gateway/media/webrtc-leg.ts";
import { BrowserPeer } from "../../sim/browser-peer.ts";
import { opus } from "../../sim/media-call.ts";
import { seededRandom } from "./seeded-random.ts";

const BROWSER: Endpoint = { address: "198.51.100.20", port: 50_000 };
const ELSEWHERE: Endpoint = { address: "198.51.100.20", port: 50_001 };
const random = seededRandom(11);

function pair() {
  const outbox = new Outbox("call" as SessionId);
  const leg = new WebRtcLeg({
    leg: "phone" as LegId,
    ssrc: 1,
    cname: "gateway",
    silenceMs: 5_000,
    random,
    outbox,
    certificate: createCertificate(random),
    candidates: [{ address: "192.0.2.10", port: 8_081 }],
  });
  const toLeg: Uint8Array[] = [];
  const sent: Uint8Array[] = [];
  const browser = new BrowserPeer({
    random,
    address: BROWSER,
    send: (datagram) => void toLeg.push(datagram.slice()),
  });
  const via: MediaSocket = {
    send: (buffer, length) => void sent.push(buffer.slice(0, length)),
    close: () => {},
  };
  const local = leg.local();
  if (local.kind !== "webrtc") throw new Error("not a webrtc leg");
  browser.meet(local);
  /** Carries datagrams to and fro until both sides are quiet. */
  const settle = (now: number, source = BROWSER) => {
    while (toLeg.length + sent.length > 0) {
      for (const datagram of toLeg.splice(0)) leg.receive(datagram, source, via, now);
      for (const datagram of sent.splice(0)) browser.receive(datagram, now);
    }
  };
  return { leg, browser, settle, toLeg, sent, via };
}

test("DTLS and media from a port without a check of its own are dropped and not answered", () => {
  const { leg, browser, settle, toLeg, sent, via } = pair();
  leg.connect(browser.remote({ codec: opus }), 0);
  browser.check();
  settle(0);
  expect(browser.connected).toBe(true);
  const before = leg.stream.dropped.source;
  const payload = Uint8Array.of(0xf8, 0xff, 0xfe);
  browser.sendRtp({ payloadType: 111, sequence: 1, timestamp: 0 }, payload);
  const [datagram] = toLeg.splice(0);
  if (!datagram) throw new Error("nothing sent");
  leg.receive(datagram.slice(), ELSEWHERE, via, 20);
  leg.receive(
    Uint8Array.from({ length: 40 }, (_, at) => (at === 0 ? 22 : 0)),
    ELSEWHERE,
    via,
    20,
  );
  expect(leg.stream.dropped.source).toBe(before + 2);
  expect(sent).toEqual([]);
  leg.receive(datagram, BROWSER, via, 20);
  expect(leg.stream.statistics("webrtc").packetsReceived).toBe(1);
});

test("a peer whose DTLS is quicker than its SDP: the ClientHello is kept, not lost", () => {
  const { leg, browser, settle } = pair();
  browser.check();
  settle(0);
  expect(browser.connected).toBe(false);
  leg.connect(browser.remote({ codec: opus }), 30);
  settle(30);
  expect(browser.connected).toBe(true);
});

test("the same SDP again leaves the association alone, another certificate ends it", () => {
  const { leg, browser, settle, toLeg, via } = pair();
  leg.connect(browser.remote({ codec: opus }), 0);
  browser.check();
  settle(0);
  leg.connect(browser.remote({ codec: opus }), 10);
  const send = (sequence: number) => {
    browser.sendRtp({ payloadType: 111, sequence, timestamp: 0 }, Uint8Array.of(0xf8));
    for (const datagram of toLeg.splice(0)) leg.receive(datagram, BROWSER, via, 20);
    return leg.stream.statistics("webrtc").packetsReceived;
  };
  expect(send(1)).toBe(1);
  const other = createCertificate(random);
  const fingerprints = [other.fingerprint];
  leg.connect(browser.remote({ codec: opus, fingerprints }), 30);
  expect(send(2)).toBe(1);
  expect(leg.stream.dropped["not-ready"]).toBe(1);
});
