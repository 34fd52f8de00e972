/**
 * The phone itself, over JsSIP: registration and calls, as plain state. It knows no page; who wants
 * to show it is told of each change.
 */
import { UA, WebSocketInterface } from "jssip";
import type { RTCSession } from "jssip/lib/RTCSession";
import type { Account } from "./account.ts";
import { Line } from "./line.ts";
import type { Sound } from "./sound.ts";

export type Registration = "connecting" | "registered" | "refused" | "lost";

/** How long a call that has ended stays to be read. */
const SHOWN_MS = 5_000;

interface Listener {
  changed(): void;
  ended(line: Line): void;
}

export class Phone {
  readonly account: Account;
  registration: Registration = "connecting";
  /** Why it is refused. */
  reason = "";
  readonly lines: Line[] = [];
  readonly #ua: UA;
  readonly #sound: Sound;
  readonly #listener: Listener;

  constructor(account: Account, sound: Sound, listener: Listener) {
    this.account = account;
    this.#sound = sound;
    this.#listener = listener;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.#ua = new UA({
      sockets: new WebSocketInterface(`${scheme}://${location.host}/sip`),
      uri: this.#addressOf(account.name),
      password: account.password,
      register_expires: 300,
      user_agent: "Jackfield phone",
    });
    this.#follow();
    this.#ua.start();
  }

  call(number: string): void {
    this.#holdOthers();
    this.#ua.call(this.#addressOf(number), this.#media());
  }

  /** The others are put on hold: nobody talks to two people at once. */
  answer(line: Line): void {
    this.#holdOthers(line);
    line.answer();
  }

  resume(line: Line): void {
    this.#holdOthers(line);
    line.hold(false);
  }

  /** Withdraws the registration and ends what there is. */
  stop(): void {
    this.#ua.stop();
  }

  #media() {
    return {
      mediaConstraints: { audio: this.#sound.microphone, video: false },
      // The gateway has an address of its own: there is nothing to ask others for.
      pcConfig: { iceServers: [] },
    };
  }

  #holdOthers(except?: Line): void {
    for (const line of this.lines) if (line !== except) line.hold(true);
  }

  #addressOf(number: string): string {
    const user = encodeURIComponent(number).replaceAll("%2B", "+");
    return `sip:${user}@${location.hostname}`;
  }

  #follow(): void {
    const to = (registration: Registration, reason = "") => {
      this.registration = registration;
      this.reason = reason;
      this.#listener.changed();
    };
    this.#ua.on("registered", () => to("registered"));
    this.#ua.on("registrationFailed", ({ response, cause }) =>
      to("refused", refusal(response?.status_code, cause)),
    );
    this.#ua.on("disconnected", () => to("lost"));
    this.#ua.on("connected", () => {
      if (this.registration === "lost") to("connecting");
    });
    this.#ua.on("newRTCSession", ({ session }: { session: RTCSession }) => this.#add(session));
  }

  #add(session: RTCSession): void {
    const line = new Line({
      session,
      changed: (it) => this.#changed(it),
      media: () => this.#media(),
      addressOf: (number) => this.#addressOf(number),
    });
    this.lines.push(line);
    this.#listener.changed();
  }

  #changed(line: Line): void {
    this.#listener.changed();
    if (line.state !== "ended") return;
    this.#listener.ended(line);
    setTimeout(() => {
      const at = this.lines.indexOf(line);
      if (at >= 0) this.lines.splice(at, 1);
      this.#listener.changed();
    }, SHOWN_MS);
  }
}

function refusal(status: number | undefined, cause: string | undefined): string {
  if (status === 401 || status === 403 || status === 407) {
    return "The gateway does not know this name and password.";
  }
  if (status === 503) return "The gateway takes nobody at the moment.";
  return `The gateway refused: ${cause ?? status ?? "it did not say why"}.`;
}
