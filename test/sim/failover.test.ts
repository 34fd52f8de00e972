/**
 * AMB-02 and X5 in virtual time: which connection takes a call when the first one can't, and when
 * nobody else may be asked. Three PBXs, each with a connection of its own.
 */
import { expect, test } from "bun:test";
import type { Connection, ConnectionId } from "../../schema/config.ts";
import type { ActorOptions, Manner } from "./acting.ts";
import type { Actor } from "./actor.ts";
import { House } from "./house.ts";
import { configOf } from "./stage.ts";

const FAIR = { loss: 0, duplication: 0.1, delayMaxMs: 40 };
const FOUL = { loss: 0.2, duplication: 0.1, delayMaxMs: 120 };
const ADDRESSES = ["10.0.2.1", "10.0.2.2", "10.0.2.3"];
const SILENT: Partial<ActorOptions> = { send: () => {} };
const GROUP = { name: "carriers", strategy: "ordered" } as const;

interface Site {
  house: House;
  alice: Actor;
  pbxs: Actor[];
}

interface Plan {
  /** By PBX: how it takes calls; `silent` says nothing at all. */
  manners: (Manner | "silent")[];
  /** Of every connection; of one by its place. */
  all?: Partial<Connection>;
  each?: Partial<Connection>[];
  foul?: boolean;
}

function open(seed: number, { manners, all, each, foul }: Plan): Site {
  const house = new House(seed, foul ? FOUL : FAIR);
  const alice = house.softphone("alice");
  const pbxs = manners.map((manner, index) => {
    const pbx = house.pbx(`pbx${index}`, ADDRESSES[index] ?? "", manner === "silent" ? SILENT : {});
    if (manner !== "silent") pbx.manner = manner;
    return pbx;
  });
  const whole = configOf({ name: "failover", play: () => {} });
  const [template] = whole.connections;
  if (!template) throw new Error("the company has no connection");
  const connections = manners.map((_, index) => ({
    ...template,
    id: (index + 1) as ConnectionId,
    name: `connection ${index}`,
    host: ADDRESSES[index] ?? "",
    weight: index,
    allow: [`${ADDRESSES[index]}/32`],
    ...all,
    ...each?.[index],
  }));
  house.configure({ ...whole, connections });
  house.connect(alice);
  alice.register();
  house.pass(foul ? 40_000 : 1_000);
  return { house, alice, pbxs };
}

/** How often each PBX's telephone was called. */
function invites({ pbxs }: Site): number[] {
  return pbxs.map(({ diary }) => diary.filter((it) => it === "got INVITE").length);
}

function dial(site: Site, forMs = 12_000): void {
  site.alice.call("sip:250@gateway");
  site.house.pass(forMs);
}

function nothingIsLeft({ house, alice, pbxs }: Site): void {
  for (const actor of [alice, ...pbxs]) actor.hangUpAll();
  house.pass(400_000);
  house.pass(4_000_000);
  const { alive, calls } = house.b2bua.status(house.now);
  expect(calls).toEqual([]);
  expect(Object.entries(alive).filter(([, count]) => count !== 0)).toEqual([]);
}

const answers: Manner = { answer: 200, afterMs: 300 };
const refuses = (answer: number): Manner => ({ answer, afterMs: 50, atOnce: true });

test.each([
  500, 502, 503, 504, 408,
])("AMB-02: a group's next member is asked after %d, and the caller hears nothing of it", (status) => {
  const site = open(status, { manners: [refuses(status), answers], all: { failoverGroup: GROUP } });
  dial(site);
  expect(site.alice.diary).toContain("INVITE 200");
  expect(invites(site)).toEqual([1, 1]);
  expect(site.house.b2bua.status(site.house.now).calls[0]?.connection).toBe(2 as ConnectionId);
  nothingIsLeft(site);
});

test.each([
  404, 484, 486, 487, 488, 600, 603,
])("AMB-02: nobody else is asked after %d", (status) => {
  const site = open(status, { manners: [refuses(status), answers], all: { failoverGroup: GROUP } });
  dial(site);
  expect(invites(site)).toEqual([1, 0]);
  expect(site.alice.diary).toContain(`INVITE ${status}`);
  nothingIsLeft(site);
});

test("AMB-02: a PBX that says nothing for four seconds is given up for the next", () => {
  const site = open(1, { manners: ["silent", answers], all: { failoverGroup: GROUP } });
  dial(site, 6_000);
  expect(site.alice.diary).toContain("INVITE 200");
  nothingIsLeft(site);
});

test("AMB-02: the last one may take its time", () => {
  const site = open(2, { manners: ["silent"], all: { failoverGroup: GROUP } });
  dial(site, 20_000);
  expect(site.alice.diary).not.toContain("INVITE 408");
  nothingIsLeft(site);
});

test("AMB-02: not after a telephone has rung", () => {
  const rings: Manner = { answer: 503, afterMs: 2_000 };
  const site = open(3, { manners: [rings, answers], all: { failoverGroup: GROUP } });
  dial(site);
  expect(invites(site)).toEqual([1, 0]);
  nothingIsLeft(site);
});

test("AMB-02: across unrelated connections only where the first one says so", () => {
  const manners = [refuses(503), answers];
  const [strict, generous] = [
    open(4, { manners }),
    open(4, { manners, each: [{ continueOnFailure: true }] }),
  ];
  for (const site of [strict, generous]) dial(site);
  expect(invites(strict)).toEqual([1, 0]);
  expect(invites(generous)).toEqual([1, 1]);
  for (const site of [strict, generous]) nothingIsLeft(site);
});

