/** A call that is listened to on both sides while something is done to the gateway. */
import { tone } from "../../bench/audio/signal.ts";
import { type PbxCall, VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { type SoftphoneCall, VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import type { GatewayRig } from "./gateway.ts";
import { recordingEar, untilHeard } from "./listening.ts";

const SOFTPHONE_HZ = 440;
const PBX_HZ = 1_000;

const hum = (frequencyHz: number, sampleRate: number) =>
  tone(frequencyHz, { sampleRate, durationMs: 1_000, levelDbov: -16 }).pcm;

const earOf = ({ heard }: SoftphoneCall | PbxCall) =>
  recordingEar(() => ({ pcm: heard.samples(), sampleRate: heard.rate }));

export interface HeardCall {
  readonly softphone: VirtualSoftphone;
  readonly call: SoftphoneCall;
  /** Resolves when each side hears the other's tone now. */
  isHeard(): Promise<void>;
  close(): void;
}

/** A call of that user's softphone to a PBX, which is made for it: up and heard on both sides. */
export async function heardCall(
  gateway: GatewayRig,
  user: string,
  password: string,
): Promise<HeardCall> {
  const pbx = await VirtualPbx.start({ codec: "PCMA", plays: hum(PBX_HZ, 8_000) });
  await gateway.api("POST", "/connections", {
    ...{ name: "PBX", type: "outbound-trunk", host: "127.0.0.1", port: pbx.port },
    ...{ patterns: [{ pattern: "^2" }], allow: ["127.0.0.1"], codecs: ["PCMA"] },
  });
  const softphone = await VirtualSoftphone.connect({
    ...{ server: gateway.socketUrl, user, password },
    plays: hum(SOFTPHONE_HZ, 48_000),
  });
  const call = await softphone.call("250");
  const [line] = pbx.calls;
  if (!line) throw new Error("the PBX has no call");
  const isHeard = async () => {
    await Promise.all([untilHeard(earOf(call), PBX_HZ), untilHeard(earOf(line), SOFTPHONE_HZ)]);
  };
  await isHeard();
  const close = () => {
    softphone.close();
    pbx.stop();
  };
  return { softphone, call, isHeard, close };
}
