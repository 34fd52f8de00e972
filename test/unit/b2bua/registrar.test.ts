/** The registrar for softphones: RFC 3261 §10.3 and E2 point 6. */
import { expect, test } from "bun:test";
import { Registrar, SOFTPHONES } from "../../../gateway/b2bua/registrar.ts";
import { contacts } from "../../../gateway/sip/accessors.ts";
import { createRequest } from "../../../gateway/sip/build.ts";
import type { Flow, FlowId } from "../../../gateway/sip/flow.ts";
import type { UserId } from "../../../schema/config.ts";

const alice = 1 as UserId;
const flowOf = (id: string): Flow => ({
  id: id as FlowId,
  transport: "ws",
  sentBy: "gateway",
  remote: { address: "192.0.2.7", port: 1 },
  local: { address: "192.0.2.1", port: 1 },
});

let sequence = 0;
const register = (contact: string, headers: [string, string][] = [], cseq = ++sequence) =>
  createRequest({
    method: "REGISTER",
    uri: "sip:gateway",
    from: { uri: "sip:alice@gateway", params: new Map([["tag", "t"]]) },
    to: { uri: "sip:alice@gateway", params: new Map() },
    callId: "call",
    cseq,
    contact,
    headers: [["User-Agent", "JsSIP 3.13.8"], ...headers],
  });
const instance = (name: string, id: string) =>
  `<sip:${name}@x.invalid;transport=ws>;+sip.ice;reg-id=1;+sip.instance="<urn:uuid:${id}>"`;

test("E2.6: the 200 echoes every binding with its own parameters and the time it has left", () => {
  const registrar = new Registrar(SOFTPHONES);
  registrar.register(alice, flowOf("a"), register(instance("one", "1"), [["Expires", "600"]]), 0);
  const { response } = registrar.register(
    alice,
    flowOf("b"),
    register(instance("two", "2"), [["Expires", "120"]]),
    60_000,
  );
  const list = contacts(response);
  if (list === "*") throw new Error("*");
  expect(list.map(({ params }) => [params.get("expires"), params.get("+sip.instance")])).toEqual([
    ["120", "<urn:uuid:2>"],
    ["540", "<urn:uuid:1>"],
  ]);
});

test("RFC 5626: the same instance on a new flow replaces its binding, it doesn't add one", () => {
  const registrar = new Registrar(SOFTPHONES);
  registrar.register(alice, flowOf("a"), register(instance("one", "1")), 0);
  registrar.register(alice, flowOf("b"), register(instance("new", "1")), 10);
  expect(registrar.devicesOf(alice).map(({ flow }) => flow.id)).toEqual(["b" as FlowId]);
});

test("a closed flow, Expires: 0, Contact: * and time end bindings", () => {
  const registrar = new Registrar(SOFTPHONES);
  const add = (name: string) =>
    registrar.register(alice, flowOf(name), register(instance(name, name), [["Expires", "60"]]), 0);
  add("a");
  expect(registrar.closed("a" as FlowId, 0)).toBe(true);
  expect(registrar.all()).toEqual([]);
  expect(registrar.size).toBe(1);
  expect(registrar.expire(60_000)).toBe(true);
  add("b");
  registrar.register(alice, flowOf("b"), register(instance("b", "b"), [["Expires", "0"]]), 1);
  expect(registrar.all()).toEqual([]);
  add("c");
  registrar.register(alice, flowOf("c"), register("*", [["Expires", "0"]]), 2);
  expect(registrar.all()).toEqual([]);
  add("d");
  expect(registrar.expire(59_999)).toBe(false);
  expect(registrar.expire(60_000)).toBe(true);
  expect(registrar.deadline()).toBeUndefined();
});

test("S8: too brief is 423 with Min-Expires, too long is cut, the eleventh device replaces the oldest", () => {
  const registrar = new Registrar(SOFTPHONES);
  const brief = registrar.register(
    alice,
    flowOf("a"),
    register("<sip:a@b>;expires=10"),
    0,
  ).response;
  expect(brief.status).toBe(423);
  expect(brief.headers.get("Min-Expires")).toBe("60");
  registrar.register(alice, flowOf("a"), register("<sip:a@b>;expires=4294967295"), 0);
  expect(registrar.deadline()).toBe(3_600_000);
  for (let device = 0; device < 12; device++) {
    registrar.register(
      alice,
      flowOf(`f${device}`),
      register(instance(`d${device}`, `${device}`)),
      device,
    );
  }
  expect(registrar.devicesOf(alice)).toHaveLength(10);
  expect(registrar.devicesOf(alice).some(({ flow }) => flow.id === "a")).toBe(false);
});

test("§10.3 step 7: a late REGISTER of the same dialog changes nothing", () => {
  const registrar = new Registrar(SOFTPHONES);
  registrar.register(alice, flowOf("a"), register("<sip:a@b>", [], 1_000), 0);
  expect(
    registrar.register(alice, flowOf("a"), register("<sip:a@b>;expires=0", [], 999), 1).response
      .status,
  ).toBe(500);
  expect(registrar.devicesOf(alice)).toHaveLength(1);
});

test("RFC 3261 §10.3: all Contacts of a REGISTER are bound, or none", () => {
  const registrar = new Registrar(SOFTPHONES);
  const ask = (contact: string) =>
    registrar.register(alice, flowOf("a"), register(contact), 0).response.status;
  expect(ask("<sip:a@b>, <sip:c@d>;expires=10")).toBe(423);
  expect(ask("<sip:a@b>, <sip:c@d>;expires=soon")).toBe(400);
  expect([registrar.size, registrar.deadline()]).toEqual([0, undefined]);
  expect(ask("<sip:a@b>, <sip:c@d>;expires=60")).toBe(200);
  expect(registrar.devicesOf(alice)).toHaveLength(2);
  expect(ask("<sip:a@b>;expires=0, <sip:c@d>;expires=10")).toBe(423);
  expect(registrar.devicesOf(alice)).toHaveLength(2);
});

test("S8: a device that makes room for one that is only refreshed is a change", () => {
  let most = 2;
  const registrar = new Registrar({ bindingsMax: () => most, suspendedForMs: 0 });
  const add = (name: string) =>
    registrar.register(alice, flowOf(name), register(instance(name, name)), 0).changed;
  expect([add("a"), add("b"), add("b")]).toEqual([true, true, false]);
  most = 1;
  expect([add("b"), registrar.size]).toEqual([true, 1]);
});

test("Contact: * without Expires: 0 is refused", () => {
  expect(
    new Registrar(SOFTPHONES).register(alice, flowOf("a"), register("*"), 0).response.status,
  ).toBe(400);
});
