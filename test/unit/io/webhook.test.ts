import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Webhook } from "../../../gateway/io/webhook.ts";
import type { WallMillis } from "../../../gateway/machine.ts";
import type { AlertChange } from "../../../gateway/watch/alert-rules.ts";

const alert = (subject: string): AlertChange => ({
  change: "raised",
  rule: "trunk-down",
  subject,
  text: `${subject} is down`,
  at: 1 as WallMillis,
});

/** Statuses are what the hook answers, one try after the other; the last one for ever. */
function rig(statuses: number[]) {
  const sent: { headers: Record<string, string>; body: string }[] = [];
  const pauses: number[] = [];
  const log: string[] = [];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const webhook = new Webhook({
    target: async () => ({ url: "https://hook.example/", secret: "key" }),
    post: async (_url, headers, body) => {
      sent.push({ headers, body });
      const status = statuses.length > 1 ? statuses.shift() : statuses[0];
      if (status === 200) queueMicrotask(resolve);
      return status ?? 500;
    },
    now: () => 1_700_000_000_000,
    pause: async (forMs) => void pauses.push(forMs),
    log: (_level, event) => {
      log.push(event);
      if (event === "alert-lost") queueMicrotask(resolve);
    },
  });
  return { webhook, sent, pauses, log, done };
}

test("OPS-03: an alert is signed over its time and text", async () => {
  const { webhook, sent, done } = rig([200]);
  webhook.add(alert("Head office"));
  await done;
  const [{ headers, body } = { headers: {} as Record<string, string>, body: "" }] = sent;
  expect(JSON.parse(body)).toEqual(alert("Head office"));
  const code = createHmac("sha256", "key").update(`1700000000.${body}`).digest("hex");
  expect(headers["Jackfield-Signature"]).toBe(`t=1700000000,v1=${code}`);
});

test("OPS-03: a hook that fails is tried again with growing pauses, then given up; the next one goes", async () => {
  const { webhook, sent, pauses, log, done } = rig([500, 503, 200]);
  webhook.add(alert("a"));
  await done;
  expect([sent.length, pauses]).toEqual([3, [1_000, 5_000]]);
  expect(log).toEqual(["alert-delayed", "alert-delayed"]);
  const dead = rig([404]);
  dead.webhook.add(alert("b"));
  await dead.done;
  expect([dead.sent.length, dead.log.at(-1)]).toEqual([6, "alert-lost"]);
});

test("OPS-03: the queue is bounded, and what was lost is told with the next one", async () => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const bodies: string[] = [];
  const webhook = new Webhook({
    target: async () => ({ url: "https://hook.example/" }),
    post: async (_url, _headers, body) => {
      await opened;
      bodies.push(body);
      return 200;
    },
    now: () => 0,
    pause: async () => {},
    log: () => {},
  });
  for (let index = 0; index < 300; index++) webhook.add(alert(String(index)));
  open();
  while (bodies.length < 201) await Bun.sleep(1);
  expect(JSON.parse(bodies[0] ?? "")).toMatchObject({ subject: "0", lostBefore: 99 });
  expect(JSON.parse(bodies[1] ?? "")).toMatchObject({ subject: "100" });
});
