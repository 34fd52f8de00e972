/** AMB-20, RTE-17: whom a PBX's call is for. */
import { expect, test } from "bun:test";
import { calledUsers } from "../../../gateway/b2bua/inbound.ts";
import { createRequest } from "../../../gateway/sip/build.ts";
import type { Connection, ConnectionId, UserId } from "../../../schema/config.ts";

const [ALICE, BOB, CAROL] = [1, 2, 3] as UserId[] as [UserId, UserId, UserId];

const connection: Connection = {
  id: 1 as ConnectionId,
  name: "PBX",
  type: "outbound-registration",
  enabled: true,
  host: "pbx.example",
  transport: "udp",
  realm: "*",
  registrationExpires: 300,
  weight: 100,
  patterns: [],
  allow: [],
  codecs: ["PCMA"],
  inboundUser: ALICE,
  inboundNumbers: [
    { number: "+49301234567", users: [BOB, CAROL] },
    { number: "sales", users: [CAROL] },
    { number: "0049 30 1234567", users: [ALICE] },
  ],
  allowInbound: true,
  allowOutbound: true,
};

function called(uri: string, toUri = uri): readonly UserId[] {
  const params = new Map<string, string | undefined>();
  const from = { uri: "sip:100@pbx.example", params };
  const to = { uri: toUri, params };
  const request = createRequest({ method: "INVITE", uri, from, to, callId: "c", cseq: 1 });
  return calledUsers(connection, request);
}

test.each([
  ["sip:+49301234567@gateway", [BOB, CAROL]],
  ["sip:004930123-4567@gateway", [BOB, CAROL]],
  ["sip:49301234567;npdi@gateway", [BOB, CAROL]],
  ["sip:sales@gateway", [CAROL]],
  ["sip:anything@gateway", [ALICE]],
  ["sip:gateway", [ALICE]],
] as const)("%s rings %j", (uri, users) => {
  expect(called(uri)).toEqual([...users]);
});

test("a call to our Contact names the number in To", () => {
  expect(called("sip:0a1b2c@192.0.2.1", "sip:+49301234567@pbx.example")).toEqual([BOB, CAROL]);
});
