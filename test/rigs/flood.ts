/** A flood at a set rate, from a process of its own (`flooder`). */
import { join } from "node:path";

export interface FloodPlan {
  transport: "udp" | "tcp" | "ws";
  /** On 127.0.0.1. */
  port: number;
  /** Messages a second, of all sources together. */
  rate: number;
  /** Addresses they come from, of 65,025; of streams at most 16. */
  sources: number;
  /** The first of them: whoever is banned already is no stranger any more. */
  from: number;
  seconds: number;
}

export interface FloodReport {
  sent: number;
  bytesSent: number;
  /** Datagrams, or pieces of a stream, that came back. */
  replies: number;
  replyBytes: number;
  /** Those to the one source that got most. */
  mostReplies: number;
}

/** Resolves when it is over. */
export function flood(plan: FloodPlan): Promise<FloodReport> {
  return new Promise((resolve, reject) => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "flooder.ts")], {
      stdio: ["ignore", "inherit", "inherit"],
      serialization: "json",
      ipc: (message) => {
        if (message === "ready") child.send(plan);
        else resolve(message as FloodReport);
      },
      onExit: (_child, status) => reject(new Error(`the flooder ended with status ${status}`)),
    });
  });
}
