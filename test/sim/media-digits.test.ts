/** DTM-02: keys in every form of one side, in every form of the other: once, in order, as long. */
import { describe, expect, test } from "bun:test";
import type { KeyHeard } from "../../bench/audio/keys.ts";
import { levelDbov } from "../../bench/audio/signal.ts";
import { seededChance } from "../unit/media/chance.ts";
import { joined, keySound, silence } from "../unit/media/key-sound.ts";
import { sine } from "../unit/media/tone.ts";
import { AMPLITUDE, opus, trunkCodecs } from "./media-call.ts";
import { DigitCall, type Name, type Press, type Side } from "./media-digits.ts";

const slow = { payloadType: 101, clockRate: 8_000 } as const;
const fast = { payloadType: 110, clockRate: 48_000 } as const;

const phones: Record<string, Side> = {
  "events at 48000": { codec: opus, form: "events", events: fast },
  "events at 8000": { codec: trunkCodecs.PCMA, form: "events", events: slow },
  "tones in Opus": { codec: opus, form: "tones" },
  INFO: { codec: opus, form: "info" },
};
const pbxs: Record<string, Side> = {
  "events at 8000": { codec: trunkCodecs.G722, form: "events", events: slow },
  "tones in G.711": { codec: trunkCodecs.PCMA, form: "tones" },
  "tones in G.722": { codec: trunkCodecs.G722, form: "tones" },
  INFO: { codec: trunkCodecs.PCMU, form: "info" },
};

/** Two of a kind, a short one, and one too long for 16 bits at 48000. */
const KEYS: readonly Press[] = [
  { key: "1", durationMs: 100 },
  { key: "5", durationMs: 100 },
  { key: "5", durationMs: 60 },
  { key: "#", durationMs: 240 },
  { key: "9", durationMs: 1_500 },
];
/** A packet. */
const OFF_MS_MAX = 20;

function expectKeys(heard: readonly KeyHeard[], keys: readonly Press[], offMs = OFF_MS_MAX): void {
  expect(heard.map(({ key }) => key)).toEqual(keys.map(({ key }) => key));
  heard.forEach(({ durationMs }, index) => {
    expect(Math.abs(durationMs - (keys[index]?.durationMs ?? 0))).toBeLessThanOrEqual(offMs);
  });
}

const otherOf = (name: Name): Name => (name === "phone" ? "pbx" : "phone");

/** The key is nowhere in the audio as well: what is left of it is too short for one (Q.24). */
function expectNotHeardTwice(made: DigitCall, to: Name): void {
  const { pcm, sampleRate } = made.audioOf(to);
  const frame = sampleRate / 200;
  let loudFrames = 0;
  for (let at = 0; at + frame <= pcm.length; at += frame) {
    const isLoud = levelDbov(pcm.subarray(at, at + frame)) > -35;
    loudFrames = isLoud ? loudFrames + 1 : 0;
    expect(loudFrames * 5).toBeLessThanOrEqual(30);
  }
}

for (const from of ["phone", "pbx"] as const) {
  describe(`keys from the ${from}`, () => {
    for (const [phoneName, phone] of Object.entries(phones)) {
      for (const [pbxName, pbx] of Object.entries(pbxs)) {
        const names = { phone: phoneName, pbx: pbxName };
        test(`${names[from]} to ${names[otherOf(from)]}`, () => {
          const made = new DigitCall({ phone, pbx });
          made.press(from, KEYS);
          const to = otherOf(from);
          expectKeys(made.heardBy(to), KEYS);
          if ({ phone, pbx }[to].form !== "tones") expectNotHeardTwice(made, to);
        });
      }
    }
  });
}

const RELAYED: readonly [string, Name, Side, Side][] = [
  ["events to events", "phone", phones["events at 48000"] as Side, pbxs["events at 8000"] as Side],
  ["events to INFO", "phone", phones["events at 48000"] as Side, pbxs["INFO"] as Side],
  ["events to tones", "phone", phones["events at 8000"] as Side, pbxs["tones in G.711"] as Side],
  ["tones to events", "pbx", phones["events at 48000"] as Side, pbxs["tones in G.711"] as Side],
  ["tones to INFO", "pbx", phones["INFO"] as Side, pbxs["tones in G.722"] as Side],
];

