/**
 * One call's media: its legs, and the two directions between the two that are joined. It answers
 * the thread border's commands; packets go to the legs directly and through here only in the sense
 * that it wired sink to sender. Above: the media plane. Below: legs and transcoders.
 */
import type { Codecs } from "../../media-wasm/codec.ts";
import { LEGS_PER_SESSION_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import { type Random, randomToken, randomUint32 } from "../random.ts";
import type { DtlsCertificate } from "./dtls/certificate.ts";
import { OpusPolicy } from "./opus-policy.ts";
import { Outbox } from "./outbox.ts";
import type {
  Command,
  LegId,
  LegKind,
  RefusedReason,
  RemoteLeg,
  Reply,
  SessionId,
} from "./protocol.ts";
import { earliest } from "./rtp-stream.ts";
import type { TrunkPair, TrunkReceiver } from "./sockets.ts";
import { Transcoder } from "./transcoder.ts";
import { TrunkLeg } from "./trunk-leg.ts";
import { WebRtcLeg } from "./webrtc-leg.ts";

/** What every session of a worker is made with, and who learns of its webrtc legs' names. */
export interface SessionContext {
  random: Random;
  codecs: Codecs;
  certificate: DtlsCertificate;
  silenceMs: number;
  candidates: readonly { address: string; port: number }[];
  /** Opens a pair that delivers to `receiver`; undefined where no port is left. */
  openTrunkPair(receiver: TrunkReceiver, session: MediaSession, now: Millis): TrunkPair | undefined;
  /** A webrtc leg is to be found by its (new) ufrag from now on. */
  register(leg: WebRtcLeg, session: MediaSession): void;
  unregister(leg: WebRtcLeg): void;
}

type Leg = TrunkLeg | WebRtcLeg;

/** One direction between joined legs. */
interface Path {
  from: Leg;
  to: Leg;
  transcoder: Transcoder | undefined;
  /** What the transcoder was made for, as text: a change of direction alone leaves it running. */
  madeFor: string;
  policy: OpusPolicy;
}

export type SessionCommand = Exclude<Command, { type: "close" }>;

export class MediaSession {
  readonly id: SessionId;
  readonly outbox: Outbox;
  readonly #context: SessionContext;
  readonly #legs = new Map<LegId, Leg>();
  #paths: Path[] = [];

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
        return this.#open(command.seq, command.leg, command.kind, now);
      case "connect":
        return this.#connect(command.seq, command.leg, command.remote, now);
      case "join":
        return this.#join(command.seq, command.legs);
      case "restart":
        return this.#restart(command.seq, command.leg);
      case "query": {
        const legs = [...this.#legs.values()].map((leg) => leg.stream.statistics(leg.kind));
        return { type: "statistics", seq: command.seq, legs };
      }
      case "closeLeg":
        this.#closeLeg(command.leg, now);
        return undefined;
    }
  }

  deadline(): Millis | undefined {
    let next: Millis | undefined;
    for (const leg of this.#legs.values()) next = earliest(next, leg.deadline());
    return next;
  }

  timeout(now: Millis): void {
    for (const leg of this.#legs.values()) leg.timeout(now);
    for (const path of this.#paths) adapt(path);
  }

  #open(seq: number, id: LegId, kind: LegKind, now: Millis): Reply {
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
      const trunk = new TrunkLeg(options);
      const pair = this.#context.openTrunkPair(trunk, this, now);
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
      if (path.from === leg || path.to === leg) wire(path, this.#context);
    return { type: "connected", seq };
  }

  #join(seq: number, [first, second]: [LegId, LegId]): Reply {
    const a = this.#legs.get(first);
    const b = this.#legs.get(second);
    if (!a || !b || a === b) return refused(seq, "unknown-leg");
    if (!this.#paths.some(({ from, to }) => from === a && to === b)) {
      this.#unjoin();
      this.#paths = [
        { from: a, to: b, transcoder: undefined, madeFor: "", policy: new OpusPolicy() },
        { from: b, to: a, transcoder: undefined, madeFor: "", policy: new OpusPolicy() },
      ];
      for (const path of this.#paths) wire(path, this.#context);
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

  #closeLeg(id: LegId, now: Millis): void {
    const leg = this.#legs.get(id);
    if (!leg) return;
    if (this.#paths.some(({ from }) => from === leg)) this.#unjoin();
    this.#legs.delete(id);
    if (leg.kind === "webrtc") this.#context.unregister(leg);
    leg.close(now);
  }

  #unjoin(): void {
    for (const path of this.#paths) {
      path.from.stream.sink = undefined;
      path.transcoder?.close();
    }
    this.#paths = [];
  }
}

/** Makes a direction's transcoder for what both sides' SDP says now; before that there is none. */
function wire(path: Path, context: SessionContext): void {
  const input = path.from.stream.format;
  const output = path.to.stream.format;
  if (!input || !output) return;
  const madeFor = JSON.stringify([input.receive, input.dtmf, output.codec, output.dtmf]);
  if (madeFor === path.madeFor) return;
  path.madeFor = madeFor;
  path.transcoder?.close();
  const { sender } = path.to.stream;
  path.transcoder = new Transcoder({ codecs: context.codecs, input, output, sender });
  path.transcoder.setOpusMode(path.policy.mode);
  path.from.stream.sink = path.transcoder;
}

/** Lets the receiver's loss reports choose how Opus is encoded for it. */
function adapt(path: Path): void {
  const { control, format } = path.to.stream;
  const loss = control.takeLoss();
  if (loss === undefined || format?.codec.name !== "opus") return;
  if (path.policy.reported(loss, format.codec.fec === true)) {
    path.transcoder?.setOpusMode(path.policy.mode);
  }
}

function refused(seq: number, reason: RefusedReason): Reply {
  return { type: "refused", seq, reason };
}
