/** The real worker, real sockets on loopback, real time: kept short. */
import { afterEach, expect, test } from "bun:test";
import { systemRandom } from "../../../gateway/io/random.ts";
import type {
  Codec,
  Command,
  FromWorker,
  LegId,
  LocalLeg,
  RemoteLeg,
  Reply,
  SessionId,
  WorkerOptions,
} from "../../../gateway/media/protocol.ts";
import { loadCodecs } from "../../../media-wasm/codec.ts";
import { BrowserPeer } from "../../sim/browser-peer.ts";
import { TrunkPeer } from "../../sim/trunk-peer.ts";
import { decibels, levelOf, sine } from "./tone.ts";

const HOST = "127.0.0.1";
const opus: Codec = { name: "opus", payloadType: 111, clockRate: 48_000, ptimeMs: 20 };
const g722: Codec = { name: "G722", payloadType: 9, clockRate: 8_000, ptimeMs: 20 };
const session = "call" as SessionId;
const phone = "phone" as LegId;
const pbxLeg = "pbx" as LegId;

const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanUp.splice(0)) undo();
});

type WithoutSeq<T> = T extends { seq: number } ? Omit<T, "seq"> : never;

class WorkerUnderTest {
  readonly messages: FromWorker[] = [];
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly #ready = Promise.withResolvers<number>();
  #seq = 0;

  constructor(options: WorkerOptions) {
    this.#worker = new Worker(new URL("../../../gateway/media/worker.ts", import.meta.url));
    cleanUp.push(() => this.#worker.terminate());
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      this.messages.push(data);
      if (data.type === "ready") this.#ready.resolve(data.webrtcPort);
      if (data.type === "unable") this.#ready.reject(new Error(data.reason));
      if ("seq" in data) this.#waiting.get(data.seq)?.(data);
    };
    this.#worker.onerror = (event) => this.#ready.reject(new Error(event.message));
    this.#worker.postMessage(options);
  }

  get ready(): Promise<number> {
    return this.#ready.promise;
  }

  ask(command: WithoutSeq<Command>): Promise<Reply> {
    this.#seq += 1;
    const seq = this.#seq;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#waiting.set(seq, resolve);
    this.#worker.postMessage({ ...command, seq });
    return promise;
  }

  async open(leg: LegId, kind: "webrtc" | "trunk"): Promise<LocalLeg> {
    const reply = await this.ask({ type: "open", session, leg, kind });
    if (reply.type !== "opened") throw new Error(JSON.stringify(reply));
    return reply.local;
  }

  async connect(leg: LegId, remote: RemoteLeg): Promise<void> {
    expect((await this.ask({ type: "connect", session, leg, remote })).type).toBe("connected");
  }

  tell(command: Command): void {
    this.#worker.postMessage(command);
  }

  terminate(): void {
    this.#worker.terminate();
  }

  /** The next message of this kind from now on. */
  async next<Type extends FromWorker["type"]>(type: Type): Promise<FromWorker & { type: Type }> {
    const from = this.messages.length;
    for (;;) {
      for (const message of this.messages.slice(from)) {
        if (message.type === type) return message as FromWorker & { type: Type };
      }
      await Bun.sleep(5);
    }
  }
}

async function udp(receive: (datagram: Uint8Array) => void) {
  const socket = await Bun.udpSocket({
    hostname: HOST,
    port: 0,
    socket: { data: (_, datagram) => receive(datagram), error: () => {} },
  });
  cleanUp.push(() => socket.close());
  return socket;
}

function options(firstPort: number, webrtcPort = 0): WorkerOptions {
  return {
    type: "start",
    bindAddresses: [HOST],
    webrtcPort,
    rtpPorts: { first: firstPort, last: firstPort + 19 },
    silenceMs: 5_000,
  };
}

function randomPort(): number {
  return 20_000 + 2 * Math.floor(Math.random() * 10_000);
}

