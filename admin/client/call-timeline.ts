/** How a call's audio went over its time: a row of small charts for each direction of each party. */
import type { TracedParty } from "../../gateway/b2bua/call-trace.ts";
import type { TimelinePoint, TimelineSample } from "../../gateway/b2bua/timeline.ts";
import { drawChart } from "./chart.ts";
import { byId, h, setText, svg } from "./dom.ts";

interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  readonly top: number;
  readonly bottom?: number;
  readonly rule?: number;
  /** The greatest is the worst, but of MOS the least. */
  readonly isWorstLeast?: boolean;
  value(point: TimelinePoint | undefined, sample: TimelineSample): number | undefined;
}

const METRICS: readonly Metric[] = [
  {
    ...{ name: "MOS", unit: "", digits: 1, top: 4.5, bottom: 1, rule: 3.6, isWorstLeast: true },
    value: (point) => point?.mos,
  },
  {
    ...{ name: "Lost", unit: " %", digits: 1, top: 5 },
    value: (point) => point && 100 * point.loss,
  },
  { ...{ name: "Jitter", unit: " ms", digits: 0, top: 30 }, value: (point) => point?.jitterMs },
  {
    ...{ name: "Round trip", unit: " ms", digits: 0, top: 150 },
    value: (_point, { roundTripMs }) => roundTripMs,
  },
];

const WAYS = ["received", "sent"] as const;

/** Draws what is known; the card stays hidden until there are two moments to join. */
export function showTimeline(parties: readonly TracedParty[]): void {
  const card = byId("timeline");
  const table = card.querySelector("table");
  if (!table) return;
  const head = ["Way", ...METRICS.map(({ name }) => name)].map((name) =>
    h("th", { scope: "col" }, name),
  );
  if (!table.tHead) table.createTHead().append(h("tr", {}, ...head));
  const body = table.tBodies[0] ?? table.createTBody();
  for (const [index, { name, timeline = [] }] of parties.entries()) {
    if (timeline.length < 2) continue;
    card.hidden = false;
    for (const way of WAYS) {
      if (!timeline.some((sample) => sample[way])) continue;
      const id = `timeline-${index}-${way}`;
      const title = way === "received" ? `${name} to us` : `us to ${name}`;
      if (!document.getElementById(id)) body.append(rowOf(id, title));
      drawRow(id, title, timeline, way);
    }
  }
}

function rowOf(id: string, title: string): HTMLElement {
  const cells = METRICS.map(({ name }, index) =>
    h(
      "td",
      { "data-label": name },
      h(
        "div",
        {},
        h("span", { id: `${id}-${index}-value` }),
        svg("svg", { class: "chart", id: `${id}-${index}` }),
      ),
    ),
  );
  return h("tr", { id }, h("th", { scope: "row" }, title), ...cells);
}

function drawRow(
  id: string,
  title: string,
  timeline: readonly TimelineSample[],
  way: (typeof WAYS)[number],
): void {
  for (const [index, metric] of METRICS.entries()) {
    const { name, unit, digits, isWorstLeast = false, value, ...scale } = metric;
    const values = timeline.map((sample) => value(sample[way], sample));
    const known = values.filter((it) => it !== undefined);
    const text = (it: number | undefined) =>
      it === undefined ? "–" : `${it.toFixed(digits)}${unit}`;
    const worst = isWorstLeast ? Math.min(...known) : Math.max(...known);
    setText(byId(`${id}-${index}-value`), text(known.at(-1)));
    const label =
      known.length === 0
        ? `${title}, ${name}: not known`
        : `${title}, ${name}: last ${text(known.at(-1))}, at worst ${text(worst)}`;
    drawChart(`${id}-${index}`, values, { ...scale, label });
  }
}
