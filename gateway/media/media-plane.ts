/**
 * All media of one worker, without its sockets and clock: sessions by id, whose datagram is whose,
 * whose timer is due. A fault in one session's packet or command ends that session and no other.
 * Above: worker.ts, which hands datagrams and time in. Below: media sessions.
 */
import type { Codecs } from "../../media-wasm/codec.ts";
import { Agenda } from "../agenda.ts";
import { MEDIA_SESSIONS_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import type { Random } from "../random.ts";
import type { DtlsCertificate } from "./dtls/certificate.ts";
import { classify } from "./ice/demultiplex.ts";
import { type Leg, MediaSession, type SessionContext } from "./media-session.ts";
import type { Command, Endpoint, Notice, RefusedReason, Reply, SessionId } from "./protocol.ts";
import type { MediaSocket, Sockets, TrunkPair } from "./sockets.ts";
import type { Source } from "./sound-file.ts";
import type { TrunkLeg } from "./trunk-leg.ts";
import { WebRtcDemultiplexer } from "./webrtc-demultiplexer.ts";
import type { WebRtcLeg } from "./webrtc-leg.ts";

export interface MediaPlaneOptions {
  random: Random;
  codecs: Codecs;
  certificate: DtlsCertificate;
  sockets: Sockets;
  silenceMs: number;
  /** A sound file from its beginning, or `otherwise`; without it there are no files. */
  openSound?: (file: string, otherwise: Source) => Source;
}

/** Legs that send by the clock are spread over a packet's 20 ms; a step that meets all of them. */
const SLOTS_MS = 20;
const SLOT_STEP_MS = 7;

/** The session a leg is in: legs go over to others. */
interface Home {
  session: MediaSession;
}

interface Owner extends Home {
  leg: WebRtcLeg;
}

export class MediaPlane {
  /** Datagrams to the shared port that belong to nobody. */
  unclaimed = 0;
  /** Short of time: nothing is begun that costs more than it must. */
  isEconomical = false;

  #slotMs = 0;
  readonly #sockets: Sockets;
  readonly #context: SessionContext;
  readonly #sessions = new Map<SessionId, MediaSession>();
  readonly #agenda = new Agenda<MediaSession>();
  readonly #demultiplexer = new WebRtcDemultiplexer<Owner>();
  readonly #owners = new Map<WebRtcLeg, Owner>();
  readonly #homes = new WeakMap<Leg, Home>();
  #notices: Notice[] = [];

  constructor(options: MediaPlaneOptions) {
    this.#sockets = options.sockets;
    this.#context = {
      random: options.random,
      codecs: options.codecs,
      certificate: options.certificate,
      silenceMs: options.silenceMs,
      openSound: options.openSound ?? ((_, otherwise) => otherwise),
      isEconomical: () => this.isEconomical,
      nextSlotMs: () => {
        this.#slotMs = (this.#slotMs + SLOT_STEP_MS) % SLOTS_MS;
        return this.#slotMs;
      },
      candidates: options.sockets.candidates,
      openTrunkPair: (...asked) => this.#openTrunkPair(...asked),
      register: (leg, session) => this.#register(leg, session),
      unregister: (leg) => this.#unregister(leg),
    };
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  get legCount(): number {
    let count = 0;
    for (const session of this.#sessions.values()) count += session.legCount;
    return count;
  }

  /** Whether nothing is kept: no session, no name, no source, no timer. */
  get idle(): boolean {
    return this.#sessions.size + this.#demultiplexer.size + this.#agenda.size === 0;
  }

  /** Carries out one command. Undefined where it wants no reply. */
  handle(command: Command, now: Millis): Reply | undefined {
    let session = this.#sessions.get(command.session);
    if (command.type === "close") {
      if (session) this.#close(session, now);
      this.#notices.push({ type: "closed", session: command.session });
      return undefined;
    }
    if (command.type === "adopt") return this.#adopt(command, now);
    if (!session) {
      if (!("seq" in command)) return undefined;
      if (command.type !== "open") return refused(command.seq, "unknown-session");
      if (this.#sessions.size >= MEDIA_SESSIONS_MAX) return refused(command.seq, "over-limit");
      session = new MediaSession(command.session, this.#context);
      this.#sessions.set(command.session, session);
    }
    let reply: Reply | undefined;
    try {
      reply = session.handle(command, now);
    } catch (error) {
      this.#fail(session, error, now);
      return "seq" in command ? refused(command.seq, "unknown-session") : undefined;
    }
    if (session.legCount === 0) this.#close(session, now);
    else this.#settle(session);
    return reply;
  }

  /** A datagram to the shared port. `source` is only lent for the call; `via` is where to answer. */
  receiveWebRtc(datagram: Uint8Array, source: Endpoint, via: MediaSocket, now: Millis): void {
    const owner =
      classify(datagram) === "stun"
        ? this.#demultiplexer.byUfrag(datagram)
        : this.#demultiplexer.bySource(source);
    if (!owner) {
      this.unclaimed += 1;
      return;
    }
    try {
      if (owner.leg.receive(datagram, source, via, now)) this.#demultiplexer.learn(source, owner);
    } catch (error) {
      this.#fail(owner.session, error, now);
      return;
    }
    this.#settle(owner.session);
  }

  /** When `timeout` is wanted next. */
  deadline(): Millis | undefined {
    return this.#agenda.next();
  }

  timeout(now: Millis): void {
    for (;;) {
      const session = this.#agenda.takeDue(now);
      if (!session) return;
      try {
        session.timeout(now);
      } catch (error) {
        this.#fail(session, error, now);
        continue;
      }
      session.outbox.deadlineMoved = true;
      // A deadline that stays in the past would keep this loop for ever.
      this.#settle(session, now + 1);
    }
  }

  /** What there is to tell the main thread; hands it over. */
  takeNotices(): Notice[] {
    const notices = this.#notices;
    if (notices.length > 0) this.#notices = [];
    return notices;
  }

  /** Ends everything: the program stops. */
  close(now: Millis): void {
    for (const session of [...this.#sessions.values()]) this.#close(session, now);
  }

  #adopt(command: Extract<Command, { type: "adopt" }>, now: Millis): Reply {
    const { seq, session: to, leg: id } = command;
    const from = this.#sessions.get(command.from);
    let session = this.#sessions.get(to);
    const leg = from?.release(id, now);
    const home = leg && this.#homes.get(leg);
    if (!from || !leg || !home) return refused(seq, "elsewhere");
    if (!session) {
      session = new MediaSession(to, this.#context);
      this.#sessions.set(to, session);
    }
    home.session = session;
    session.adopt(leg);
    this.#settle(session);
    if (from.legCount === 0) this.#close(from, now);
    return { type: "adopted", seq };
  }

  #openTrunkPair(
    receiver: TrunkLeg,
    session: MediaSession,
    now: Millis,
    bindAddress?: string,
  ): TrunkPair | undefined {
    const home: Home = { session };
    this.#homes.set(receiver, home);
    return this.#sockets.openTrunkPair(
      {
        receiveRtp: (datagram, source, at) => {
          try {
            receiver.receiveRtp(datagram, source, at);
          } catch (error) {
            this.#fail(home.session, error, at);
            return;
          }
          this.#settle(home.session);
        },
        receiveRtcp: (datagram, source, at) => {
          try {
            receiver.receiveRtcp(datagram, source, at);
          } catch (error) {
            this.#fail(home.session, error, at);
            return;
          }
          this.#settle(home.session);
        },
      },
      now,
      bindAddress,
    );
  }

  #register(leg: WebRtcLeg, session: MediaSession): void {
    const owner = this.#owners.get(leg) ?? { leg, session };
    this.#owners.set(leg, owner);
    this.#homes.set(leg, owner);
    this.#demultiplexer.register(owner, leg.ufrag);
  }

  #unregister(leg: WebRtcLeg): void {
    const owner = this.#owners.get(leg);
    if (!owner) return;
    this.#owners.delete(leg);
    this.#demultiplexer.unregister(owner);
  }

  /** After each input: what it said goes out, and its next deadline is noted if that moved. */
  #settle(session: MediaSession, notBefore: Millis = 0): void {
    const { outbox } = session;
    if (!outbox.empty) this.#notices.push(...outbox.take());
    if (!outbox.deadlineMoved) return;
    outbox.deadlineMoved = false;
    if (this.#sessions.get(session.id) !== session) return;
    const deadline = session.deadline();
    this.#agenda.set(session, deadline && Math.max(deadline, notBefore));
  }

  #fail(session: MediaSession, error: unknown, now: Millis): void {
    const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    for (const leg of session.legIds) session.outbox.failed(leg, "fault", detail);
    this.#close(session, now);
  }

  #close(session: MediaSession, now: Millis): void {
    this.#sessions.delete(session.id);
    this.#agenda.set(session, undefined);
    for (const leg of session.legIds) {
      try {
        session.handle({ type: "closeLeg", session: session.id, leg }, now);
      } catch (error) {
        // What is broken may break again on its way out; its other legs still have to go.
        session.outbox.failed(leg, "fault", String(error));
      }
    }
    this.#notices.push(...session.outbox.take());
  }
}

function refused(seq: number, reason: RefusedReason): Reply {
  return { type: "refused", seq, reason };
}
