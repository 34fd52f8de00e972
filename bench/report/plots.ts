/** Plots as SVG: bars with their spread, lines over time, and boxes of a flame view. */
import type { BarsSection, FlameBox, FlameSection, LinesSection } from "./sections.ts";

const WIDTH = 900;
const COLOURS = 8;
const BAR_HEIGHT = 30;
const BAR_LABELS = 210;
const LINES_HEIGHT = 240;
const LEFT = 56;
const BOTTOM = 26;
const TOP = 18;
const BOX_HEIGHT = 20;
/** Narrower boxes say nothing, and there are thousands. */
const BOX_WIDTH_MIN = 1.5;
const BOX_DEPTH_MAX = 40;
const CHARACTER_WIDTH = 6.6;

export function colourOf(index: number): string {
  return `var(--s${index % COLOURS})`;
}

export function barPlot({ bars, unit }: BarsSection): string {
  const most = Math.max(1e-9, ...bars.map(({ high }) => high));
  const x = (value: number) => BAR_LABELS + (value / most) * (WIDTH - BAR_LABELS - 90);
  const rows = bars.map(({ name, value, low, high, group }, index) => {
    const y = BAR_HEIGHT * index;
    const whisker =
      low === high
        ? ""
        : `<path d="M${at(x(low))} ${y + 15}H${at(x(high))}M${at(x(low))} ${y + 10}v10M${at(x(high))} ${y + 10}v10" stroke="var(--ink)" stroke-width="1.5" fill="none"/>`;
    const told = low === high ? "" : `, ${low.toFixed(2)} to ${high.toFixed(2)}`;
    return `<g><title>${escaped(`${name}: ${value.toFixed(2)} ${unit}${told}`)}</title>
<text x="${BAR_LABELS - 10}" y="${y + 19}" text-anchor="end">${escaped(name)}</text>
<rect x="${BAR_LABELS}" y="${y + 5}" width="${at(Math.max(1, x(value) - BAR_LABELS))}" height="20" rx="3" fill="${colourOf(group)}"/>${whisker}
<text class="value" x="${at(x(high) + 8)}" y="${y + 19}">${value.toFixed(2)}</text></g>`;
  });
  return drawing(BAR_HEIGHT * bars.length + 4, rows.join(""));
}

export function linePlot({ series, along, marks = [], limit, unit }: LinesSection): string {
  const points = series.flatMap((one) => one.points);
  const first = points.reduce((least, [at]) => Math.min(least, at), points[0]?.[0] ?? 0);
  const last = points.reduce((most, [at]) => Math.max(most, at), first + 1e-9);
  const highest = points.reduce((most, [, value]) => Math.max(most, value), limit ?? 0);
  const step = niceStep(highest / 4);
  const top = Math.max(step, Math.ceil(highest / step) * step);
  const x = (at: number) => LEFT + ((at - first) / (last - first)) * (WIDTH - LEFT - 12);
  const y = (value: number) =>
    LINES_HEIGHT - BOTTOM - (value / top) * (LINES_HEIGHT - BOTTOM - TOP);
  const grid: string[] = [];
  for (let value = 0; value <= top + step / 2; value += step) {
    grid.push(
      `<path class="grid" d="M${LEFT} ${at(y(value))}H${WIDTH}"/><text x="${LEFT - 8}" y="${at(y(value) + 4)}" text-anchor="end">${shortly(value, step)}</text>`,
    );
  }
  const stride = niceStep((last - first) / 8);
  for (let value = Math.ceil(first / stride) * stride; value <= last; value += stride) {
    grid.push(
      `<text x="${at(x(value))}" y="${LINES_HEIGHT - 8}" text-anchor="middle">${shortly(value, stride)}</text>`,
    );
  }
  const lines = series.map(
    ({ name, points: own }, index) =>
      `<polyline fill="none" stroke="${colourOf(index)}" stroke-width="2" stroke-linejoin="round" points="${thinned(
        own,
      )
        .map(([when, value]) => `${at(x(when))},${at(y(value))}`)
        .join(" ")}"><title>${escaped(name)}</title></polyline>`,
  );
  const moments = marks.map(
    ({ at: when, name }) =>
      `<g><title>${escaped(name)}</title><path class="mark" d="M${at(x(when))} ${TOP}V${LINES_HEIGHT - BOTTOM}"/><text x="${at(x(when) + 4)}" y="${TOP - 6}">${escaped(name)}</text></g>`,
  );
  const bound =
    limit === undefined ? "" : `<path class="limit" d="M${LEFT} ${at(y(limit))}H${WIDTH}"/>`;
  const axis = `<text x="${WIDTH - 4}" y="${LINES_HEIGHT - 8}" text-anchor="end">${escaped(along)}</text><text x="4" y="12">${escaped(unit)}</text>`;
  return drawing(LINES_HEIGHT, grid.join("") + bound + lines.join("") + moments.join("") + axis);
}

/** Layers keep the colours they have in the list above the boxes. */
export function flamePlot({ root, layers }: FlameSection): string {
  const boxes: string[] = [];
  let deepest = 0;
  const draw = (box: FlameBox, from: number, depth: number) => {
    const width = (box.samples / root.samples) * WIDTH;
    if (width < BOX_WIDTH_MIN || depth >= BOX_DEPTH_MAX) return;
    deepest = Math.max(deepest, depth);
    const layer = layers.findIndex((one) => one.layer === box.layer);
    const fits = Math.floor((width - 8) / CHARACTER_WIDTH);
    const label =
      fits < 3
        ? ""
        : `<text x="${at(from + 4)}" y="${depth * BOX_HEIGHT + 14}" style="fill:#fff">${escaped(box.name.slice(0, fits))}</text>`;
    const told = `${box.name}, ${((100 * box.samples) / root.samples).toFixed(1)} %, ${box.layer}`;
    boxes.push(
      `<g><title>${escaped(told)}</title><rect x="${at(from)}" y="${depth * BOX_HEIGHT}" width="${at(width - 0.5)}" height="${BOX_HEIGHT - 1}" rx="2" fill="${layer < 0 ? "var(--soft)" : colourOf(layer)}"/>${label}</g>`,
    );
    let next = from;
    for (const child of box.children) {
      draw(child, next, depth + 1);
      next += (child.samples / root.samples) * WIDTH;
    }
  };
  draw(root, 0, 0);
  return drawing((deepest + 1) * BOX_HEIGHT, boxes.join(""));
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
export function niceStep(rough: number): number {
  if (!(rough > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((one) => one * power >= rough * 0.999) ?? 10;
  return factor * power;
}

const POINTS_MAX = 1_500;

/** Of a day's seconds so many as the page can show; of each stretch its highest. */
function thinned(points: readonly (readonly [number, number])[]) {
  if (points.length <= POINTS_MAX) return points;
  const size = Math.ceil(points.length / POINTS_MAX);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, index) =>
    points
      .slice(index * size, (index + 1) * size)
      .reduce((highest, point) => (point[1] > highest[1] ? point : highest)),
  );
}

function drawing(height: number, inside: string): string {
  return `<svg role="img" viewBox="0 0 ${WIDTH} ${height}">${inside}</svg>`;
}

function shortly(value: number, step: number): string {
  return value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}

function at(place: number): string {
  return place.toFixed(1);
}

function escaped(text: string): string {
  return Bun.escapeHTML(text);
}
