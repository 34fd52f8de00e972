/**
 * One call as a softphone makes it, to hear whether the way to a number and back is whole (X3): it
 * calls, says the test signal for a while, compares what comes back with it, and hangs up.
 */
import type { Codecs } from "../../media-wasm/codec.ts";
import type { Flow } from "../sip/flow.ts";
import { PhoneAudio } from "./phone-audio.ts";
import type { CallOutcome, PhoneOrder, PhoneStep } from "./protocol.ts";
import { CallRefused, OutgoingCall, type SipDialog } from "./sip-dialog.ts";
import type { SipEndpoint } from "./sip-endpoint.ts";
import { echoIn, levelOf, TURN_MS } from "./test-signal.ts";

export interface TestCallParts {
  readonly endpoint: SipEndpoint;
  readonly flow: Flow;
  readonly codecs: Codecs;
  /** The call is up: requests in its dialog are this one's. */
  readonly onDialog: (dialog: SipDialog) => void;
  readonly tell: (step: PhoneStep) => void;
  /** Resolves when nobody wants to know any more. */
  readonly stopped: Promise<void>;
}

const RING_MS = 45_000;
const CONNECT_MS = 10_000;
/** Three turns of the signal are said; the last one and a half are listened for. */
const TALK_MS = 3 * TURN_MS;
/** What a codec leaves of the sweep is far above it, what is said by others far below. */
const LIKENESS_MIN = 0.5;
/** Whatever is quieter is what codecs make of silence. */
const SILENCE_DB = -55;
const LOSS_MAX = 0.03;

export async function placeTestCall(order: PhoneOrder, parts: TestCallParts): Promise<void> {
  const audio = await PhoneAudio.open(order.address, parts.codecs);
  let dialog: SipDialog | undefined;
  try {
    dialog = await answered(order, audio.offer, parts, async (sdp) => {
      await audio.connect(sdp, CONNECT_MS);
    });
    if (!dialog) return;
    parts.tell({ step: "talk", begun: true });
    const began = performance.now();
    audio.say();
    const cut = await Promise.race([
      Bun.sleep(TALK_MS).then(() => undefined),
      dialog.ended.then(() => "hung-up" as const),
      parts.stopped.then(() => "stopped" as const),
    ]);
    const tookMs = performance.now() - began;
    if (cut === "hung-up") {
      parts.tell({ step: "talk", outcome: "hung-up", tookMs, facts: {} });
    } else if (cut === undefined) parts.tell({ step: "talk", tookMs, ...judged(audio) });
  } finally {
    audio.close();
    await dialog?.hangUp().catch(() => {});
  }
}

/** The call's dialog once its audio is connected; undefined where it came to nothing, which is told. */
async function answered(
  { identity, target }: PhoneOrder,
  offer: string,
  { endpoint, flow, tell, stopped, onDialog }: TestCallParts,
  connect: (sdp: string) => Promise<void>,
): Promise<SipDialog | undefined> {
  tell({ step: "call", begun: true });
  const began = performance.now();
  const end = (outcome: CallOutcome, facts: Record<string, number> = {}) => {
    tell({ step: "call", outcome, tookMs: performance.now() - began, facts });
  };
  const call = new OutgoingCall(endpoint, flow, identity, target, offer);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    call.cancel();
  }, RING_MS);
  void stopped.then(() => call.cancel());
  try {
    const { dialog, sdp } = await call.answered;
    onDialog(dialog);
    try {
      await connect(sdp);
    } catch {
      end("no-media");
      await dialog.hangUp();
      return undefined;
    }
    end("answered");
    return dialog;
  } catch (error) {
    if (isLate) end("unanswered");
    else if (error instanceof CallRefused) end("refused", { status: error.status });
    else end("refused");
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function judged(audio: PhoneAudio): { outcome: CallOutcome; facts: Record<string, number> } {
  const { pcm, offsetMs, packets, lost } = audio.heard;
  const levelDb = levelOf(pcm);
  const loss = packets + lost === 0 ? 1 : lost / (packets + lost);
  if (packets === 0 || levelDb < SILENCE_DB) {
    return { outcome: packets === 0 ? "nothing" : "silence", facts: { packets } };
  }
  const { likeness, delayMs } = echoIn(pcm, offsetMs);
  if (likeness < LIKENESS_MIN) return { outcome: "other", facts: { levelDb, loss } };
  const facts = { levelDb, loss, delayMs };
  return { outcome: loss > LOSS_MAX ? "broken" : "echo", facts };
}
