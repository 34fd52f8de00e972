/** Between the bench and its load generators, which are processes of their own. */
import type { MediaMode } from "../../gateway/b2bua/status.ts";
import type { Heard } from "./hearing.ts";
import type { Silence } from "./humming.ts";
import type { Impairments } from "./impairment.ts";
import type { KeyForm } from "./keypad.ts";
import type { PathDescription } from "./path.ts";
import type { Quantiles } from "./samples.ts";

export interface LoadPlan {
  readonly path: PathDescription;
  readonly calls: number;
  /** Calls set up in a second. */
  readonly ramp: number;
  /** That all calls are held together. */
  readonly seconds: number;
  readonly softphoneCodec: string;
  readonly pbxCodec: string;
  /**
   * Given, calls come and go: `ramp` of them a second for `seconds`, each held so many ms. `calls` is
   * then how many numbers they share.
   */
  readonly churnHoldMs?: number;
  /** What both ends' packets suffer on their way to the target. */
  readonly impair?: Impairments;
  /** What is said: recorded speech unless given; a tone of each end's; or as good as nothing. */
  readonly voice?: "speech" | "hum" | "murmur";
  /** Keys that each end presses while the calls stand. */
  readonly keys?: KeyPlan;
  /** What the gateway must say it does with the audio of every call, where it can be asked. */
  readonly mode?: MediaMode;
  /**
   * So many calls, spread over all, are listened to; the rest is only counted. Of calls that come and
   * go every so many.
   */
  readonly listen: number;
}

export interface KeyPlan {
  readonly softphone: "events" | "info";
  readonly pbx: KeyForm;
  /** Of each end of each call. */
  readonly count: number;
  readonly holdMs: number;
  readonly pauseMs: number;
}

export interface KeysHeard {
  readonly pressed: string;
  readonly heard: string;
}

/** A call that never came about, or not as it should. */
export interface Refusal {
  /** When it began and when it was given up, ms since the epoch. */
  readonly beganAt: number;
  readonly endedAt: number;
  readonly reason: string;
}

export interface CallOutcome {
  readonly index: number;
  /** Of calls that come and go: from when to when it was there, ms since the epoch. */
  readonly beganAt?: number;
  readonly endedAt?: number;
  /** From INVITE to the answer. */
  readonly answeredMs: number;
  /** From INVITE until audio could flow: ICE and DTLS are through. */
  readonly connectedMs: number;
  /** What the softphone heard, and the PBX; undefined where it was not listened to. */
  readonly softphone: Heard | undefined;
  readonly pbx: Heard | undefined;
  /** Of calls that hum: the longest silence at each end. */
  readonly silence?: { readonly softphone: Silence; readonly pbx: Silence };
  /** Of calls with keys, by who heard them. */
  readonly keys?: { readonly softphone: KeysHeard; readonly pbx: KeysHeard };
  /** Packets that came, of those that were sent meanwhile. */
  readonly delivered: number;
}

export interface GeneratorReport {
  /** How late packets left, ms. */
  readonly sendLatenessMs: Quantiles;
  /** Of the far end's answers to ICE checks, ms: the lag of the thread that has the call. */
  readonly roundTripMs: Quantiles;
  /** Of OPTIONS to the target meanwhile, ms: the lag of its main thread. Zeros where none are taken. */
  readonly signallingMs: Quantiles;
  /** CPU seconds of this process for each second of load. */
  readonly cpu: number;
  /** Datagrams its sockets dropped for want of room. */
  readonly dropped: number;
}

/** What happens to calls while they stand. */
export type Disturbance =
  /** Every softphone's WebSocket is closed and opened again. */
  | { readonly kind: "reconnect" }
  /** The PBX hears and says nothing in SIP for so long. */
  | { readonly kind: "pbx-silent"; readonly forMs: number };

export type ToGenerator =
  | { type: "run"; plan: LoadPlan }
  | { type: "release" }
  | { type: "disturb"; disturbance: Disturbance };

export type FromGenerator =
  | { type: "ready" }
  | { type: "progress"; established: number; failed: number }
  /** All calls are up, and listening has begun. */
  | { type: "steady" }
  /** What it does that takes a while. */
  | { type: "stage"; stage: string }
  /** The time is up; calls stay up until `release`. */
  | { type: "held" }
  | { type: "result"; calls: CallOutcome[]; refused: Refusal[]; report: GeneratorReport }
  | { type: "failed"; reason: string };
