/** Calls that come and go: set up at a rate, held for a moment with audio both ways, hung up. */
import type { Codecs } from "../../media-wasm/codec.ts";
import { GeneratorWatch } from "./generator-watch.ts";
import type { LoadCall } from "./load-call.ts";
import type { Pacer } from "./pacer.ts";
import type { Path } from "./path.ts";
import type { CallOutcome, FromGenerator, LoadPlan, Refusal } from "./protocol.ts";

export interface ChurnTools {
  readonly path: Path;
  readonly pacer: Pacer;
  readonly begin: (index: number) => Promise<LoadCall>;
  readonly codecs: Codecs;
  readonly tell: (message: FromGenerator) => void;
}

export async function churn(
  plan: LoadPlan,
  holdMs: number,
  { path, pacer, begin, tell, codecs }: ChurnTools,
): Promise<FromGenerator> {
  const outcomes: CallOutcome[] = [];
  const refused: Refusal[] = [];
  /** Heard out at the end: it takes longer than the next packet may wait. */
  const listened: { call: LoadCall; times: Pick<CallOutcome, "beganAt" | "endedAt"> }[] = [];
  /** Indices, and so numbers, that no call has now. */
  const free = Array.from({ length: plan.calls }, (_, index) => index);
  const refuse = (beganAt: number, reason: string) =>
    refused.push({ beganAt, endedAt: Date.now(), reason });
  const one = async (index: number, isListened: boolean) => {
    const beganAt = Date.now();
    try {
      const call = await begin(index);
      try {
        call.listen();
        await Bun.sleep(holdMs);
        call.stopListening();
        await call.hangUp();
        const times = { beganAt, endedAt: Date.now() };
        if (isListened) listened.push({ call, times });
        else outcomes.push({ ...call.counted(), ...times });
      } finally {
        call.close();
      }
    } catch (error) {
      refuse(beganAt, `call ${index}: ${error instanceof Error ? error.message : error}`);
    } finally {
      free.push(index);
    }
  };
  try {
    pacer.start();
    const watch = new GeneratorWatch(pacer, path);
    tell({ type: "steady" });
    const begun: Promise<void>[] = [];
    const started = performance.now();
    for (let count = 0; count < plan.ramp * plan.seconds; count++) {
      const due = started + (count * 1_000) / plan.ramp;
      await Bun.sleep(Math.max(0, due - performance.now()));
      const index = free.shift();
      const isListened = plan.listen > 0 && count % plan.listen === 0;
      if (index === undefined) refuse(Date.now(), `all ${plan.calls} calls were still there`);
      else begun.push(one(index, isListened));
      if (count % plan.ramp === 0) {
        tell({ type: "progress", established: outcomes.length, failed: refused.length });
      }
    }
    await Promise.all(begun);
    tell({ type: "held" });
    const report = watch.report([]);
    pacer.stop();
    tell({ type: "stage", stage: "listening to what was heard" });
    for (const { call, times } of listened) outcomes.push({ ...call.judge(codecs, []), ...times });
    return { type: "result", calls: outcomes, refused, report };
  } finally {
    pacer.stop();
    path.close();
  }
}
