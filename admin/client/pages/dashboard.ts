/** The dashboard: figures with their charts, calls, connections, workers, what failed last. */
import type {
  CallRecord,
  CertificateStatus,
  ConnectionStatus,
  Status,
  WorkerStatus,
} from "../../../gateway/b2bua/status.ts";
import { api } from "../api.ts";
import { type ChartOptions, drawChart, Series } from "../chart.ts";
import { badge, byId, h, note, setText } from "../dom.ts";
import { live } from "../live.ts";
import { liveCalls } from "../live-calls.ts";
import { may } from "../role.ts";
import { keyedRows } from "../rows.ts";
import { ago } from "../time.ts";
import { healthOf, soundOf } from "../words.ts";

/** One value every two seconds, ten minutes of them. */
const SAMPLE_MS = 2_000;
const SAMPLES = 300;
const FAILURES = 6;

const calls = liveCalls("calls");
const trunks = keyedRows<ConnectionStatus>({
  id: "trunks",
  key: ({ id }) => String(id),
  cells: (it) => {
    const { tone, word, reason } = healthOf(it);
    return [
      [h("a", { href: `/connections/${it.id}` }, it.name)],
      [badge(tone, word), note(reason)],
      String(it.callsNow),
    ];
  },
});
const failures = keyedRows<CallRecord>({
  id: "failures",
  key: ({ id }) => id,
  cells: (it) => [
    may("operator")
      ? [h("a", { href: `/calls/${encodeURIComponent(it.id)}` }, `${it.caller} → ${it.callee}`)]
      : `${it.caller} → ${it.callee}`,
    [`${it.status} `, note(it.reason)],
    [ago(it.ended)],
  ],
});

const series = {
  calls: new Series(SAMPLES),
  sound: new Series(SAMPLES),
  phones: new Series(SAMPLES),
  load: new Series(SAMPLES),
};

let last: Status | undefined;

/** The mean of what every call sounds like now. */
function meanMos({ calls: now }: Status): number | undefined {
  const scores = now.map(({ quality }) => soundOf(quality)?.mos).filter((it) => it !== undefined);
  if (scores.length === 0) return undefined;
  return scores.reduce((sum, it) => sum + it, 0) / scores.length;
}

function busiest(workers: readonly WorkerStatus[]): number {
  return Math.max(0, ...workers.map(({ busy }) => busy)) * 100;
}

function show(status: Status): void {
  const isFewer = last !== undefined && status.calls.length < last.calls.length;
  last = status;
  calls.show(status.calls);
  trunks.show(status.connections);
  const connected = status.calls.filter(({ state }) => state === "connected").length;
  setText(byId("calls-now-value"), String(status.calls.length));
  setText(byId("calls-now-note"), `${connected} connected`);
  const mos = meanMos(status);
  setText(byId("sound-value"), mos === undefined ? "–" : mos.toFixed(2));
  const bad = status.calls.filter(({ quality }) => soundOf(quality)?.tone === "bad").length;
  setText(byId("sound-note"), bad > 0 ? `${bad} below 3.6` : "of 4.5 at most");
  setText(byId("phones-value"), String(status.bindings.length));
  const users = new Set(status.bindings.map(({ user }) => user)).size;
  setText(byId("phones-note"), `of ${users} ${users === 1 ? "user" : "users"}`);
  setText(byId("load-value"), busiest(status.workers).toFixed(0));
  setText(byId("load-note"), `${status.workers.length} in all`);
  showWorkers(status.workers);
  showCertificates(status.certificates);
  if (isFewer) void loadFailures();
}

function showWorkers(workers: readonly WorkerStatus[]): void {
  const list = byId("worker-list");
  while (list.children.length > workers.length) list.lastElementChild?.remove();
  for (const [index, { busy, sessions, legs }] of workers.entries()) {
    const percent = Math.round(busy * 100);
    const line =
      list.children[index] ??
      list.appendChild(
        h(
          "div",
          { class: "worker" },
          h("span", {}),
          h("meter", { min: 0, max: 100, low: 60, high: 85, optimum: 0, "aria-label": "Busy" }),
          h("span", { class: "soft" }),
        ),
      );
    const [name, meter, detail] = [...line.children];
    if (!name || !(meter instanceof HTMLMeterElement) || !detail) continue;
    setText(name, `Worker ${index + 1}`);
    meter.value = percent;
    const callsHere = `${sessions} ${sessions === 1 ? "call" : "calls"}, ${legs} legs`;
    setText(detail, `${percent} % busy · ${callsHere}`);
  }
}

function showCertificates(certificates: readonly CertificateStatus[]): void {
  const due = certificates.filter(({ isDue }) => isDue);
  const box = byId("certificates");
  box.hidden = due.length === 0;
  setText(box.lastElementChild ?? box, due.map(expiry).join(" "));
}

function expiry({ names, daysLeft }: CertificateStatus): string {
  const name = names[0] ?? "without a name";
  if (daysLeft < 0) return `The gateway's certificate ${name} has expired: browsers refuse it.`;
  return `The gateway's certificate ${name} expires in ${daysLeft} days: renew it.`;
}

function sample(): void {
  if (!last) return;
  series.calls.push(last.calls.length);
  series.sound.push(meanMos(last));
  series.phones.push(last.bindings.length);
  series.load.push(busiest(last.workers));
  draw("calls-now", series.calls, { top: 4, label: "Calls in the last ten minutes" });
  draw("sound", series.sound, { bottom: 1, top: 4.5, rule: 3.6, label: "Mean MOS" });
  draw("phones", series.phones, { top: 4, label: "Softphones in the last ten minutes" });
  draw("load", series.load, { top: 100, rule: 85, label: "Load of the busiest worker" });
}

function draw(id: string, { values }: Series, options: ChartOptions): void {
  const known = values.filter((it) => it !== undefined);
  const now = known.at(-1)?.toFixed(1) ?? "nothing measured";
  drawChart(`${id}-chart`, values, { ...options, label: `${options.label}: now ${now}` });
}

async function loadFailures(): Promise<void> {
  const records = await api<CallRecord[]>("GET", "/call-records?limit=100");
  // 487: the caller hung up before anybody answered; 486: busy. Nothing failed there.
  const failed = records.filter(({ status }) => status >= 400 && status !== 487 && status !== 486);
  failures.show(failed.slice(0, FAILURES));
}

live(show);
void loadFailures();
sample();
setInterval(sample, SAMPLE_MS);
