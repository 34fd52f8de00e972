/** What the page offers to a test: the softphone, and what a person would see and hear of it. */
import type { Softphone } from "./softphone.ts";

export interface PacketCounts {
  sent: number;
  /** Payload of those sent. */
  sentBytes: number;
  received: number;
  /** Of those sent to the page. */
  lost: number;
  /** Of those the page sent, as the gateway reported by RTCP. */
  reportedLost: number;
}

export interface CodecsInUse {
  sent: string[];
  received: string[];
}

export interface PageFace extends Softphone {
  /** What is heard during the next `forMs`: signed 16-bit mono at 48 kHz, in base64. */
  listen(forMs: number): Promise<string>;
  /** Which tone the microphone of later calls hears. */
  hum(frequencyHz: number): void;
  /** Every SIP message that passed: `> ` before what was sent, `< ` before what came. */
  wire(): string[];
  packets(): Promise<PacketCounts>;
  codecs(): Promise<CodecsInUse>;
}

declare global {
  var softphone: PageFace;
}
