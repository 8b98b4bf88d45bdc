/** The wafer as a drawing: rim and usable cores, one box per layer, routes, and what is fullest. */
import { nth } from "../../../ir/access.ts";
import { copyOffset, type Rect } from "../../../ir/placement.ts";
import { legsOf } from "../../placement/routing/route-geometry.ts";
import { type ReportData, type ReportLayer, type ReportRoute, type WaferMap } from "../data/report-data.ts";
import { count, percent } from "../text.ts";
import { familyColors, rampColor, type Theme } from "./colors.ts";
import { type LayerScale, scaleShare } from "./layer-scale.ts";
import type { Scene, Shape } from "./scene.ts";
import { shortNames } from "./short-names.ts";

export interface MapOptions {
  readonly theme: Theme;
  /** null: by family */
  readonly scale: LayerScale | null;
  readonly routes: boolean;
  /** the fullest link and router */
  readonly marks: boolean;
  /** layers and edge that are chosen or pointed at; others are faint where there are any */
  readonly chosen: ReadonlySet<number>;
  readonly edge: number | null;
}

const stepOf = { east: [1, 0], west: [-1, 0], south: [0, 1], north: [0, -1] } as const;
const directionsInOrder = ["east", "west", "south", "north"] as const;

/** The drawing of a wafer that is placed. */
export function mapScene(data: ReportData, wafer: number, map: WaferMap, options: MapOptions): Scene {
  const { theme } = options;
  const box = (rect: Rect, fill: string | null, title: string | null): Shape => ({
    kind: "box",
    ...rect,
    fill,
    stroke: null,
    strokePx: 0,
    label: null,
    title,
  });
  const shapes: Shape[] = [
    box(
      { x: 0, y: 0, width: map.width, height: map.height },
      theme.rim,
      "cores at the rim carry the words of the edge",
    ),
    box(map.usable, theme.die, null),
  ];
  for (const rect of map.keepOut) shapes.push(box(rect, theme.rim, "kept free"));
  const layers = data.layers.filter((layer) => layer.wafer === wafer);
  if (map.region !== null) shapes.push(regionBox(map.region, layers, theme));
  else shapes.push(...inAllCopies(map, layerBoxes(data, layers, options)));
  for (const { x, y } of map.deadCores) shapes.push(box({ x, y, width: 1, height: 1 }, theme.dead, "dead core"));
  if (options.routes || options.edge !== null || options.chosen.size > 0) {
    const shown = map.routes.filter(({ edge }) => options.routes || isChosen(data, edge, options));
    shapes.push(...inAllCopies(map, routePaths(data, shown, options)));
  }
  if (options.marks) shapes.push(...markShapes(map, theme));
  return { width: map.width, height: map.height, back: theme.page, shapes };
}

const regionBox = (region: Rect, layers: readonly ReportLayer[], theme: Theme): Shape => ({
  kind: "box",
  ...region,
  fill: familyColors.matmul,
  stroke: theme.edge,
  strokePx: 1,
  label: { text: `${count(layers.length)} layers in turn`, number: String(layers.length) },
  title: `${count(layers.length)} layers, one after the other, on ${region.width} × ${region.height} cores`,
});

/** The first copy's shapes, and the same where further copies lie. */
function inAllCopies({ copies }: WaferMap, shapes: readonly Shape[]): readonly Shape[] {
  const all = [...shapes];
  for (let copy = 1; copy < copies.count; copy++) {
    const { x, y } = copyOffset(copies, copy);
    all.push(...shapes.map((shape) => movedBy(shape, x, y)));
  }
  return all;
}

function movedBy(shape: Shape, x: number, y: number): Shape {
  if (shape.kind === "path")
    return { ...shape, points: shape.points.map((at, index) => at + (index % 2 === 0 ? x : y)) };
  return { ...shape, x: shape.x + x, y: shape.y + y };
}

function layerBoxes(data: ReportData, layers: readonly ReportLayer[], options: MapOptions): readonly Shape[] {
  const { theme, scale, chosen } = options;
  const labels = shortNames(data.layers.map(({ name }) => name));
  const boxes = layers.map((layer): Shape => {
    const isOn = chosen.has(layer.id);
    return {
      kind: "box",
      ...layer.rect,
      fill: scale === null ? familyColors[layer.family] : rampColor("amount", scaleShare(scale, layer)),
      stroke: isOn ? theme.chosen : theme.edge,
      strokePx: isOn ? 3 : 1,
      label: { text: nth(labels, layer.id), number: String(layer.id) },
      title: layerTitle(layer, data.interval),
    };
  });
  // chosen ones last, so that no neighbour covers their frames
  return [
    ...boxes.filter((_, i) => !chosen.has(nth(layers, i).id)),
    ...boxes.filter((_, i) => chosen.has(nth(layers, i).id)),
  ];
}

