/**
 * One call's media: its legs, and the two directions between the two that are joined. It answers
 * the thread border's commands; packets go to the legs directly and through here only in the sense
 * that it wired sink to sender. Above: the media plane. Below: legs and transcoders.
 */
import type { Codecs } from "../../media-wasm/codec.ts";
import { LEGS_PER_SESSION_MAX } from "../limits.ts";
import { earliest, type Millis } from "../machine.ts";
import { type Random, randomToken, randomUint32 } from "../random.ts";
import { Announcer } from "./announcer.ts";
import type { DigitSink } from "./digit-sink.ts";
import type { DtlsCertificate } from "./dtls/certificate.ts";
import { OpusPolicy } from "./opus-policy.ts";
import { Outbox } from "./outbox.ts";
import type { Command, LegId, RefusedReason, RemoteLeg, Reply, SessionId } from "./protocol.ts";
import { RedPolicy } from "./red-policy.ts";
import type { TrunkPair } from "./sockets.ts";
import type { Source } from "./sound-file.ts";
import { toneOf, toneSource } from "./tones.ts";
import { Transcoder } from "./transcoder.ts";
import { TrunkLeg } from "./trunk-leg.ts";
import { WebRtcLeg } from "./webrtc-leg.ts";

/** What every session of a worker is made with, and who learns of its webrtc legs' names. */
export interface SessionContext {
  random: Random;
  codecs: Codecs;
  certificate: DtlsCertificate;
  silenceMs: number;
  /** A millisecond of each 20 for what a leg sends by the clock: another one for each leg. */
  nextSlotMs(): number;
  /** Whether the worker is short of time. */
  isEconomical(): boolean;
  /** A sound file from its beginning, or `otherwise`. */
  openSound(file: string, otherwise: Source): Source;
  candidates: readonly { address: string; port: number }[];
  /** Opens a pair that delivers to `receiver`; undefined where no port is left. */
  openTrunkPair(
    receiver: TrunkLeg,
    session: MediaSession,
    now: Millis,
    bindAddress?: string,
  ): TrunkPair | undefined;
  /** A webrtc leg is to be found by its (new) ufrag from now on. */
  register(leg: WebRtcLeg, session: MediaSession): void;
  unregister(leg: WebRtcLeg): void;
}

export type Leg = TrunkLeg | WebRtcLeg;

/** One direction between joined legs. */
interface Path {
  from: Leg;
  to: Leg;
  transcoder: Transcoder | undefined;
  /** What the transcoder was made for, as text: a change of direction alone leaves it running. */
  madeFor: string;
  policy: OpusPolicy;
  redPolicy: RedPolicy;
}

/** How often the quality of joined legs is told: about as often as RTCP comes. */
const QUALITY_INTERVAL_MS = 5_000;
/** Of how many samples of the quality one comes with the facts, beginning with the first. */
const FACTS_EVERY = 6;

export type SessionCommand = Exclude<Command, { type: "close" | "adopt" }>;

export class MediaSession {
  readonly id: SessionId;
  readonly outbox: Outbox;
  readonly #context: SessionContext;
  readonly #legs = new Map<LegId, Leg>();
  #paths: Path[] = [];
  /** When the quality is told next: while two legs are joined. */
  #qualityAt: Millis | undefined;
  #samples = 0;

  constructor(id: SessionId, context: SessionContext) {
    this.id = id;
    this.outbox = new Outbox(id);
    this.#context = context;
  }

  get legCount(): number {
    return this.#legs.size;
  }

