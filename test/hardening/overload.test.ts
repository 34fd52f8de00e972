/**
 * Row R12: a gateway short of time. The ladder itself is judged in test/unit/load-ladder; here is
 * what calls see of it: first no transcoding, then 503, and never a call ended.
 */
import { expect, test } from "bun:test";
import { digestHa1 } from "../../gateway/sip/digest.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import type { Config, Connection, ConnectionId, UserId } from "../../schema/config.ts";
import { SimulatedAgent } from "../sim/simulated-agent.ts";
import { GATEWAY, PBX, SimulatedWorld } from "../sim/simulated-world.ts";

const NETWORK = { loss: 0, duplication: 0, delayMaxMs: 20 };
const CALL_MS = 5_000;
const PBX_SDP = `v=0\r\no=- 1 1 IN IP4 ${PBX}\r\ns=-\r\nc=IN IP4 ${PBX}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9 8 0\r\n`;
const fingerprint = Array.from({ length: 32 }, () => "AA").join(":");
const BROWSER_SDP = `v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 9 0 8\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 ${fingerprint}\r\na=setup:actpass\r\na=mid:0\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n`;

function configOf(): Config {
  const connection: Connection = {
    id: 1 as ConnectionId,
    name: "PBX",
    type: "outbound-trunk",
    enabled: true,
    host: PBX,
    port: 5_060,
    transport: "udp",
    realm: "*",
    registrationExpires: 300,
    weight: 100,
    patterns: [{ pattern: "^2", strip: 0, prepend: "" }],
    allow: [`${PBX}/32`],
    codecs: ["G722", "PCMA"],
    inboundUser: 1 as UserId,
    allowInbound: true,
    allowOutbound: true,
  };
  const ha1Of = (algorithm: "MD5" | "SHA-256") =>
    digestHa1(algorithm, "alice", "jackfield", "alice-secret");
  const ha1 = { md5: ha1Of("MD5"), sha256: ha1Of("SHA-256") };
  const user = { id: 1 as UserId, name: "alice", displayName: "Alice", enabled: true, ha1 };
  return { revision: 1, realm: "jackfield", users: [user], connections: [connection] };
}

function stage() {
  const world = new SimulatedWorld(12, NETWORK);
  const flowOf = (transport: "ws" | "udp", sentBy: string): Flow => ({
    id: "gateway" as FlowId,
    transport,
    sentBy,
    remote: { address: GATEWAY, port: 5_060 },
    local: { address: PBX, port: 5_060 },
  });
  const { random, at } = world;
  const softphone = new SimulatedAgent({
    name: "alice",
    password: "alice-secret",
    flow: flowOf("ws", "abc.invalid"),
    sdp: BROWSER_SDP,
    manner: { type: "refuse", status: 486 },
    send: world.fromSoftphone,
    random,
    at,
  });
  const pbx = new SimulatedAgent({
    name: "pbx",
    flow: flowOf("udp", `${PBX}:5060`),
    sdp: PBX_SDP,
    manner: { type: "answer", afterMs: 300 },
    send: world.fromPbx,
    random,
    at,
  });
  world.softphone = softphone;
  world.pbx = pbx;
  world.configure(configOf());
  world.openSocket();
  softphone.register(world.now);
  world.run(10_000);
  /** Calls, and says what became of it and of all that run. */
  const call = () => {
    softphone.call("sip:250@gateway", world.now);
    world.run(world.now + CALL_MS);
    return {
      outcome: softphone.outcomes.filter((it) => it.startsWith("INVITE")).at(-1),
      running: world.b2bua.status(world.now).calls.map(({ codecs }) => codecs?.webrtc),
    };
  };
  return { world, pbx, call };
}

test("R12: short of time new calls go without transcoding, then get 503; those that run go on", () => {
  const { world, pbx, call } = stage();
  expect(call()).toEqual({ outcome: "INVITE 200", running: ["opus"] });
  world.feed({ type: "load", level: "economical" });
  expect(call()).toEqual({ outcome: "INVITE 200", running: ["opus", "opus"] });
  world.feed({ type: "load", level: "sparing" });
  expect(call()).toEqual({ outcome: "INVITE 200", running: ["opus", "opus", "G722"] });
  world.feed({ type: "load", level: "full" });
  const sentBefore = pbx.established;
  expect(call()).toEqual({ outcome: "INVITE 503", running: ["opus", "opus", "G722"] });
  expect(pbx.established).toBe(sentBefore);
  expect(world.ladder.filter((line) => line.includes(" 503 "))).toHaveLength(1);
  world.feed({ type: "load", level: "normal" });
  expect(call()).toEqual({ outcome: "INVITE 200", running: ["opus", "opus", "G722", "opus"] });
});
