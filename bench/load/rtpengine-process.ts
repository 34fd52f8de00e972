/**
 * Debian's rtpengine as a process of its own, without its kernel module: everything in userspace, as
 * it runs in a container. `tuned` holds its Opus encoder to complexity 5 and one channel: Debian's
 * build has no setting for that, so a few lines of C stand between it and libopus.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { RtpengineControl } from "./rtpengine-path.ts";

/** OPUS_SET_COMPLEXITY and OPUS_SET_FORCE_CHANNELS of opus_defines.h. */
const TUNING = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
int opus_multistream_encoder_ctl(void *encoder, int request, ...) {
  static int (*real)(void *, int, ...);
  if (!real) real = dlsym(RTLD_NEXT, "opus_multistream_encoder_ctl");
  va_list args;
  va_start(args, request);
  void *value = va_arg(args, void *);
  va_end(args);
  if (request == 4010) {
    real(encoder, 4022, 1);
    return real(encoder, request, 5);
  }
  return real(encoder, request, value);
}
`;

export interface RtpengineOptions {
  readonly tuned?: boolean;
  readonly controlPort: number;
  /** First of 2000 RTP ports. */
  readonly rtpPort: number;
}

export class RtpengineProcess {
  readonly controlPort: number;
  readonly #process: Subprocess<"ignore", "ignore", "pipe">;
  readonly #directory: string;

  private constructor(process: RtpengineProcess["process"], directory: string, port: number) {
    this.#process = process;
    this.#directory = directory;
    this.controlPort = port;
  }

  static isInstalled(): boolean {
    return Bun.which("rtpengine") !== null;
  }

  /** `10.5.3.5-1+deb12u1`. */
  static version(): string {
    const { stderr, stdout } = Bun.spawnSync(["rtpengine", "--version"]);
    return /Version: (\S+)/.exec(`${stdout} ${stderr}`)?.[1] ?? "unknown";
  }

  static async start(options: RtpengineOptions): Promise<RtpengineProcess> {
    const directory = mkdtempSync(join(tmpdir(), "rtpengine-"));
    const child = Bun.spawn(
      [
        ...["rtpengine", "--foreground", "--table=-1", "--interface=127.0.0.1"],
        `--listen-ng=127.0.0.1:${options.controlPort}`,
        ...[`--port-min=${options.rtpPort}`, `--port-max=${options.rtpPort + 1_999}`],
        ...["--log-level=3", "--log-stderr", `--pidfile=${join(directory, "pid")}`],
        ...["--config-file=none", "--delete-delay=0"],
      ],
      {
        cwd: directory,
        stdio: ["ignore", "ignore", "pipe"],
        env: options.tuned
          ? { ...process.env, LD_PRELOAD: buildTuning(directory) }
          : { ...process.env },
      },
    );
    const control = await RtpengineControl.open(options.controlPort);
    try {
      await control.request("ping");
    } catch (error) {
      child.kill();
      throw new Error(`${error}: ${await new Response(child.stderr).text()}`);
    } finally {
      control.close();
    }
    return new RtpengineProcess(child, directory, options.controlPort);
  }

  get process(): Subprocess<"ignore", "ignore", "pipe"> {
    return this.#process;
  }

  get pid(): number {
    return this.#process.pid;
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.exited;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function buildTuning(directory: string): string {
  const library = join(directory, "tuning.so");
  writeFileSync(join(directory, "tuning.c"), TUNING);
  const built = Bun.spawnSync(["cc", "-shared", "-fPIC", "-o", library, "tuning.c", "-ldl"], {
    cwd: directory,
  });
  if (built.exitCode !== 0) throw new Error(`rtpengine can't be tuned: ${built.stderr}`);
  return library;
}
