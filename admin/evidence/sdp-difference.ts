/** Two session descriptions beside each other: which lines the other one has not. */
import type { CallTrace } from "../../gateway/b2bua/call-trace.ts";
import { sdpOf } from "./ladder.ts";

export interface SdpLine {
  readonly text: string;
  readonly isOnlyHere: boolean;
}

/** What was said of the audio in one dialog: by its offerer first. */
export interface SdpExchange {
  readonly party: number;
  readonly offeredByPeer: boolean;
  readonly offer: readonly SdpLine[];
  readonly answer: readonly SdpLine[];
}

/** Lines that differ in every description by their nature: they would drown the rest. */
const OWN = /^(?:o=|s=|a=(?:ice-|fingerprint|ssrc|candidate|msid|cname|end-of-candidates))/;

/** The first offer of each dialog and the last answer to it; dialogs without are left out. */
export function exchangesOf(trace: CallTrace): SdpExchange[] {
  return trace.parties.flatMap((_, party) => {
    const said = trace.messages
      .filter((it) => it.party === party)
      .map(({ text, direction }) => ({ direction, sdp: sdpOf(text) }))
      .filter(({ sdp }) => sdp !== undefined);
    const [first] = said;
    if (!first?.sdp) return [];
    const reply = said.find(({ direction }) => direction !== first.direction);
    const offer = linesOf(first.sdp);
    const answer = linesOf(reply?.sdp ?? "");
    return [
      {
        party,
        offeredByPeer: first.direction === "received",
        offer: marked(offer, answer, reply !== undefined),
        answer: marked(answer, offer, true),
      },
    ];
  });
}

function linesOf(sdp: string): string[] {
  return sdp.split(/\r?\n/).filter((line) => line !== "");
}

function marked(lines: readonly string[], others: readonly string[], isCompared: boolean) {
  const known = new Set(others);
  return lines.map((text): SdpLine => {
    return { text, isOnlyHere: isCompared && !known.has(text) && !OWN.test(text) };
  });
}
