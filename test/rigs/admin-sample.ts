/** A company on the admin's desk: what its pages look like on an ordinary day. */
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../gateway/machine.ts";
import type { LegId } from "../../gateway/media/protocol.ts";
import type { ConnectionId, UserId } from "../../schema/config.ts";
import { Records } from "../../schema/records.ts";
import { IDLE } from "../unit/admin/client.ts";
import { ago, bindingOf, callOf, connectionOf, type Desk, heard } from "./admin-desk.ts";

const USERS = [
  ["alice", "Alice Ames"],
  ["bob", "Bob Baker"],
  ["carol", "Carol Clark"],
  ["reception", "Reception"],
] as const;

const CONNECTIONS = [
  {
    name: "Head office",
    host: "pbx.example.com",
    username: "jackfield",
    password: "a secret of the PBX",
    patterns: [{ pattern: "^2\\d{2}$" }, { pattern: "^3\\d{2}$" }],
    inboundUser: 4,
    inboundNumbers: [{ number: "+442079460000", users: [1, 2] }],
    weight: 10,
  },
  {
    name: "Carrier",
    type: "outbound-trunk",
    host: "sip.carrier.example",
    transport: "tls",
    mediaEncryption: "sdes",
    patterns: [{ pattern: "^\\+?\\d{7,15}$", strip: 0, prepend: "00" }],
    allow: ["192.0.2.0/28"],
    maxCalls: 30,
    optionsInterval: 60,
    weight: 50,
  },
  {
    name: "Old carrier",
    type: "outbound-trunk",
    host: "203.0.113.9",
    allowInbound: false,
    patterns: [{ pattern: "." }],
    weight: 90,
  },
  {
    name: "Branch Lyon",
    host: "lyon.example.com",
    username: "jf",
    password: "another",
    patterns: [],
    enabled: false,
    weight: 100,
  },
] as const;

function quality(mos: number) {
  const leg = (id: string, party: "caller" | "callee", kind: "webrtc" | "trunk") => ({
    leg: id as LegId,
    party,
    kind,
    codec: kind === "webrtc" ? ("opus" as const) : ("G722" as const),
    roundTripMs: 34,
    received: heard(mos),
    sent: heard(Math.min(4.4, mos + 0.1)),
  });
  return [leg("a", "caller", "webrtc"), leg("b", "callee", "trunk")];
}

function record(index: number, status: number, reason: string): CallRecord {
  const ended = Date.now() - index * 420_000;
  return {
    id: `record-${index}`,
    direction: "outbound",
    caller: USERS[index % 3]?.[0] ?? "alice",
    callee: `+44207946${String(1_000 + index)}`,
    connection: 2 as ConnectionId,
    started: (ended - 65_000) as WallMillis,
    ended: ended as WallMillis,
    status,
    endedBy: "callee",
    reason,
    ...(status === 200 ? { answered: (ended - 60_000) as WallMillis } : {}),
  };
}

/** Users, connections, calls, records: what the pages show. */
export async function furnish(desk: Desk): Promise<void> {
  const { client } = desk;
  const post = async (path: string, body: object) => {
    const response = await client.asProgram("POST", path, { body });
    if (!response.ok) throw new Error(await response.text());
  };
  for (const [name, displayName] of USERS) {
    await post("/api/v1/users", { name, displayName, password: "password1" });
  }
  for (const body of CONNECTIONS) await post("/api/v1/connections", body);
  const records = new Records(client.database);
  await records.add([
    record(1, 200, "the callee hung up"),
    record(2, 486, "the callee was busy"),
    record(3, 503, "Carrier is down: no answer to OPTIONS"),
    record(4, 200, "the caller hung up"),
    record(5, 404, "the number matches no connection"),
    record(6, 487, "the caller gave up"),
    record(7, 488, "the PBX takes none of our codecs"),
    record(8, 200, "the callee hung up"),
  ]);
  desk.tell({
    connections: [
      connectionOf(1, {
        name: "Head office",
        callsNow: 3,
        since: ago(86_000),
        reason: "accepted by the registrar for 300 s",
      }),
      connectionOf(2, {
        name: "Carrier",
        registration: "not-applicable",
        reason: "",
        callsNow: 2,
        since: ago(5_000),
        reachability: { state: "ok", reason: "answered 200", since: ago(5_000), roundTripMs: 23 },
      }),
      connectionOf(3, {
        name: "Old carrier",
        registration: "auth-failed",
        reason: "403 Forbidden: the PBX knows the user name but not this password",
        since: ago(700),
      }),
      connectionOf(4, { name: "Branch Lyon", registration: "disabled", reason: "switched off" }),
    ],
    calls: [
      callOf("c1", {
        codecs: { webrtc: "opus", trunk: "G722" },
        mode: "transcode",
        quality: quality(4.3),
        answered: ago(62),
        connection: 1 as ConnectionId,
      }),
      callOf("c2", {
        caller: "+4930123456789",
        callee: "reception",
        direction: "inbound",
        state: "ringing",
      }),
      callOf("c3", {
        caller: "bob",
        callee: "204",
        codecs: { webrtc: "PCMA", trunk: "PCMA" },
        mode: "bridge",
        trunkEncryption: "sdes",
        quality: quality(3.8),
        answered: ago(640),
      }),
      callOf("c4", {
        caller: "carol",
        callee: "+33142685300",
        codecs: { webrtc: "opus", trunk: "PCMA" },
        mode: "transcode",
        quality: quality(3.1),
        answered: ago(3_900),
      }),
    ],
    bindings: [
      bindingOf(1),
      bindingOf(2, {
        userAgent: "Browser Phone 0.3.29 (SIPJS - 0.20.0)",
        remote: "198.51.100.20:40112",
        since: ago(600),
      }),
      bindingOf(2, { userAgent: "SIP.js/0.21.2", remote: "[2001:db8::7]:40113", since: ago(60) }),
      bindingOf(4 as UserId),
    ],
    workers: [
      { sessions: 3, legs: 6, busy: 0.31 },
      { sessions: 1, legs: 2, busy: 0.72 },
    ],
    bans: [
      { source: "198.51.100.66", reason: "guessed passwords", until: ago(-900) },
      { source: "2001:db8:bad::1", reason: "40 requests that are no SIP", until: ago(-60) },
    ],
    certificates: [
      {
        names: ["gateway.example.com"],
        expires: ago(-86_400 * 9),
        daysLeft: 9,
        isDue: true,
        isSelfSigned: false,
      },
    ],
    network: { ...IDLE.network, sipTlsPort: 5_061, httpsPort: 443 },
  });
}
