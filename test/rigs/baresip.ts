/**
 * baresip (Debian) as a PBX phone: plays a file, records what it hears, is steered over its
 * control socket (ctrl_tcp: JSON in netstrings).
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Socket, Subprocess } from "bun";

export interface BaresipOptions {
  /** A directory of its own; configuration and recordings land there. */
  directory: string;
  user: string;
  sipPort: number;
  transport?: "udp" | "tcp";
  /** The port of a registrar on this machine it registers with as `user`. */
  registrarPort?: number;
  /** What it proves itself with there; none unless given. */
  password?: string;
  /** WAV file, 16-bit mono, played into the call; the call ends with the file. */
  plays: string;
  codec: "G722/16000/1" | "PCMA/8000/1" | "PCMU/8000/1";
  answers: "auto" | "manual" | "early";
  /** SRTP as its accounts name it: if the other side has it, mandatory, or keyed by DTLS. */
  encryption?: "srtp" | "srtp-mand" | "dtls_srtp";
  /** RTP and RTCP on one port where the other side can (RFC 5761). */
  mux?: boolean;
  /** PEM with its key: SIP over TLS too, at the port after `sipPort`. */
  certificate?: string;
  rtpPorts: { first: number; last: number };
}

export interface BaresipEvent {
  type: string;
  peeruri?: string;
  param?: string;
}

export class Baresip {
  readonly #options: BaresipOptions;
  readonly #process: Subprocess;
  readonly events: BaresipEvent[] = [];
  readonly #waiting = new Set<() => void>();
  #control: Socket | undefined;
  #received = Buffer.alloc(0);

  private constructor(options: BaresipOptions, process: Subprocess) {
    this.#options = options;
    this.#process = process;
  }

  static async start(options: BaresipOptions): Promise<Baresip> {
    const { directory, user, sipPort, codec, answers, encryption } = options;
    // The port after the SIP port is where it would listen for SIP over TLS.
    const controlPort = sipPort + 2;
    const transport = options.transport ?? "udp";
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "config"), configuration(options, controlPort));
    writeFileSync(join(directory, "contacts"), "");
    writeFileSync(
      join(directory, "accounts"),
      `<sip:${user}@127.0.0.1:${options.registrarPort ?? sipPort};transport=${transport}>;` +
        `regint=${options.registrarPort === undefined ? 0 : 60};` +
        `${options.password === undefined ? "" : `auth_user=${user};auth_pass=${options.password};`}` +
        `answermode=${answers};audio_codecs=${codec}` +
        `${encryption ? `;mediaenc=${encryption}` : ""}\n`,
    );
    const process = Bun.spawn(["baresip", "-f", directory], {
      stdio: ["ignore", Bun.file(join(directory, "log")), Bun.file(join(directory, "errors"))],
    });
    const baresip = new Baresip(options, process);
    await baresip.#connect(controlPort);
    return baresip;
  }

  dial(uri: string): void {
    this.#command("dial", uri);
  }

  accept(): void {
    this.#command("accept");
  }

  hangUp(): void {
    this.#command("hangup");
  }

  /** Resolves with the first event of that type, past ones included; rejects after `withinMs`. */
  async event(type: string, withinMs = 15_000): Promise<BaresipEvent> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const found = this.events.find((event) => event.type === type);
      if (found) return found;
      const left = deadline - performance.now();
      if (left <= 0) {
        throw new Error(
          `baresip saw no ${type}, but ${this.events.map((it) => it.type).join(", ")}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Resolves when it is registered: it says so before anybody can listen to its events. */
  async registered(withinMs = 15_000): Promise<void> {
    const log = () => readFileSync(join(this.#options.directory, "log"), "utf8");
    for (const deadline = performance.now() + withinMs; !/200 OK .*binding/.test(log()); ) {
      if (performance.now() > deadline) throw new Error(`baresip never registered:\n${log()}`);
      await Bun.sleep(50);
    }
  }

  /** What it heard, as written so far: a WAV file at the codec's rate. */
  heard(): string {
    const { directory } = this.#options;
    const name = readdirSync(directory)
      .filter((it) => it.endsWith("-dec.wav"))
      .sort()
      .at(-1);
    if (!name) throw new Error("baresip recorded nothing");
    return join(directory, name);
  }

  async stop(): Promise<void> {
    this.#control?.end();
    this.#process.kill("SIGTERM");
    await this.#process.exited;
  }

  async #connect(port: number): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        this.#control = await Bun.connect({
          hostname: "127.0.0.1",
          port,
          socket: { data: (_socket, data) => this.#read(data) },
        });
        return;
      } catch (error) {
        if (attempt === 100) throw error;
        await Bun.sleep(50);
      }
    }
  }

  #command(command: string, params = ""): void {
    const json = JSON.stringify({ command, params, token: command });
    this.#control?.write(`${Buffer.byteLength(json)}:${json},`);
  }

  #read(data: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, data]);
    for (;;) {
      const colon = this.#received.indexOf(":");
      if (colon < 0) break;
      const length = Number(this.#received.subarray(0, colon).toString());
      const end = colon + 1 + length + 1;
      if (this.#received.length < end) break;
      const message = JSON.parse(this.#received.subarray(colon + 1, end - 1).toString());
      this.#received = this.#received.subarray(end);
      if (message.event) this.events.push(message);
    }
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

function configuration(options: BaresipOptions, controlPort: number): string {
  const { directory, sipPort, plays, rtpPorts, codec } = options;
  const rate = codec.split("/")[1];
  return `poll_method epoll
sip_listen 127.0.0.1:${sipPort}
${options.certificate === undefined ? "" : `sip_certificate ${options.certificate}\n`}call_local_timeout 120
call_max_calls 4
audio_source aufile,${plays}
audio_player aufile,${directory}/unused.wav
audio_alert aufile,${directory}/unused.wav
ausrc_srate ${rate}
auplay_srate ${rate}
ausrc_channels 1
auplay_channels 1
rtp_ports ${rtpPorts.first}-${rtpPorts.last}
net_interface 127.0.0.1
rtcp_mux ${options.mux === true ? "yes" : "no"}
module_path /usr/lib/baresip/modules
module g722.so
module g711.so
module aufile.so
module sndfile.so
module srtp.so
module dtls_srtp.so
snd_path ${directory}
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:${controlPort}
`;
}
