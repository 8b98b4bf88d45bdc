/** Equal regions of a wafer for copies of a model: how they lie, and what one of them is as a machine of its own. */
import type { Core, Copies, Rect } from "../../ir/placement.ts";
import { type Target, usableRect } from "../../ir/machine/target.ts";
import { type ConstraintRequest, endsOfLink, type LinkRequest } from "./constraints/constraints.ts";
import { overlapOf } from "./packing/grid.ts";

/** Regions side by side, the first in the north-west corner of the usable cores. */
export interface Division {
  readonly count: number;
  readonly columns: number;
  readonly rows: number;
  /** cores of a region */
  readonly width: number;
  readonly height: number;
}

/** Copies on one wafer at most. */
export const maxCopies = 4096;

const divided = (target: Target, count: number, columns: number, rows: number): Division | null => {
  const { width, height } = usableRect(target);
  const region = { width: Math.floor(width / columns), height: Math.floor(height / rows) };
  return region.width < 1 || region.height < 1 ? null : { count, columns, rows, ...region };
};

/** Every way to lay out so many regions in rows of equally many; the last row may be shorter. Regions of one size are listed once. */
export function divisionsInto(target: Target, count: number): readonly Division[] {
  const bySize = new Map<string, Division>();
  for (let columns = 1; columns <= count; columns++) {
    const division = divided(target, count, columns, Math.ceil(count / columns));
    if (division === null) continue;
    const size = `${division.width} ${division.height}`;
    if (!bySize.has(size)) bySize.set(size, division);
  }
  return [...bySize.values()];
}

/** Divisions into whole rows of regions that are not much longer than wide, of at most `most` regions. */
export function squareDivisions(target: Target, most: number): readonly Division[] {
  const { width, height } = usableRect(target);
  const divisions: Division[] = [];
  for (let columns = 1; columns <= Math.min(width, most); columns++) {
    const rows = new Set(
      [1 / 2, 1 / Math.SQRT2, 1, Math.SQRT2, 2].map((ratio) =>
        Math.max(1, Math.round((columns * height * ratio) / width)),
      ),
    );
    for (const along of rows) {
      const division = columns * along <= most ? divided(target, columns * along, columns, along) : null;
      if (division !== null) divisions.push(division);
    }
  }
  return divisions;
}

/** The copies of what lies in the first region. */
export const copiesOf = ({ count, columns, width, height }: Division): Copies => ({
  count,
  columns,
  stepX: columns === 1 ? 0 : width,
  stepY: count <= columns ? 0 : height,
});

/** The first region as a machine: its cores, where they are, and its share of the wafer's edge. */
export function regionTarget(target: Target, { count, width, height }: Division): Target {
  const { io } = target;
  const { deadCores: _, ...rest } = target;
  return {
    ...rest,
    name: count === 1 ? target.name : `one of ${count} equal parts of ${target.name}`,
    fabric: { width: io.columnsWest + width + io.columnsEast, height: io.rowsNorth + height + io.rowsSouth },
    io: { ...io, bytesPerSecond: io.bytesPerSecond / count },
  };
}

/** What constraints ask of the first region, so that its copies meet them too: whatever is blocked in any region is blocked in it. */
export function regionConstraints(target: Target, request: ConstraintRequest, division: Division): ConstraintRequest {
  const copies = copiesOf(division);
  const { x, y } = usableRect(target);
  const first: Rect = { x, y, width: division.width, height: division.height };
  const offsets = Array.from({ length: division.count }, (_, copy): Core => ({
    x: copies.stepX * (copy % copies.columns),
    y: copies.stepY * Math.floor(copy / copies.columns),
  }));
  const brought = (rect: Rect): readonly Rect[] =>
    offsets.flatMap((offset) => {
      const inside = overlapOf({ ...rect, x: rect.x - offset.x, y: rect.y - offset.y }, first);
      return inside === null ? [] : [inside];
    });
  const broughtLink = (link: LinkRequest): readonly LinkRequest[] => {
    const ends = endsOfLink(link);
    // a link between two regions is in neither
    const inside = brought(ends).filter(({ width, height }) => width === ends.width && height === ends.height);
    return inside.map((one) => [one.x, one.y, one.width === 2 ? "east" : "south"] as const);
  };
  const dead = [...(target.deadCores ?? []), ...(request.deadCores ?? [])].flatMap(([column, row]) =>
    brought({ x: column, y: row, width: 1, height: 1 }).map((core) => [core.x, core.y] as const),
  );
  return {
    ...request,
    keepOut: (request.keepOut ?? []).flatMap(brought),
    deadCores: dead,
    ...(request.deadLinks === undefined ? {} : { deadLinks: request.deadLinks.flatMap(broughtLink) }),
    ...(request.maxInterval === undefined ? {} : { maxInterval: request.maxInterval * division.count }),
  };
}
