/** /events: the status as server-sent events, on each change but at most four times a second. */
import { type Context, Hono } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { statusFor } from "../discretion.ts";
import type { AdminEnv, Services } from "../services.ts";

const INTERVAL_MS = 250;
const KEEP_ALIVE_MS = 25_000;
/** How long after a log-out or a revoked token events may still flow. */
const PROOF_MS = 5_000;

export function events(services: Services): Hono<AdminEnv> {
  const { report } = services;
  return new Hono<AdminEnv>().get("/", (context) =>
    streamSSE(
      context,
      (stream) => follow(services, context, stream),
      async (error) => report(error),
    ),
  );
}

async function follow(
  { gateway, now }: Services,
  context: Context<AdminEnv>,
  stream: SSEStreamingApi,
): Promise<void> {
  let isDirty = true;
  let sentAt = 0;
  let provenAt = now();
  const unsubscribe = gateway.subscribe(() => {
    isDirty = true;
  });
  stream.onAbort(unsubscribe);
  try {
    while (!stream.aborted) {
      if (now() - provenAt >= PROOF_MS) {
        provenAt = now();
        if (!(await context.get("isStillProven")())) break;
      }
      if (isDirty || now() - sentAt > KEEP_ALIVE_MS) {
        isDirty = false;
        sentAt = now();
        const status = statusFor(context.get("role"), gateway.status());
        await stream.writeSSE({ event: "status", data: JSON.stringify(status) });
      }
      await stream.sleep(INTERVAL_MS);
    }
  } finally {
    // Whose log-in ended, or a fault: who went away is told of at once, above.
    unsubscribe();
  }
}
