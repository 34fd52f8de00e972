import { expect, test } from "bun:test";
import { barPlot, flamePlot, linePlot, niceStep } from "../../../../bench/report/plots.ts";
import { spark } from "../../../../bench/report/text.ts";

test("steps of an axis are 1, 2 or 5 times a power of ten", () => {
  expect([0.03, 0.9, 1, 1.1, 3, 7, 230].map(niceStep)).toEqual([0.05, 1, 1, 2, 5, 10, 500]);
  expect(niceStep(0)).toBe(1);
});

test("names are text, whatever they hold", () => {
  const bar = { name: "<script>", value: 1, low: 1, high: 2, group: 0 };
  const svg = barPlot({ kind: "bars", title: "", unit: "ms", bars: [bar] });
  expect(svg).not.toContain("<script>");
  expect(svg).toContain("&lt;script&gt;");
});

test("lines and marks lie where their values are, and an empty plot is one too", () => {
  const plain = { kind: "lines", title: "", unit: "ms", along: "s" } as const;
  const svg = linePlot({
    ...plain,
    series: [
      {
        name: "a",
        points: [
          [0, 0],
          [10, 4],
        ],
      },
    ],
    marks: [{ at: 10, name: "kill" }],
  });
  expect(svg).toContain("56.0,214.0 888.0,18.0");
  expect(svg).toContain("M888.0 18V214");
  expect(linePlot({ ...plain, series: [] })).not.toContain("NaN");
});

test("a flame's boxes are as wide as their samples", () => {
  const leaf = (name: string, samples: number) => ({ name, layer: "SRTP", samples, children: [] });
  const root = { name: "gateway", layer: "", samples: 4, children: [leaf("a", 3), leaf("b", 1)] };
  const layers = [{ layer: "SRTP", share: 1, ms: 2 }];
  const svg = flamePlot({ kind: "flame", title: "", unit: "call-second", layers, root });
  expect(svg).toContain('x="0.0" y="20" width="674.5"');
  expect(svg).toContain('x="675.0" y="20" width="224.5"');
});

test("a line of sparks shows the highest of what shares a cell", () => {
  expect(spark([0, 1, 2], 2)).toBe("▁▅█");
  const long = Array.from({ length: 600 }, (_, index) => (index === 300 ? 7 : 0));
  expect(spark(long, 7)).toHaveLength(60);
  expect(spark(long, 7)).toContain("█");
});
