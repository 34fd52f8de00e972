import { expect, test } from "bun:test";
import { flameOf } from "../../../../bench/profile/flame.ts";
import { JitDump } from "../../../../bench/profile/jit-dump.ts";

test("samples of one way through the program are one box on another, by layer", () => {
  const script = [
    "Worker\n  ffff [unknown] ([kernel.kallsyms])\n  10 (/usr/bin/bun)\n",
    "Worker\n  fffe [unknown] ([kernel.kallsyms])\n  10 (/usr/bin/bun)\n",
    "bun\n  10 (/usr/bin/bun)\n",
  ].join("\n");
  const root = flameOf(script, new JitDump(new Uint8Array(0)), () => false);
  expect(root).toMatchObject({ name: "gateway", samples: 3 });
  expect(root.children.map(({ name, samples }) => [name, samples])).toEqual([
    ["UDP in the kernel", 2],
    ["main thread", 1],
  ]);
  const [udp] = root.children;
  expect(udp?.children).toMatchObject([
    { name: "bun", samples: 2, children: [{ name: "kernel", samples: 2, children: [] }] },
  ]);
});
