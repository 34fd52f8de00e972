/** RFC 3263 and RFC 2782 without a network: order, fallbacks, dead addresses, lost name servers. */
import { expect, test } from "bun:test";
import {
  type Dns,
  ForbiddenTarget,
  inOrder,
  type NaptrRecord,
  Resolver,
  type SrvRecord,
} from "../../../gateway/io/resolver.ts";
import type { Target } from "../../../gateway/sip/flow.ts";

const record = (name: string, priority = 10, weight = 10, port = 5_060): SrvRecord => ({
  name,
  port,
  priority,
  weight,
});

const naptr = (order: number, service: string, replacement: string, flags = "s"): NaptrRecord => ({
  order,
  preference: 10,
  flags,
  service,
  replacement,
});

function resolver(zone: {
  naptr?: Record<string, NaptrRecord[]>;
  srv?: Record<string, SrvRecord[]>;
  a?: Record<string, string[]>;
}) {
  const asked: string[] = [];
  let down = false;
  let now = 0;
  const answer = <Value>(kind: string, name: string, value: Value | undefined): Promise<Value> => {
    asked.push(`${kind} ${name}`);
    const code = down ? "ETIMEOUT" : "ENOTFOUND";
    if (down || value === undefined)
      return Promise.reject(Object.assign(new Error(code), { code }));
    return Promise.resolve(value);
  };
  const dns: Dns = {
    naptr: (name) => answer("NAPTR", name, zone.naptr?.[name]),
    srv: (name) => answer("SRV", name, zone.srv?.[name]),
    addresses: (name) => answer("A", name, zone.a?.[name]),
  };
  const made = new Resolver({ dns, now: () => now, chance: () => 0 });
  const printed = async (target: Target) =>
    (await made.resolve(target)).map((it) => `${it.transport} ${it.address}:${it.port}`);
  return {
    made,
    asked,
    printed,
    resolve: async (target: Target) =>
      (await made.resolve(target)).map(({ address, port }) => `${address}:${port}`),
    nameServerDown: () => {
      down = true;
    },
    pass: (ms: number) => {
      now += ms;
    },
  };
}

const any = (host: string): Target => ({ transport: "auto", host });

const udp = (host: string, port?: number): Target =>
  port === undefined ? { transport: "udp", host } : { transport: "udp", host, port };

test("CON-11: no port is the transport's own, 5060 or for TLS 5061; an address is asked of nobody", async () => {
  const { resolve, asked } = resolver({});
  expect(await resolve({ transport: "tcp", host: "192.0.2.1" })).toEqual(["192.0.2.1:5060"]);
  expect(await resolve({ transport: "tls", host: "192.0.2.1" })).toEqual(["192.0.2.1:5061"]);
  expect(await resolve({ transport: "tls", host: "192.0.2.1", port: 5060 })).toEqual([
    "192.0.2.1:5060",
  ]);
  expect(await resolve(udp("192.0.2.1"))).toEqual(["192.0.2.1:5060"]);
  expect(await resolve({ transport: "tls", host: "2001:db8::1" })).toEqual(["2001:db8::1:5061"]);
  expect(asked).toEqual([]);
});

test("§4.2: a port means addresses alone; none means SRV, then addresses at the default port", async () => {
  const { resolve, asked } = resolver({
    srv: { "_sip._udp.pbx": [record("b", 20), record("a", 10, 10, 5_080)] },
    a: { pbx: ["192.0.2.9", "192.0.2.8"], a: ["192.0.2.1", "192.0.2.2"], b: ["192.0.2.3"] },
  });
  expect(await resolve(udp("pbx", 6_000))).toEqual(["192.0.2.9:6000", "192.0.2.8:6000"]);
  expect(asked).toEqual(["A pbx"]);
  expect(await resolve(udp("pbx"))).toEqual(["192.0.2.1:5080", "192.0.2.2:5080", "192.0.2.3:5060"]);
  expect(await resolve({ transport: "tcp", host: "pbx" })).toEqual([
    "192.0.2.9:5060",
    "192.0.2.8:5060",
  ]);
});

