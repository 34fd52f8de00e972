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
import { MediaSession, type SessionContext } from "./media-session.ts";
import type { Command, Endpoint, Notice, Reply, SessionId } from "./protocol.ts";
import type { MediaSocket, Sockets, TrunkPair, TrunkReceiver } from "./sockets.ts";
import { WebRtcDemultiplexer } from "./webrtc-demultiplexer.ts";
import type { WebRtcLeg } from "./webrtc-leg.ts";

export interface MediaPlaneOptions {
  random: Random;
  codecs: Codecs;
  certificate: DtlsCertificate;
  sockets: Sockets;
  silenceMs: number;
}

interface Owner {
  leg: WebRtcLeg;
  session: MediaSession;
}

export class MediaPlane {
  /** Datagrams to the shared port that belong to nobody. */
  unclaimed = 0;

  readonly #sockets: Sockets;
  readonly #context: SessionContext;
  readonly #sessions = new Map<SessionId, MediaSession>();
  readonly #agenda = new Agenda<MediaSession>();
  readonly #demultiplexer = new WebRtcDemultiplexer<Owner>();
  readonly #owners = new Map<WebRtcLeg, Owner>();
  #notices: Notice[] = [];

  constructor(options: MediaPlaneOptions) {
    this.#sockets = options.sockets;
    this.#context = {
      random: options.random,
      codecs: options.codecs,
      certificate: options.certificate,
      silenceMs: options.silenceMs,
      candidates: options.sockets.candidates,
      openTrunkPair: (receiver, session, now) => this.#openTrunkPair(receiver, session, now),
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
      return undefined;
    }
    if (!session) {
      if (command.type === "closeLeg") return undefined;
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
      return command.type === "closeLeg" ? undefined : refused(command.seq, "unknown-session");
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

  #openTrunkPair(
    receiver: TrunkReceiver,
    session: MediaSession,
    now: Millis,
  ): TrunkPair | undefined {
    return this.#sockets.openTrunkPair(
      {
        receiveRtp: (datagram, source, at) => {
          try {
            receiver.receiveRtp(datagram, source, at);
          } catch (error) {
            this.#fail(session, error, at);
            return;
          }
          this.#settle(session);
        },
        receiveRtcp: (datagram, source, at) => {
          try {
            receiver.receiveRtcp(datagram, source, at);
          } catch (error) {
            this.#fail(session, error, at);
            return;
          }
          this.#settle(session);
        },
      },
      now,
    );
  }

  #register(leg: WebRtcLeg, session: MediaSession): void {
    const owner = this.#owners.get(leg) ?? { leg, session };
    this.#owners.set(leg, owner);
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

function refused(seq: number, reason: "unknown-session" | "over-limit"): Reply {
  return { type: "refused", seq, reason };
}
