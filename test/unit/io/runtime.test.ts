/** The loop around the B2BUA: one input after the other, and a fault costs itself alone. */
import { expect, test } from "bun:test";
import type { B2bua } from "../../../gateway/b2bua/b2bua.ts";
import type { B2buaInput, B2buaOutput } from "../../../gateway/b2bua/border.ts";
import { monotonicNow } from "../../../gateway/io/clock.ts";
import { type Ports, Runtime } from "../../../gateway/io/runtime.ts";
import type { FlowId } from "../../../gateway/sip/flow.ts";

const send = (flow: string): B2buaOutput => ({
  type: "send",
  flow: flow as FlowId,
  bytes: new Uint8Array(),
});

function rig(handle: (input: B2buaInput) => B2buaOutput[], ports: Partial<Ports> = {}) {
  const log: string[] = [];
  const b2bua = { handle, deadline: () => undefined } as unknown as B2bua;
  const runtime = new Runtime(b2bua, (level, event) => void log.push(`${level} ${event}`));
  const nothing = () => {};
  const rest = { open: nothing, close: nothing, media: nothing, record: nothing, stands: nothing };
  runtime.start({ send: nothing, ...rest, ...ports });
  return { runtime, log };
}

test("an exception out of the B2BUA, or of a port, is logged and the loop goes on", () => {
  const sent: string[] = [];
  const { runtime, log } = rig(
    (input) => {
      if (input.type === "drain") throw new Error("a bug of ours");
      return [send("broken"), send("whole")];
    },
    {
      send: (flow) => {
        if (flow === "broken") throw new Error("ECONNREFUSED");
        sent.push(flow);
      },
    },
  );
  runtime.feed({ type: "drain" });
  runtime.feed({ type: "timeout" });
  runtime.feed({ type: "timeout" });
  expect(sent).toEqual(["whole", "whole"]);
  expect(log).toEqual(["error fault", "error fault", "error fault"]);
});

test("inputs fed from inside an output wait for their turn", () => {
  const order: string[] = [];
  const { runtime } = rig(
    (input) => {
      order.push(`handles ${input.type}`);
      return input.type === "timeout" ? [send("a"), send("b")] : [];
    },
    {
      send: (flow) => {
        order.push(`sends ${flow}`);
        if (flow === "a") runtime.feed({ type: "drain" });
      },
    },
  );
  runtime.feed({ type: "timeout" });
  expect(order).toEqual(["handles timeout", "sends a", "sends b", "handles drain"]);
});

test("changes are told once an input, after everything is carried out", () => {
  let told = 0;
  const { runtime } = rig(() => [{ type: "changed" }, { type: "changed" }]);
  const leave = runtime.subscribe(() => {
    told += 1;
  });
  runtime.feed({ type: "timeout" });
  expect(told).toBe(1);
  leave();
  runtime.feed({ type: "timeout" });
  expect(told).toBe(1);
});

test("deadlines that are close together ring together, none of them early", async () => {
  const due = Array.from({ length: 300 }, (_, index) => monotonicNow() + 50 + index / 4);
  const rung: number[] = [];
  let early = 0;
  const b2bua = {
    handle: () => {
      const now = monotonicNow();
      if ((due[0] ?? Infinity) <= now) rung.push(now);
      else early += 1;
      while ((due[0] ?? Infinity) <= now) due.shift();
      return [];
    },
    deadline: () => due[0],
  } as unknown as B2bua;
  const runtime = new Runtime(b2bua, () => {});
  const nothing = () => {};
  const rest = { open: nothing, close: nothing, media: nothing, record: nothing, stands: nothing };
  runtime.start({ send: nothing, ...rest });
  // Starting it asks once what is due.
  await Bun.sleep(20);
  early = 0;
  while (due.length > 0) await Bun.sleep(5);
  // 75 ms of them, a hundred times a second at most.
  expect(rung.length).toBeLessThanOrEqual(10);
  expect(early).toBe(0);
  runtime.stop();
});
