/**
 * Program 1, the composition root: everything real is made here and handed in.
 *
 *   options → database → B2BUA in its runtime → media workers → SIP sockets → HTTP (admin and
 *   softphones) → the configuration, which starts it all
 */
import { join } from "node:path";
import type { GatewayFace } from "../admin/services.ts";
import type { Config } from "../schema/config.ts";
import { B2bua } from "./b2bua/b2bua.ts";
import { ConnectionTest } from "./b2bua/connection-test.ts";
import { targetOf } from "./b2bua/identity.ts";
import { run } from "./commands.ts";
import { monotonicNow, wallClockAt } from "./io/clock.ts";
import { readCommandLine } from "./io/command-line.ts";
import { probe } from "./io/connection-probe.ts";
import { openWeb, type Web } from "./io/http.ts";
import { portAdvice } from "./io/local-ports.ts";
import { type Log, openLog } from "./io/log.ts";
import { startMediaWorkers } from "./io/media-workers.ts";
import { networkStatus, OwnAddresses } from "./io/network.ts";
import { openOwnTls } from "./io/own-tls.ts";
import { systemRandom } from "./io/random.ts";
import { Resolver, systemDns } from "./io/resolver.ts";
import { type Ports, Runtime } from "./io/runtime.ts";
import { openSip, type SipTransports } from "./io/sip-transports.ts";
import { type SipWebSocket, sipWebSocket } from "./io/sip-websocket.ts";
import { askStun } from "./io/stun-client.ts";
import { type GatewayOptions, OperatorError, shareOfPorts } from "./options.ts";
import { randomFraction } from "./random.ts";
import { type OpenedStore, openStore } from "./store.ts";
import { openTestCalls } from "./test-calls.ts";
import { VERSION } from "./version.ts";

/** A media leg silent for this long ends its call (RFC 3550 §6.3.5 leaves the time to us). */
const MEDIA_SILENCE_MS = 30_000;
const DRAIN_POLL_MS = 200;
/** How often the external address is asked for. */
const OUTSIDE_MS = 60_000;
/** How soon a change made by another process is taken over. */
const FOLLOW_MS = 5_000;

const chance = () => randomFraction(systemRandom);

async function serve(options: GatewayOptions): Promise<void> {
  const log = await begunLog(options);
  const store = await openStore(options, log);
  const b2bua = new B2bua({ random: systemRandom, wallClock: wallClockAt, places: store.places });
  const runtime = new Runtime(b2bua, log);
  const addresses = new OwnAddresses(options);
  const seenBy = () => runtime.status().connections.flatMap(({ seenAs }) => seenAs ?? []);
  const watching = await watchOutside(addresses, seenBy, await store.config(), log);

  const workers = await openMedia(options, addresses, runtime, log);
  const tls = openOwnTls({ options, now: Date.now, log, changed: runtime.changed });
  const tellPort = portTeller(log, runtime);
  const resolver = resolverOf(options);
  const sip = await openSip({
    at: options.sip,
    tls: { ...options.sipTls, certificates: tls.certificates, tell: tellPort },
    ...{ localHostFor: addresses.hostFor, feed: runtime.feed, resolver },
  });
  const sockets = sipWebSocket({ origins: options.origins, feed: runtime.feed });
  const following = followConfig(store, (config) => {
    addresses.configure(config.settings ?? {});
    tls.configure(config.settings ?? {});
    sip.interfaces.configure(config.settings ?? {});
    runtime.feed({ type: "configured", config: tests.shown(config) });
  });
  const tests = openTestCalls({
    ...{ feed: runtime.feed, address: addresses.media, resolver },
    ...{ config: following.last, retake: following.retake },
  });
  let web: Web | undefined;
  const tlsStatus = () => {
    const problem = web?.problem ?? sip.tlsProblem;
    return { ...(problem === undefined ? {} : { certificateProblem: problem }), ...tls.status() };
  };
  const admin = await store.openAdmin({
    status: () => ({
      ...runtime.status(),
      workers: workers.statuses,
      ...tlsStatus(),
      network: networkStatus(options, addresses, { sip, https: web?.httpsPort }),
    }),
    subscribe: (listener) => runtime.subscribe(listener),
    ...commandsTo(runtime),
    explain: (user, number, past) => b2bua.explain(user, number, past ?? monotonicNow()),
    test: testerOf(options, sip, addresses),
    ...{ testCall: tests.call, awaitCall: tests.wait },
    calls: b2bua.archive,
    apply: following.apply,
  });
  web = openWeb({ ...options, tls, sockets, fetch: admin, tell: tellPort });

  runtime.start({
    ...flowsOf([tests.phone, sockets], sip),
    media: (command) => workers.command(command),
    record: (record) => {
      tests.ended(record);
      store.record(record);
    },
    stands: (call) => {
      tests.saw(call.call);
      store.stands(call);
    },
  });
  following.apply(await store.config());
  // R2: after the configuration, which says where their PBXs are.
  runtime.feed({ type: "abandoned", dialogs: store.abandoned.flatMap((it) => it.dialogs) });

  log("info", "started", { version: VERSION, http: web.url, sip: sip.description });
  process.stdout.write(await store.welcome(web.url));
  stopOnSignal(options, runtime, log, async () => {
    following.stop();
    watching();
    sockets.closeAll();
    await web?.stop();
    sip.stop();
    tls.stop();
    workers.stop();
    runtime.stop();
    await store.close();
  });
}