test("§4.1: the domain's NAPTR records choose the transport, of those we speak, in their order", async () => {
  const { printed, asked } = resolver({
    naptr: {
      pbx: [
        naptr(40, "SIP+D2U", "_sip._udp.pbx"),
        naptr(30, "sip+d2t", "_sip._tcp.other"),
        naptr(20, "SIPS+D2S", "_sips._sctp.pbx"),
        naptr(10, "SIP+D2T", "", "u"),
      ],
    },
    srv: {
      "_sip._udp.pbx": [record("a")],
      "_sip._tcp.other": [record("b", 20), record("a", 10, 10, 5_070)],
    },
    a: { a: ["192.0.2.1"], b: ["192.0.2.2"], pbx: ["192.0.2.9"] },
  });
  expect(await printed(any("pbx"))).toEqual(["tcp 192.0.2.1:5070", "tcp 192.0.2.2:5060"]);
  // A transport that is named, a port or an address leaves nothing to ask (§4.1).
  asked.length = 0;
  expect(await printed(udp("pbx"))).toEqual(["udp 192.0.2.1:5060"]);
  expect(await printed({ ...any("pbx"), port: 5_080 })).toEqual(["udp 192.0.2.9:5080"]);
  expect(await printed(any("192.0.2.7"))).toEqual(["udp 192.0.2.7:5060"]);
  expect(asked.filter((it) => it.startsWith("NAPTR"))).toEqual([]);
});

test("§4.1: without NAPTR the services decide, TLS before TCP before UDP; without any it is UDP", async () => {
  const servers = { "_sip._udp.pbx": [record("a")], "_sips._tcp.pbx": [record("a", 1, 1, 5_061)] };
  const a = { a: ["192.0.2.1"], bare: ["192.0.2.5"] };
  const { printed } = resolver({ srv: servers, a });
  expect(await printed(any("pbx"))).toEqual(["tls 192.0.2.1:5061"]);
  expect(await printed(any("bare"))).toEqual(["udp 192.0.2.5:5060"]);
  // A record that leads to no server is passed over.
  const lost = {
    pbx: [naptr(1, "SIP+D2T", "_sip._tcp.gone"), naptr(2, "SIP+D2U", "_sip._udp.pbx")],
  };
  expect(await resolver({ naptr: lost, srv: servers, a }).printed(any("pbx"))).toEqual([
    "udp 192.0.2.1:5060",
  ]);
});

test("who keeps the NAPTR answer from us does not choose the transport: the last one serves", async () => {
  const { printed, nameServerDown, pass } = resolver({
    naptr: { pbx: [naptr(1, "SIPS+D2T", "_sips._tcp.pbx")] },
    srv: { "_sips._tcp.pbx": [record("a", 1, 1, 5_061)] },
    a: { a: ["192.0.2.1"], pbx: ["192.0.2.1"] },
  });
  expect(await printed(any("pbx"))).toEqual(["tls 192.0.2.1:5061"]);
  nameServerDown();
  expect(await printed(any("pbx"))).toEqual(["tls 192.0.2.1:5061"]);
  pass(3_600_001);
  expect(printed(any("pbx"))).rejects.toThrow("the name service does not answer");
});

test("a server without an address is passed over; none with one is an error in words", async () => {
  const { resolve } = resolver({
    srv: {
      "_sip._udp.pbx": [record("gone", 1), record("b", 2)],
      "_sip._udp.lost": [record("gone")],
    },
    a: { b: ["192.0.2.3"] },
  });
  expect(await resolve(udp("pbx"))).toEqual(["192.0.2.3:5060"]);
  expect(resolve(udp("lost"))).rejects.toThrow("none of the servers of lost has an address");
  expect(resolve(udp("nowhere"))).rejects.toThrow("nowhere does not resolve");
});

test("what failed is tried last for a minute, and never left out", async () => {
  const { made, resolve, pass } = resolver({ a: { pbx: ["192.0.2.1", "192.0.2.2"] } });
  made.shun({ address: "192.0.2.1", port: 5_060, transport: "udp" });
  expect(await resolve(udp("pbx"))).toEqual(["192.0.2.2:5060", "192.0.2.1:5060"]);
  // Another transport or port is another server.
  expect((await resolve(udp("pbx", 5_080)))[0]).toBe("192.0.2.1:5080");
  pass(60_001);
  expect((await resolve(udp("pbx")))[0]).toBe("192.0.2.1:5060");
});

test("R5: while the name service is away the last good answer serves, for an hour", async () => {
  const { resolve, nameServerDown, pass } = resolver({ a: { pbx: ["192.0.2.1"] } });
  await resolve(udp("pbx"));
  nameServerDown();
  pass(3_600_000);
  expect(await resolve(udp("pbx"))).toEqual(["192.0.2.1:5060"]);
  pass(1);
  expect(resolve(udp("pbx"))).rejects.toThrow("pbx does not resolve");
});