test("AMB-02: three are asked, not more", () => {
  const site = open(5, {
    manners: [refuses(503), refuses(500), refuses(504)],
    all: { failoverGroup: GROUP },
  });
  dial(site);
  expect(invites(site)).toEqual([1, 1, 1]);
  expect(site.alice.diary).toContain("INVITE 504");
  nothingIsLeft(site);
});

test("LIM-01, LIM-06: a full connection is passed over, and the last refusal says that all are full", () => {
  const site = open(6, { manners: [answers, answers], all: { maxOutbound: 1 } });
  for (let call = 0; call < 3; call++) dial(site, 3_000);
  expect(invites(site)).toEqual([1, 1]);
  expect(site.alice.diary.filter((it) => it.startsWith("INVITE"))).toEqual([
    "INVITE 200",
    "INVITE 200",
    "INVITE 503",
  ]);
  nothingIsLeft(site);
  // Places are given back.
  dial(site, 3_000);
  expect(invites(site)).toEqual([2, 1]);
  nothingIsLeft(site);
});

test("LIM-02: a connection takes no more of the PBX's calls than it may", () => {
  const site = open(7, { manners: [answers], all: { maxInbound: 1 } });
  const [pbx] = site.pbxs;
  site.alice.manner = answers;
  for (let call = 0; call < 2; call++) {
    pbx?.call("sip:alice@gateway");
    site.house.pass(3_000);
  }
  expect(pbx?.diary.filter((it) => it.startsWith("INVITE"))).toEqual(["INVITE 200", "INVITE 503"]);
  nothingIsLeft(site);
});

test("LIM-04: where all are full the caller is told 503 and cause 34, the PBX 503, or 486 where wanted", () => {
  const full = open(8, { manners: [answers], all: { maxOutbound: 0 } });
  dial(full, 3_000);
  expect(full.house.records.at(-1)).toMatchObject({ status: 503, cause: 34 });
  for (const fullStatus of [undefined, 503, 486] as const) {
    const all = { maxInbound: 0, ...(fullStatus ? { fullStatus } : {}) };
    const site = open(9, { manners: [answers], all });
    const [pbx] = site.pbxs;
    pbx?.call("sip:alice@gateway");
    site.house.pass(3_000);
    const status = fullStatus ?? 503;
    expect(pbx?.diary).toContain(`INVITE ${status}`);
    expect(site.house.records.at(-1)).toMatchObject({ status, cause: 34 });
  }
});

test("RTE-08: in turn, by load, by chance", () => {
  const spread = (strategy: "round-robin" | "least-busy" | "weighted", each?: Plan["each"]) => {
    const all = { failoverGroup: { name: "g", strategy } };
    const plan = { manners: [answers, answers, answers], all, ...(each ? { each } : {}) };
    const site = open(8, plan);
    for (let call = 0; call < 12; call++) dial(site, 2_000);
    const counts = invites(site);
    nothingIsLeft(site);
    return counts;
  };
  expect(spread("round-robin")).toEqual([4, 4, 4]);
  expect(spread("least-busy", [{ maxCalls: 4 }, { maxCalls: 8 }, { maxCalls: 12 }])).toEqual([
    2, 4, 6,
  ]);
  const shares = [8, 1, 1].map((share) => ({
    failoverGroup: { name: "g", strategy: "weighted" as const, share },
  }));
  const [first = 0, second = 0, third = 0] = spread("weighted", shares);
  expect(first).toBeGreaterThan(second + third);
});

test("failovers over a bad network end as they should and leave nothing behind", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const manners = [seed % 2 === 0 ? "silent" : refuses(503), answers] as const;
    const site = open(seed, {
      manners: [...manners],
      all: { failoverGroup: GROUP },
      foul: true,
    });
    dial(site, 60_000);
    try {
      const final = site.alice.diary.filter((it) => it.startsWith("INVITE")).at(-1);
      expect(
        final === undefined || ["INVITE 200", "INVITE 503", "INVITE 408"].includes(final),
      ).toBe(true);
      nothingIsLeft(site);
    } catch (error) {
      throw new Error(`seed ${seed}\n${site.house.ladder()}`, { cause: error });
    }
  }
}, 60_000);

const stateOf = ({ house }: Site) =>
  house.b2bua.status(house.now).connections[0]?.reachability?.state;

test("ADM-04: one lost answer is a doubt, three in a row are an outage, one answer ends it", () => {
  const site = open(9, { manners: [answers], all: { optionsInterval: 30 } });
  const { house } = site;
  house.pass(4_000);
  expect(stateOf(site)).toBe("ok");
  house.partitioned = true;
  house.pass(33_000 + 9_000);
  expect(stateOf(site)).toBe("degraded");
  house.pass(22_000);
  expect(stateOf(site)).toBe("down");
  dial(site, 1_000);
  expect(site.alice.diary.at(-1)).toBe("INVITE 503");
  house.pass(7_200_000);
  expect(stateOf(site)).toBe("down");
  house.partitioned = false;
  // R4: back within 35 s of its return.
  house.pass(35_000);
  expect(stateOf(site)).toBe("ok");
  dial(site, 2_000);
  expect(site.alice.diary.at(-1)).toBe("INVITE 200");
});

test("ADM-04: a PBX that is down is not asked first any more", () => {
  const all = { failoverGroup: GROUP, optionsInterval: 60 };
  const site = open(10, { manners: ["silent", answers], all });
  site.house.pass(45_000);
  expect(stateOf(site)).toBe("down");
  dial(site, 1_500);
  expect(site.alice.diary.at(-1)).toBe("INVITE 200");
  expect(invites(site)).toEqual([0, 1]);
});
