/** Who calls, as headers: what is believed, what is told, what stays private. */
import { expect, test } from "bun:test";
import { callerOf, identityHeaders, presented } from "../../../gateway/b2bua/caller-identity.ts";
import { createRequest } from "../../../gateway/sip/build.ts";
import type { Connection, ConnectionId } from "../../../schema/config.ts";

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
const OWN = "sip:alice@pbx.example";

function invite(headers: [string, string][], displayName = "Desk") {
  return createRequest({
    method: "INVITE",
    uri: "sip:a@b",
    from: { displayName, uri: "sip:100@pbx.example", params: new Map([["tag", "x"]]) },
    to: { uri: "sip:a@b", params: new Map() },
    callId: "1",
    cseq: 1,
    headers,
  });
}

const asserted: [string, string] = ["P-Asserted-Identity", '"Bob" <sip:+49301@carrier>'];

test("an assertion counts only from those who may make it", () => {
  expect(callerOf(invite([asserted]), false)).toEqual({
    number: "100",
    displayName: "Desk",
    isPrivate: false,
  });
  expect(callerOf(invite([asserted]), true)).toEqual({
    number: "+49301",
    displayName: "Bob",
    isPrivate: false,
  });
  expect(
    callerOf(invite([["P-Asserted-Identity", "<tel:+1202;phone-context=x>"]]), true).number,
  ).toBe("+1202");
  expect(callerOf(invite([["Remote-Party-ID", "<sip:200@h>;party=calling"]]), true).number).toBe(
    "200",
  );
});

test("RFC 3323: a private caller is presented as anonymous, and its network is told so", () => {
  const caller = callerOf(invite([["Privacy", "id;critical"]]), false);
  expect(caller.isPrivate).toBe(true);
  expect(presented(caller)).toEqual({
    number: "anonymous",
    displayName: "Anonymous",
    isPrivate: true,
  });
  const headers = identityHeaders(connection, OWN, caller, undefined);
  expect(headers).toContainEqual(["Privacy", "id"]);
  expect(headers.find(([name]) => name === "P-Asserted-Identity")?.[1]).toContain(OWN);
});

test("what is told goes by the connection's policy", () => {
  const caller = { number: "alice", displayName: 'A "quoted" name', isPrivate: false };
  const names = (sendIdentity: NonNullable<Connection["sendIdentity"]>) =>
    identityHeaders({ ...connection, sendIdentity }, OWN, caller, undefined).map(([name]) => name);
  expect(names("none")).toEqual([]);
  expect(names("pai")).toEqual(["P-Asserted-Identity"]);
  expect(names("rpid")).toEqual(["Remote-Party-ID"]);
  expect(names("both")).toEqual(["P-Asserted-Identity", "Remote-Party-ID"]);
  const [[, value] = ["", ""]] = identityHeaders(connection, OWN, caller, undefined);
  expect(value).toBe(`"A \\"quoted\\" name" <${OWN}>`);
});

test("a forwarded call says who was called and why it goes on", () => {
  const caller = { number: "100", isPrivate: false };
  const diverted = { by: "alice", reason: "user-busy" };
  const headers = identityHeaders({ ...connection, sendIdentity: "none" }, OWN, caller, diverted);
  expect(headers).toEqual([
    ["Diversion", "<sip:alice@pbx.example>;reason=user-busy;counter=1"],
    ["History-Info", "<sip:alice@pbx.example>;index=1"],
  ]);
});
