/** One call under load: a softphone and a PBX that talk through a path, and what both heard. */
import type { DtlsCertificate } from "../../gateway/media/dtls/certificate.ts";
import type { Codecs } from "../../media-wasm/codec.ts";
import { CallKeys } from "./call-keys.ts";
import type { LoadCodec } from "./codecs.ts";
import { type Heard, hear, isSame, type ReceivedPackets, sounds } from "./hearing.ts";
import { humOf, longestSilence } from "./humming.ts";
import { Impairment, type Impairments } from "./impairment.ts";
import type { Pacer } from "./pacer.ts";
import type { Path, PathCall } from "./path.ts";
import { PbxEnd } from "./pbx-end.ts";
import type { CallOutcome, KeyPlan } from "./protocol.ts";
import { SoftphoneEnd } from "./softphone-end.ts";
import type { Fingerprint, SpeechLoop } from "./speech-loop.ts";
import { Voice } from "./voice.ts";

interface Speaker {
  readonly codec: LoadCodec;
  readonly loop: SpeechLoop;
  readonly at: Fingerprint;
}

export interface LoadCallOptions {
  readonly path: Path;
  readonly pacer: Pacer;
  readonly index: number;
  readonly certificate: DtlsCertificate;
  readonly softphone: Speaker;
  readonly pbx: Speaker;
  readonly impair?: Impairments | undefined;
  /** Of this machine as the target sees it. */
  readonly address: string;
  /** The PBX's audio is in DTLS-SRTP as well. */
  readonly isSealed?: boolean;
  readonly keys?: { readonly plan: KeyPlan; readonly codecs: Codecs } | undefined;
}

/** What the softphone calls its telephone-events. */
const EVENT_TYPE = 110;

/** The two ends of a call are half a packet apart, and calls a prime number of slots. */
const SLOT_STEP = 7;
const PBX_SLOT = 10;

export class LoadCall {
  readonly index: number;
  readonly #softphone: SoftphoneEnd;
  readonly #pbx: PbxEnd;
  readonly #call: PathCall;
  readonly #silence: (() => void)[];
  readonly #answeredMs: number;
  readonly #connectedMs: number;
  #keys: CallKeys | undefined;
  #listened: [number, number] = [0, 0];
  #sentBefore = 0;
  #sentMeanwhile = 0;
  #roundTripsBefore = 0;

  private constructor(
    index: number,
    ends: { softphone: SoftphoneEnd; pbx: PbxEnd },
    call: PathCall,
    silence: (() => void)[],
    times: { answered: number; connected: number },
  ) {
    this.index = index;
    this.#softphone = ends.softphone;
    this.#pbx = ends.pbx;
    this.#call = call;
    this.#silence = silence;
    this.#answeredMs = times.answered;
    this.#connectedMs = times.connected;
  }

  /** Resolves when both ends talk. Rejects where the call is refused or audio can't flow. */
  static async open(options: LoadCallOptions): Promise<LoadCall> {
    const { index, pacer } = options;
    const ssrc = (index + 1) * 16;
    const { address, certificate } = options;
    const softphone = await SoftphoneEnd.open(voice(options.softphone, ssrc), certificate, address);
    const sealed = options.isSealed ? certificate : undefined;
    const pbx = await PbxEnd.open(voice(options.pbx, ssrc + 1), address, sealed);
    if (options.impair) {
      softphone.impairment = new Impairment(options.impair, ssrc);
      pbx.impairment = new Impairment(options.impair, ssrc + 1);
    }
    const started = performance.now();
    const silence: (() => void)[] = [];
    // As nearly every phone and PBX does. Without them a PBX's audio is listened to for tones.
    const { softphone: keysSaid = "events", pbx: keysHeard = "events" } = options.keys?.plan ?? {};
    if (keysSaid === "events") softphone.eventType = EVENT_TYPE;
    pbx.wantsEvents = keysHeard === "events";
    try {
      const keys = options.keys && new CallKeys(options.keys, index, { softphone, pbx });
      const caller = {
        offer: softphone.offer(),
        answer: (offer: string) => softphone.answer(offer),
      };
      const call = await options.path.call(index, caller, {
        answer: (offer) => {
          pbx.meet(offer);
          return pbx.answer();
        },
        onInfo: (body) => keys?.informed(body),
        onDialog: (dialog) => keys?.pbxIs(dialog),
      });
      keys?.softphoneIs(call);
      const answered = performance.now() - started;
      await softphone.connect(call.answer);
      const connected = performance.now() - started;
      silence.push(pacer.add(index * SLOT_STEP, () => softphone.say()));
      silence.push(pacer.add(index * SLOT_STEP + PBX_SLOT, () => pbx.say()));
      const ends = { softphone, pbx };
      const made = new LoadCall(index, ends, call, silence, { answered, connected });
      made.#keys = keys;
      return made;
    } catch (error) {
      softphone.close();
      pbx.close();
      throw error;
    }
  }

