/**
 * rtpengine in front of a virtual PBX, as Kamailio's rtpengine module would have it: plain RTP towards
 * the phones, what a trunk asks for towards the gateway. It tells what it saw of the gateway's stream.
 */

import type { CallSide, MediaProxy, ProxiedCall } from "../../bench/endpoints/virtual-pbx.ts";
import type { Bencoded } from "../../bench/load/bencode.ts";
import { RtpengineControl } from "../../bench/load/rtpengine-path.ts";
import { RtpengineProcess } from "../../bench/load/rtpengine-process.ts";
import { systemRandom } from "../../gateway/io/random.ts";
import { randomToken } from "../../gateway/random.ts";

export const hasRtpengine = RtpengineProcess.isInstalled();

export interface TrunkMedia {
  /** What its offers say; its answers say what was offered. */
  readonly protocol: "RTP/AVP" | "RTP/SAVP" | "UDP/TLS/RTP/SAVP";
  /** The one suite it has: of keys in the SDP, and of DTLS' profiles. */
  readonly suite?: string;
}

const SUITES = [
  "AEAD_AES_128_GCM",
  "AEAD_AES_256_GCM",
  "AES_CM_128_HMAC_SHA1_80",
  "AES_CM_128_HMAC_SHA1_32",
  "AES_192_CM_HMAC_SHA1_80",
  "AES_192_CM_HMAC_SHA1_32",
  "AES_256_CM_HMAC_SHA1_80",
  "AES_256_CM_HMAC_SHA1_32",
  "F8_128_HMAC_SHA1_80",
  "F8_128_HMAC_SHA1_32",
  "NULL_HMAC_SHA1_80",
  "NULL_HMAC_SHA1_32",
];

/** rtpengine's own account of the stream it has with the gateway. */
export interface TrunkStream {
  readonly protocol: string;
  readonly suite: string | undefined;
  readonly packetsReceived: number;
  /** What it could not decrypt or place. */
  readonly errors: number;
}

export class RtpengineProxy implements MediaProxy {
  media: TrunkMedia = { protocol: "RTP/AVP" };
  readonly #process: RtpengineProcess;
  readonly #control: RtpengineControl;
  #newest = "";

  private constructor(process: RtpengineProcess, control: RtpengineControl) {
    this.#process = process;
    this.#control = control;
  }

  static async start(controlPort: number, rtpPort: number): Promise<RtpengineProxy> {
    const process = await RtpengineProcess.start({ controlPort, rtpPort });
    return new RtpengineProxy(process, await RtpengineControl.open(controlPort));
  }

  open(): ProxiedCall {
    const callId = randomToken(systemRandom, 12);
    this.#newest = callId;
    const control = this.#control;
    return {
      offer: (sdp, by) => this.#rewritten("offer", sdp, this.#offered(callId, by)),
      answer: (sdp, by) =>
        this.#rewritten("answer", sdp, { ...tags(callId, by), "to-tag": otherThan(by) }),
      end: async () => {
        await control.request("delete", { "call-id": callId, "from-tag": "phone" });
      },
    };
  }

  /** Of the newest call, while it is up. */
  async stream(): Promise<TrunkStream> {
    const reply = await this.#control.request("query", { "call-id": this.#newest });
    const media = within(reply, "tags", "peer", "medias", 0);
    const stats = within(media, "streams", 0, "stats");
    const suite = within(media, "streams", 0, "crypto suite");
    return {
      protocol: String(within(media, "protocol")),
      suite: suite === undefined ? undefined : String(suite),
      packetsReceived: Number(within(stats, "packets")),
      errors: Number(within(stats, "errors")),
    };
  }

  async stop(): Promise<void> {
    this.#control.close();
    await this.#process.stop();
  }

  #offered(callId: string, by: CallSide): { [key: string]: Bencoded } {
    const { protocol, suite } = this.media;
    const unwanted = SUITES.filter((it) => suite !== undefined && it !== suite);
    return {
      ...tags(callId, by),
      "transport-protocol": by === "peer" ? "RTP/AVP" : protocol,
      ...(protocol === "RTP/SAVP" ? { DTLS: "off" } : {}),
      SDES: unwanted.map((it) => `no-${it}`),
    };
  }

  async #rewritten(command: string, sdp: string, fields: { [key: string]: Bencoded }) {
    const reply = await this.#control.request(command, { sdp, ICE: "remove", ...fields });
    return String(reply["sdp"]);
  }
}

const otherThan = (side: CallSide): CallSide => (side === "phone" ? "peer" : "phone");

const tags = (callId: string, by: CallSide) => ({ "call-id": callId, "from-tag": by });

/** What lies at that path; `undefined` where nothing does. */
function within(value: Bencoded | undefined, ...path: (string | number)[]): Bencoded | undefined {
  let found: Bencoded | undefined = value;
  for (const step of path) {
    found = (found as Record<string | number, Bencoded> | undefined)?.[step];
  }
  return found;
}
