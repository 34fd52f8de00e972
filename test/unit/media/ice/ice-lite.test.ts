import { expect, test } from "bun:test";
import { utf8 } from "../../../../gateway/bytes.ts";
import { IceLite } from "../../../../gateway/media/ice/ice-lite.ts";
import {
  BINDING,
  ICE_CONTROLLED,
  ICE_CONTROLLING,
  integrityIsRight,
  PRIORITY,
  readStun,
  USE_CANDIDATE,
  USERNAME,
} from "../../../../gateway/stun/stun.ts";
import { StunWriter } from "../../../../gateway/stun/stun-writer.ts";
import { mutate, mutations, repairedStun, runSeed, seededChance } from "../chance.ts";

const local = { ufrag: "gateway1", password: "the-password-of-the-gateway" };
const remote = { ufrag: "peer", password: "the-password-of-the-peer-side" };
const home = { address: "198.51.100.7", port: 50_000 };
const away = { address: "203.0.113.20", port: 40_000 };

interface CheckOptions {
  username?: string;
  password?: string;
  nominate?: boolean;
  role?: number;
  extra?: number;
  integrity?: boolean;
}

function check(options: CheckOptions = {}): Uint8Array {
  const writer = new StunWriter(new Uint8Array(300)).start(
    "request",
    BINDING,
    Uint8Array.from({ length: 12 }, (_, at) => at),
  );
  writer.text(USERNAME, options.username ?? `${local.ufrag}:${remote.ufrag}`);
  writer.bytes(options.role ?? ICE_CONTROLLING, new Uint8Array(8));
  writer.uint32(PRIORITY, 1);
  if (options.nominate) writer.bytes(USE_CANDIDATE, new Uint8Array(0));
  if (options.extra !== undefined) writer.bytes(options.extra, new Uint8Array(4));
  if (options.integrity !== false) writer.integrity(utf8(options.password ?? local.password));
  return writer.fingerprint().finish();
}

function agent(): IceLite {
  const ice = new IceLite({ local });
  ice.setRemote(remote);
  return ice;
}

function answered(response: Uint8Array | undefined) {
  if (!response) throw new Error("no response");
  const message = readStun(response);
  if (!message) throw new Error("unreadable response");
  return { message, sealed: integrityIsRight(response, message, utf8(local.password)) };
}

test("a check is answered with the address it came from, sealed with our password", () => {
  const ice = agent();
  const result = ice.receive(check(), home, 0);
  const { message, sealed } = answered(result.response);
  expect(sealed).toBe(true);
  expect(message).toMatchObject({
    class: "success",
    xorMappedAddress: home,
    fingerprint: "right",
  });
  expect(message.transactionId.toHex()).toBe("000102030405060708090a0b");
  expect(ice.validated(home)).toBe(true);
  expect(ice.validated(away)).toBe(false);
  expect(ice.selected).toBeUndefined();
  expect(result.changed).toBe(false);
});

test("USE-CANDIDATE selects, and a later nomination moves it", () => {
  const ice = agent();
  expect(ice.receive(check({ nominate: true }), home, 0).changed).toBe(true);
  expect(ice.selected).toEqual(home);
  expect(ice.receive(check({ nominate: true }), home, 1).changed).toBe(false);
  expect(ice.receive(check(), away, 2).changed).toBe(false);
  expect(ice.selected).toEqual(home);
  expect(ice.receive(check({ nominate: true }), away, 3).changed).toBe(true);
  expect(ice.selected).toEqual(away);
});

test("checks before the peer's SDP count", () => {
  const ice = new IceLite({ local });
  expect(ice.receive(check({ nominate: true }), home, 0).changed).toBe(true);
  ice.setRemote(remote);
  expect(ice.selected).toEqual(home);
});

test("a check of another generation of the peer is answered and counts for nothing", () => {
  const ice = agent();
  const result = ice.receive(check({ username: "gateway1:other", nominate: true }), home, 0);
  expect(answered(result.response).message.class).toBe("success");
  expect(result.dropped).toBe("ufrag");
  expect([ice.selected, ice.validated(home), ice.deadline()]).toEqual([
    undefined,
    false,
    undefined,
  ]);
});

test("M5 P5 the right ufrag with a wrong password: 401 without integrity, no nomination", () => {
  const ice = agent();
  const result = ice.receive(check({ password: "guessed", nominate: true }), home, 0);
  const { message } = answered(result.response);
  expect(message).toMatchObject({ class: "error", errorCode: 401, fingerprint: "right" });
  expect(message.integrityOffset).toBeUndefined();
  expect(result.dropped).toBe("integrity");
  expect([ice.selected, ice.validated(home), ice.deadline()]).toEqual([
    undefined,
    false,
    undefined,
  ]);
});

test("M5 10,000 forged checks move nothing of an established leg", () => {
  const ice = agent();
  ice.receive(check({ nominate: true }), home, 0);
  const forged = check({ password: "guessed", nominate: true });
  for (let count = 0; count < 10_000; count++) {
    ice.receive(forged, { address: "203.0.113.66", port: count }, 29_000);
  }
  expect(ice.selected).toEqual(home);
  expect(ice.deadline()).toBe(30_000);
  expect(ice.validated({ address: "203.0.113.66", port: 1 })).toBe(false);
});

test("M5 right ufrag and password from another address: a check like any other", () => {
  const ice = agent();
  ice.receive(check({ nominate: true }), home, 0);
  ice.receive(check(), away, 1);
  expect(ice.validated(away)).toBe(true);
  expect(ice.selected).toEqual(home);
});