  /** From now on what comes is kept, and keys are pressed. */
  listen(): void {
    this.#listened[0] = performance.now();
    this.#keys?.begin();
    this.#softphone.listening = true;
    this.#pbx.listening = true;
    this.#sentBefore = this.#sent;
    this.#roundTripsBefore = this.#softphone.roundTrips.length;
  }

  stopListening(): void {
    this.#listened[1] = performance.now();
    this.#softphone.listening = false;
    this.#pbx.listening = false;
    this.#sentMeanwhile = this.#sent - this.#sentBefore;
  }

  /** Of ICE checks while it listened, ms. */
  get roundTrips(): readonly number[] {
    return this.#softphone.roundTrips.slice(this.#roundTripsBefore);
  }

  async hangUp(): Promise<void> {
    for (const end of this.#silence) end();
    await this.#call.hangUp();
  }

  close(): void {
    for (const end of this.#silence) end();
    this.#softphone.close();
    this.#pbx.close();
  }

  /** Listened to, once; `others` may be whose audio came instead. */
  judge(codecs: Codecs, others: readonly LoadCall[]): CallOutcome {
    const [softphone, pbx] = [this.#softphone, this.#pbx];
    const [atSoftphone, atPbx] = [opened(softphone), opened(pbx)];
    const heardBySoftphone = hear(atSoftphone, softphone.voice.codec, pbx.voice, codecs);
    const heardByPbx = hear(atPbx, pbx.voice.codec, softphone.voice, codecs);
    return {
      ...this.counted(),
      softphone: this.#named(heardBySoftphone, atSoftphone, softphone.voice.codec, others, codecs),
      pbx: this.#named(heardByPbx, atPbx, pbx.voice.codec, others, codecs),
    };
  }

  /** Without listening: only what arrived. */
  counted(): CallOutcome {
    const received = this.#softphone.log.count + this.#pbx.log.count;
    return {
      index: this.index,
      answeredMs: this.#answeredMs,
      connectedMs: this.#connectedMs,
      softphone: undefined,
      pbx: undefined,
      delivered: this.#sentMeanwhile === 0 ? 0 : received / this.#sentMeanwhile,
    };
  }

  /** For calls that hum: how long each end did not hear the other. */
  silences(codecs: Codecs): NonNullable<CallOutcome["silence"]> {
    const [softphone, pbx] = [this.#softphone, this.#pbx];
    const [low, high] = [humOf(this.index, "softphone"), humOf(this.index, "pbx")];
    return {
      softphone: longestSilence(softphone, softphone.voice.codec, high, codecs, this.#listened),
      pbx: longestSilence(pbx, pbx.voice.codec, low, codecs, this.#listened),
    };
  }

  keysHeard(codecs: Codecs): CallOutcome["keys"] {
    return this.#keys?.heard(codecs);
  }

  get #sent(): number {
    return this.#softphone.voice.sentAt.length + this.#pbx.voice.sentAt.length;
  }

  /** Adds to wrong audio whose it is, if any call's here. */
  #named(
    heard: Heard,
    end: ReceivedPackets,
    codec: LoadCodec,
    others: readonly LoadCall[],
    codecs: Codecs,
  ): Heard {
    if (heard.packets === 0 || isSame(heard)) return heard;
    for (const other of others) {
      for (const [side, voice] of other.#voices()) {
        if (!sounds(end, codec, voice, codecs)) continue;
        return {
          ...heard,
          fault: `${heard.fault}; it is what the ${side} of call ${other.index} says`,
        };
      }
    }
    return heard;
  }

  *#voices(): Generator<["softphone" | "PBX", Voice]> {
    yield ["softphone", this.#softphone.voice];
    yield ["PBX", this.#pbx.voice];
  }
}

/** SRTP opens once; what is in it is listened to more often. */
function opened(end: ReceivedPackets): ReceivedPackets {
  const packets = [...end.packets()].map(({ packet, at }) => ({ packet: packet.slice(), at }));
  return { packets: () => packets };
}

function voice({ codec, loop, at }: Speaker, ssrc: number): Voice {
  return new Voice(codec, loop, at, ssrc);
}