test("a key held for six seconds stays one, in any form", () => {
  const keys = [{ key: "8", durationMs: 6_000 }];
  for (const [, from, phone, pbx] of RELAYED) {
    const made = new DigitCall({ phone, pbx });
    made.press(from, keys);
    expectKeys(made.heardBy(otherOf(from)), keys);
  }
});

test("keys in quick succession, 60 ms with 60 ms between, stay in order", () => {
  const keys = [..."1122334455*#*#"].map((key) => ({ key, durationMs: 60 }));
  for (const [, from, phone, pbx] of RELAYED) {
    const made = new DigitCall({ phone, pbx });
    made.press(from, keys, 60);
    expectKeys(made.heardBy(otherOf(from)), keys);
  }
});

test("one packet in five lost: one key is one key", () => {
  const keys = [..."1590#"].map((key) => ({ key, durationMs: 240 }));
  for (const [name, from, phone, pbx] of RELAYED) {
    for (let seed = 1; seed <= 4; seed++) {
      const made = new DigitCall({ phone, pbx }, { seed });
      const chance = seededChance(seed);
      const { world } = made.made;
      world.lose = (_source, destination) => destination.address === "192.0.2.10" && chance() < 0.2;
      made.press(from, keys);
      const heard = made.heardBy(otherOf(from)).map(({ key }) => key);
      expect({ name, seed, heard }).toEqual({ name, seed, heard: keys.map(({ key }) => key) });
    }
  }
});

test("a PBX that sends events and their tones as well is heard once, by its events", () => {
  const codec = trunkCodecs.PCMA;
  const pbx = { codec, form: "events", events: slow, alsoSounds: true } as const;
  const made = new DigitCall({ phone: phones["events at 48000"] as Side, pbx });
  const { world } = made.made;
  const remote = made.made.pbx.remote({ codec, dtmf: [slow] });
  world.connect("call", "pbx", { ...remote, detectDtmf: true });
  made.press("pbx", KEYS);
  expectKeys(made.heardBy("phone"), KEYS);
});

test("a key told while the gateway speaks waits its turn: no event is lost, none is in another", () => {
  const sides = {
    phone: phones["events at 48000"] as Side,
    pbx: pbxs["events at 8000"] as Side,
  };
  const made = new DigitCall(sides);
  const { world } = made.made;
  const ids = { session: "call", leg: "pbx" } as never as { session: never; leg: never };
  // In the middle of the softphone's event, and just before its next one.
  for (const [at, digit] of [
    [340, "A"],
    [690, "B"],
  ] as const) {
    world.at(world.now + at, () => world.command({ type: "dtmf", ...ids, digit, durationMs: 100 }));
  }
  made.press("phone", [
    { key: "1", durationMs: 200 },
    { key: "2", durationMs: 100 },
    { key: "3", durationMs: 100 },
  ]);
  const heard = made.heardBy("pbx").map(({ key }) => key);
  expect([...heard].sort().join("")).toBe("123AB");
  expect(heard.filter((key) => "123".includes(key)).join("")).toBe("123");
  const events = made.made.pbx.received.filter(({ header }) => header.payloadType === 101);
  const starts = events.map(({ header }) => header.timestamp);
  // Each event's packets stand together.
  expect(new Set(starts).size).toBe(starts.filter((at, index) => at !== starts[index - 1]).length);
});

test("voice passes where keys are listened for, and a key that stops dead is told all the same", () => {
  const made = new DigitCall({
    phone: phones["events at 48000"] as Side,
    pbx: pbxs["tones in G.722"] as Side,
  });
  made.play("pbx", sine(1_000, 16_000, 600, AMPLITUDE));
  made.run(600);
  const { pcm } = made.audioOf("phone");
  expect(levelDbov(pcm.subarray(2_000, 8_000))).toBeGreaterThan(-17);
  const key = keySound("7", { sampleRate: 16_000, durationMs: 120 });
  made.play("pbx", joined(silence(16_000, 100), key));
  made.run(800);
  expectKeys(made.heardBy("phone"), [{ key: "7", durationMs: 120 }], 30);
});
