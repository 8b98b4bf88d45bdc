/** The way of words between the edge of the wafer and a rectangle: straight, or around routers that do not work. */
import { nth } from "../../ir/access.ts";
import { diagnostic } from "../../ir/diagnostic.ts";
import { links } from "../../ir/fabric/program.ts";
import { type Core, linkDirections, type Rect } from "../../ir/placement.ts";
import { CapacityError } from "./capacity.ts";
import { straightWay } from "./program-builder.ts";

/** What a way may not touch. */
export interface Obstacles {
  readonly width: number;
  readonly height: number;
  readonly dead: readonly Core[];
}

/**
 * Routers from one at the edge of the wafer to the near side of a rectangle, both included: along the row, or, where routers of it are dead, to the
 * core of that side which the shortest way past them leads to. The rectangle is entered at the end only, so that the words' own tree in it stays free.
 */
export function wayAround(from: Core, rect: Rect, { width, height, dead }: Obstacles, layer: string): readonly Core[] {
  const column = from.x < rect.x ? rect.x : rect.x + rect.width - 1;
  const straight = straightWay(from, { x: column, y: from.y });
  const isDead = new Set(dead.map(({ x, y }) => y * width + x));
  const keyOf = ({ x, y }: Core): number => y * width + x;
  if (straight.every((core) => !isDead.has(keyOf(core)))) return straight;
  const isIn = ({ x, y }: Core): boolean =>
    x >= rect.x && x < rect.x + rect.width && y >= rect.y && y < rect.y + rect.height;
  const before = new Map<number, Core | null>([[keyOf(from), null]]);
  const queue = [from];
  let end: Core | null = null;
  for (let index = 0; index < queue.length && end === null && !isDead.has(keyOf(from)); index++) {
    const core = nth(queue, index);
    for (const side of linkDirections) {
      const next = { x: core.x + links[side].dx, y: core.y + links[side].dy };
      const isOff = next.x < 0 || next.y < 0 || next.x >= width || next.y >= height;
      if (isOff || before.has(keyOf(next)) || isDead.has(keyOf(next))) continue;
      if (isIn(next) && next.x !== column) continue;
      before.set(keyOf(next), core);
      queue.push(next);
      if (isIn(next)) end ??= next;
    }
  }
  if (end === null) {
    const message = `no way leads from (${from.x}, ${from.y}) at the edge to its cores past the dead routers`;
    throw new CapacityError([diagnostic("error", "WSC5007", message, { subject: `layer "${layer}"` })]);
  }
  const way: Core[] = [];
  for (let core: Core | null | undefined = end; core != null; core = before.get(keyOf(core))) way.push(core);
  return way.reverse();
}
