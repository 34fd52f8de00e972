/**
 * A load generator: a process with both ends of many calls, softphones and a PBX, so that one clock
 * measures what goes through. The bench starts it and tells it what to do; see protocol.ts.
 */
import { systemRandom } from "../../gateway/io/random.ts";
import { createCertificate } from "../../gateway/media/dtls/certificate.ts";
import { churn } from "./churn.ts";
import { codecNamed, type LoadCodec } from "./codecs.ts";
import { GeneratorWatch } from "./generator-watch.ts";
import { HUM_DBOV, humOf } from "./humming.ts";
import { LoadCall } from "./load-call.ts";
import { Pacer } from "./pacer.ts";
import type { Path, PathDescription } from "./path.ts";
import type {
  CallOutcome,
  Disturbance,
  FromGenerator,
  LoadPlan,
  Refusal,
  ToGenerator,
} from "./protocol.ts";
import { RtpenginePath } from "./rtpengine-path.ts";
import { SipPath } from "./sip-path.ts";
import { fingerprintOf, SpeechLoops, VOICES } from "./speech-loop.ts";

const SUSPECTS_MAX = 20;

const tell = (message: FromGenerator) => process.send?.(message);
const loops = await SpeechLoops.load();
const certificate = createCertificate(systemRandom);
/** Something to hear, and too little to be taken for a key: Hz and dBov. */
const MURMUR = [300, -45] as const;
let current: Path | undefined;
let released = Promise.withResolvers<void>();

process.on("message", (message: ToGenerator) => {
  if (message.type === "release") released.resolve();
  else if (message.type === "disturb") void disturb(message.disturbance);
  else void run(message.plan).then(tell, (error) => tell({ type: "failed", reason: `${error}` }));
});
// Without the bench there is nobody to tell, whatever ended it.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(1), 1_000).unref();
tell({ type: "ready" });

async function run(plan: LoadPlan): Promise<FromGenerator> {
  released = Promise.withResolvers<void>();
  const softphoneCodec = required(plan.softphoneCodec);
  const pbxCodec = required(plan.pbxCodec);
  // Before the first call, so that no set-up waits for it.
  for (let index = 0; index < Math.min(plan.calls, 2 * VOICES); index++) {
    speaker(plan, index, "softphone", softphoneCodec);
    speaker(plan, index, "pbx", pbxCodec);
  }
  const path = await openPath(plan.path, plan.calls);
  current = path;
  const pacer = new Pacer();
  const begin = (index: number) => open(path, pacer, plan, index, { softphoneCodec, pbxCodec });
  if (plan.churnHoldMs !== undefined) {
    return churn(plan, plan.churnHoldMs, { path, pacer, begin, tell, codecs: loops.codecs });
  }
  const calls: LoadCall[] = [];
  const refused: Refusal[] = [];
  try {
    pacer.start();
    await rampUp(plan, async (index) => {
      const beganAt = Date.now();
      try {
        calls.push(await begin(index));
      } catch (error) {
        const reason = `call ${index}: ${error instanceof Error ? error.message : error}`;
        refused.push({ beganAt, endedAt: Date.now(), reason });
      }
      tell({ type: "progress", established: calls.length, failed: refused.length });
    });
    const report = await hold(plan, calls, pacer, path);
    await released.promise;
    tell({ type: "stage", stage: "hanging up" });
    await Promise.all(calls.map((call) => call.hangUp()));
    tell({ type: "stage", stage: "listening to what was heard" });
    const outcomes = listen(calls, plan).map((outcome, at): CallOutcome => {
      const call = calls[at];
      const keys = plan.keys && call?.keysHeard(loops.codecs);
      const silence = plan.voice === "hum" ? call?.silences(loops.codecs) : undefined;
      return { ...outcome, ...(keys ? { keys } : {}), ...(silence ? { silence } : {}) };
    });
    return { type: "result", calls: outcomes, refused, report };
  } finally {
    pacer.stop();
    for (const call of calls) call.close();
    path.close();
  }
}

async function openPath(description: PathDescription, calls: number): Promise<Path> {
  if (description.kind === "sip") return SipPath.open(description, calls);
  return RtpenginePath.open(description);
}

/** Begins a call every so often, whether earlier ones are up or not. */
async function rampUp(plan: LoadPlan, begin: (index: number) => Promise<void>): Promise<void> {
  const started = performance.now();
  const begun: Promise<void>[] = [];
  for (let index = 0; index < plan.calls; index++) {
    const due = started + (index * 1_000) / plan.ramp;
    await Bun.sleep(Math.max(0, due - performance.now()));
    begun.push(begin(index));
  }
  await Promise.all(begun);
}

async function open(
  path: Path,
  pacer: Pacer,
  plan: LoadPlan,
  index: number,
  { softphoneCodec, pbxCodec }: { softphoneCodec: LoadCodec; pbxCodec: LoadCodec },
): Promise<LoadCall> {
  const { impair, keys } = plan;
  return LoadCall.open({
    path,
    pacer,
    index,
    certificate,
    impair,
    address: plan.path.kind === "sip" ? plan.path.address : "127.0.0.1",
    isSealed: plan.path.kind === "sip" && plan.path.isSealed === true,
    keys: keys && { plan: keys, codecs: loops.codecs },
    softphone: speaker(plan, index, "softphone", softphoneCodec),
    pbx: speaker(plan, index, "pbx", pbxCodec),
  });
}

/** What one end of call `index` says. */
function speaker(
  { voice = "speech", calls }: LoadPlan,
  index: number,
  side: "softphone" | "pbx",
  codec: LoadCodec,
) {
  const at = fingerprintOf(index, calls, side);
  if (voice === "speech") return { codec, at, loop: loops.of(at.voice, codec) };
  const [hertz, level] = voice === "hum" ? [humOf(index, side), HUM_DBOV] : MURMUR;
  return { codec, at: { voice: 0, start: 0 }, loop: loops.hum(hertz, level, codec) };
}

async function disturb(disturbance: Disturbance): Promise<void> {
  const path = current;
  if (!(path instanceof SipPath)) return;
  if (disturbance.kind === "reconnect") await path.reconnect();
  else {
    path.isPbxSilent = true;
    await Bun.sleep(disturbance.forMs);
    path.isPbxSilent = false;
  }
}

async function hold(plan: LoadPlan, calls: readonly LoadCall[], pacer: Pacer, path: Path) {
  // The last call's first packets still settle.
  await Bun.sleep(500);
  for (const call of calls) call.listen();
  const watch = new GeneratorWatch(pacer, path);
  tell({ type: "steady" });
  await Bun.sleep(plan.seconds * 1_000);
  tell({ type: "held" });
  for (const call of calls) call.stopListening();
  return watch.report(calls);
}

/** Listens to `count` of the calls, evenly spread. */
function listen(calls: readonly LoadCall[], { listen: count }: LoadPlan): CallOutcome[] {
  const step = Math.max(1, calls.length / Math.max(1, count));
  const chosen = new Set(Array.from({ length: count }, (_, at) => Math.floor(at * step)));
  // Whose audio a call has instead takes long to find out, so only of the first that is wrong.
  let others = calls.slice(0, SUSPECTS_MAX);
  return calls.map((call, at) => {
    if (!chosen.has(at)) return call.counted();
    const outcome = call.judge(loops.codecs, others);
    if (outcome.softphone?.fault || outcome.pbx?.fault) others = [];
    return outcome;
  });
}

function required(name: string): LoadCodec {
  const codec = codecNamed(name);
  if (!codec) throw new Error(`no codec is called ${name}`);
  return codec;
}
