/**
 * Program 1, the composition root: everything real is made here and handed in.
 *
 *   options → database → B2BUA in its runtime → media workers → SIP sockets → HTTP (admin and
 *   softphones) → the configuration, which starts it all
 */
import { B2bua } from "./b2bua/b2bua.ts";
import { monotonicNow, wallClockAt } from "./io/clock.ts";
import { readCommandLine } from "./io/command-line.ts";
import { openHttp } from "./io/http.ts";
import { type Log, openLog } from "./io/log.ts";
import { startMediaWorkers } from "./io/media-workers.ts";
import { localAddresses } from "./io/network.ts";
import { systemRandom } from "./io/random.ts";
import { Runtime } from "./io/runtime.ts";
import { openSip } from "./io/sip-transports.ts";
import { sipWebSocket } from "./io/sip-websocket.ts";
import { type GatewayOptions, OperatorError, shareOfPorts } from "./options.ts";
import { openStore } from "./store.ts";
import { VERSION } from "./version.ts";

/** A media leg silent for this long ends its call (RFC 3550 §6.3.5 leaves the time to us). */
const MEDIA_SILENCE_MS = 30_000;
const DRAIN_POLL_MS = 200;

async function serve(options: GatewayOptions): Promise<void> {
  const log = await openLog(options.logLevel);
  const store = await openStore(options, log);
  const b2bua = new B2bua({ random: systemRandom, wallClock: wallClockAt });
  const runtime = new Runtime(b2bua, log);
  const addresses = localAddresses(options);

  const workers = await startMediaWorkers({
    count: options.workers,
    spawn: () => new Worker(new URL("./media/worker.ts", import.meta.url)),
    optionsOf: (index) => ({
      type: "start",
      bindAddresses: [addresses.media],
      ...(addresses.advertised === undefined ? {} : { advertisedAddress: addresses.advertised }),
      webrtcPort: options.webrtcPort === 0 ? 0 : options.webrtcPort + index,
      rtpPorts: shareOfPorts(options.rtpPorts, index, options.workers),
      silenceMs: MEDIA_SILENCE_MS,
    }),
    feed: runtime.feed,
    log,
  }).catch((error: Error) => {
    const where = `${addresses.media}:${options.webrtcPort}`;
    throw new OperatorError(
      `the media ports can't be opened (${error.message}): is ${where}/udp taken, or the address ` +
        "not one of this machine's? See --media and --webrtc-port",
    );
  });
  const sip = await openSip(options.sip, addresses.hostFor, runtime.feed);
  const { origins } = options;
  const sockets = sipWebSocket({ origins, secure: options.tls !== undefined, feed: runtime.feed });
  const admin = store.openAdmin({
    status: () => ({ ...runtime.status(), workers: workers.statuses }),
    subscribe: (listener) => runtime.subscribe(listener),
    hangUp: (call) => runtime.feed({ type: "hangUp", call }),
    apply: (config) => runtime.feed({ type: "configured", config }),
  });
  const http = openHttp(options, sockets, admin);

  runtime.start({
    send: (flow, bytes) => sockets.send(flow, bytes) || sip.send(flow, bytes),
    open: (flow, target) => sip.open(flow, target),
    close: (flow, reason) => sockets.close(flow, reason) || sip.close(flow, reason),
    media: (command) => workers.command(command),
    record: (record) => store.record(record),
  });
  runtime.feed({ type: "configured", config: await store.config() });

  log("info", "started", { version: VERSION, http: http.url, sip: sip.description });
  process.stdout.write(await store.welcome(http.url));
  stopOnSignal(options, runtime, log, async () => {
    await http.stop();
    sip.stop();
    workers.stop();
    runtime.stop();
    await store.close();
  });
}

/** SIGTERM or SIGINT drains: calls end by themselves or at the timeout; a second signal hurries. */
function stopOnSignal(
  options: GatewayOptions,
  runtime: Runtime,
  log: Log,
  stop: () => Promise<void>,
): void {
  let endBy: number | undefined;
  const isDone = () => {
    const { alive, calls, connections } = runtime.status();
    const withdrawing = connections.some((it) => it.registration === "unregistering");
    return calls.length === 0 && !withdrawing && alive["registrationTransactions"] === 0;
  };
  const poll = async () => {
    const late = monotonicNow() >= (endBy ?? 0);
    if (late)
      for (const call of runtime.status().calls) runtime.feed({ type: "hangUp", call: call.id });
    const overdue = monotonicNow() >= (endBy ?? 0) + 2_000;
    if (!isDone() && !overdue) {
      setTimeout(poll, DRAIN_POLL_MS);
      return;
    }
    await stop();
    log("info", "stopped");
    process.exit(0);
  };
  const onSignal = () => {
    const isFirst = endBy === undefined;
    endBy = isFirst ? monotonicNow() + options.drainTimeoutSeconds * 1_000 : monotonicNow();
    if (!isFirst) return;
    log("info", "draining", { calls: runtime.status().calls.length });
    runtime.feed({ type: "drain" });
    void poll();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}

async function main(): Promise<void> {
  const commandLine = readCommandLine(process.argv.slice(2));
  if (commandLine.command === "version") process.stdout.write(`${VERSION}\n`);
  if (commandLine.command === "serve") await serve(commandLine.options);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof OperatorError)) throw error;
  process.stderr.write(`jackfield: ${error.message}\n`);
  process.exit(2);
}
