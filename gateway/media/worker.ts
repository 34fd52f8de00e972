/**
 * Program 2: one media worker. It gives the media plane what is real (UDP sockets, the clock, the
 * system's generator, the codecs, a certificate for DTLS) and speaks protocol.ts with
 * the main thread. Ended by the main thread's `terminate`, which closes its sockets with it.
 */
import { type Codecs, loadCodecs } from "../../media-wasm/codec.ts";
import { DatagramPoll } from "../io/datagram-poll.ts";
import { type MediaSockets, openMediaSockets } from "../io/media-sockets.ts";
import { systemRandom } from "../io/random.ts";
import { SoundFiles } from "../io/sound-files.ts";
import { openSystemCipher } from "../io/system-cipher.ts";
import { openSystemOpus } from "../io/system-opus.ts";
import { LoadLadder } from "../load-ladder.ts";
import type { Millis } from "../machine.ts";
import { choosePacketCipher, nodeCipher } from "../packet-cipher.ts";
import { createCertificate, type DtlsCertificate } from "./dtls/certificate.ts";
import { MediaPlane } from "./media-plane.ts";
import { PortPool } from "./port-pool.ts";
import type { Command, FromWorker, ToWorker, WorkerOptions } from "./protocol.ts";
import { Recording, readWavSound } from "./sound-file.ts";

declare const self: Worker;

const LOAD_INTERVAL_MS = 1_000;
const BEAT_INTERVAL_MS = 100;
/** How soon a port that is taken is asked for again. */
const PORT_RETRY_MS = 5;
/** How long the event loop may be left without a turn: it tidies up, unasked. */
const LOOP_INTERVAL_MS = 20;

const now = (): Millis => performance.now();
const post = (message: FromWorker): void => self.postMessage(message);

/** What is there before the worker is told to start. */
interface Prepared {
  codecs: Codecs;
  certificate: DtlsCertificate;
  /** Undefined where the system has no such way. */
  poll: DatagramPoll | undefined;
}

let prepared: Promise<Prepared> | undefined;
let plane: MediaPlane | undefined;
/** Commands that came while the codecs were being loaded. */
const early: Command[] = [];

/** Milliseconds of work since the last load notice. */
let busyMs = 0;
/** How late the timer was served since then, at worst. */
let lateMs = 0;
const ladder = new LoadLadder();
let loadDueAt: Millis = 0;
let beatDueAt: Millis = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let timerAt: Millis = Infinity;
/** The worker waits for its sockets itself: no timer need be set. */
let isPolling = false;

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "prepare") void prepare();
  else if (data.type === "start") {
    start(data).catch((error: unknown) => {
      post({ type: "unable", reason: error instanceof Error ? error.message : String(error) });
    });
  } else if (plane) command(plane, data);
  else early.push(data);
};

/** What takes time and needs no ports; a failure is the start's to tell. */
function prepare(): Promise<Prepared> {
  prepared ??= loadCodecs(openSystemOpus()).then((codecs) => {
    choosePacketCipher(openSystemCipher() ?? nodeCipher);
    return {
      codecs,
      certificate: createCertificate(systemRandom),
      poll: DatagramPoll.open(now),
    };
  });
  prepared.catch(() => {});
  return prepared;
}

async function start(options: WorkerOptions): Promise<void> {
  const { codecs, certificate, poll } = await prepare();
  const sockets = await openPatiently(options, poll);
  plane = new MediaPlane({
    random: systemRandom,
    codecs,
    certificate,
    sockets,
    silenceMs: options.silenceMs,
    ...soundsOf(options),
  });
  loadDueAt = now() + LOAD_INTERVAL_MS;
  beatDueAt = now();
  isPolling = poll !== undefined;
  post({ type: "ready", webrtcPort: sockets.webrtcPort });
  // It beats before it does anything: who is caught in its first command is noticed too.
  settle(now());
  for (const waiting of early.splice(0)) command(plane, waiting);
  if (poll) setImmediate(turn, poll);
}

