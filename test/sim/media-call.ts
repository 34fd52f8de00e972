/**
 * A softphone and a PBX joined by a media plane in a simulated network, tones to play through it
 * and real codecs to hear them with.
 */
import type { Codec, CodecName, Endpoint } from "../../gateway/media/protocol.ts";
import { type Codecs, loadCodecs, type OpusEncoderOptions } from "../../media-wasm/codec.ts";
import { sine } from "../unit/media/tone.ts";
import { BrowserPeer } from "./browser-peer.ts";
import { MediaWorld, type WorldOptions } from "./media-world.ts";
import { type SdesKeying, TrunkPeer } from "./trunk-peer.ts";

export const opus: Codec = { name: "opus", payloadType: 111, clockRate: 48_000, ptimeMs: 20 };
export const trunkCodecs: Record<Exclude<CodecName, "opus">, Codec> = {
  G722: { name: "G722", payloadType: 9, clockRate: 8_000, ptimeMs: 20 },
  PCMA: { name: "PCMA", payloadType: 8, clockRate: 8_000, ptimeMs: 20 },
  PCMU: { name: "PCMU", payloadType: 0, clockRate: 8_000, ptimeMs: 20 },
};
export const BROWSER: Endpoint = { address: "198.51.100.20", port: 50_000 };
export const PBX: Endpoint = { address: "203.0.113.5", port: 30_000 };
export const PBX_CONTROL: Endpoint = { address: "203.0.113.5", port: 30_001 };
export const ATTACKER: Endpoint = { address: "198.51.100.66", port: 6_666 };

/** The real ones. */
export const codecs: Codecs = await loadCodecs();

export interface CallOptions extends Partial<WorldOptions> {
  trunk?: Codec;
  browserCodec?: Codec;
  /** RED to the softphone, comfort noise to either: payload types negotiated. */
  red?: number;
  browserNoise?: number;
  trunkNoise?: number;
  dtls?: "client" | "server";
  /** How the trunk is protected, from the gateway's side; in the clear unless given. */
  srtp?: SdesKeying;
  /** Leaves the handshake out. */
  unconnected?: boolean;
}

/** A softphone and a PBX joined, the DTLS handshake done. */
export function call(options: CallOptions = {}) {
  const world = new MediaWorld({ codecs, seed: options.seed ?? 1, ...options });
  const browser = new BrowserPeer({
    random: world.random,
    address: BROWSER,
    send: (datagram, source, destination) => world.send(datagram, source, destination),
    dtls: options.dtls ?? "client",
  });
  world.listen(BROWSER, (datagram, _, now) => browser.receive(datagram, now));
  world.drive(browser);
  const pbx = new TrunkPeer({
    rtp: PBX,
    rtcp: PBX_CONTROL,
    send: (datagram, source, destination) => world.send(datagram, source, destination),
  });
  if (options.srtp) pbx.secure(options.srtp);
  world.listen(PBX, (datagram, _, now) => pbx.receiveRtp(datagram, now));
  world.listen(PBX_CONTROL, (datagram, _, now) => pbx.receiveRtcp(datagram, now));
  world.drive(pbx);

  const webrtc = world.open("call", "phone", "webrtc");
  const trunk = world.open("call", "pbx", "trunk");
  const dtmf = [
    { payloadType: 110, clockRate: 48_000 as const },
    { payloadType: 101, clockRate: 8_000 as const },
  ];
  const browserAudio = {
    codec: options.browserCodec ?? opus,
    dtmf,
    ...(options.red === undefined ? {} : { red: options.red }),
    ...(options.browserNoise === undefined ? {} : { comfortNoise: options.browserNoise }),
  };
  const trunkCodec = options.trunk ?? trunkCodecs.G722;
  const trunkAudio = {
    codec: trunkCodec,
    dtmf: [{ payloadType: 101, clockRate: 8_000 as const }],
    ...(options.trunkNoise === undefined ? {} : { comfortNoise: options.trunkNoise }),
  };
  world.connect("call", "phone", browser.remote(browserAudio));
  world.connect("call", "pbx", pbx.remote(trunkAudio));
  world.join("call", "phone", "pbx");
  pbx.destination = trunk.rtp;
  browser.meet(webrtc);
  if (!options.unconnected) {
    browser.check();
    world.run(200);
    if (!browser.connected) throw new Error(`no DTLS: ${browser.failure}`);
  }
  return { world, browser, pbx, webrtc, trunk, browserAudio, trunkAudio };
}

export function rateOf(codec: Codec): 8_000 | 16_000 {
  return codec.name === "G722" || codec.name === "opus" ? 16_000 : 8_000;
}

/** 20 ms payloads of a tone. */
export function encodeTone(codec: Codec, hertz: number, durationMs: number, amplitude: number) {
  return encodeAll(codec, sine(hertz, rateOf(codec), durationMs, amplitude));
}

/** 20 ms payloads of audio at the codec's rate. */
export function encodeAll(codec: Codec, pcm: Int16Array, options: OpusEncoderOptions = {}) {
  const rate = rateOf(codec);
  const encoder = codecs.encoder(codec.name, rate, options);
  const frame = rate / 50;
  const payloads = Array.from({ length: Math.floor(pcm.length / frame) }, (_, index) =>
    encoder.encode(pcm.subarray(index * frame, (index + 1) * frame)).slice(),
  );
  encoder.close();
  return payloads;
}

export function decodeAll(codec: Codec, payloads: readonly Uint8Array[]): Int16Array {
  const decoder = codecs.decoder(codec.name, rateOf(codec));
  const parts = payloads.map((payload) => decoder.decode(payload).slice());
  decoder.close();
  return Int16Array.from(parts.flatMap((part) => [...part]));
}

export type Made = ReturnType<typeof call>;

export function playBrowser(
  { world, browser }: Made,
  codec: Codec,
  payloads: readonly Uint8Array[],
) {
  const ticks = codec.clockRate / 50;
  world.every(20, payloads.length, (index) => {
    const payload = payloads[index];
    if (!payload) return;
    browser.sendRtp(
      { payloadType: codec.payloadType, sequence: 100 + index, timestamp: 5_000 + index * ticks },
      payload,
    );
  });
}

export function playPbx({ world, pbx }: Made, codec: Codec, payloads: readonly Uint8Array[]) {
  const ticks = codec.clockRate / 50;
  world.every(20, payloads.length, (index) => {
    const payload = payloads[index];
    if (!payload) return;
    pbx.sendRtp(
      { payloadType: codec.payloadType, sequence: 900 + index, timestamp: 70_000 + index * ticks },
      payload,
    );
  });
}

export const AMPLITUDE = 8_000;
