/** The graph of layers as a drawing: boxes from top to bottom in the order of the data, edges between them. */
import { nth } from "../../../ir/access.ts";
import type { Rect } from "../../../ir/placement.ts";
import type { ReportData } from "../data/report-data.ts";
import { count } from "../text.ts";
import { familyColors, type Theme } from "./colors.ts";
import { type GraphLayout, layOut } from "./graph-layout.ts";
import { layerTitle } from "./map-scene.ts";
import type { Scene, Shape } from "./scene.ts";
import { shortNames } from "./short-names.ts";

/** Units are pixels at zoom 1. */
const size = { width: 168, height: 24, gapX: 22, gapY: 22, margin: 16 } as const;

export interface GraphOptions {
  readonly theme: Theme;
  readonly chosen: ReadonlySet<number>;
  readonly edge: number | null;
}

export const layOutGraph = ({ layers, edges }: ReportData): GraphLayout => layOut(layers.length, edges);

/** Where a layer's box lies. */
export function graphBox({ places }: GraphLayout, layer: number): Rect {
  const { column, row } = nth(places, layer);
  return {
    x: size.margin + column * (size.width + size.gapX),
    y: size.margin + row * (size.height + size.gapY),
    width: size.width,
    height: size.height,
  };
}

export function graphScene(
  data: ReportData,
  layout: GraphLayout,
  { theme, chosen, edge: chosenEdge }: GraphOptions,
): Scene {
  const labels = shortNames(data.layers.map(({ name }) => name));
  const lines = data.edges.map(({ from, to, words }, edge): Shape => {
    const isOn = edge === chosenEdge || chosen.has(from) || chosen.has(to);
    return {
      kind: "path",
      points: wayBetween(graphBox(layout, from), graphBox(layout, to)),
      stroke:
        edge === chosenEdge ? theme.chosen : chosen.has(to) ? theme.into : chosen.has(from) ? theme.outOf : theme.soft,
      width: 0,
      leastPx: isOn ? 2.5 : 1.2,
      opacity: isOn || (chosen.size === 0 && chosenEdge === null) ? 0.9 : 0.45,
      arrow: true,
      title: `${nth(data.layers, from).name} → ${nth(data.layers, to).name}\n${count(words)} words`,
    };
  });
  const boxes = data.layers.map((layer): Shape => {
    const isOn = chosen.has(layer.id);
    return {
      kind: "box",
      ...graphBox(layout, layer.id),
      fill: familyColors[layer.family],
      stroke: isOn ? theme.chosen : theme.edge,
      strokePx: isOn ? 3 : 1,
      label: { text: nth(labels, layer.id), number: String(layer.id) },
      title: layerTitle(layer, data.interval),
    };
  });
  return {
    width: 2 * size.margin + layout.columns * (size.width + size.gapX) - size.gapX,
    height: 2 * size.margin + layout.rows * (size.height + size.gapY) - size.gapY,
    back: theme.page,
    shapes: [...lines, ...boxes],
  };
}

/** From box to box, and around what lies in rows between. */
function wayBetween(from: Rect, to: Rect): readonly number[] {
  const [x0, y0] = [from.x + from.width / 2, from.y + from.height];
  const [x1, y1] = [to.x + to.width / 2, to.y];
  if (y1 - y0 <= size.gapY * 1.5) return [x0, y0, x1, y1];
  const side = Math.max(from.x + from.width, to.x + to.width) + size.gapX / 2;
  return [x0, y0, x0, y0 + 7, side, y0 + 11, side, y1 - 14, x1, y1 - 10, x1, y1];
}
