/**
 * Program 2: one media worker. It gives the media plane what is real (UDP sockets, the clock, the
 * system's generator, codecs in WebAssembly, a certificate for DTLS) and speaks protocol.ts with
 * the main thread. Ended by the main thread's `terminate`, which closes its sockets with it.
 */
import { loadCodecs } from "../../media-wasm/codec.ts";
import { openMediaSockets } from "../io/media-sockets.ts";
import { systemRandom } from "../io/random.ts";
import type { Millis } from "../machine.ts";
import { createCertificate } from "./dtls/certificate.ts";
import { MediaPlane } from "./media-plane.ts";
import { PortPool } from "./port-pool.ts";
import type { Command, FromWorker, ToWorker, WorkerOptions } from "./protocol.ts";

declare const self: Worker;

const LOAD_INTERVAL_MS = 1_000;

const now = (): Millis => performance.now();
const post = (message: FromWorker): void => self.postMessage(message);

let plane: MediaPlane | undefined;
/** Commands that came while the codecs were being loaded. */
const early: Command[] = [];

/** Milliseconds of work since the last load notice. */
let busyMs = 0;
let loadDueAt: Millis = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let timerAt: Millis = Infinity;

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "start") {
    start(data).catch((error: unknown) => {
      post({ type: "unable", reason: error instanceof Error ? error.message : String(error) });
    });
  } else if (plane) command(plane, data);
  else early.push(data);
};

async function start(options: WorkerOptions): Promise<void> {
  const codecs = await loadCodecs();
  const sockets = openMediaSockets({
    bindAddresses: options.bindAddresses,
    ...(options.advertisedAddress === undefined
      ? {}
      : { advertisedAddress: options.advertisedAddress }),
    webrtcPort: options.webrtcPort,
    pairs: new PortPool(options.rtpPorts, systemRandom),
    now,
    receiveWebRtc: (datagram, source, via) => {
      const startedAt = now();
      plane?.receiveWebRtc(datagram, source, via, startedAt);
      settle(startedAt);
    },
    afterTrunk: settle,
  });
  plane = new MediaPlane({
    random: systemRandom,
    codecs,
    certificate: createCertificate(systemRandom),
    sockets,
    silenceMs: options.silenceMs,
  });
  loadDueAt = now() + LOAD_INTERVAL_MS;
  post({ type: "ready", webrtcPort: sockets.webrtcPort });
  for (const waiting of early.splice(0)) command(plane, waiting);
  settle(now());
}

function command(to: MediaPlane, received: Command): void {
  const startedAt = now();
  const reply = to.handle(received, startedAt);
  if (reply) post(reply);
  settle(startedAt);
}

/** After each input: notices go out, the timer is set anew, the time spent is counted. */
function settle(startedAt: Millis): void {
  if (!plane) return;
  for (const notice of plane.takeNotices()) post(notice);
  const next = Math.min(plane.deadline() ?? Infinity, loadDueAt);
  if (next < timerAt) arm(next);
  busyMs += now() - startedAt;
}

function arm(at: Millis): void {
  clearTimeout(timer);
  timerAt = at;
  timer = setTimeout(fire, Math.max(0, Math.ceil(at - now())));
}

/** Set anew each time from the clock, so that it never drifts; early is as good as late. */
function fire(): void {
  const startedAt = now();
  timerAt = Infinity;
  plane?.timeout(startedAt);
  if (plane && startedAt >= loadDueAt) {
    const intervalMs = LOAD_INTERVAL_MS + startedAt - loadDueAt;
    const busy = Math.min(1, busyMs / intervalMs);
    post({ type: "load", sessions: plane.sessionCount, legs: plane.legCount, busy });
    busyMs = 0;
    loadDueAt = startedAt + LOAD_INTERVAL_MS;
  }
  settle(startedAt);
}
