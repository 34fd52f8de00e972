/**
 * A call's messages as a ladder: a column for each party with the gateway between callers and
 * callees, a row for each message. Plain data for the page, the API and the text alike.
 */
import type { CallTrace, TracedMessage } from "../../gateway/b2bua/call-trace.ts";

export const GATEWAY = "Jackfield";

export interface LadderColumn {
  readonly name: string;
  /** Where it is, as `udp 10.0.0.5:5060`; of the gateway nothing. */
  readonly place: string;
}

export interface LadderRow {
  /** Its place among the trace's messages. */
  readonly message: number;
  readonly at: number;
  /** Since the first message, in milliseconds. */
  readonly afterMs: number;
  /** Columns, by index. */
  readonly from: number;
  readonly to: number;
  /** `INVITE`, `200 OK`. */
  readonly label: string;
  /** `request`, or by class of the status: `progress`, `success`, `failure`. */
  readonly kind: "request" | "progress" | "success" | "failure";
  readonly hasSdp: boolean;
  readonly repeats: number;
}

export interface Ladder {
  readonly columns: readonly LadderColumn[];
  readonly rows: readonly LadderRow[];
  /** Messages that were not kept. */
  readonly omitted: number;
}

export function ladderOf(trace: CallTrace): Ladder {
  const indexed = trace.parties.map((party, index) => ({ party, index }));
  const callers = indexed.filter(({ party }) => party.role === "caller");
  const callees = indexed.filter(({ party }) => party.role === "callee");
  const column = new Map<number, number>();
  for (const [place, { index }] of callers.entries()) column.set(index, place);
  for (const [place, { index }] of callees.entries()) {
    column.set(index, callers.length + 1 + place);
  }
  const shown = ({ party }: (typeof indexed)[number]): LadderColumn => {
    const { address, port } = party.remote;
    const host = address.includes(":") ? `[${address}]` : address;
    return { name: party.name, place: `${party.transport} ${host}:${port}` };
  };
  const own = { name: GATEWAY, place: "" };
  const first = trace.messages[0]?.at ?? trace.started;
  const rows = trace.messages.map((message, index): LadderRow => {
    const peer = column.get(message.party) ?? 0;
    const isSent = message.direction === "sent";
    return {
      message: index,
      at: message.at,
      afterMs: message.at - first,
      from: isSent ? callers.length : peer,
      to: isSent ? peer : callers.length,
      ...labelOf(message),
      repeats: message.repeats,
    };
  });
  const columns = [...callers.map(shown), own, ...callees.map(shown)];
  return { columns, rows, omitted: trace.omitted };
}

function labelOf({ text }: TracedMessage): Pick<LadderRow, "label" | "kind" | "hasSdp"> {
  const hasSdp = sdpOf(text) !== undefined;
  const line = text.slice(0, Math.max(0, text.indexOf("\r\n"))).slice(0, 80);
  const answer = /^SIP\/2\.0 (\d)(\d\d) (.*)$/.exec(line);
  if (!answer) return { label: line.split(" ", 1)[0] ?? "", kind: "request", hasSdp };
  const [, hundred = "", rest = "", phrase = ""] = answer;
  const kind = hundred === "1" ? "progress" : hundred === "2" ? "success" : "failure";
  return { label: `${hundred}${rest} ${phrase}`.trim(), kind, hasSdp };
}

/** The session description a message carries. */
export function sdpOf(text: string): string | undefined {
  const end = text.indexOf("\r\n\r\n");
  const body = end < 0 ? "" : text.slice(end + 4);
  return body.startsWith("v=0") ? body : undefined;
}
