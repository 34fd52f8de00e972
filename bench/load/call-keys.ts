/** The keys of one load call: both ends press them in their form, and tell what they heard. */
import { digitBody } from "../../gateway/b2bua/info-digit.ts";
import { fromUtf8 } from "../../gateway/bytes.ts";
import { RtpHeader, readHeader } from "../../gateway/media/rtp/rtp-packet.ts";
import type { SipDialog } from "../../gateway/phone/sip-dialog.ts";
import type { Codecs } from "../../media-wasm/codec.ts";
import { keysIn } from "../audio/keys.ts";
import type { LoadCodec } from "./codecs.ts";
import { eventsIn, type KeyForm, Keypad, keysOf } from "./keypad.ts";
import type { PathCall } from "./path.ts";
import type { PbxEnd } from "./pbx-end.ts";
import type { CallOutcome, KeyPlan } from "./protocol.ts";
import type { SoftphoneEnd } from "./softphone-end.ts";
import type { Voice } from "./voice.ts";

interface Ends {
  readonly softphone: SoftphoneEnd;
  readonly pbx: PbxEnd;
}

export class CallKeys {
  readonly #ends: Ends;
  readonly #plan: KeyPlan;
  #call: PathCall | undefined;
  #dialog: SipDialog | undefined;
  /** Keys that came to the PBX by INFO, and to the softphone. */
  readonly #informed = { pbx: "", softphone: "" };

  constructor({ plan, codecs }: { plan: KeyPlan; codecs: Codecs }, index: number, ends: Ends) {
    this.#ends = ends;
    this.#plan = plan;
    const { softphone, pbx } = ends;
    const pad = (voice: Voice, form: KeyForm, seed: number, inform: (key: string) => void) =>
      new Keypad({
        ...plan,
        form,
        codecs,
        codec: voice.codec,
        keys: keysOf(plan.count, seed),
        inform,
      });
    softphone.voice.keypad = pad(softphone.voice, plan.softphone, 2 * index + 1, (key) => {
      const { type, text } = infoOf(key, plan.holdMs);
      void this.#call?.inform?.(type, text);
    });
    pbx.voice.keypad = pad(pbx.voice, plan.pbx, 2 * index + 2, (key) => {
      const { type, text } = infoOf(key, plan.holdMs);
      void this.#dialog?.inform(type, text);
    });
  }

  softphoneIs(call: PathCall): void {
    this.#call = call;
    call.onInfo?.((body) => {
      this.#informed.softphone += keyIn(body);
    });
  }

  pbxIs(dialog: SipDialog): void {
    this.#dialog = dialog;
  }

  informed(body: string): void {
    this.#informed.pbx += keyIn(body);
  }

  begin(): void {
    for (const end of [this.#ends.softphone, this.#ends.pbx]) {
      if (!end.voice.keypad) continue;
      end.voice.keypad.eventType = end.eventType;
      end.voice.keypad.begin();
    }
  }

  heard(codecs: Codecs): NonNullable<CallOutcome["keys"]> {
    const { softphone, pbx } = this.#ends;
    const packets = [...softphone.packets()].map(({ packet }) => ({ packet: packet.slice() }));
    return {
      pbx: {
        pressed: softphone.voice.keypad?.pressed ?? "",
        heard: this.#heardBy(pbx.packets(), pbx, this.#informed.pbx, codecs),
      },
      softphone: {
        pressed: pbx.voice.keypad?.pressed ?? "",
        heard: this.#heardBy(packets, softphone, this.#informed.softphone, codecs),
      },
    };
  }

  /** In the form the end asked for; tones count for whoever takes nothing else. */
  #heardBy(
    packets: Iterable<{ packet: Uint8Array }>,
    { eventType, voice }: SoftphoneEnd | PbxEnd,
    informed: string,
    codecs: Codecs,
  ): string {
    if (eventType !== undefined) return eventsIn(packets, eventType) + informed;
    if (informed !== "" || (voice === this.#ends.pbx.voice && this.#plan.pbx === "info")) {
      return informed;
    }
    return tonesIn(packets, voice, codecs);
  }
}

function infoOf(digit: string, durationMs: number): { type: string; text: string } {
  const { type, bytes } = digitBody({ digit, durationMs });
  return { type, text: fromUtf8(bytes) };
}

/** `application/dtmf-relay`'s, or the bare key. */
function keyIn(body: string): string {
  return /^\s*(?:Signal\s*=\s*)?([0-9A-D*#])/im.exec(body)?.[1] ?? "?";
}

/** As a PBX hears them that knows nothing else: what sounds beside a murmur. */
function tonesIn(packets: Iterable<{ packet: Uint8Array }>, voice: Voice, codecs: Codecs): string {
  const { codec } = voice;
  const decoder = codecs.decoder(codec.name, codec.rate);
  const header = new RtpHeader();
  const pieces: Int16Array[] = [];
  for (const { packet } of packets) {
    if (!readHeader(packet, packet.length, header)) continue;
    if (header.payloadType !== voice.payloadType) continue;
    const { payloadOffset, payloadLength } = header;
    pieces.push(
      decoder.decode(packet.subarray(payloadOffset, payloadOffset + payloadLength)).slice(),
    );
  }
  decoder.close();
  const pcm = joined(pieces);
  return keysIn({ pcm, sampleRate: (codec as LoadCodec).rate })
    .map(({ key }) => key)
    .filter((key) => key !== "?")
    .join("");
}

function joined(pieces: readonly Int16Array[]): Int16Array {
  const pcm = new Int16Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    pcm.set(piece, at);
    at += piece.length;
  }
  return pcm;
}
