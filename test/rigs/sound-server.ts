/**
 * A PulseAudio with a sink that leads nowhere: Firefox runs no audio graph without a device, and test
 * machines have none.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PATIENCE_MS = 10_000;

export const hasSoundServer = Bun.which("pulseaudio") !== null;

export class SoundServer {
  readonly #child: Bun.Subprocess;
  readonly #directory: string;

  private constructor(child: Bun.Subprocess, directory: string) {
    this.#child = child;
    this.#directory = directory;
  }

  static async start(): Promise<SoundServer> {
    const directory = mkdtempSync(join(tmpdir(), "sound-"));
    const socket = join(directory, "native");
    const child = Bun.spawn(
      [
        ...["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"],
        ...["-L", "module-null-sink"],
        ...["-L", `module-native-protocol-unix socket=${socket} auth-anonymous=1`],
      ],
      {
        stdio: ["ignore", "ignore", "ignore"],
        env: { ...process.env, HOME: directory, XDG_RUNTIME_DIR: directory },
      },
    );
    const server = new SoundServer(child, directory);
    const deadline = performance.now() + PATIENCE_MS;
    while (!(await isListening(socket))) {
      if (performance.now() > deadline) {
        await server.stop();
        throw new Error("pulseaudio did not start");
      }
      await Bun.sleep(50);
    }
    return server;
  }

  /** What a program needs in its environment to play and record here. */
  get environment(): Record<string, string> {
    return { PULSE_SERVER: `unix:${join(this.#directory, "native")}` };
  }

  async stop(): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