function openMedia(options: GatewayOptions, addresses: OwnAddresses, { feed }: Runtime, log: Log) {
  return startMediaWorkers({
    count: options.workers,
    spawn: () => new Worker(new URL("./media/worker.ts", import.meta.url)),
    optionsOf: (index) => ({
      type: "start",
      bindAddresses: [addresses.media],
      ...(addresses.advertised === undefined ? {} : { advertisedAddress: addresses.advertised }),
      webrtcPort: options.webrtcPort === 0 ? 0 : options.webrtcPort + index,
      rtpPorts: shareOfPorts(options.rtpPorts, index, options.workers),
      silenceMs: MEDIA_SILENCE_MS,
      soundsDirectory: join(options.data, "sounds"),
    }),
    feed,
    log,
  }).catch((error: Error) => {
    throw mediaPortsTaken(`${addresses.media}:${options.webrtcPort}`, error);
  });
}

/** Of a port that can't be opened for TLS: in the log, and on the page. */
function portTeller(log: Log, { changed }: Runtime): (reason: string) => void {
  return (reason) => {
    log("warning", "tls-port", { reason });
    changed();
  };
}

/** A flow is a softphone's, or it is SIP's own. */
function flowsOf(
  phones: readonly Pick<SipWebSocket, "send" | "close">[],
  sip: SipTransports,
): Pick<Ports, "send" | "open" | "close"> {
  return {
    send: (flow, bytes) => phones.some((it) => it.send(flow, bytes)) || sip.send(flow, bytes),
    open: (flow, target, instead) => sip.open(flow, target, instead),
    close: (flow, reason, unanswered) =>
      phones.some((it) => it.close(flow, reason)) || sip.close(flow, reason, unanswered),
  };
}

function resolverOf({ testLoopback: allowsLoopback }: GatewayOptions): Resolver {
  return new Resolver({ dns: systemDns, now: monotonicNow, chance, allowsLoopback });
}

/** With what is worth knowing before the first call. */
async function begunLog({ logLevel, rtpPorts }: GatewayOptions): Promise<Log> {
  const log = await openLog(logLevel);
  for (const advice of portAdvice(rtpPorts)) log("warning", "rtp-ports", { advice });
  return log;
}

/** What the admin may tell the gateway to do. */
function commandsTo(runtime: Runtime): Pick<GatewayFace, "hangUp" | "transfer" | "unban"> {
  return {
    hangUp: (call) => runtime.feed({ type: "hangUp", call }),
    transfer: (call, whom) => runtime.feed({ type: "transfer", call, ...whom }),
    unban: (source) => runtime.feed({ type: "unban", source }),
  };
}

function mediaPortsTaken(where: string, { message }: Error): OperatorError {
  return new OperatorError(
    `the media ports can't be opened (${message}): is ${where}/udp taken, or the address ` +
      "not one of this machine's? See --media and --webrtc-port",
  );
}

/** The newest configuration, also where another process changed it: `import` from the console. */
function followConfig(store: OpenedStore, take: (config: Config) => void) {
  let revision = -1;
  let last: Config | undefined;
  // Two saves may come back in another order than they were written.
  const apply = (config: Config) => {
    if (config.revision < revision) return;
    revision = config.revision;
    last = config;
    take(config);
  };
  const follow = async () => {
    try {
      if ((await store.revision()) > revision) apply(await store.config());
    } catch {
      // Another program holds the database, or the disk is full: the next look finds the same.
    }
  };
  const timer = setInterval(() => void follow(), FOLLOW_MS).unref();
  return {
    apply,
    last: () => last,
    /** The same once more: something besides it has changed. */
    retake: () => last && take(last),
    stop: () => clearInterval(timer),
  };
}

/** Test connection, each with a machine and a socket of its own. */
function testerOf(
  { testLoopback: allowsLoopback }: GatewayOptions,
  { interfaces }: SipTransports,
  { hostFor: localHostFor }: OwnAddresses,
): GatewayFace["test"] {
  return (connection, doubts, tell, signal) => {
    const random = systemRandom;
    const machine = new ConnectionTest(connection, { random, allowsLoopback, doubts });
    const { host: name, tls = { verify: "strict" } } = targetOf(connection);
    const place = interfaces.placeFor(connection) ?? { localHostFor };
    return probe({ machine, tls, name, dns: systemDns, chance, ...place, tell, signal });
  };
}

/** NAT-02: asked before anything is advertised, and again as long as we run. Returns the way out. */
async function watchOutside(
  addresses: OwnAddresses,
  seenBy: () => readonly string[],
  { settings = {} }: Config,
  log: Log,
): Promise<() => void> {
  addresses.configure(settings);
  const ask = async () => {
    const isAnother = addresses.registeredAs(seenBy());
    const isNews = addresses.seen(await askStun(addresses.stunServers)) || isAnother;
    if (isNews) log("warning", "external-address", { address: addresses.advertised ?? "" });
  };
  await ask();
  const again = () =>
    ask().catch((error: Error) => log("warning", "stun", { reason: error.message }));
  const timer = setInterval(() => void again(), OUTSIDE_MS);
  return () => clearInterval(timer);
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
    await stop().catch((error: Error) => log("error", "stop", { reason: error.message }));
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
  switch (commandLine.command) {
    case "none":
      break;
    case "version":
      process.stdout.write(`${VERSION}\n`);
      break;
    case "serve":
      await serve(commandLine.options);
      break;
    default:
      process.exitCode = await run(commandLine);
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof OperatorError)) throw error;
  process.stderr.write(`jackfield: ${error.message}\n`);
  process.exit(2);
}
