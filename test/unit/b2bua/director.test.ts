/** Who is reached by an address: users before patterns, forwards, and what a running call may do. */
import { expect, test } from "bun:test";
import type { RouteAsk } from "../../../gateway/b2bua/destination.ts";
import { Director } from "../../../gateway/b2bua/director.ts";
import { Registrar, SOFTPHONES } from "../../../gateway/b2bua/registrar.ts";
import { Trunk } from "../../../gateway/b2bua/trunk.ts";
import { UserGuard } from "../../../gateway/b2bua/user-guard.ts";
import { createRequest } from "../../../gateway/sip/build.ts";
import type { Flow, FlowId } from "../../../gateway/sip/flow.ts";
import type { Connection, ConnectionId, Forward, User, UserId } from "../../../schema/config.ts";
import { seededRandom } from "../../sim/random.ts";

const user = (id: number, name: string, forward?: Forward): User => ({
  id: id as UserId,
  name,
  displayName: name,
  enabled: true,
  ha1: { md5: "", sha256: "" },
  ...(forward ? { forward } : {}),
});

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
  patterns: [{ pattern: "^2", strip: 0, prepend: "0" }],
  allow: [],
  codecs: ["PCMA"],
  allowInbound: true,
  allowOutbound: true,
};

const journey = { caller: { number: "alice", isPrivate: false }, maxForwards: 70 };

function house(users: User[], more: Partial<Connection> = {}, online: number[] = []) {
  const registrar = new Registrar(SOFTPHONES);
  const trunk = new Trunk({ ...connection, ...more }, seededRandom(1), 1, 0);
  const director = new Director({
    guard: new UserGuard((at) => at),
    random: seededRandom(2),
    registrar,
    trunks: () => [trunk],
  });
  director.configure({ revision: 1, realm: "r", users, connections: [trunk.connection] });
  for (const id of online) {
    const flow: Flow = {
      id: `ws ${id}` as FlowId,
      transport: "ws",
      sentBy: "gateway",
      remote: { address: "10.0.0.1", port: id },
      local: { address: "10.0.0.9", port: 80 },
    };
    const plain = { uri: `sip:${id}@h`, params: new Map<string, string | undefined>() };
    const request = createRequest({
      method: "REGISTER",
      uri: "sip:h",
      from: plain,
      to: plain,
      callId: `c${id}`,
      cseq: 1,
      contact: `<sip:device-${id}@x.invalid>`,
    });
    registrar.register(id as UserId, flow, request, 0);
  }
  return director;
}

const explained = (director: Director, who: User, number: string) =>
  director.explain(who, number, director.moment(who, 0));

const ask = (more: Partial<RouteAsk>): RouteAsk => ({
  why: "transfer",
  uri: "sip:bob@gateway",
  caller: { number: "100", isPrivate: false },
  maxForwards: 60,
  ...more,
});

test("a colleague's name comes before dial patterns, whatever they match", () => {
  const [alice, bob] = [user(1, "alice"), user(2, "200")];
  const director = house([alice, bob], {}, [2]);
  const inside = director.dialled(alice, "200", journey, 0);
  expect(inside.ok && inside.destination.candidates[0]?.kind).toBe("webrtc");
  const outside = director.dialled(alice, "201", journey, 0);
  expect(outside.ok && outside.destination.candidates[0]?.invitation.uri).toBe(
    "sip:0201@pbx.example",
  );
});

test("a user without a device is away: 480, or where the user wants calls to go then", () => {
  const alice = user(1, "alice");
  const away = house([alice, user(2, "bob")]).users([2 as UserId], journey, 0);
  expect(away).toMatchObject({ ok: false, status: 480 });
  const bob = user(2, "bob", { noAnswer: "250" });
  const forwarded = house([alice, bob]).users([bob.id], journey, 0);
  expect(forwarded.ok && forwarded.destination.candidates[0]?.invitation.uri).toBe(
    "sip:0250@pbx.example",
  );
  const headers = forwarded.ok ? forwarded.destination.candidates[0]?.invitation.headers : [];
  expect(headers?.find(([name]) => name === "Diversion")?.[1]).toContain("reason=no-answer");
});

test("forwards are carried with the devices that ring first, and a circle is 482", () => {
  const bob = user(2, "bob", { busy: "250", noAnswer: "251", noAnswerSeconds: 7 });
  const ringing = house([bob], {}, [2]).users([bob.id], journey, 0);
  expect(ringing.ok && ringing.destination).toMatchObject({
    ringForMs: 7_000,
    forward: { busy: "250", noAnswer: "251" },
    user: 2,
  });
  const [a, b] = [user(1, "a", { always: "b" }), user(2, "b", { always: "a" })];
  expect(house([a, b]).users([a.id], journey, 0)).toMatchObject({ ok: false, status: 482 });
});

test("a detour needs an address, hops and somebody on whose behalf it is", () => {
  const director = house([user(1, "alice"), user(2, "bob")], {}, [2]);
  expect(director.detour(ask({ user: 1 as UserId }), 0).ok).toBe(true);
  expect(director.detour(ask({ user: 1 as UserId, maxForwards: 0 }), 0)).toMatchObject({
    status: 483,
  });
  expect(director.detour(ask({ user: 1 as UserId, uri: "tel:1" }), 0)).toMatchObject({
    status: 404,
  });
  expect(director.detour(ask({}), 0)).toMatchObject({ status: 403 });
  expect(director.detour(ask({ user: 9 as UserId }), 0)).toMatchObject({ status: 403 });
});