/** A worker that died may hold its port for a moment longer than it lives. */
async function openPatiently(
  options: WorkerOptions,
  poll: DatagramPoll | undefined,
): Promise<MediaSockets> {
  const { bindAddresses, advertisedAddress, webrtcPort, rtpPorts, portPatienceMs = 0 } = options;
  const pairs = new PortPool(rtpPorts, systemRandom);
  const untilAt = now() + portPatienceMs;
  for (;;) {
    try {
      return openMediaSockets({
        bindAddresses,
        ...(advertisedAddress === undefined ? {} : { advertisedAddress }),
        webrtcPort,
        pairs,
        poll,
        now,
        receiveWebRtc: (datagram, source, via, at) =>
          plane?.receiveWebRtc(datagram, source, via, at),
        after: settle,
      });
    } catch (error) {
      if (now() >= untilAt) throw error;
      await Bun.sleep(PORT_RETRY_MS);
    }
  }
}

/**
 * Where the worker waits for its sockets itself: for whatever comes first, a datagram, what is due,
 * or work of the event loop's (commands), which then has its turn, and now and then without asking.
 */
function turn(poll: DatagramPoll): void {
  const untilAt = now() + LOOP_INTERVAL_MS;
  let isLoopDue = false;
  while (!isLoopDue) {
    isLoopDue = poll.wait(Math.max(0, Math.ceil(Math.min(timerAt, untilAt) - now())));
    const startedAt = now();
    poll.receiveAll();
    if (startedAt >= timerAt) fire(startedAt);
    else settle(startedAt);
    isLoopDue ||= startedAt >= untilAt;
  }
  setImmediate(turn, poll);
}

function soundsOf({ soundsDirectory: directory }: WorkerOptions) {
  if (directory === undefined) return {};
  const files = new SoundFiles({
    directory,
    now,
    convert: (bytes) => {
      const parsed = readWavSound(bytes);
      if (!parsed.ok) throw new Error(parsed.reason);
      return parsed.sound.convert();
    },
    play: (samples) => new Recording(samples),
    unplayable: (file, reason) => post({ type: "unplayable", file, reason }),
  });
  void files.prepare();
  return { openSound: files.open.bind(files) };
}

function command(to: MediaPlane, received: Command): void {
  const startedAt = now();
  const reply = to.handle(received, startedAt);
  if (reply) post(reply);
  settle(startedAt);
}

/**
 * After each input: notices go out, the timer is set anew, the time spent is counted. Whoever has
 * much to do says as often as whoever has nothing that it is alive.
 */
function settle(startedAt: Millis): void {
  if (!plane) return;
  for (const notice of plane.takeNotices()) post(notice);
  if (startedAt >= beatDueAt) {
    post({ type: "beat" });
    beatDueAt = startedAt + BEAT_INTERVAL_MS;
  }
  const next = Math.min(plane.deadline() ?? Infinity, beatDueAt);
  if (next < timerAt) arm(next);
  busyMs += now() - startedAt;
}

function arm(at: Millis): void {
  timerAt = at;
  if (isPolling) return;
  clearTimeout(timer);
  timer = setTimeout(() => fire(now()), Math.max(0, Math.ceil(at - now())));
}

/** Set anew each time from the clock, so that it never drifts; early is as good as late. */
function fire(startedAt: Millis): void {
  lateMs = Math.max(lateMs, startedAt - timerAt);
  timerAt = Infinity;
  plane?.timeout(startedAt);
  if (plane && startedAt >= loadDueAt) {
    const intervalMs = LOAD_INTERVAL_MS + startedAt - loadDueAt;
    const busy = Math.min(1, busyMs / intervalMs);
    post({ type: "load", sessions: plane.sessionCount, legs: plane.legCount, busy, lateMs });
    plane.isEconomical = ladder.measured({ busy, lateMs }) !== "normal";
    busyMs = 0;
    lateMs = 0;
    loadDueAt = startedAt + LOAD_INTERVAL_MS;
  }
  settle(startedAt);
}
