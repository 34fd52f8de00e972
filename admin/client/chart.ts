/** Small charts: a line with its area, drawn into an `<svg class="chart">` of the view. */
import { byId, svg } from "./dom.ts";

export interface ChartOptions {
  /** What the top edge stands for; the greatest value unless it is greater. */
  readonly top?: number;
  /** What the bottom edge stands for; 0 unless given. */
  readonly bottom?: number;
  /** A dashed line at this value. */
  readonly rule?: number;
  /** What it shows, for who can't see it: "Calls in the last hour: now 3, at most 8". */
  readonly label: string;
}

const WIDTH = 100;
const HEIGHT = 30;

/** Values in order of time; `undefined` is a gap. */
export function drawChart(
  id: string,
  values: readonly (number | undefined)[],
  options: ChartOptions,
): void {
  const chart = byId<HTMLElement>(id);
  const { bottom = 0, rule, label } = options;
  const known = values.filter((it) => it !== undefined);
  const top = Math.max(options.top ?? 0, ...known, bottom + 1e-9);
  const x = (index: number) => (values.length < 2 ? WIDTH : (index / (values.length - 1)) * WIDTH);
  const y = (value: number) => HEIGHT - ((value - bottom) / (top - bottom)) * HEIGHT;
  const line = linePath(values, x, y);
  chart.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  chart.setAttribute("preserveAspectRatio", "none");
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", label);
  const ruled = rule !== undefined && rule <= top ? [ruleAt(y(rule))] : [];
  chart.replaceChildren(
    ...ruled,
    svg("path", { class: "area", d: areaPath(values, x, y) }),
    svg("path", { class: "line", d: line }),
  );
}

type Scale = (value: number) => number;

function ruleAt(height: number): SVGElement {
  return svg("line", { class: "rule", x1: 0, x2: WIDTH, y1: height, y2: height });
}

function linePath(values: readonly (number | undefined)[], x: Scale, y: Scale): string {
  let isOpen = false;
  return values
    .map((value, index) => {
      if (value === undefined) {
        isOpen = false;
        return "";
      }
      const step = `${isOpen ? "L" : "M"}${x(index).toFixed(2)} ${y(value).toFixed(2)}`;
      isOpen = true;
      return step;
    })
    .join("");
}

function areaPath(values: readonly (number | undefined)[], x: Scale, y: Scale): string {
  const parts: string[] = [];
  let from: number | undefined;
  const end = (last: number) => {
    if (from !== undefined) {
      parts.push(`L${x(last).toFixed(2)} ${HEIGHT}L${x(from).toFixed(2)} ${HEIGHT}Z`);
    }
    from = undefined;
  };
  for (const [index, value] of values.entries()) {
    if (value === undefined) end(index - 1);
    else {
      parts.push(`${from === undefined ? "M" : "L"}${x(index).toFixed(2)} ${y(value).toFixed(2)}`);
      from ??= index;
    }
  }
  end(values.length - 1);
  return parts.join("");
}

/** The last `size` values of something that is measured again and again. */
export class Series {
  readonly #size: number;
  #values: (number | undefined)[] = [];

  constructor(size: number, values: readonly (number | undefined)[] = []) {
    this.#size = size;
    this.#values = values.slice(-size);
  }

  get values(): readonly (number | undefined)[] {
    return this.#values;
  }

  push(value: number | undefined): void {
    this.#values = [...this.#values, value].slice(-this.#size);
  }
}
