/**
 * The log: one line an event, `time level event key=value …`, through LogTape.
 *
 * Values are printed as JSON, so that no text from the network can break a line or colour a
 * terminal; each is bounded. What must not be logged is kept out where the event is made.
 */
import { configure, getConsoleSink, getLogger, type LogRecord, type Sink } from "@logtape/logtape";
import type { LogLevel } from "../b2bua/border.ts";

const FIELD_LENGTH_MAX = 512;
/** How long a line that is no warning waits for others. */
const TOGETHER_MS = 20;

export type Log = (
  level: LogLevel,
  event: string,
  fields?: Record<string, string | number>,
) => void;

/** Sets the process's log up; `level` is the lowest that is printed. */
export async function openLog(level: LogLevel): Promise<Log> {
  await configure({
    sinks: { console: gatheredConsole() },
    loggers: [
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["console"] },
      { category: ["jackfield"], lowestLevel: level, sinks: ["console"] },
    ],
  });
  const logger = getLogger(["jackfield"]);
  return (at, event, fields = {}) => logger[at](event, fields);
}

/**
 * Warnings go out at once, other lines some together: each write is a system call on the thread
 * that speaks SIP, and every call writes lines. A console nobody reads any more harms nothing.
 */
function gatheredConsole(): Sink {
  const write = getConsoleSink({ formatter: ({ rawMessage }) => [String(rawMessage)] });
  let waiting: LogRecord[] = [];
  const flush = () => {
    const [first] = waiting;
    if (first) write({ ...first, rawMessage: waiting.map(formatRecord).join("\n") });
    waiting = [];
  };
  process.on("exit", flush);
  return (record) => {
    const isUrgent = record.level !== "info" && record.level !== "debug";
    // Lines keep their order, and go where those of their level belong.
    if (isUrgent) flush();
    waiting.push(record);
    if (isUrgent) flush();
    else if (waiting.length === 1) setTimeout(flush, TOGETHER_MS);
  };
}

function formatRecord(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString();
  const event = String(record.rawMessage);
  const fields = Object.entries(record.properties).map(([key, value]) => `${key}=${print(value)}`);
  return [time, record.level.padEnd(7), event, ...fields].join(" ");
}

function print(value: unknown): string {
  if (typeof value === "number") return String(value);
  const text = String(value).slice(0, FIELD_LENGTH_MAX);
  if (/^[\w.:@+/-]+$/.test(text)) return text;
  // JSON leaves U+007F to U+009F and the line separators as they are; terminals act on them.
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
