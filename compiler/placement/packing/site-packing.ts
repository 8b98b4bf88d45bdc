/**
 * Packing at one interval on a rectangle that is partly blocked: pinned corners and what hangs on settled kernels first (settle.ts), groups
 * that must touch become one item each (clusters.ts), and the rest is packed on shelves around the obstacles (obstacle-shelves.ts), along rows
 * or columns, or into free boxes (free-rectangles.ts).
 */
import { type Blocks, blocksOf, type Placed, styles, transposedBlocks } from "./blocks.ts";
import { type Cluster, clusterOf, membersOf } from "./clusters.ts";
import { affordableModes, freeBoxesOf, packFreeBoxes } from "./free-rectangles.ts";
import type { Box, Grid } from "./grid.ts";
import { packShelvesAround } from "./obstacle-shelves.ts";
import type { Problem, Shape, Site } from "../problem.ts";
import { settle, type Settled } from "./settle.ts";
import { type Staircase, staircases } from "./staircase.ts";

/** Obstacles beyond which shelves between them are too short to be worth trying. */
const maxShelfObstacles = 160;

/** The problem that is left for the packers, and the way back to all items. */
interface Rest {
  readonly problem: Problem;
  readonly expand: (placed: readonly Placed[]) => readonly Placed[];
}

/** Packings at one interval, each in its styles. */
export function* packingsOnSite(problem: Problem, site: Site, cycles: number): Generator<Iterable<readonly Placed[]>> {
  const stairs = staircases(problem, cycles);
  const settled = settle(problem, site, stairs);
  if (settled === null) return;
  const rest = restOf(problem, site, stairs, settled);
  if (rest === null) return;
  const { items } = rest.problem;
  if (items.length === 0) {
    yield [rest.expand([])];
    return;
  }
  const grid = site.grid.with([...settled.values()]);
  const blocks = blocksOf(rest.problem, cycles);
  if (blocks === null) return;
  yield* onShelves(blocks, grid, rest);
  const boxes = freeBoxesOf(grid);
  for (const mode of affordableModes(rest.problem, boxes)) {
    const placed = packFreeBoxes(rest.problem, blocks.stairs, boxes, mode);
    if (placed !== null) yield [rest.expand(placed)];
  }
}

function* onShelves(blocks: Blocks, { blocked }: Grid, { expand }: Rest): Generator<Iterable<readonly Placed[]>> {
  if (blocked.length > maxShelfObstacles) return;
  const upright = packShelvesAround(blocks, blocked);
  if (upright !== null) yield styled((style) => expand(upright(style)));
  const turned = packShelvesAround(transposedBlocks(blocks), blocked.map(flip));
  if (turned !== null) yield styled((style) => expand(turned(style).map(turnBack)));
}

function* styled(plan: (style: (typeof styles)[number]) => readonly Placed[]): Generator<readonly Placed[]> {
  for (const style of styles) yield plan(style);
}

const flip = ({ x, y, width, height }: Box): Box => ({ x: y, y: x, width: height, height: width });

/** Exchanges rows and columns of a place. */
export const turnBack = (placed: Placed): Placed => ({ ...placed, ...flip(placed), rotated: !placed.rotated });

/** Items that are not settled, with the members of each group as one item; null when some group has no shape. */
function restOf(problem: Problem, site: Site, stairs: readonly Staircase[], settled: Settled): Rest | null {
  const classes: (readonly Shape[])[] = [...problem.classes];
  const clusters = new Map<
    number,
    { readonly cluster: Cluster; readonly members: readonly number[]; readonly index: number }
  >();
  for (const { items } of site.groups) {
    const members = items.filter((item) => !settled.has(item));
    // what hangs on something settled is settled as well
    if (members.length < items.length || members.length < 2) continue;
    const ordered = [...members].sort((a, b) => a - b);
    const cluster = clusterOf(ordered.map((item) => stairs[problem.items[item] ?? -1] ?? []), problem.width, problem.height); // prettier-ignore
    if (cluster.shapes.length === 0) return null;
    for (const item of ordered) clusters.set(item, { cluster, members: ordered, index: classes.length });
    classes.push(cluster.shapes);
  }
  const items: number[] = [];
  const sources: number[] = [];
  for (const [item, kind] of problem.items.entries()) {
    const group = clusters.get(item);
    if (settled.has(item) || (group !== undefined && group.members[0] !== item)) continue;
    items.push(group?.index ?? kind);
    sources.push(item);
  }
  const expand = (placed: readonly Placed[]): readonly Placed[] => {
    const all = new Array<Placed>(problem.items.length);
    for (const [item, place] of settled) all[item] = place;
    for (const [position, place] of placed.entries()) {
      const item = sources[position] ?? 0;
      const group = clusters.get(item);
      if (group === undefined) all[item] = place;
      else
        for (const [index, member] of membersOf(group.cluster, place).entries())
          all[group.members[index] ?? 0] = member;
    }
    return all;
  };
  return { problem: { width: problem.width, height: problem.height, classes, items }, expand };
}
