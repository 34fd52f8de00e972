/** R2: what is kept of a call that is up, and the BYE that is made of it. */
import { expect, test } from "bun:test";
import {
  brokenRecord,
  goodbyeOf,
  type StandingCall,
  type StandingDialog,
} from "../../../gateway/b2bua/standing.ts";
import type { WallMillis } from "../../../gateway/machine.ts";
import { callId, cseq, from, to } from "../../../gateway/sip/accessors.ts";
import { tagOf } from "../../../gateway/sip/name-addr.ts";
import type { ConnectionId } from "../../../schema/config.ts";

const DIALOG: StandingDialog = {
  connection: 1 as ConnectionId,
  callId: "abc",
  local: '"Alice" <sip:jack@pbx.example>;tag=ours',
  remote: "<sip:250@pbx.example>;tag=theirs",
  routes: ["<sip:proxy.example;lr>"],
  remoteTarget: "sip:250@192.0.2.9:5062",
  sequence: 3,
};

test("R2: a BYE in the dialog as it was kept, later than any request it may have had since", () => {
  const bye = goodbyeOf(JSON.parse(JSON.stringify(DIALOG)));
  if (!bye) throw new Error("no BYE");
  expect([bye.method, bye.uri, callId(bye)]).toEqual(["BYE", "sip:250@192.0.2.9:5062", "abc"]);
  expect([tagOf(from(bye)), tagOf(to(bye))]).toEqual(["ours", "theirs"]);
  expect(bye.headers.get("Route")).toBe("<sip:proxy.example;lr>");
  expect(cseq(bye).number).toBeGreaterThan(1_000);
  expect(bye.headers.get("Reason")).toContain("cause=41");
});

test("R2: what can't be read makes no request", () => {
  for (const wrong of [{ local: "<" }, { remote: "" }, { routes: ["<"] }]) {
    expect(goodbyeOf({ ...DIALOG, ...wrong })).toBeUndefined();
  }
});

test("R2: the record says that the gateway ended, and whether anybody had answered", () => {
  const call: StandingCall["call"] = {
    id: "c",
    direction: "outbound",
    caller: "alice",
    callee: "250",
    started: 5 as WallMillis,
  };
  const record = brokenRecord({ call, dialogs: [] }, 99 as WallMillis);
  expect(record).toMatchObject({ id: "c", status: 500, endedBy: "gateway", ended: 99 });
  expect(record.reason).toContain("the gateway ended");
  const answered = { ...call, answered: 6 as WallMillis };
  expect(brokenRecord({ call: answered, dialogs: [] }, 99 as WallMillis).status).toBe(200);
});
