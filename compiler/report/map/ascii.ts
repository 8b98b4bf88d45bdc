/** The map of a wafer as text for a terminal: a character for each block of cores, and what the characters stand for. */
import { nth } from "../../../ir/access.ts";
import { copyOffset, type Rect } from "../../../ir/placement.ts";
import type { ReportData, ReportLayer, WaferMap } from "../data/report-data.ts";
import { count } from "../text.ts";

/** One a layer; layers beyond them share `#`. */
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const further = "#";
/** A character is about twice as high as it is wide. */
const characterShape = 2;

const letterOf = (index: number): string => letters[index] ?? further;

/** The maps of all wafers that are placed, so many characters wide. */
export function asciiMaps(data: ReportData, columns: number): string {
  const parts = data.wafers.flatMap(({ name, map }, wafer) => {
    if (map === null) return [];
    const title = data.wafers.length === 1 ? [] : [`${name}:`];
    const layers = data.layers.filter((layer) => layer.wafer === wafer);
    return [...title, ...gridOf(map, layers, columns), ...legendOf(layers, map.region)];
  });
  return `${parts.join("\n")}\n`;
}

function gridOf(map: WaferMap, layers: readonly ReportLayer[], columns: number): readonly string[] {
  const across = map.width / columns;
  const rows = Math.max(1, Math.round(map.height / (across * characterShape)));
  const down = map.height / rows;
  const boxes = boxesOf(map, layers);
  return Array.from({ length: rows }, (_, row) => {
    const y = Math.min(map.height - 1, Math.floor((row + 0.5) * down));
    const cells = Array.from({ length: columns }, (_unused, column) => {
      const x = Math.min(map.width - 1, Math.floor((column + 0.5) * across));
      const box = boxes.find(({ rect }) => holds(rect, x, y));
      return box?.letter ?? (holds(map.usable, x, y) ? "." : " ");
    });
    return cells.join("").trimEnd();
  });
}

interface LetteredBox {
  readonly rect: Rect;
  readonly letter: string;
}

function boxesOf({ region, copies }: WaferMap, layers: readonly ReportLayer[]): readonly LetteredBox[] {
  if (region !== null) return [{ rect: region, letter: further }];
  return Array.from({ length: copies.count }, (_, copy) => {
    const { x, y } = copyOffset(copies, copy);
    return layers.map(({ rect }, index) => ({
      rect: { ...rect, x: rect.x + x, y: rect.y + y },
      letter: letterOf(index),
    }));
  }).flat();
}

const holds = (rect: Rect, x: number, y: number): boolean =>
  x >= rect.x && y >= rect.y && x < rect.x + rect.width && y < rect.y + rect.height;

function legendOf(layers: readonly ReportLayer[], region: Rect | null): readonly string[] {
  if (region !== null)
    return [
      `${further} ${count(layers.length)} layers, one after the other, on ${region.width} x ${region.height} cores`,
    ];
  const listed = layers.slice(0, letters.length);
  const rest = layers.length - listed.length;
  const sizes = listed.map(({ rect }) => `${rect.width} x ${rect.height}`);
  const widest = Math.max(0, ...sizes.map(({ length }) => length));
  return [
    ...listed.map(
      ({ name, cycles }, index) =>
        `${letterOf(index)} ${nth(sizes, index).padStart(widest)}  ${count(cycles)} cycles  ${name}`,
    ),
    ...(rest === 0 ? [] : [`${further} ${count(rest)} more layers`]),
  ];
}
