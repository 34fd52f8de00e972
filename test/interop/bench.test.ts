/** The bench itself, as developers run it: every scenario in its smallest size, and what it found. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DirectionFigures } from "../../bench/load/measure.ts";
import { BENCH_MS, bench, goodReport, report } from "../rigs/bench.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const directory = mkdtempSync(join(tmpdir(), "bench-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test(
  "calls: transcoded and heard; a page, and a budget that was not kept",
  async () => {
    const html = join(directory, "report.html");
    const budget = join(directory, "budget.json");
    writeFileSync(budget, JSON.stringify({ cpu: 0.001, figures: { stoiToPbx: { atLeast: 2 } } }));
    const size = ["--calls=2", "--seconds=3", "--runs=1", "--warm-up=0"];
    const outputs = [`--html=${html}`, `--budget=${budget}`];
    const { out, err, status, report: found } = await report("calls", ...size, ...outputs);
    expect(status).toBe(1);
    expect(err).toContain("over budget: CPU per call-second (cpuMsPerCallSecond) is");
    expect(err).toContain("over budget: intelligibility to PBX (stoiToPbx) is");
    const run = found.targets[0]?.runs[0];
    if (!run) throw new Error(out);
    expect(run.calls, out).toBe(2);
    expect(run.cpu).toBeGreaterThan(0);
    expect(run.threads.some(({ name }) => /^worker \d$/.test(name))).toBe(true);
    expect(run.generator.signallingMs.max).toBeGreaterThan(0);
    const isHeard = ({ correlation, delayMs }: DirectionFigures) => {
      expect(correlation, out).toBeGreaterThan(0.9);
      expect(delayMs.p50).toBeGreaterThan(0);
    };
    isHeard(run.toPbx);
    isHeard(run.toSoftphone);
    expect(found.machine.commit).not.toBe("unknown");
    expect(found.options).toMatchObject({ calls: 2, codec: "opus", pbxCodec: "G722" });
    expect(found.options).not.toHaveProperty("password");
    const page = readFileSync(html, "utf8");
    expect(page).toContain("<svg");
    expect(page).not.toMatch(/(?:src|href)=|@import|url\(/);
  },
  BENCH_MS,
);

test(
  "relay, setup and loss",
  async () => {
    const [relay, setup, loss] = await Promise.all([
      goodReport("relay", "--calls=2", "--seconds=3", "--runs=1", "--warm-up=0"),
      goodReport("setup", "--ramp=2", "--seconds=2", "--runs=1", "--warm-up=0", "--hold=300"),
      goodReport("loss", "--losses=0,30", "--calls=1", "--seconds=3"),
    ]);
    expect(relay.report.targets[0]?.runs[0]?.toPbx.correlation, relay.out).toBeGreaterThan(0.9);
    expect(setup.report.targets[0]?.runs[0]?.calls, setup.out).toBe(4);
    expect(setup.value("cpuMsPerCall")).toBeGreaterThan(0);
    // Of a short call on a busy machine the scores say little; that both were taken does.
    expect(loss.report.figures.map(({ key }) => key)).toEqual([
      ...["stoi 0 % toPbx", "stoi 0 % toSoftphone", "stoi 30 % toPbx", "stoi 30 % toSoftphone"],
    ]);
  },
  BENCH_MS,
);

test(
  "register, dtmf and micro",
  async () => {
    const [register, dtmf, micro] = await Promise.all([
      goodReport("register", "--softphones=12", "--every=1", "--seconds=3"),
      goodReport("dtmf", "--calls=1", "--keys=4", "--softphone=events,info", "--pbx-keys=tones"),
      goodReport("micro", "sip"),
    ]);
    expect(register.report.faults, register.out).toEqual([]);
    expect(register.value("registersPerSecond")).toBeGreaterThan(0);
    expect(register.value("registerP50Ms")).toBeGreaterThan(0);
    for (const way of ["events tones pbx", "events tones softphone", "info tones pbx"]) {
      expect(dtmf.value(`hits ${way}`), dtmf.out).toBe(100);
    }
    expect(micro.report.figures.length).toBe(2);
  },
  BENCH_MS,
);

test(
  "R3: restart, in windows of five seconds; R1: worker-kill, by listening",
  async () => {
    const size = ["--connections=12", "--hosts=3", "--softphones=6", "--seconds=5"];
    const [restart, kill] = await Promise.all([
      goodReport("restart", ...size),
      goodReport("worker-kill", "--calls=2", "--workers=1", "--kills=1", "--seconds=12"),
    ]);
    expect(restart.value("backSeconds"), restart.out).toBeGreaterThan(0);
    const [windows] = restart.report.sections;
    if (windows?.kind !== "lines") throw new Error(restart.out);
    // Each REGISTER is challenged and comes again.
    const perWindow = windows.series[0]?.points.map(([, aSecond]) => 5 * aSecond) ?? [];
    expect(perWindow.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(2 * 12);
    expect(kill.value("callsLost"), kill.out).toBe(0);
    // Nothing is as fast as not to be heard: the new worker's first packet is a while after the old one's last.
    expect(kill.value("gapMaxMs")).toBeGreaterThan(0);
  },
  BENCH_MS,
);

test(
  "S9: flood; R15: soak, with faults by a seed",
  async () => {
    const calls = ["--calls=2", "--seconds=2", "--share=5", "--floods=T1,TCP"];
    const load = ["--seconds=12", "--ramp=1", "--hold=1500", "--warm-up=0", "--listen-every=4"];
    const phones = ["--softphones=12", "--every=1", "--reconnect-every=4"];
    const [flood, soak] = await Promise.all([
      goodReport("flood", ...calls),
      goodReport("soak", ...load, ...phones, "--faults=reconnect", "--fault-every=6", "--seed=3"),
    ]);
    expect(flood.report.targets[0]?.runs[0]?.toPbx.correlation, flood.out).toBeGreaterThan(0.8);
    expect(flood.value("growthMib")).toBeLessThan(50);
    expect(soak.value("faults"), soak.out).toBeGreaterThan(0);
    expect(soak.value("calls")).toBe(12);
    expect(soak.value("callsListened")).toBeGreaterThan(0);
    expect(soak.value("leaks"), soak.out).toBe(0);
    expect(soak.value("refreshes"), soak.out).toBeGreaterThan(50);
    expect(soak.value("reconnects")).toBeGreaterThan(0);
  },
  BENCH_MS,
);

test(
  "any gateway by its URL: calls and signalling, from this machine as its PBX",
  async () => {
    const gateway = await GatewayRig.start();
    try {
      const password = "secret of a gateway";
      await gateway.api("POST", "/users", { name: "guest", password });
      await gateway.api("POST", "/connections", {
        name: "bench",
        type: "outbound-trunk",
        host: "127.0.0.1",
        port: 27_461,
        patterns: [{ pattern: "^7\\d{5}$" }],
        allow: ["127.0.0.1"],
        codecs: ["PCMU"],
      });
      const target = [
        ...[`--target=${gateway.socketUrl}`, "--user=guest", `--password=${password}`],
        ...["--prefix=7", "--pbx=127.0.0.1:27461", `--pid=${gateway.pid}`],
      ];
      const size = ["--calls=2", "--seconds=2", "--runs=1", "--warm-up=0", "--pbx-codec=PCMU"];
      const calls = await goodReport("calls", ...size, ...target);
      expect(calls.report.targets[0]?.runs[0]?.toPbx.correlation, calls.out).toBeGreaterThan(0.9);
      expect(calls.value("cpuMsPerCallSecond")).toBeGreaterThan(0);
      expect(calls.out + JSON.stringify(calls.report)).not.toContain(password);
      const pace = ["--seconds=1", "--runs=1", "--warmup=0", "--phones=2"];
      const signalling = await goodReport("signalling", ...pace, ...target);
      expect(signalling.report.figures.length, signalling.out).toBe(6);
    } finally {
      await gateway.stop();
    }
  },
  BENCH_MS,
);

test("what can't be is said in one sentence, and what there is by --help", async () => {
  const [wrong, unknown, help] = await Promise.all([
    bench("calls", "--calls=many"),
    bench("signalling", "--compare=asterisk"),
    bench("--help"),
  ]);
  expect(wrong.status).not.toBe(0);
  expect(wrong.err).toContain("whole number");
  expect(unknown.status).not.toBe(0);
  expect(unknown.err).toContain("Write kamailio");
  for (const name of [
    ...["calls", "bridge", "relay", "setup", "register", "restart", "connections", "dtmf", "loss"],
    ...["worker-kill", "flood", "soak", "micro", "profile", "signalling"],
  ]) {
    expect(help.out).toContain(`\n  ${name} `);
  }
});