/** What a layer is, in lines. */
export function layerTitle(layer: ReportLayer, interval: number | null): string {
  const { name, family, rect, rotated, cycles } = layer;
  const share = interval === null ? "" : `, ${percent(cycles / interval)} of the interval`;
  return [
    name,
    `${family}, ${rect.width} × ${rect.height} cores${rotated ? ", turned" : ""} at (${rect.x}, ${rect.y})`,
    `${count(cycles)} cycles${share}`,
  ].join("\n");
}

function isChosen({ edges }: ReportData, edge: number, options: MapOptions): boolean {
  const { from, to } = nth(edges, edge);
  return edge === options.edge || options.chosen.has(from) || options.chosen.has(to);
}

/** The middle of a bundle, x and y in turn, at the centres of cores. */
export function routePoints(route: ReportRoute): readonly number[] {
  const legs = legsOf(route, route.lanes >> 1).filter(({ steps }) => steps > 0);
  const points: number[] = [];
  for (const { x, y } of legs) points.push(x + 0.5, y + 0.5);
  const last = legs.at(-1);
  if (last === undefined) return [route.fromX + 0.5, route.fromY + 0.5, route.toX + 0.5, route.toY + 0.5];
  const [stepX, stepY] = stepOf[nth(directionsInOrder, last.direction)];
  return [...points, last.x + stepX * last.steps + 0.5, last.y + stepY * last.steps + 0.5];
}

/** Words of a lane: what a link of the route carries of it. */
const laneWords = ({ edges }: ReportData, { edge, lanes }: ReportRoute): number => nth(edges, edge).words / lanes;

function routePaths(data: ReportData, routes: readonly ReportRoute[], options: MapOptions): readonly Shape[] {
  const { theme, chosen } = options;
  const most = routes.reduce((words, route) => Math.max(words, laneWords(data, route)), 1);
  const hasChoice = chosen.size > 0 || options.edge !== null;
  const paths = routes.map((route): { readonly shape: Shape; readonly isOn: boolean } => {
    const { from, to, words } = nth(data.edges, route.edge);
    const isOn = isChosen(data, route.edge, options);
    const stroke =
      route.edge === options.edge
        ? theme.chosen
        : chosen.has(to)
          ? theme.into
          : chosen.has(from)
            ? theme.outOf
            : rampColor("load", laneWords(data, route) / most);
    return {
      isOn,
      shape: {
        kind: "path",
        points: routePoints(route),
        stroke,
        width: route.lanes,
        leastPx: isOn && hasChoice ? 2.5 : 1.5,
        opacity: hasChoice && !isOn ? 0.15 : 0.75,
        arrow: true,
        title: `${nth(data.layers, from).name} → ${nth(data.layers, to).name}\n${count(words)} words in ${count(route.lanes)} lane${route.lanes === 1 ? "" : "s"}, ${count(words / route.lanes)} a link; color ${route.color}`,
      },
    };
  });
  return [...paths.filter(({ isOn }) => !isOn), ...paths.filter(({ isOn }) => isOn)].map(({ shape }) => shape);
}

function markShapes({ fullestLink, fullestRouter }: WaferMap, theme: Theme): readonly Shape[] {
  const ring = (x: number, y: number, text: string): Shape => ({
    kind: "ring",
    x: x + 0.5,
    y: y + 0.5,
    stroke: theme.mark,
    text,
    ink: theme.ink,
    back: theme.page,
  });
  return [
    ...(fullestRouter === null
      ? []
      : [ring(fullestRouter.x, fullestRouter.y, `fullest router: ${fullestRouter.colors} colors`)]),
    ...(fullestLink === null
      ? []
      : [
          ring(
            fullestLink.x + stepOf[fullestLink.direction][0] / 2,
            fullestLink.y + stepOf[fullestLink.direction][1] / 2,
            `fullest link: ${count(fullestLink.words)} words ${fullestLink.direction}`,
          ),
        ]),
  ];
}
