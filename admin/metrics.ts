/**
 * The state of the gateway in Prometheus' text format (version 0.0.4), OPS-07. The format is a line a
 * value; a library would bring a registry of its own beside the status there already is.
 */
import type { Status } from "../gateway/b2bua/status.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [Labels, number];

export interface MetricsInput {
  readonly status: Status;
  /** Alerts that are the matter. */
  readonly raised: readonly { readonly rule: string; readonly subject: string }[];
  readonly canWrite: boolean;
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
}

export function metricsText(input: MetricsInput): string {
  return [...ofCalls(input), ...ofConnections(input.status), ...ofProcess(input)].join("");
}

function ofCalls({ status: { calls, bindings, workers, droppedMessages, bans } }: MetricsInput) {
  const qualities = calls.flatMap(({ quality = [], direction }) =>
    quality.flatMap(({ party, received, sent }) =>
      present([
        [{ direction, party, audio: "received" }, received?.mos],
        [{ direction, party, audio: "sent" }, sent?.mos],
      ]),
    ),
  );
  const byState = counted(calls, ({ direction, state }) => ({ direction, state }));
  return [
    gauge("calls", "Calls in progress", byState),
    gauge("call_mos", "Lowest estimate of how calls sound (G.107), 1 to 4.5", lowest(qualities)),
    gauge("softphones", "Softphones that are registered", [[{}, bindings.length]]),
    gauge(
      "worker_busy_ratio",
      "Share of a media worker's time that is taken",
      workers.map(({ busy }, index) => [{ worker: String(index) }, busy]),
    ),
    gauge(
      "worker_legs",
      "Media legs of a worker",
      workers.map(({ legs }, index) => [{ worker: String(index) }, legs]),
    ),
    counter("sip_dropped_total", "SIP messages malformed or nobody's", droppedMessages),
    gauge("bans", "Sources that are not listened to", [[{}, bans.length]]),
  ];
}

function ofConnections({ connections }: Status) {
  const registering = connections.filter(
    ({ registration }) => !["not-applicable", "disabled"].includes(registration),
  );
  return [
    gauge(
      "connection_registered",
      "1 where the registration of a connection holds",
      registering.map(({ name, registration }) => [
        { connection: name },
        Number(registration === "registered" || registration === "refreshing"),
      ]),
    ),
    gauge(
      "connection_reachable",
      "1 where a PBX answers OPTIONS, 0 where it is down, 0.5 between",
      present(
        connections.map(({ name, reachability }) => [
          { connection: name },
          REACH[reachability?.state ?? ""],
        ]),
      ),
    ),
    gauge(
      "connection_round_trip_seconds",
      "From OPTIONS to the answer",
      present(
        connections.map(({ name, reachability: { roundTripMs } = {} }) => [
          { connection: name },
          roundTripMs === undefined ? undefined : roundTripMs / 1_000,
        ]),
      ),
    ),
    gauge(
      "connection_calls",
      "Calls over a connection",
      connections.map(({ name, callsNow }) => [{ connection: name }, callsNow]),
    ),
  ];
}

function ofProcess({ status, raised, canWrite, memoryBytes, cpuSeconds }: MetricsInput) {
  return [
    gauge(
      "certificate_days_left",
      "Days until a certificate expires",
      status.certificates.map(({ names, daysLeft }) => [{ name: names[0] ?? "" }, daysLeft]),
    ),
    gauge(
      "alert",
      "What is the matter",
      raised.map(({ rule, subject }) => [{ rule, subject }, 1]),
    ),
    gauge(
      "alive",
      "Protocol machines by kind",
      Object.entries(status.alive).map(([kind, count]) => [{ kind }, count]),
    ),
    gauge("storage_writable", "0 where the database can't be written", [[{}, Number(canWrite)]]),
    gauge("draining", "1 while no new calls are taken", [[{}, Number(status.draining)]]),
    gauge("memory_bytes", "Resident memory of the process", [[{}, memoryBytes]]),
    counter("cpu_seconds_total", "Processor time of the process", cpuSeconds),
  ];
}

function present(samples: readonly (readonly [Labels, number | undefined])[]): Sample[] {
  return samples.filter((it): it is Sample => it[1] !== undefined);
}

const REACH: Readonly<Record<string, number>> = { ok: 1, degraded: 0.5, down: 0 };

function gauge(name: string, help: string, samples: readonly Sample[]): string {
  return family(name, "gauge", help, samples);
}

function counter(name: string, help: string, value: number): string {
  return family(name, "counter", help, [[{}, value]]);
}

function family(name: string, type: string, help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return "";
  const full = `jackfield_${name}`;
  const lines = samples.map(([labels, value]) => `${full}${labelText(labels)} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** Names are people's: no quote or line break of theirs ends a label (W12). */
function escaped(value: string): string {
  return value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "");
}

function counted<Item>(items: readonly Item[], labelsOf: (item: Item) => Labels): Sample[] {
  const groups = Map.groupBy(items, (item) => JSON.stringify(labelsOf(item)));
  return [...groups].map(([labels, group]) => [JSON.parse(labels) as Labels, group.length]);
}

function lowest(samples: readonly Sample[]): Sample[] {
  const groups = Map.groupBy(samples, ([labels]) => JSON.stringify(labels));
  return [...groups].map(([labels, group]) => [
    JSON.parse(labels) as Labels,
    Math.min(...group.map(([, value]) => value)),
  ]);
}
