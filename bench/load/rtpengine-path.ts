/** Calls through a running rtpengine by its ng protocol: a cookie and a bencoded dictionary in a datagram. */
import { systemRandom } from "../../gateway/io/random.ts";
import { randomToken } from "../../gateway/random.ts";
import { type Bencoded, bdecode, bencode } from "./bencode.ts";
import type { Caller, Path, PathCall, PathDescription } from "./path.ts";
import type { Callee } from "./pbx-side.ts";

const REPEAT_MS = 500;
const GIVE_UP_MS = 5_000;

type Dictionary = { readonly [key: string]: Bencoded };

export class RtpengineControl {
  readonly #socket: Bun.udp.Socket<"buffer">;
  readonly #port: number;
  readonly #pending = new Map<string, (reply: Dictionary) => void>();

  private constructor(socket: Bun.udp.Socket<"buffer">, port: number) {
    this.#socket = socket;
    this.#port = port;
  }

  static async open(port: number): Promise<RtpengineControl> {
    const socket = await Bun.udpSocket({
      hostname: "127.0.0.1",
      socket: {
        data: (_socket, data) => control.#receive(data.toString("latin1")),
        error: () => {},
      },
    });
    const control = new RtpengineControl(socket, port);
    return control;
  }

  /** The reply; rejects where it is an error or none comes. */
  async request(command: string, fields: Dictionary = {}): Promise<Dictionary> {
    const cookie = randomToken(systemRandom, 8);
    const message = `${cookie} ${bencode({ command, ...fields })}`;
    const { promise, resolve } = Promise.withResolvers<Dictionary>();
    this.#pending.set(cookie, resolve);
    for (let waited = 0; waited < GIVE_UP_MS; waited += REPEAT_MS) {
      try {
        this.#socket.send(message, this.#port, "127.0.0.1");
      } catch {
        // It isn't listening yet.
      }
      const reply = await Promise.race([promise, Bun.sleep(REPEAT_MS)]);
      if (!reply) continue;
      if (reply["result"] === "error") throw new Error(`rtpengine: ${reply["error-reason"]}`);
      return reply;
    }
    this.#pending.delete(cookie);
    throw new Error(`rtpengine does not answer to ${command}`);
  }

  close(): void {
    this.#socket.close();
  }

  #receive(text: string): void {
    const space = text.indexOf(" ");
    const cookie = text.slice(0, space);
    const resolve = this.#pending.get(cookie);
    this.#pending.delete(cookie);
    resolve?.(bdecode(text.slice(space + 1)) as Dictionary);
  }
}

export class RtpenginePath implements Path {
  readonly #control: RtpengineControl;
  readonly #transcode: string | undefined;

  private constructor(control: RtpengineControl, transcode: string | undefined) {
    this.#control = control;
    this.#transcode = transcode;
  }

  static async open({
    controlPort,
    transcode,
  }: Extract<PathDescription, { kind: "rtpengine" }>): Promise<RtpenginePath> {
    return new RtpenginePath(await RtpengineControl.open(controlPort), transcode);
  }

  /** As Kamailio's rtpengine module would ask for a WebRTC caller and a plain callee. */
  async call(index: number, { offer }: Caller, callee: Callee): Promise<PathCall> {
    const id = { "call-id": `load-${index}-${randomToken(systemRandom, 6)}`, "from-tag": "a" };
    const codec: Dictionary = this.#transcode
      ? { codec: { mask: ["all"], transcode: [this.#transcode] } }
      : {};
    const offered = await this.#control.request("offer", {
      ...id,
      ...codec,
      sdp: offer,
      ICE: "remove",
      "rtcp-mux": ["demux"],
      "transport-protocol": "RTP/AVP",
    });
    const answered = await this.#control.request("answer", {
      ...id,
      "to-tag": "b",
      sdp: callee.answer(String(offered["sdp"])),
      ICE: "force",
      DTLS: "passive",
      "rtcp-mux": ["accept"],
    });
    return {
      answer: String(answered["sdp"]),
      hangUp: async () => {
        await this.#control.request("delete", { ...id, "delete-delay": 0 });
      },
    };
  }

  close(): void {
    this.#control.close();
  }
}
