import { dlopen, ptr } from "bun:ffi";
import { expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { openMediaSockets } from "../../../gateway/io/media-sockets.ts";

const HOST = "127.0.0.1";

function pairs(...ports: number[]) {
  const log: string[] = [];
  return {
    log,
    take: () => ports.shift(),
    release: (port: number) => void log.push(`release ${port}`),
    refuse: (port: number) => void log.push(`refuse ${port}`),
  };
}

function open(from: ReturnType<typeof pairs>, advertisedAddress?: string) {
  return openMediaSockets({
    bindAddresses: [HOST],
    ...(advertisedAddress ? { advertisedAddress } : {}),
    webrtcPort: 0,
    pairs: from,
    now: () => 0,
    receiveWebRtc: () => {},
    afterTrunk: () => {},
  });
}

const nobody = { receiveRtp: () => {}, receiveRtcp: () => {} };
const randomPort = () => 40_000 + 2 * Math.floor(Math.random() * 5_000);

test("M8: a pair of which one port is taken is refused, and the next one tried", async () => {
  const first = randomPort();
  const taken = await Bun.udpSocket({ hostname: HOST, port: first + 1 });
  const from = pairs(first, first + 2);
  const pair = open(from).openTrunkPair(nobody, 0);
  expect(pair?.rtpEndpoint.port).toBe(first + 2);
  expect(from.log).toEqual([`refuse ${first}`]);
  // The half of the refused pair that could be bound is free again.
  (await Bun.udpSocket({ hostname: HOST, port: first })).close();
  pair?.rtp.close();
  pair?.rtcp.close();
  expect(from.log).toEqual([`refuse ${first}`, `release ${first + 2}`]);
  (await Bun.udpSocket({ hostname: HOST, port: first + 3 })).close();
  taken.close();
});

test("SDP gets the advertised address, sockets the real one", () => {
  const sockets = open(pairs(randomPort()), "198.51.100.1");
  expect(sockets.candidates).toEqual([{ address: "198.51.100.1", port: sockets.webrtcPort }]);
  const pair = sockets.openTrunkPair(nobody, 0);
  expect(pair?.rtpEndpoint.address).toBe("198.51.100.1");
  expect(pair?.rtcpEndpoint.port).toBe((pair?.rtpEndpoint.port ?? 0) + 1);
  pair?.rtp.close();
  pair?.rtcp.close();
});

test("sending where nobody listens, to no address, and after closing: nothing is thrown", async () => {
  const pair = open(pairs(randomPort())).openTrunkPair(nobody, 0);
  const bytes = new Uint8Array(20);
  pair?.rtp.send(bytes, 10, { address: HOST, port: 9 });
  pair?.rtp.send(bytes, 10, { address: "not an address", port: 9 });
  pair?.rtp.send(bytes, 10, { address: "::1", port: 9 });
  await Bun.sleep(20);
  pair?.rtp.send(bytes, 20, { address: HOST, port: 9 });
  pair?.rtp.close();
  pair?.rtcp.close();
  pair?.rtp.send(bytes, 20, { address: HOST, port: 9 });
  pair?.rtp.close();
});

test.skipIf(process.platform !== "linux")("OPS-06: packets are marked DSCP 46", () => {
  const { symbols } = dlopen("libc.so.6", {
    getsockopt: { args: ["int", "int", "int", "ptr", "ptr"], returns: "int" },
  });
  const marked = () => {
    let count = 0;
    for (const name of readdirSync("/proc/self/fd")) {
      let target = "";
      try {
        target = readlinkSync(`/proc/self/fd/${name}`);
      } catch {
        continue;
      }
      if (!target.startsWith("socket:")) continue;
      const value = new Int32Array(1);
      const failed = symbols.getsockopt(Number(name), 0, 1, ptr(value), ptr(new Int32Array([4])));
      if (failed === 0 && value[0] === 46 << 2) count += 1;
    }
    return count;
  };
  const before = marked();
  const pair = open(pairs(randomPort())).openTrunkPair(nobody, 0);
  expect(marked()).toBe(before + 3);
  pair?.rtp.close();
  pair?.rtcp.close();
});
