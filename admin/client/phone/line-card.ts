/**
 * A call on the page: who, how long, how it sounds, and its buttons. The card is made once and then
 * brought up to date, so that a button stays under the finger that is about to press it.
 */
import { badge, h, setText, type Tone } from "../dom.ts";
import { duration } from "../time.ts";
import type { Line, LineState } from "./line.ts";
import type { Phone } from "./phone.ts";
import type { Sound } from "./sound.ts";

const STATES: Readonly<Record<LineState, readonly [Tone, string]>> = {
  calling: ["busy", "Calling"],
  ringing: ["busy", "Ringing"],
  incoming: ["busy", "Calls you"],
  connected: ["good", "Connected"],
  ended: ["idle", "Ended"],
};
const LEVELS_MS = 80;
const QUALITY_MS = 3_000;

function button(label: string, act: () => void, style = ""): HTMLButtonElement {
  return h("button", { type: "button", class: `button ${style}`, onclick: act }, label);
}

function meter(label: string): HTMLMeterElement {
  return h("meter", { min: 0, max: 1, "aria-label": label });
}

export class LineCard {
  readonly element: HTMLElement;
  readonly #line: Line;
  readonly #phone: Phone;
  readonly #sound: Sound;
  readonly #state = h("span", { class: "state" });
  readonly #note = h("p", { class: "soft wrap", role: "status" });
  readonly #time = h("span", { class: "time" });
  readonly #heard = meter("The other side's level");
  readonly #said = meter("Your level");
  readonly #levels = h(
    "div",
    { class: "levels", hidden: true },
    h("span", { class: "soft" }, "They"),
    this.#heard,
    h("span", { class: "soft" }, "You"),
    this.#said,
  );
  readonly #answer: HTMLButtonElement;
  readonly #mute: HTMLButtonElement;
  readonly #hold: HTMLButtonElement;
  readonly #transfer: HTMLButtonElement;
  readonly #hangUp: HTMLButtonElement;
  readonly #target = h("input", {
    type: "tel",
    autocomplete: "off",
    "aria-label": "Number to transfer to",
    placeholder: "Number or name",
  });
  readonly #joins = h("div", { class: "joins" });
  readonly #panel: HTMLFormElement;
  #stopPlaying: (() => void) | undefined;
  readonly #timers: ReturnType<typeof setInterval>[] = [];

  constructor(line: Line, phone: Phone, sound: Sound) {
    this.#line = line;
    this.#phone = phone;
    this.#sound = sound;
    this.#answer = button("Answer", () => phone.answer(line), "primary");
    this.#mute = button("Mute", () => line.mute(!line.isMuted));
    this.#hold = button("Hold", () => (line.isHeld ? phone.resume(line) : line.hold(true)));
    this.#transfer = button("Transfer", () => this.#openPanel());
    this.#hangUp = button("Hang up", () => line.hangUp(), "danger");
    this.#panel = h(
      "form",
      { class: "transfer", hidden: true, onsubmit: (event) => this.#sendOn(event) },
      this.#target,
      h("button", { type: "submit", class: "button primary" }, "Send the caller there"),
      this.#joins,
    );
    const title = h("h2", {}, line.displayName || line.number);
    const number = line.displayName ? h("span", { class: "soft" }, line.number) : undefined;
    this.element = h(
      "section",
      { class: "card line", "aria-label": `Call with ${line.displayName || line.number}` },
      h("div", { class: "head" }, title, number, this.#state, this.#time),
      h(
        "div",
        { class: "body" },
        this.#note,
        this.#levels,
        h(
          "div",
          { class: "line-buttons" },
          this.#answer,
          this.#mute,
          this.#hold,
          this.#transfer,
          this.#hangUp,
        ),
        this.#panel,
      ),
    );
    this.#timers.push(setInterval(() => this.#tick(), 1_000));
  }

  show(): void {
    const { state, isHeld, isHeldByOther, isMuted, outcome, transfer, isIncoming } = this.#line;
    const isConnected = state === "connected";
    const [tone, word] = isConnected && isHeld ? (["warn", "On hold"] as const) : STATES[state];
    this.#state.replaceChildren(badge(tone, word));
    const held = isHeldByOther ? "The other side put you on hold." : "";
    setText(this.#note, state === "ended" ? outcome : transfer || held);
    this.#note.hidden = this.#note.textContent === "";
    this.#answer.hidden = state !== "incoming";
    for (const it of [this.#mute, this.#hold, this.#transfer]) it.hidden = !isConnected;
    this.#hangUp.hidden = state === "ended";
    setText(this.#hangUp, hangUpWord(state, isIncoming));
    setText(this.#mute, isMuted ? "Unmute" : "Mute");
    this.#mute.setAttribute("aria-pressed", String(isMuted));
    setText(this.#hold, isHeld ? "Resume" : "Hold");
    this.#hold.setAttribute("aria-pressed", String(isHeld));
    if (!isConnected) this.#panel.hidden = true;
    this.#showJoins();
    this.#listen();
    this.#tick();
    if (state === "ended") this.#stop();
  }

  /** Audio plays as soon as there is a track: what comes before the answer is heard too. */
  #listen(): void {
    const { heard, said, state } = this.#line;
    if (!heard || state === "incoming" || state === "ended" || this.#stopPlaying) return;
    this.#stopPlaying = this.#sound.play(heard);
    if (state !== "connected" && !said) return;
    const levelHeard = this.#sound.levelOf(heard);
    let levelSaid = said && this.#sound.levelOf(said);
    let measured = said;
    this.#levels.hidden = false;
    const read = () => {
      if (this.#line.said !== measured) {
        measured = this.#line.said;
        levelSaid = measured && this.#sound.levelOf(measured);
      }
      this.#heard.value = levelHeard();
      this.#said.value = levelSaid?.() ?? 0;
    };
    this.#timers.push(setInterval(read, LEVELS_MS));
    this.#timers.push(setInterval(() => void this.#measure(), QUALITY_MS));
  }

  async #measure(): Promise<void> {
    const quality = await this.#line.quality();
    if (!quality) return;
    const { loss, roundTripMs } = quality;
    const trip = roundTripMs === undefined ? "" : `, ${roundTripMs} ms to the gateway and back`;
    this.element.title = `${(100 * loss).toFixed(1)} % of their audio was lost${trip}`;
  }

  #tick(): void {
    const { connectedAt, state } = this.#line;
    if (connectedAt === undefined || state === "ended") return;
    setText(this.#time, duration(Date.now() - connectedAt));
  }

  #openPanel(): void {
    this.#panel.hidden = !this.#panel.hidden;
    if (!this.#panel.hidden) this.#target.focus();
  }

  #sendOn(event: Event): void {
    event.preventDefault();
    const number = this.#target.value.trim();
    if (number !== "") this.#line.sendTo(number);
  }

  /** Whoever was asked first can be joined with the caller. */
  #showJoins(): void {
    const others = this.#phone.lines.filter((it) => it !== this.#line && it.state === "connected");
    this.#joins.replaceChildren(
      ...others.map((other) =>
        button(`Join with ${other.displayName || other.number}`, () => this.#line.joinWith(other)),
      ),
    );
  }

  #stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.#stopPlaying?.();
    this.#levels.hidden = true;
  }
}

function hangUpWord(state: LineState, isIncoming: boolean): string {
  if (state === "incoming") return "Decline";
  return state === "connected" || isIncoming ? "Hang up" : "Cancel";
}
