/**
 * The way of samples through the layers as a Gantt chart: a row a layer, a bar for every sample that it works on. In a pipeline the bars of the first sample are
 * those of the certificate's latency, later ones follow at the interval; with a simulation beside it a line under the bars is when the layer's cores were at work.
 */
import { nth } from "../../../ir/access.ts";
import type { ReportData } from "../data/report-data.ts";
import { count } from "../text.ts";
import { familyColors, type Theme } from "./colors.ts";
import type { Scene, Shape } from "./scene.ts";
import { shortNames } from "./short-names.ts";

export const timelineSize = { width: 1000, row: 18, bar: 13, top: 20 } as const;

/** Samples that are drawn, at most; and shapes in all. */
const [mostSamples, mostBars] = [6, 12_000];

export interface TimelineOptions {
  readonly theme: Theme;
  readonly chosen: ReadonlySet<number>;
}

/** Cycles that the whole width stands for. */
export function timelineCycles(data: ReportData): number {
  const last = data.layers.reduce((most, { end }) => Math.max(most, end), 1);
  return last + (samplesOf(data) - 1) * (data.interval ?? 0);
}

/** As many samples as help to see how they follow each other. */
function samplesOf({ layers, interval, wafers }: ReportData): number {
  const inTurn = wafers.some(({ map }) => map !== null && map.region !== null);
  if (interval === null || interval <= 0 || inTurn || layers.length === 0) return 1;
  return Math.max(1, Math.min(mostSamples, Math.floor(mostBars / layers.length)));
}

export function timelineScene(data: ReportData, { theme, chosen }: TimelineOptions): Scene {
  const { width, row, bar, top } = timelineSize;
  const scale = width / timelineCycles(data);
  const labels = shortNames(data.layers.map(({ name }) => name));
  const samples = samplesOf(data);
  const simulated = new Map(data.simulation?.layers.map((layer) => [layer.name, layer]));
  const shapes = data.layers.flatMap((layer, index): Shape[] => {
    const { name, family, begin, end } = layer;
    const isOn = chosen.has(layer.id);
    const bars = Array.from({ length: samples }, (_, sample): Shape => {
      const shift = sample * (data.interval ?? 0);
      return {
        kind: "box",
        x: (begin + shift) * scale,
        y: top + index * row,
        width: Math.max((end - begin) * scale, 0.5),
        height: bar,
        fill: familyColors[family],
        stroke: isOn ? theme.chosen : sample === 0 ? theme.edge : null,
        strokePx: isOn ? 2 : 1,
        faint: sample > 0,
        label: sample === 0 ? { text: nth(labels, index), number: String(layer.id) } : null,
        title: `${name}\nsample ${sample + 1}: cycles ${count(begin + shift)} to ${count(end + shift)}`,
      };
    });
    const seen = simulated.get(name);
    if (seen === undefined) return bars.toReversed();
    const y = top + index * row + bar + 1.5;
    const line: Shape = {
      kind: "path",
      points: [seen.first * scale, y, Math.max(seen.last, seen.first + 1) * scale, y],
      stroke: theme.mark,
      width: 2,
      leastPx: 1.5,
      opacity: 1,
      arrow: false,
      title: `${name}\nsimulated: at work from cycle ${count(seen.first)} to ${count(seen.last)}`,
    };
    return [...bars.toReversed(), line];
  });
  return { width, height: top + Math.max(1, data.layers.length) * row, back: theme.page, shapes };
}