test("S1: a PBX's redirect is followed to its own host, where its connection says so", () => {
  const redirect = (uri: string) => ask({ why: "redirect", uri, connection: 1 as ConnectionId });
  const closed = house([user(2, "bob")], {}, [2]);
  expect(closed.detour(redirect("sip:277@pbx.example"), 0)).toMatchObject({ status: 502 });
  const open = house([user(2, "bob")], { followRedirects: true }, [2]);
  const followed = open.detour(redirect("sip:277@pbx.example"), 0);
  expect(followed.ok && followed.destination.candidates[0]?.invitation.uri).toBe(
    "sip:277@pbx.example",
  );
  expect(open.detour(redirect("sip:277@evil.example"), 0)).toMatchObject({ status: 502 });
  // A transfer by the PBX reaches a user, else the PBX itself and nothing beside it.
  const toUser = open.detour(ask({ connection: 1 as ConnectionId }), 0);
  expect(toUser.ok && toUser.destination.candidates[0]?.kind).toBe("webrtc");
});

test("RTE-16: what would happen is told in steps, and nothing happens", () => {
  const [alice, bob] = [user(1, "alice"), user(2, "bob")];
  const director = house([alice, bob], { maxOutbound: 0 });
  expect(explained(director, alice, "250")).toEqual({
    number: "250",
    ways: [],
    steps: [{ connection: "PBX", outcome: "PBX is full: no outbound calls are allowed" }],
    reason: "PBX is full: no outbound calls are allowed",
  });
  expect(explained(director, alice, "bob")).toMatchObject({ colleague: "bob" });
  expect(explained(house([alice]), alice, "2 50")).toEqual({
    number: "250",
    ways: [{ connection: 1 as ConnectionId, name: "PBX", number: "0250" }],
    steps: [{ connection: "PBX", outcome: "matches ^2" }],
  });
});

test("RTE-12: a number is called by a connection or not at all, whatever host was dialled with it", () => {
  const alice = user(1, "alice");
  const way = house([alice]).dialled(alice, "250", journey, 0);
  const candidates = way.ok ? way.destination.candidates : [];
  expect(candidates.map(({ kind, invitation }) => [kind, invitation.uri])).toEqual([
    ["trunk", "sip:0250@pbx.example"],
  ]);
  const elsewhere = house([alice], { patterns: [] }).dialled(alice, "250", journey, 0);
  expect(elsewhere).toMatchObject({ ok: false, status: 404 });
  const asked = { user: alice.id, uri: "sip:250@another-pbx.example" };
  const transferred = house([alice]).detour(ask(asked), 0);
  expect(transferred.ok && transferred.destination.candidates[0]?.invitation.uri).toBe(
    "sip:0250@pbx.example",
  );
});

test("RTE-06: a connection is for those it names", () => {
  const [alice, bob] = [user(1, "alice"), user(2, "bob")];
  const director = house([alice, bob], { users: [bob.id] });
  expect(director.dialled(alice, "250", journey, 0)).toMatchObject({ ok: false, status: 403 });
  expect(director.dialled(bob, "250", journey, 0)).toMatchObject({ ok: true });
});

test("RTE-17, AMB-19: several users ring side by side, as far as they are online", () => {
  const [alice, bob, carol] = [user(1, "alice"), user(2, "bob"), user(3, "carol")];
  const everybody = [alice.id, bob.id, carol.id];
  const some = house([alice, bob, carol], {}, [1, 3]).users(everybody, journey, 0);
  expect(some.ok && some.destination.candidates.map((it) => it.user)).toEqual([alice.id, carol.id]);
  const nobody = house([alice, bob]).users([alice.id, bob.id], journey, 0);
  expect(nobody).toMatchObject({ ok: false, status: 480 });
  expect(house([alice]).users([], journey, 0)).toMatchObject({ ok: false, status: 480 });
});

test("AMB-04: a number is made international by the user's plan, else by the house's, before patterns", () => {
  const numberPlan = { countryCode: "49", nationalPrefix: "0" };
  const swiss = { ...user(2, "bob"), numberPlan: { countryCode: "41", nationalPrefix: "0" } };
  const alice = user(1, "alice");
  const director = house([alice, swiss], {
    patterns: [{ pattern: "^\\+", strip: 0, prepend: "" }],
  });
  const settings = { numberPlan, emergencyNumbers: ["0110110"] };
  director.configure({ revision: 2, realm: "r", users: [alice, swiss], connections: [], settings });
  const sent = (who: User, number: string) => {
    const directed = director.dialled(who, number, journey, 0);
    return directed.ok ? directed.callee : directed.status;
  };
  expect(sent(alice, "030 123456")).toBe("+4930123456");
  expect(sent(swiss, "030 123456")).toBe("+4130123456");
  expect(sent(alice, "250")).toBe(404);
  // What saves lives is sent as it was dialled: here no pattern takes it.
  expect(sent(alice, "0110110")).toBe(404);
});

test("SEC-10, LIM-05: a user's own limits hold for its forwards too, and are told by the query", () => {
  const bob = { ...user(2, "bob", { always: "+44207123" }), blockCountries: ["+44"] };
  const any = { patterns: [{ pattern: ".", strip: 0, prepend: "" }] };
  const director = house([user(1, "alice"), bob], any);
  const forwarded = director.dialled(user(1, "alice"), "bob", journey, 0);
  expect(forwarded).toMatchObject({ ok: false, status: 403, reason: "bob may not call +44…" });
  expect(explained(director, bob, "+44207123")).toMatchObject({ reason: "bob may not call +44…" });
  expect(explained(director, bob, "+4930123").ways).toHaveLength(1);
});
