/** The bench's longer tools, each in its smallest size: the limit, the estate, the profile, TLS. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BENCH_MS, bench, goodReport } from "../rigs/bench.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { hasOpenssl, makeCertificate } from "../rigs/openssl.ts";

test(
  "calls --find-limit: doubles while it sounds good, and says what it tried",
  async () => {
    const size = ["--calls=5", "--seconds=2", "--warm-up=0", "--ramp=5"];
    const limit = await goodReport("calls", "--find-limit", ...size);
    expect(limit.out).toMatch(/jackfield: (?:[1-4] calls with good audio; with [2-5]: \S|5 calls)/);
    const most = limit.value("callsMost") ?? 0;
    expect(limit.out).toContain(`jackfield: ${most} calls with good audio`);
    const [steps] = limit.report.sections;
    if (steps?.kind !== "table") throw new Error(limit.out);
    const tried = steps.rows.map((row) => Number(row[1]));
    expect(tried[0], limit.out).toBe(4);
    expect(tried).toContain(most);
    expect(limit.report.targets[0]?.runs[0]?.calls).toBe(most);
  },
  BENCH_MS,
);

test(
  "connections: how many are there, what they take, and how soon all are back",
  async () => {
    const estate = ["--connections=20", "--hosts=4", "--softphones=30", "--per-user=3"];
    const { out, value } = await goodReport("connections", ...estate, "--seconds=5");
    for (const key of ["residentMib", "cpuAtRest", "connectionsBackSeconds"]) {
      expect(value(key), `${key}: ${out}`).toBeGreaterThan(0);
    }
  },
  BENCH_MS,
);

test.skipIf(Bun.which("perf") === null)(
  "profile: every sample lies in a layer, and codecs are among them",
  async () => {
    const size = ["--calls=2", "--seconds=3", "--warm-up=2"];
    const { out, report, value } = await goodReport("profile", ...size);
    for (const layer of ["Opus", "G.722", "SRTP", "UDP in the kernel"]) {
      expect(value(`profile ${layer}`), `${layer}: ${out}`).toBeGreaterThan(0);
    }
    const [flame] = report.sections;
    if (flame?.kind !== "flame") throw new Error(out);
    const whole = flame.layers.reduce((sum, { share }) => sum + share, 0);
    expect(whole).toBeCloseTo(1, 6);
  },
  BENCH_MS,
);

test.skipIf(!hasOpenssl)(
  "a wss:// target: its certificate counts unless --insecure says otherwise",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "bench-tls-"));
    await makeCertificate(directory, "gateway", ["localhost"]);
    const gateway = await GatewayRig.start({
      environment: {
        JACKFIELD_TLS_CERT: join(directory, "gateway.pem"),
        JACKFIELD_TLS_KEY: join(directory, "gateway.key"),
      },
    });
    try {
      expect(gateway.socketUrl).toStartWith("wss://");
      await gateway.api("POST", "/users", { name: "guest", password: "guest-password" });
      await gateway.api("POST", "/connections", {
        name: "bench",
        type: "outbound-trunk",
        host: "127.0.0.1",
        port: 27_463,
        patterns: [{ pattern: "^7\\d{5}$" }],
        allow: ["127.0.0.1"],
        codecs: ["G722"],
      });
      const target = [
        ...[`--target=${gateway.socketUrl}`, "--user=guest", "--password=guest-password"],
        ...["--prefix=7", "--pbx=127.0.0.1:27463"],
      ];
      const size = ["--calls=2", "--seconds=2", "--runs=1", "--warm-up=0"];
      const refused = await bench("calls", ...size, ...target);
      expect(refused.status).not.toBe(0);
      expect(refused.err + refused.out).toMatch(/certificate/i);
      const calls = await goodReport("calls", ...size, ...target, "--insecure");
      expect(calls.report.targets[0]?.runs[0]?.toPbx.correlation, calls.out).toBeGreaterThan(0.9);
    } finally {
      await gateway.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
  BENCH_MS,
);
