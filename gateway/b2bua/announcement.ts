/**
 * What a caller hears whose call comes to nothing (MED-11): a tone, or a file of the operator's that
 * says it in words, before the refusal (early media, RFC 3960 §3.2) or in an answered call, for
 * telephones that play nothing before. Above: the call, which ends when this has been heard.
 */
import { type Millis, Timers } from "../machine.ts";
import type { SoundFile } from "../media/protocol.ts";
import type { Bridge } from "./bridge.ts";
import { CallerLeg } from "./caller-leg.ts";
import type { Dialing } from "./dialing.ts";
import type { Leg } from "./leg.ts";
import { causeOf, type Ending } from "./reason.ts";

/** Nobody listens longer to why it didn't work; a caller without media is not waited for. */
const ANNOUNCEMENT_MS_MAX = 30_000;

export class Announcement {
  readonly ending: Ending;
  readonly #timers = new Timers<"over">();

  private constructor(ending: Ending, now: Millis) {
    this.ending = ending;
    this.#timers.arm("over", now + ANNOUNCEMENT_MS_MAX);
  }

  /**
   * After `search` came to nothing; undefined where the caller is to hear nothing, or nothing of ours
   * can reach it.
   */
  static begin(
    ending: Ending,
    caller: Leg | undefined,
    search: Dialing | undefined,
    bridge: Bridge,
    now: Millis,
  ): Announcement | undefined {
    const [asked] = search?.destination.candidates ?? [];
    const how = caller?.options.announcements ?? asked?.announcements;
    if (how === undefined || how === "none" || !(caller instanceof CallerLeg)) return undefined;
    const { negotiation, state, takesEarlyMedia } = caller;
    const isDeaf = negotiation.isRelayed || negotiation.relays || !negotiation.local;
    if (isDeaf || !takesEarlyMedia || state !== "inviting") return undefined;
    if (how === "early") caller.progress(183, now);
    else caller.accept(now);
    bridge.announce(caller, soundOf(ending));
    return new Announcement(ending, now);
  }

  deadline(): Millis | undefined {
    return this.#timers.next();
  }

  /** It was played to its end. */
  heard(now: Millis): void {
    this.#timers.arm("over", now);
  }

  /** True where it is over, or has lasted long enough. */
  timeout(now: Millis): boolean {
    return this.#timers.takeDue(now) !== undefined;
  }
}

/** By the telephone network's causes (ITU-T Q.850). */
function soundOf(ending: Ending): SoundFile {
  switch (causeOf(ending)) {
    case 17:
      return { file: "busy.wav", otherwise: "busy" };
    case 1:
    case 22:
    case 28:
      return { file: "unknown-number.wav", otherwise: "information" };
    case 18:
    case 19:
    case 20:
      return { file: "unavailable.wav", otherwise: "congestion" };
    default:
      return { file: "failed.wav", otherwise: "congestion" };
  }
}
