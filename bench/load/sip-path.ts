/**
 * Calls through a SIP gateway: virtual softphones call over their WebSockets, and a virtual PBX takes
 * the calls by the number dialled. Only SIP is here; the audio is the ends'.
 */
import { sdpIn } from "../../gateway/phone/sip-dialog.ts";
import { VirtualSoftphone } from "../endpoints/virtual-softphone.ts";
import type { Caller, Path, PathCall, PathDescription } from "./path.ts";
import { type Callee, PbxSide } from "./pbx-side.ts";

/** A gateway lets one address open so many; calls beyond share them. */
const SOFTPHONES_MAX = 40;
const DIGITS = 5;
/** Softphones are registered for 300 s, and refresh as real ones do. */
const REFRESH_MS = 120_000;

type SipDescription = Extract<PathDescription, { kind: "sip" }>;

export class SipPath implements Path {
  readonly #description: SipDescription;
  readonly #softphones: VirtualSoftphone[] = [];
  readonly #pbx: PbxSide;
  readonly #refreshing = setInterval(() => {
    // One that fails is seen by its calls.
    for (const softphone of this.#softphones) softphone.register().catch(() => {});
  }, REFRESH_MS);

  private constructor(description: SipDescription, pbx: PbxSide) {
    this.#description = description;
    this.#pbx = pbx;
  }

  static async open(description: SipDescription, calls: number): Promise<SipPath> {
    const { address, pbxPort: port, pbxTransport: transport } = description;
    const path = new SipPath(description, await PbxSide.open({ address, port, transport }));
    for (let index = 0; index < Math.min(calls, SOFTPHONES_MAX); index++) {
      path.#softphones.push(await path.#connect());
    }
    return path;
  }

  async call(index: number, caller: Caller, callee: Callee): Promise<PathCall> {
    const softphone = this.#softphones[index % this.#softphones.length];
    if (!softphone) throw new Error("no softphone is connected");
    const number = this.#description.prefix + String(index).padStart(DIGITS, "0");
    this.#pbx.expect(number, callee);
    const { dialog, sdp } = await softphone.invite(number, caller.offer).answered;
    dialog.answersOffer = caller.answer;
    softphone.track(dialog);
    return {
      answer: sdp,
      ended: dialog.ended,
      inform: async (type, text) => void (await dialog.inform(type, text)),
      onInfo: (taken) => {
        dialog.onInfo = (info) => taken(sdpIn(info));
      },
      hangUp: () => dialog.hangUp(),
    };
  }

  async ping(): Promise<void> {
    await this.#softphones[0]?.options();
  }

  /** As a network that comes back: every softphone's WebSocket is closed, and another one opened. */
  async reconnect(): Promise<void> {
    const former = this.#softphones.splice(0);
    for (const softphone of former) softphone.close();
    for (const _ of former) this.#softphones.push(await this.#connect());
  }

  set isPbxSilent(isSilent: boolean) {
    this.#pbx.isSilent = isSilent;
  }

  close(): void {
    clearInterval(this.#refreshing);
    for (const softphone of this.#softphones) softphone.close();
    this.#pbx.close();
  }

  #connect(): Promise<VirtualSoftphone> {
    const { server, user, password, insecure = false } = this.#description;
    return VirtualSoftphone.connect({ server, user, password, insecure, plays: new Int16Array(0) });
  }
}
