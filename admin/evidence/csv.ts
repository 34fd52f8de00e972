/**
 * Call records as CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets an
 * apostrophe in front: names and reasons come from strangers (W6).
 */
import type { CallRecord } from "../../gateway/b2bua/status.ts";

const COLUMNS = [
  "id",
  "direction",
  "caller",
  "callee",
  "connection",
  "started",
  "answered",
  "ended",
  "talkedSeconds",
  "status",
  "endedBy",
  "reason",
  "cause",
  "codecs",
  "mode",
  "finding",
  "suggestion",
] as const;

const FORMULA = /^[=+\-@\t\r]/;

/** `nameOf`: a connection's name by its id. */
export function recordsCsv(
  records: readonly CallRecord[],
  nameOf: (connection: number) => string | undefined,
): string {
  const lines = records.map((record) => {
    const { started, answered, ended, connection, codecs, finding } = record;
    const talked = answered === undefined ? "" : String(Math.round((ended - answered) / 1_000));
    return [
      record.id,
      record.direction,
      record.caller,
      record.callee,
      connection === undefined ? "" : (nameOf(connection) ?? String(connection)),
      timeOf(started),
      timeOf(answered),
      timeOf(ended),
      talked,
      String(record.status),
      record.endedBy,
      record.reason,
      record.cause === undefined ? "" : String(record.cause),
      codecs ? `${codecs.webrtc} ${codecs.trunk}` : "",
      record.mode ?? "",
      finding?.sentence ?? "",
      finding?.suggestion ?? "",
    ];
  });
  return [COLUMNS, ...lines].map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");
}

function timeOf(at: number | undefined): string {
  return at === undefined ? "" : new Date(at).toISOString();
}

function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || safe !== text ? `"${safe.replaceAll('"', '""')}"` : safe;
}