test("R5: a name service that keeps silent holds nobody up: the last good answer serves, or it is said", async () => {
  const answers: PromiseWithResolvers<string[]>[] = [];
  const dns: Dns = {
    naptr: () => Promise.reject(new Error("not asked")),
    srv: () => Promise.resolve([]),
    addresses: () => {
      const answer = Promise.withResolvers<string[]>();
      answers.push(answer);
      return answer.promise;
    },
  };
  const made = new Resolver({ dns, now: () => 0, chance: () => 0, patienceMs: 20 });
  const resolve = async () => (await made.resolve(udp("pbx", 5_060))).map((it) => it.address);
  await expect(resolve()).rejects.toThrow("the name service does not answer in time");
  // What comes late is there for who asks next.
  answers[0]?.resolve(["192.0.2.1"]);
  await Bun.sleep(1);
  expect(await resolve()).toEqual(["192.0.2.1"]);
  answers[1]?.resolve(["192.0.2.2"]);
  await Bun.sleep(1);
  const asked = resolve();
  answers[2]?.resolve(["192.0.2.3"]);
  expect(await asked).toEqual(["192.0.2.3"]);
  // One that fails when nobody waits any more disturbs nobody.
  expect(await resolve()).toEqual(["192.0.2.3"]);
  answers[3]?.reject(new Error("SERVFAIL"));
  await Bun.sleep(1);
});

test("R5: of a hundred answers sixteen are tried; IPv6 alone will do; a change is followed at once", async () => {
  const many = Array.from({ length: 100 }, (_, index) => `192.0.2.${index}`);
  const zone = {
    a: { many, six: ["2001:db8::1"], pbx: ["192.0.2.1"] } as Record<string, string[]>,
  };
  const { resolve } = resolver(zone);
  expect(await resolve(udp("many"))).toHaveLength(16);
  expect(await resolve(udp("six"))).toEqual(["2001:db8::1:5060"]);
  expect(await resolve(udp("pbx"))).toEqual(["192.0.2.1:5060"]);
  zone.a["pbx"] = ["192.0.2.9"];
  expect(await resolve(udp("pbx"))).toEqual(["192.0.2.9:5060"]);
});

test("RFC 2782: priority first, then chance by weight", () => {
  const records = [record("rare", 1, 1), record("often", 1, 9), record("last", 2, 100)];
  let seed = 7;
  const chance = () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  let often = 0;
  for (let round = 0; round < 2_000; round++) {
    const [first, , third] = inOrder(records, chance);
    if (first?.name === "often") often += 1;
    expect(third?.name).toBe("last");
  }
  expect(Math.abs(often / 2_000 - 0.9)).toBeLessThan(0.03);
  // Weights of nothing are in nobody's way.
  expect(inOrder([record("a", 1, 0), record("b", 1, 0)], () => 0.5).length).toBe(2);
});

test("RTE-07, R5: further hosts are tried in their order, dead ones last, and one without a name is no end", async () => {
  const { made } = resolver({ a: { first: ["192.0.2.1"], third: ["192.0.2.3"] } });
  const target: Target = {
    ...udp("first", 5_070),
    others: [{ host: "second" }, { host: "third" }, { host: "192.0.2.4", port: 5_090 }],
  };
  const all = async () =>
    (await made.resolveAll(target)).map(
      ({ remote, target: own }) => `${own.host} ${remote.address}:${remote.port}`,
    );
  const living = ["first 192.0.2.1:5070", "third 192.0.2.3:5060", "192.0.2.4 192.0.2.4:5090"];
  expect(await all()).toEqual(living);
  made.shun({ address: "192.0.2.1", port: 5_070, transport: "udp" });
  expect(await all()).toEqual([...living.slice(1), living[0] ?? ""]);
  await expect(made.resolveAll({ ...udp("nobody"), others: [] })).rejects.toThrow();
});

test("X3, W8: a target on trial leads nowhere if any of its addresses is forbidden", async () => {
  const zone = { "pbx.test": ["192.0.2.1", "169.254.169.254"], "home.test": ["127.0.0.1"] };
  const dns: Dns = {
    naptr: async () => [],
    srv: async () => [],
    addresses: async (name) => zone[name as keyof typeof zone],
  };
  for (const [allowsLoopback, allowed] of [
    [false, ["192.0.2.2"]],
    [true, ["192.0.2.2", "127.0.0.1", "home.test"]],
  ] as const) {
    const made = new Resolver({ dns, now: () => 0, chance: () => 0, allowsLoopback });
    const outcomes: string[] = [];
    for (const host of ["192.0.2.2", "127.0.0.1", "home.test", "pbx.test", "::1", "0.0.0.0"]) {
      const target: Target = { transport: "udp", host, port: 5_060 };
      // What was saved goes wherever it was said to.
      expect((await made.resolveAll(target)).length).toBeGreaterThan(0);
      const others = [{ host, port: 5_060 }];
      for (const tried of [target, { ...target, host: "192.0.2.2", others }]) {
        const outcome = await made.resolveAll({ ...tried, isOnTrial: true }).catch((it) => it);
        if (outcome instanceof ForbiddenTarget) continue;
        outcomes.push(host);
      }
    }
    const expected = allowed.flatMap((host) => [host, host]);
    expect(outcomes.filter((it) => it !== "::1")).toEqual(expected);
  }
});