test("P5 a wrong ufrag is met with silence, whatever the password", () => {
  const ice = agent();
  for (const username of ["other:peer", "gateway", "gateway12:peer", ":", ""]) {
    expect(ice.receive(check({ username }), home, 0)).toEqual({ dropped: "ufrag" });
  }
});

test("P5 a check without integrity: 400", () => {
  const { message } = answered(agent().receive(check({ integrity: false }), home, 0).response);
  expect(message.errorCode).toBe(400);
});

test("P5 a wrong FINGERPRINT is dropped", () => {
  const datagram = check();
  const last = datagram.length - 1;
  datagram[last] = (datagram[last] ?? 0) ^ 1;
  expect(agent().receive(datagram, home, 0)).toEqual({ dropped: "fingerprint" });
});

test("P5 nothing but a Binding request is answered", () => {
  for (const [messageClass, method] of [
    ["indication", BINDING],
    ["success", BINDING],
    ["error", BINDING],
    ["request", 0x003],
  ] as const) {
    const datagram = new StunWriter(new Uint8Array(200))
      .start(messageClass, method, new Uint8Array(12))
      .text(USERNAME, "gateway1:peer")
      .integrity(utf8(local.password))
      .finish();
    expect(agent().receive(datagram, home, 0)).toEqual({ dropped: "not-binding-request" });
  }
});

test("M5 a peer that says it is controlled too: 487", () => {
  const ice = agent();
  const result = ice.receive(check({ role: ICE_CONTROLLED, nominate: true }), home, 0);
  const { message, sealed } = answered(result.response);
  expect([message.errorCode, sealed]).toEqual([487, true]);
  expect(ice.selected).toBeUndefined();
});

test("P5 an unknown attribute that must be understood: 420 names it", () => {
  const { message, sealed } = answered(agent().receive(check({ extra: 0x7123 }), home, 0).response);
  expect(message).toMatchObject({ errorCode: 420, unknownAttributes: [0x7123] });
  expect(sealed).toBe(true);
  expect(answered(agent().receive(check({ extra: 0xc057 }), home, 0).response).message.class).toBe(
    "success",
  );
});

test("RFC 7675 consent lasts 30 s from the selected pair's last authenticated check", () => {
  const ice = agent();
  expect([ice.deadline(), ice.expired(1e9)]).toEqual([undefined, false]);
  ice.receive(check({ nominate: true }), home, 1_000);
  expect(ice.deadline()).toBe(31_000);
  ice.receive(check(), home, 20_000);
  ice.receive(check({ password: "guessed" }), home, 40_000);
  ice.receive(check(), away, 45_000);
  expect(ice.deadline()).toBe(50_000);
  expect([ice.expired(49_999), ice.expired(50_000)]).toEqual([false, true]);
  ice.receive(check(), home, 60_000);
  expect(ice.expired(60_000)).toBe(false);
});

test("ICE restart: the old credentials stay good until a nomination with the new ones", () => {
  const ice = agent();
  ice.receive(check({ nominate: true }), home, 0);
  const restarted = { ufrag: "gateway2", password: "another-password-of-the-gateway" };
  ice.restart(restarted);
  ice.setRemote({ ufrag: "peer2", password: "-" });
  expect(ice.selected).toEqual(home);
  expect(ice.receive(check(), home, 10_000).dropped).toBeUndefined();
  expect(ice.deadline()).toBe(40_000);
  const renewed = { username: "gateway2:peer2", password: restarted.password };
  expect(ice.receive(check(renewed), away, 10_001).changed).toBe(false);
  expect(ice.receive(check({ ...renewed, nominate: true }), away, 10_002).changed).toBe(true);
  expect(ice.receive(check({ nominate: true }), home, 10_003)).toEqual({ dropped: "ufrag" });
  expect(ice.selected).toEqual(away);
});

test("the addresses remembered are bounded, and the selected one is kept", () => {
  const ice = agent();
  ice.receive(check({ nominate: true }), home, 0);
  for (let port = 1; port <= 100; port++) ice.receive(check(), { ...away, port }, 0);
  const kept = Array.from({ length: 100 }, (_, at) => ice.validated({ ...away, port: at + 1 }));
  expect(kept.filter(Boolean).length).toBe(15);
  expect(kept[99]).toBe(true);
  expect(ice.validated(home)).toBe(true);
});

test("S11 no answer to an unauthenticated check is longer than 1.5 times the check", () => {
  const short = new StunWriter(new Uint8Array(100))
    .start("request", BINDING, new Uint8Array(12))
    .text(USERNAME, `${local.ufrag}:`)
    .finish();
  for (const datagram of [short, check({ password: "guessed" }), check({ integrity: false })]) {
    const { response } = agent().receive(datagram, home, 0);
    expect(response?.length).toBeLessThanOrEqual(1.5 * datagram.length);
  }
});

test("P5 mutated checks neither throw nor nominate", () => {
  const seed = runSeed("P5 ICE");
  const chance = seededChance(seed);
  // Without the FINGERPRINT, which would hide nearly every change.
  const sealed = check({ nominate: true });
  const original = repairedStun(sealed.subarray(0, sealed.length - 8));
  const covered = (datagram: Uint8Array) =>
    datagram.subarray(0, 2).toHex() + datagram.subarray(4, original.length).toHex();
  let refused = 0;
  for (let count = mutations(50_000); count > 0; count--) {
    const ice = agent();
    const datagram = repairedStun(mutate(original, chance));
    if (ice.receive(datagram, home, 0).dropped) refused += 1;
    if (ice.selected) expect([seed, covered(datagram)]).toEqual([seed, covered(original)]);
  }
  expect(refused).toBeGreaterThan(0);
});