  get legIds(): LegId[] {
    return [...this.#legs.keys()];
  }

  /** Carries out one command. Undefined where it wants no reply. */
  handle(command: SessionCommand, now: Millis): Reply | undefined {
    this.outbox.deadlineMoved = true;
    const { type } = command;
    switch (type) {
      case "open":
        return this.#open(command, now);
      case "connect":
        return this.#connect(command.seq, command.leg, command.remote, now);
      case "join":
        return this.#join(command.seq, command.legs, now);
      case "restart":
        return this.#restart(command.seq, command.leg);
      case "query": {
        const legs = [...this.#legs.values()].map((leg) => leg.stream.statistics(leg.kind));
        return { type: "statistics", seq: command.seq, legs };
      }
      case "dtmf":
        this.#announcerOf(command.leg)?.press(command.digit, command.durationMs, now);
        return undefined;
      case "play":
        this.#play(command, now);
        return undefined;
      case "closeLeg":
        this.#closeLeg(command.leg, now);
        return undefined;
    }
  }

  /** Gives a leg away; what it was joined with hears nothing more. */
  release(id: LegId, now: Millis): Leg | undefined {
    const leg = this.#legs.get(id);
    if (!leg) return undefined;
    if (this.#paths.some(({ from }) => from === leg)) this.#unjoin(now);
    this.#legs.delete(id);
    return leg;
  }

  /** Takes over a leg of another session. */
  adopt(leg: Leg): void {
    this.#legs.set(leg.id, leg);
    leg.moveTo(this.outbox);
    this.outbox.deadlineMoved = true;
  }

  deadline(): Millis | undefined {
    let next = this.#qualityAt;
    for (const leg of this.#legs.values()) next = earliest(next, leg.deadline());
    for (const { transcoder } of this.#paths) next = earliest(next, transcoder?.deadline());
    return next;
  }

  timeout(now: Millis): void {
    for (const leg of this.#legs.values()) leg.timeout(now);
    for (const path of this.#paths) path.transcoder?.timeout(now);
    if (this.#qualityAt === undefined || now < this.#qualityAt) return;
    this.#qualityAt = now + QUALITY_INTERVAL_MS;
    const legs = this.#paths.flatMap(({ from }) => from.stream.quality(from.kind, now) ?? []);
    if (legs.length > 0) this.outbox.quality(legs);
    if (this.#samples % FACTS_EVERY === 0) {
      this.outbox.facts(this.#paths.map(({ from }) => from.facts()));
    }
    this.#samples += 1;
  }

  #open(command: Extract<Command, { type: "open" }>, now: Millis): Reply {
    const { seq, leg: id, kind, bindAddress, isFixed = false } = command;
    const known = this.#legs.get(id);
    if (known) return { type: "opened", seq, local: known.local() };
    if (this.#legs.size >= LEGS_PER_SESSION_MAX) return refused(seq, "over-limit");
    const { random, silenceMs, certificate, candidates } = this.#context;
    const options = {
      leg: id,
      ssrc: randomUint32(random),
      cname: randomToken(random, 8),
      silenceMs,
      random,
      outbox: this.outbox,
    };
    let leg: Leg;
    if (kind === "trunk") {
      const trunk = new TrunkLeg({ ...options, certificate, isFixed });
      const pair = this.#context.openTrunkPair(trunk, this, now, bindAddress);
      if (!pair) return refused(seq, "no-port");
      trunk.attach(pair);
      leg = trunk;
    } else {
      const webrtc = new WebRtcLeg({ ...options, certificate, candidates });
      this.#context.register(webrtc, this);
      leg = webrtc;
    }
    this.#legs.set(id, leg);
    return { type: "opened", seq, local: leg.local() };
  }

  #connect(seq: number, id: LegId, remote: RemoteLeg, now: Millis): Reply {
    const leg = this.#legs.get(id);
    if (!leg) return refused(seq, "unknown-leg");
    if (leg.kind === "trunk" && remote.kind === "trunk") leg.connect(remote, now);
    else if (leg.kind === "webrtc" && remote.kind === "webrtc") leg.connect(remote, now);
    else return refused(seq, "unknown-leg");
    for (const path of this.#paths)
      if (path.from === leg || path.to === leg) wire(path, this.#context, this.outbox, now);
    return { type: "connected", seq };
  }

  #join(seq: number, [first, second]: [LegId, LegId], now: Millis): Reply {
    const a = this.#legs.get(first);
    const b = this.#legs.get(second);
    if (!a || !b || a === b) return refused(seq, "unknown-leg");
    if (!this.#paths.some(({ from, to }) => from === a && to === b)) {
      this.#unjoin(now);
      this.#paths = [newPath(a, b), newPath(b, a)];
      for (const path of this.#paths) {
        wire(path, this.#context, this.outbox, now);
        path.to.stream.reported = () => adapt(path, this.#context.isEconomical());
      }
      this.#qualityAt = now + QUALITY_INTERVAL_MS;
      this.#samples = 0;
    }
    return { type: "joined", seq };
  }

  #restart(seq: number, id: LegId): Reply {
    const leg = this.#legs.get(id);
    if (leg?.kind !== "webrtc") return refused(seq, "unknown-leg");
    leg.restart();
    this.#context.register(leg, this);
    return { type: "opened", seq, local: leg.local() };
  }

  #announcerOf(id: LegId): Announcer | undefined {
    const stream = this.#legs.get(id)?.stream;
    if (!stream) return undefined;
    const { codecs, nextSlotMs } = this.#context;
    stream.announcer ??= new Announcer(codecs, stream.sender, () => stream.format, nextSlotMs());
    return stream.announcer;
  }

  #play(command: Extract<Command, { type: "play" }>, now: Millis): void {
    const { leg, sound, country, untilAudio, once } = command;
    const stream = this.#legs.get(leg)?.stream;
    let source: Source | undefined;
    if (typeof sound === "string") source = toneSource(toneOf(sound, country));
    else if (sound) {
      const otherwise = toneSource(toneOf(sound.otherwise, country));
      source = this.#context.openSound(sound.file, otherwise);
    }
    const played = once && stream ? () => stream.played() : undefined;
    this.#announcerOf(leg)?.play(source, untilAudio, now, played);
  }

  #closeLeg(id: LegId, now: Millis): void {
    const leg = this.#legs.get(id);
    if (!leg) return;
    const quality = leg.stream.quality(leg.kind, now);
    if (quality?.received || quality?.sent || quality?.dropped) this.outbox.quality([quality]);
    this.outbox.facts([leg.facts()]);
    if (this.#paths.some(({ from }) => from === leg)) this.#unjoin(now);
    this.#legs.delete(id);
    if (leg.kind === "webrtc") this.#context.unregister(leg);
    leg.close(now);
  }

  #unjoin(now: Millis): void {
    for (const path of this.#paths) {
      path.from.stream.sink = undefined;
      unseal(path);
      path.to.stream.reported = undefined;
      path.transcoder?.close(now);
    }
    this.#paths = [];
    this.#qualityAt = undefined;
  }
}

function newPath(from: Leg, to: Leg): Path {
  const [policy, redPolicy] = [new OpusPolicy(), new RedPolicy()];
  return { from, to, transcoder: undefined, madeFor: "", policy, redPolicy };
}

/** Makes a direction's transcoder for what both sides' SDP says now; before that there is none. */
function wire(path: Path, context: SessionContext, outbox: Outbox, now: Millis): void {
  const input = path.from.stream.format;
  const output = path.to.stream.format;
  if (!input || !output) return;
  if (path.from.sealed || path.to.sealed) {
    seal(path);
    return;
  }
  const madeFor = JSON.stringify([
    [input.receive, input.dtmf, input.detectDtmf, input.comfortNoise],
    [output.codec, output.dtmf, output.dtmfMode, output.comfortNoise],
  ]);
  if (madeFor === path.madeFor) return;
  path.madeFor = madeFor;
  path.transcoder?.close(now);
  const { sender } = path.to.stream;
  const wake = () => {
    outbox.deadlineMoved = true;
  };
  const digits: DigitSink = {
    digit: (digit: string, durationMs: number) => outbox.dtmf(path.from.id, digit, durationMs),
  };
  const { codecs } = context;
  const overspent = () => path.from.stream.drop("rate");
  path.transcoder = new Transcoder({ codecs, input, output, sender, digits, wake, overspent });
  path.transcoder.setOpusMode(path.policy.mode);
  path.from.stream.sink = path.transcoder;
}

/** Both legs' keys are their peers' own: what comes goes on as it is. */
function seal({ from, to }: Path): void {
  if (!from.sealed || !to.sealed) return;
  from.sealed.exit = (datagram, length) => to.sendSealed(datagram, length);
  if (to.kind === "webrtc") to.reachable = () => from.sealed?.flush();
}

function unseal({ from, to }: Path): void {
  if (from.sealed) from.sealed.exit = undefined;
  if (to.kind === "webrtc") to.reachable = undefined;
}

/** Lets the receiver's loss reports choose how Opus is encoded for it, and how often it is sent. */
function adapt(path: Path, isEconomical: boolean): void {
  const { control, format, sender } = path.to.stream;
  const loss = control.takeLoss();
  if (loss === undefined || format?.codec.name !== "opus") return;
  const wantsFec = format.codec.fec === true;
  const { policy } = path;
  if (policy.reported(loss, wantsFec, isEconomical)) path.transcoder?.setOpusMode(policy.mode);
  path.redPolicy.reported(loss, wantsFec);
  sender.redType = path.redPolicy.active ? format.red : undefined;
}

function refused(seq: number, reason: RefusedReason): Reply {
  return { type: "refused", seq, reason };
}
