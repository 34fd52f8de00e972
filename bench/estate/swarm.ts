/**
 * Softphones that only register, as a program of its own: each over a WebSocket of its own, again and
 * again, and again after its connection was closed. Started by `Swarm`.
 */

import { Phone } from "../signalling/phone.ts";
import { openRawSocket } from "../signalling/raw-socket.ts";
import type { FromSwarm, SwarmPlan, ToSwarm } from "./protocol.ts";

const FAILURES_KEPT = 20;
const ADDRESSES = 250;

const tell = (message: FromSwarm) => process.send?.(message);
const registered = new Set<number>();
let took: number[] = [];
let failures: string[] = [];
let reconnects = 0;
let lastAt = 0;
let cpu = process.cpuUsage();

async function open(plan: SwarmPlan): Promise<void> {
  const started = performance.now();
  for (let index = 0; index < plan.softphones; index++) {
    const due = started + (index * 1_000) / plan.ramp;
    await Bun.sleep(Math.max(0, due - performance.now()));
    void live(plan, index);
  }
}

/** One softphone, for as long as the program runs. */
async function live(plan: SwarmPlan, index: number): Promise<void> {
  for (let life = 0; ; life++) {
    const closed = Promise.withResolvers<void>();
    if (life > 0) reconnects += 1;
    try {
      const { phone, close } = await phoneOf(plan, index, life, closed.resolve);
      for (;;) {
        const asked = performance.now();
        await Promise.race([phone.register(), closed.promise.then(() => Promise.reject("closed"))]);
        took.push(performance.now() - asked);
        if (!registered.has(index)) lastAt = Date.now();
        registered.add(index);
        const isOver = await Promise.race([
          Bun.sleep(1_000 * plan.everySeconds).then(() => false),
          closed.promise.then(() => true),
        ]);
        const isTired = Math.random() * plan.reconnectEvery < 1 && plan.reconnectEvery > 0;
        if (isTired) close();
        if (isOver || isTired) break;
      }
    } catch (error) {
      if (failures.length < FAILURES_KEPT) failures.push(`softphone ${index}: ${error}`);
    }
    registered.delete(index);
    await Bun.sleep(1_000 * plan.returnWithinSeconds * Math.random());
  }
}

async function phoneOf(plan: SwarmPlan, index: number, life: number, onClose: () => void) {
  const name = `s${index}x${life}`;
  const { server: url, insecure, perAddress, password } = plan;
  const place = perAddress === 0 ? 0 : Math.floor(index / perAddress);
  const from =
    perAddress === 0
      ? undefined
      : `127.41.${Math.floor(place / ADDRESSES)}.${1 + (place % ADDRESSES)}`;
  const wire = await openRawSocket({ url, name, from, insecure, onClose });
  const user = plan.perUser === 0 ? plan.user : `${plan.user}${Math.floor(index / plan.perUser)}`;
  const phone = new Phone(wire, { user, password, domain: new URL(url).hostname, name });
  return { phone, close: () => wire.close() };
}

process.on("message", (message: ToSwarm) => {
  if (message.type === "open") void open(message.plan);
  else if (message.type === "forget") {
    [took, failures, reconnects, lastAt, cpu] = [[], [], 0, 0, process.cpuUsage()];
    tell({ type: "forgotten" });
  } else {
    const { user, system } = process.cpuUsage(cpu);
    tell({
      type: "seen",
      registered: registered.size,
      done: took.length,
      tookMs: took,
      reconnects,
      lastAt,
      failures,
      cpuSeconds: (user + system) / 1e6,
    });
  }
});
process.on("disconnect", () => process.exit(0));
tell({ type: "ready" });
