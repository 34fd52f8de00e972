/** A call's evidence as text to send to somebody: why, the decisions, the ladder, every message. */
import type { CallReport } from "../../gateway/b2bua/call-trace.ts";
import { ladderOf } from "./ladder.ts";

const RULE = "-".repeat(78);

export function traceText({ status, record, findings, trace }: CallReport): string {
  const call = record ?? status;
  const lines: string[] = [];
  if (call) {
    lines.push(`Call ${call.id}: ${call.caller} to ${call.callee} (${call.direction})`);
    lines.push(`Started ${timeOf(call.started)}`);
    if (call.answered !== undefined) lines.push(`Answered ${timeOf(call.answered)}`);
    if (record) lines.push(`Ended ${timeOf(record.ended)} with ${record.status}: ${record.reason}`);
  }
  for (const { sentence, suggestion } of findings) lines.push("", sentence, `  ${suggestion}`);
  if (!trace) return printed([...lines, "", "Its messages made room for newer calls."]);
  lines.push("", "Decisions", RULE);
  for (const { at, text } of trace.decisions) lines.push(`${timeOf(at)}  ${text}`);
  const { columns, rows, omitted } = ladderOf(trace);
  lines.push("", "Ladder", RULE);
  for (const { afterMs, from, to, label, repeats } of rows) {
    const way = `${columns[from]?.name ?? ""} -> ${columns[to]?.name ?? ""}`;
    const again = repeats > 0 ? ` (${repeats + 1} times)` : "";
    lines.push(`${(afterMs / 1_000).toFixed(3).padStart(9)}  ${way.padEnd(28)}  ${label}${again}`);
  }
  if (omitted > 0) lines.push(`${omitted} more messages were not kept.`);
  lines.push("", "Messages");
  for (const [index, { at, text }] of trace.messages.entries()) {
    const row = rows[index];
    const way = row ? `${columns[row.from]?.name} -> ${columns[row.to]?.name}` : "";
    lines.push(RULE, `${timeOf(at)}  ${way}`, "", ...text.split(/\r?\n/));
  }
  return printed(lines);
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}

/** What a terminal would obey is shown, not done (W12). */
function printed(lines: readonly string[]): string {
  const shown = lines.map((line) => line.replace(/[^\P{Cc}\t]/gu, "\ufffd"));
  return `${shown.join("\n")}\n`;
}
