/**
 * `npm test`: provides what the tests need of Debian, builds the codecs, runs every test and ends
 * with one line, `N passed, N failed, N skipped`. Arguments are passed on to `bun test`.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Programs the tests talk to, and the Debian package of each. */
const PROGRAMS: Record<string, string> = {
  chromium: "chromium",
  "firefox-esr": "firefox-esr",
  pulseaudio: "pulseaudio",
  baresip: "baresip",
  sipp: "sip-tester",
  kamailio: "kamailio",
  sipsak: "sipsak",
  svmap: "sipvicious",
  openssl: "openssl",
  rtpengine: "rtpengine-daemon",
  "gnutls-serv": "gnutls-bin",
  zzuf: "zzuf",
  strace: "strace",
  faketime: "faketime",
  tshark: "tshark",
  cc: "gcc",
  sox: "sox",
  "espeak-ng": "espeak-ng",
  ip: "iproute2",
};

/** Headers of libraries that tests compile against, and the Debian package of each. */
const HEADERS: Record<string, string> = {
  "/usr/include/spandsp.h": "libspandsp-dev",
  "/usr/include/mbedtls/ssl.h": "libmbedtls-dev",
};

const root = join(import.meta.dir, "..");
const output = join(root, "test", "output");

/** What is missing, and the package it is in. */
function missingParts(): [name: string, package_: string][] {
  return [
    ...Object.entries(PROGRAMS).filter(([program]) => Bun.which(program) === null),
    ...Object.entries(HEADERS).filter(([header]) => !existsSync(header)),
  ];
}

/** Installs what is missing where that is possible; what stays missing is named. */
function provideParts(): void {
  const missing = missingParts();
  if (missing.length === 0) return;
  const canInstall = Bun.which("apt-get") !== null && process.getuid?.() === 0;
  if (canInstall) {
    const packages = missing.map(([, name]) => name);
    console.log(`installing ${packages.join(", ")} from Debian`);
    run(["apt-get", "update", "-q"]);
    run(["apt-get", "install", "-y", "-q", "--no-install-recommends", ...packages]);
  }
  for (const [name] of missingParts()) {
    console.log(`${name} is not installed: the tests that need it count as skipped`);
  }
}

function run(command: string[]): number {
  const { exitCode } = Bun.spawnSync(command, {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  return exitCode;
}

/** Of one failure's reason: what a whole log holds would hide the others. */
const FAILURE_CHARACTERS_MAX = 4_000;

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** Reads the counts off the root element of bun's JUnit report. */
function tallyOf(report: string): Tally {
  const opening = /<testsuites\b[^>]*>/.exec(report)?.[0] ?? "";
  const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(opening)?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  const skipped = count("skipped");
  return { passed: count("tests") - failed - skipped, failed, skipped };
}

/** Each failed test and why, out of the same report: at the end, where a long run is looked at first. */
function failuresIn(report: string): string[] {
  const failed =
    /<testcase name="([^"]*)"[^>]*file="([^"]*)"[^>]*>\s*<(?:failure|error)[^>]*?(?:\/>|>([^<]*)<)/g;
  return [...report.matchAll(failed)].map(([, name = "", file = "", why = ""]) =>
    unescaped(`(fail) ${file}: ${name}\n${why}`.slice(0, FAILURE_CHARACTERS_MAX)),
  );
}

function unescaped(text: string): string {
  const named = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" } as Record<string, string>;
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code?: string, name = "") =>
    code === undefined ? (named[name] ?? whole) : String.fromCodePoint(Number(code)),
  );
}

provideParts();
mkdirSync(output, { recursive: true });
const bun = process.execPath;
if (run([bun, "media-wasm/build.ts"]) !== 0) {
  console.log("the codecs could not be built\n0 passed, 1 failed");
  process.exit(1);
}
const report = join(output, "junit.xml");
const { exitCode } = Bun.spawnSync(
  [
    bun,
    "test",
    "--timeout=120000",
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
);
const found = readFileSync(report, "utf8");
for (const failure of failuresIn(found)) console.log(failure);
const tally = tallyOf(found);
// A crash of the runner itself leaves no failed test behind; it is one.
if (exitCode !== 0 && tally.failed === 0) tally.failed = 1;
const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : "";
console.log(`${tally.passed} passed, ${tally.failed} failed${skipped}`);
process.exit(tally.failed === 0 ? 0 : 1);
