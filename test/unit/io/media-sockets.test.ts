import { dlopen, ptr } from "bun:ffi";
import { afterAll, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { DatagramPoll } from "../../../gateway/io/datagram-poll.ts";
import { openMediaSockets } from "../../../gateway/io/media-sockets.ts";
import type { WorkerOptions } from "../../../gateway/media/protocol.ts";

const HOST = "127.0.0.1";

let clock = 0;
/** One for all of the thread's sockets, as in a worker. */
const poll = DatagramPoll.open(() => clock);
afterAll(() => poll?.close());

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
    poll,
    now: () => 0,
    receiveWebRtc: () => {},
    after: () => {},
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

test("NAT-03: SDP gets the advertised address and the sockets' own, the outer one first", () => {
  const sockets = open(pairs(randomPort()), "198.51.100.1");
  const port = sockets.webrtcPort;
  expect(sockets.candidates).toEqual([
    { address: "198.51.100.1", port },
    { address: HOST, port },
  ]);
  const pair = sockets.openTrunkPair(nobody, 0);
  expect(pair?.rtpEndpoint.address).toBe("198.51.100.1");
  expect(pair?.interfaceAddress).toBe(HOST);
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

test.skipIf(process.platform !== "linux")(
  "R1: a worker that finds its port taken and tries again leaves no descriptor behind",
  async () => {
    const taken = await Bun.udpSocket({ hostname: "::1" });
    const tried = () =>
      expect(() =>
        openMediaSockets({
          // The first is opened, the second is not.
          bindAddresses: [HOST, "::1"],
          webrtcPort: taken.port,
          pairs: pairs(),
          poll,
          now: () => 0,
          receiveWebRtc: () => {},
          after: () => {},
        }),
      ).toThrow();
    tried();
    const before = readdirSync("/proc/self/fd").length;
    for (let attempt = 0; attempt < 20; attempt++) tried();
    expect(readdirSync("/proc/self/fd").length).toBe(before);
    (await Bun.udpSocket({ hostname: HOST, port: taken.port })).close();
    taken.close();
  },
);

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

test.each([
  true,
  false,
])("datagrams come with their source and are answered, polled %p", async (polls) => {
  expect(poll !== undefined).toBe(process.platform === "linux");
  const heard: string[] = [];
  const base = randomPort();
  clock = 7;
  const sockets = openMediaSockets({
    bindAddresses: [HOST, "::1"],
    webrtcPort: 0,
    pairs: pairs(base),
    now: () => clock,
    poll: polls ? poll : undefined,
    receiveWebRtc: (datagram, source, via, now) => {
      heard.push(
        `${new TextDecoder().decode(datagram)} ${source.address} ${source.port} at ${now}`,
      );
      via.send(datagram, 2, source);
    },
    after: () => {},
  });
  const answers: string[] = [];
  const phoneAt = (hostname: string) =>
    Bun.udpSocket({
      hostname,
      socket: { data: (_, data) => void answers.push(new TextDecoder().decode(data)) },
    });
  const phones = [await phoneAt(HOST), await phoneAt("::1")];
  const said = phones.flatMap((phone, index) =>
    ["one", "three", "x".repeat(2_048)].map((text) => {
      phone.send(text, sockets.webrtcPort, phone.hostname);
      return `${text} ${phone.hostname} ${phones[index]?.port} at 7`;
    }),
  );
  // One byte more than a media datagram may have.
  phones[0]?.send("y".repeat(2_049), sockets.webrtcPort, HOST);
  while (answers.length < said.length) {
    poll?.wait(0);
    poll?.receiveAll();
    await Bun.sleep(1);
  }
  expect(heard.toSorted()).toEqual(said.toSorted());
  expect(answers.toSorted()).toEqual(["on", "on", "th", "th", "xx", "xx"]);
  for (const phone of phones) phone.close();
});

test("a socket closed by one of its datagrams hands out no further one; its port is free", async () => {
  const port = randomPort();
  const sockets = open(pairs(port));
  let heard = 0;
  const pair = sockets.openTrunkPair(
    {
      receiveRtp: () => {
        heard += 1;
        pair?.rtp.close();
      },
      receiveRtcp: () => {},
    },
    0,
  );
  const pbx = await Bun.udpSocket({ hostname: HOST });
  for (let index = 0; index < 5; index++) pbx.send("audio", port, HOST);
  while (heard === 0) {
    poll?.wait(0);
    poll?.receiveAll();
    await Bun.sleep(1);
  }
  poll?.receiveAll();
  expect(heard).toBe(1);
  (await Bun.udpSocket({ hostname: HOST, port })).close();
  pair?.rtcp.close();
  pbx.close();
});

test.skipIf(process.platform !== "linux")(
  "R1: a media worker that is killed leaves no descriptor behind",
  async () => {
    const program = join(import.meta.dir, "../../../gateway/media/worker.ts");
    const run = async () => {
      const worker = new Worker(program);
      const ready = new Promise<void>((resolve) => {
        worker.onmessage = ({ data }) => {
          if (data.type === "ready") resolve();
        };
      });
      const closed = new Promise((resolve) => worker.addEventListener("close", resolve));
      const start: WorkerOptions = {
        type: "start",
        bindAddresses: [HOST],
        webrtcPort: 0,
        rtpPorts: { first: 41_000, last: 41_100 },
        silenceMs: 30_000,
      };
      worker.postMessage(start);
      await ready;
      worker.terminate();
      await closed;
    };
    const descriptors = () => readdirSync("/proc/self/fd").length;
    await run();
    // What the runtime opens and closes by itself is over once two looks agree.
    let before = -1;
    for (let last = -2; last !== before; ) {
      last = before;
      await Bun.sleep(50);
      before = descriptors();
    }
    for (let kill = 0; kill < 3; kill++) await run();
    // The thread itself ends a moment after it says so.
    for (let tries = 0; descriptors() > before && tries < 200; tries++) await Bun.sleep(10);
    expect(descriptors()).toBeLessThanOrEqual(before);
  },
);
