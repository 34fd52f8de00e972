import { expect, test } from "bun:test";
import { ICE_SOURCES_MAX } from "../../../gateway/limits.ts";
import { WebRtcDemultiplexer } from "../../../gateway/media/webrtc-demultiplexer.ts";
import { BINDING, USERNAME } from "../../../gateway/stun/stun.ts";
import { StunWriter } from "../../../gateway/stun/stun-writer.ts";

function check(username: string): Uint8Array {
  return new StunWriter(new Uint8Array(200))
    .start("request", BINDING, new Uint8Array(12))
    .text(USERNAME, username)
    .fingerprint()
    .finish();
}

const source = (port: number) => ({ address: "192.0.2.1", port });

test("checks go by the name they carry; the one before a restart stays good, older ones don't", () => {
  const legs = new WebRtcDemultiplexer<string>();
  legs.register("a", "first");
  legs.register("b", "other");
  legs.register("a", "second");
  expect(legs.byUfrag(check("first:peer"))).toBe("a");
  expect(legs.byUfrag(check("second:peer"))).toBe("a");
  expect(legs.byUfrag(check("other:peer"))).toBe("b");
  expect(legs.byUfrag(check("nobody:peer"))).toBeUndefined();
  legs.register("a", "third");
  expect(legs.byUfrag(check("first:peer"))).toBeUndefined();
  expect(legs.byUfrag(check("third:peer"))).toBe("a");
});

test("the newest proof of a source counts; taking one leg out doesn't touch the other's", () => {
  const legs = new WebRtcDemultiplexer<string>();
  legs.register("a", "a");
  legs.register("b", "b");
  legs.learn(source(1), "a");
  legs.learn(source(2), "a");
  legs.learn(source(1), "b");
  expect(legs.bySource(source(1))).toBe("b");
  legs.unregister("a");
  expect(legs.bySource(source(1))).toBe("b");
  expect(legs.bySource(source(2))).toBeUndefined();
  legs.unregister("b");
  expect(legs.size).toBe(0);
});

test("a leg keeps a bounded number of sources; nobody's source is not learnt", () => {
  const legs = new WebRtcDemultiplexer<string>();
  legs.register("a", "a");
  for (let port = 1; port <= ICE_SOURCES_MAX + 1; port++) legs.learn(source(port), "a");
  expect(legs.bySource(source(1))).toBeUndefined();
  expect(legs.bySource(source(ICE_SOURCES_MAX + 1))).toBe("a");
  legs.learn(source(99), "unknown");
  expect(legs.bySource(source(99))).toBeUndefined();
});
