/** What changed from one report to another: figures, and layers by name. */
import { defined } from "../../../ir/access.ts";
import type { ReportData, ReportFigure, ReportLayer } from "./report-data.ts";

export interface FigureChange {
  readonly before: ReportFigure;
  readonly after: ReportFigure;
  /** after over before, less one; null where it cannot be said */
  readonly change: number | null;
  readonly verdict: "better" | "worse" | "same" | null;
}

export type LayerChange =
  | { readonly kind: "added"; readonly name: string; readonly after: ReportLayer }
  | { readonly kind: "removed"; readonly name: string; readonly before: ReportLayer }
  /** other cores, another cut or other cycles; the same elsewhere; or nothing of it */
  | {
      readonly kind: "changed" | "moved" | "same";
      readonly name: string;
      readonly before: ReportLayer;
      readonly after: ReportLayer;
    };

/** Figures that both have. */
export const figureChanges = (before: ReportData, after: ReportData): readonly FigureChange[] =>
  before.figures.flatMap((old) => {
    const now = after.figures.find(({ name }) => name === old.name);
    return now === undefined ? [] : [changeOf(old, now)];
  });

function changeOf(before: ReportFigure, after: ReportFigure): FigureChange {
  const [old, now] = [before.value, after.value];
  const change = old === null || now === null || old === 0 ? null : now / old - 1;
  if (old === null || now === null || before.better === null) return { before, after, change, verdict: null };
  if (old === now) return { before, after, change, verdict: "same" };
  return { before, after, change, verdict: now < old === (before.better === "less") ? "better" : "worse" };
}

/** Layers of either, those of the later one in its order, then those that it lacks. */
export function layerChanges(before: ReportData, after: ReportData): readonly LayerChange[] {
  const old = new Map(before.layers.map((layer) => [layer.name, layer]));
  const now = new Set(after.layers.map(({ name }) => name));
  const kept = after.layers.map((layer): LayerChange => {
    const { name } = layer;
    const earlier = old.get(name);
    if (earlier === undefined) return { kind: "added", name, after: layer };
    return { kind: kindOf(earlier, layer), name, before: earlier, after: layer };
  });
  const removed = [...old.keys()]
    .filter((name) => !now.has(name))
    .map((name): LayerChange => ({ kind: "removed", name, before: defined(old.get(name)) }));
  return [...kept, ...removed];
}

const workOf = ({ family, rect, across, down, cycles, sram }: ReportLayer): string =>
  JSON.stringify([family, rect.width, rect.height, across, down, cycles, sram]);

function kindOf(before: ReportLayer, after: ReportLayer): "changed" | "moved" | "same" {
  if (workOf(before) !== workOf(after)) return "changed";
  const isThere = before.rect.x === after.rect.x && before.rect.y === after.rect.y && before.wafer === after.wafer;
  return isThere ? "same" : "moved";
}
