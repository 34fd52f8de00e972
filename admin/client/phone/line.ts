/**
 * One call of the phone: JsSIP's session as a few plain fields and what may be done with it. The
 * phone is told of each change by `changed`.
 */
import { DTMF_TRANSPORT } from "jssip/lib/Constants";
import type { RTCSession } from "jssip/lib/RTCSession";
import { outcomeOf } from "./outcome.ts";

export type LineState = "calling" | "ringing" | "incoming" | "connected" | "ended";

/** What the browser measures of a call's audio. */
export interface LineQuality {
  /** Share of the packets to us that were lost since the call began, 0 to 1. */
  readonly loss: number;
  readonly roundTripMs: number | undefined;
}

interface Options {
  readonly session: RTCSession;
  readonly changed: (line: Line) => void;
  /** How a call is answered: which microphone, and no servers to ask for addresses. */
  readonly media: () => Parameters<RTCSession["answer"]>[0];
  readonly addressOf: (number: string) => string;
}

export class Line {
  readonly isIncoming: boolean;
  /** The other side's number or name. */
  readonly number: string;
  readonly displayName: string;
  readonly startedAt = Date.now();
  state: LineState;
  connectedAt: number | undefined;
  isMuted = false;
  isHeld = false;
  isHeldByOther = false;
  /** Once it has ended: why. */
  outcome = "";
  /** What becomes of a transfer, while there is one. */
  transfer = "";
  readonly #session: RTCSession;
  readonly #options: Options;

  constructor(options: Options) {
    const { session } = options;
    this.#options = options;
    this.#session = session;
    this.isIncoming = session.direction === "incoming";
    this.state = this.isIncoming ? "incoming" : "calling";
    const { uri, display_name: name } = session.remote_identity;
    this.number = uri.user ?? "";
    this.displayName = name && name !== this.number ? name : "";
    this.#follow();
  }

  get isActive(): boolean {
    return this.state === "connected" && !this.isHeld;
  }

  /** What comes from the other side, once there is any. */
  get heard(): MediaStreamTrack | undefined {
    return this.#connection?.getReceivers().find(({ track }) => track.kind === "audio")?.track;
  }

  /** What our microphone sends. */
  get said(): MediaStreamTrack | undefined {
    const senders = this.#connection?.getSenders() ?? [];
    return senders.find(({ track }) => track?.kind === "audio")?.track ?? undefined;
  }

  answer(): void {
    this.#session.answer(this.#options.media());
  }

  /** Ends it, whatever it is at: cancels, declines or hangs up. */
  hangUp(): void {
    if (this.#session.isEnded()) return;
    if (this.state === "incoming") this.#session.terminate({ status_code: 486 });
    else this.#session.terminate();
  }

  mute(isMuted: boolean): void {
    if (isMuted) this.#session.mute({ audio: true });
    else this.#session.unmute({ audio: true });
  }

  hold(isHeld: boolean): void {
    if (this.state !== "connected" || isHeld === this.isHeld) return;
    if (isHeld) this.#session.hold();
    else this.#session.unhold();
  }

  /** One of 0-9 * # as a telephone-event (RFC 4733). */
  key(key: string): void {
    this.#session.sendDTMF(key, { transportType: DTMF_TRANSPORT.RFC2833 });
  }

  /** The other side is to talk to that number instead (RFC 5589 §6). */
  sendTo(number: string): void {
    this.#refer(this.#options.addressOf(number));
  }

  /** The other sides of both calls are to talk with each other (RFC 5589 §7). */
  joinWith(other: Line): void {
    this.#refer(other.#session.remote_identity.uri, other);
  }

  /** Another microphone, in the midst of the call. */
  async speakInto(track: MediaStreamTrack): Promise<void> {
    const sender = this.#connection?.getSenders().find((it) => it.track?.kind === "audio");
    track.enabled = !this.isMuted;
    sender?.track?.stop();
    await sender?.replaceTrack(track);
  }

  async quality(): Promise<LineQuality | undefined> {
    const reports = [...((await this.#connection?.getStats()) ?? new Map()).values()];
    const inbound = reports.find((it) => it.type === "inbound-rtp" && it.kind === "audio");
    const pair = reports.find((it) => it.type === "candidate-pair" && it.nominated);
    if (!inbound) return undefined;
    const { packetsLost = 0, packetsReceived = 0 } = inbound;
    const all = packetsLost + packetsReceived;
    const seconds = pair?.currentRoundTripTime;
    return {
      loss: all === 0 ? 0 : Math.max(0, packetsLost) / all,
      roundTripMs: seconds === undefined ? undefined : Math.round(seconds * 1_000),
    };
  }

  get #connection(): RTCPeerConnection | undefined {
    return this.#session.connection ?? undefined;
  }

  #follow(): void {
    const { changed } = this.#options;
    const set = (fields: Partial<Line>) => {
      Object.assign(this, fields);
      changed(this);
    };
    const ended = (event: Parameters<typeof outcomeOf>[0]) =>
      set({ state: "ended", outcome: outcomeOf(event) });
    this.#session
      .on("progress", () => {
        if (!this.isIncoming) set({ state: "ringing" });
      })
      .on("confirmed", () => set({ state: "connected", connectedAt: Date.now() }))
      .on("hold", ({ originator }) =>
        set(originator === "local" ? { isHeld: true } : { isHeldByOther: true }),
      )
      .on("unhold", ({ originator }) =>
        set(originator === "local" ? { isHeld: false } : { isHeldByOther: false }),
      )
      .on("muted", () => set({ isMuted: true }))
      .on("unmuted", () => set({ isMuted: false }))
      .on("ended", ended)
      .on("failed", ended);
  }

  #refer(target: Parameters<RTCSession["refer"]>[0], replaced?: Line): void {
    const told = (transfer: string) => {
      this.transfer = transfer;
      this.#options.changed(this);
    };
    const failed = ({ status_line: line }: { status_line?: { reason_phrase: string } }) =>
      told(`The transfer failed: ${line?.reason_phrase ?? "no reason was given"}`);
    told("Transferring …");
    this.#session.refer(target, {
      ...(replaced ? { replaces: replaced.#session } : {}),
      eventHandlers: {
        requestFailed: ({ cause }: { cause: string }) => told(`The transfer was refused: ${cause}`),
        failed,
        accepted: () => {
          told("Transferred");
          this.hangUp();
          replaced?.hangUp();
        },
      },
    });
  }
}