test("a call through the real worker: opened, joined, tones both ways, closed, nothing left", async () => {
  const worker = new WorkerUnderTest(options(randomPort()));
  const webrtcPort = await worker.ready;
  expect(webrtcPort).toBeGreaterThan(0);

  const now = () => performance.now();
  const toBrowser = await udp((datagram) => browser.receive(datagram, now()));
  const browser = new BrowserPeer({
    random: systemRandom,
    address: { address: HOST, port: toBrowser.port },
    send: (datagram, _, { address, port }) => void toBrowser.send(datagram, port, address),
  });
  const toPbx = await udp((datagram) => pbx.receiveRtp(datagram, now()));
  const toPbxControl = await udp((datagram) => pbx.receiveRtcp(datagram, now()));
  const pbx = new TrunkPeer({
    rtp: { address: HOST, port: toPbx.port },
    rtcp: { address: HOST, port: toPbxControl.port },
    send: (datagram, _, { address, port }) => void toPbx.send(datagram, port, address),
  });

  const local = await worker.open(phone, "webrtc");
  const trunk = await worker.open(pbxLeg, "trunk");
  if (local.kind !== "webrtc" || trunk.kind !== "trunk") throw new Error("wrong kind of leg");
  expect(local.candidates).toEqual([{ address: HOST, port: webrtcPort }]);
  expect(local.fingerprint.value).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  expect(trunk.rtcp.port).toBe(trunk.rtp.port + 1);
  pbx.destination = trunk.rtp;
  await worker.connect(phone, browser.remote({ codec: opus }));
  await worker.connect(pbxLeg, pbx.remote({ codec: g722 }));
  const joined = await worker.ask({ type: "join", session, legs: [phone, pbxLeg] });
  expect(joined.type).toBe("joined");

  browser.meet(local);
  const startedAt = now();
  for (browser.check(); !browser.connected && now() - startedAt < 3_000; await Bun.sleep(10)) {
    if ((browser.deadline() ?? Infinity) <= now()) browser.timeout(now());
  }
  expect(browser.connected).toBe(true);

  const codecs = await loadCodecs();
  const opusEncoder = codecs.encoder("opus", 16_000);
  const g722Encoder = codecs.encoder("G722", 16_000);
  const toPlayBrowser = sine(440, 16_000, 1_000, 8_000);
  const toPlayPbx = sine(1_000, 16_000, 1_000, 8_000);
  const firstAt = now();
  for (let index = 0; index < 50; index++) {
    const frame = (pcm: Int16Array) => pcm.subarray(index * 320, index * 320 + 320);
    browser.sendRtp(
      { payloadType: 111, sequence: index, timestamp: 960 * index },
      opusEncoder.encode(frame(toPlayBrowser)),
    );
    pbx.sendRtp(
      { payloadType: 9, sequence: index, timestamp: 160 * index },
      g722Encoder.encode(frame(toPlayPbx)),
    );
    await Bun.sleep(Math.max(0, firstAt + 20 * (index + 1) - now()));
  }
  await Bun.sleep(50);
  expect(pbx.received.length).toBe(50);
  expect(browser.received.length).toBe(50);
  const decoded = (name: "opus" | "G722", packets: typeof pbx.received) => {
    const decoder = codecs.decoder(name, 16_000);
    return Int16Array.from(packets.flatMap(({ payload }) => [...decoder.decode(payload)]));
  };
  const atPbx = decoded("G722", pbx.received);
  const atBrowser = decoded("opus", browser.received);
  expect(Math.abs(decibels(levelOf(atPbx, 440, 16_000), 8_000))).toBeLessThan(1);
  expect(Math.abs(decibels(levelOf(atBrowser, 1_000, 16_000), 8_000))).toBeLessThan(1);

  const statistics = await worker.ask({ type: "query", session });
  expect(statistics).toMatchObject({
    legs: [
      { leg: phone, packetsReceived: 50, packetsSent: 50, packetsLost: 0 },
      { leg: pbxLeg, packetsReceived: 50, packetsSent: 50, packetsLost: 0 },
    ],
  });
  expect(worker.messages.filter(({ type }) => type === "flowing").length).toBe(2);

  worker.tell({ type: "close", session });
  await Bun.sleep(50);
  expect(browser.control.at(-1)?.type).toBe("bye");
  const load = await worker.next("load");
  expect(load).toMatchObject({ sessions: 0, legs: 0 });
  expect(load.busy).toBeLessThan(0.5);
  expect(await worker.ask({ type: "query", session })).toMatchObject({ type: "refused" });
  // Its port is free again: we can have it.
  const port = await Bun.udpSocket({ hostname: HOST, port: trunk.rtp.port });
  port.close();
}, 15_000);

test("terminated, a worker leaves no socket: the next one takes the same ports", async () => {
  const first = new WorkerUnderTest(options(randomPort()));
  const port = await first.ready;
  await first.open(pbxLeg, "trunk");
  first.terminate();
  for (let attempt = 0; ; attempt++) {
    try {
      const second = await Bun.udpSocket({ hostname: HOST, port });
      second.close();
      break;
    } catch (error) {
      if (attempt === 40) throw error;
      await Bun.sleep(50);
    }
  }
}, 10_000);

test("M8: pairs other programs hold are skipped; when none is left the leg is refused", async () => {
  const first = randomPort();
  const taken = await Bun.udpSocket({ hostname: HOST, port: first + 1 });
  cleanUp.push(() => taken.close());
  const worker = new WorkerUnderTest({
    ...options(first),
    rtpPorts: { first, last: first + 3 },
  });
  await worker.ready;
  const local = await worker.open(pbxLeg, "trunk");
  expect(local).toMatchObject({ rtp: { port: first + 2 } });
  const again = await worker.ask({ type: "open", session, leg: "more" as LegId, kind: "trunk" });
  expect(again).toMatchObject({ type: "refused", reason: "no-port" });
}, 10_000);

test("a worker whose port is taken says so instead of starting", async () => {
  const taken = await udp(() => {});
  const worker = new WorkerUnderTest(options(randomPort(), taken.port));
  await expect(worker.ready).rejects.toThrow(/address|port|bind|EADDRINUSE/i);
}, 10_000);
