/** A rectangle of a fabric program as a program of its own: words that cross its border come from outside and go there, as if it were the wafer's edge. */
import { diagnostic, WscError } from "../diagnostic.ts";
import type { LinkDirection, Rect } from "../placement.ts";
import { FabricFaults } from "./faults.ts";
import { type Channel, checkFlows } from "./flows.ts";
import { type CoreSet, type EdgeStream, type FabricProgram, forEachCore, links, type RouterRule } from "./program.ts";

/** A link over the border that words of a color go over: the router that sends them, and the words of a sample. */
export interface BorderLink {
  readonly kind: "input" | "output";
  readonly x: number;
  readonly y: number;
  readonly side: LinkDirection;
  readonly color: number;
  readonly words: number;
  /** where its words stand among those of all links of its kind */
  readonly at: number;
}

export interface ProgramPart {
  readonly program: FabricProgram;
  /** names of the input and the output that the words over the border are */
  readonly borderInput: string;
  readonly borderOutput: string;
  readonly border: readonly BorderLink[];
}

/** Cores of a set that lie in a rectangle; null where none do. */
function clipped(set: CoreSet, rect: Rect): CoreSet | null {
  const along = (
    start: number,
    step: number,
    count: number,
    begin: number,
    size: number,
  ): readonly [number, number] => [
    Math.max(0, Math.ceil((begin - start) / step)),
    Math.min(count - 1, Math.floor((begin + size - 1 - start) / step)),
  ];
  const [firstColumn, lastColumn] = along(set.x, set.stepX, set.columns, rect.x, rect.width);
  const [firstRow, lastRow] = along(set.y, set.stepY, set.rows, rect.y, rect.height);
  if (firstColumn > lastColumn || firstRow > lastRow) return null;
  return {
    ...set,
    x: set.x + firstColumn * set.stepX,
    y: set.y + firstRow * set.stepY,
    columns: lastColumn - firstColumn + 1,
    rows: lastRow - firstRow + 1,
  };
}

const isIn = ({ x, y, width, height }: Rect, atX: number, atY: number): boolean =>
  atX >= x && atX < x + width && atY >= y && atY < y + height;

/** A legal program's part in a rectangle; WSC7010 where no core of it lies there. */
export function cutProgram(program: FabricProgram, rect: Rect): ProgramPart {
  const within = <T extends { readonly cores: readonly CoreSet[] }>(list: readonly T[]): T[] =>
    list.flatMap((one) => {
      const cores = one.cores.flatMap((set) => clipped(set, rect) ?? []);
      return cores.length === 0 ? [] : [{ ...one, cores }];
    });
  const roles = within(program.roles);
  if (roles.length === 0) {
    const where = `${rect.x},${rect.y},${rect.width},${rect.height}`;
    throw new WscError([diagnostic("error", "WSC7010", `no core of the program lies in the rectangle ${where}`)]);
  }
  const routers: readonly RouterRule[] = within(program.routers);
  const border = borderOf(program, rect, routers);
  const taken = new Set(program.edges.map(({ name }) => name));
  const fresh = (name: string): string => (taken.has(name) ? fresh(`${name}'`) : name);
  const [borderInput, borderOutput] = [fresh("words over the border, in"), fresh("words over the border, out")];
  const edges = border.map(({ kind, x, y, side, color, words, at }): EdgeStream => {
    const elements = [{ offset: at, sizes: [words], strides: [1] }];
    // a link into the rectangle belongs to the router that it leads to
    return kind === "input"
      ? {
          kind,
          name: borderInput,
          x: x + links[side].dx,
          y: y + links[side].dy,
          side: links[side].back,
          color,
          elements,
        }
      : { kind, name: borderOutput, x, y, side, color, elements };
  });
  return {
    program: {
      ...program,
      roles,
      routers,
      loads: program.loads.filter(({ x, y }) => isIn(rect, x, y)),
      edges: [...program.edges.filter(({ x, y }) => isIn(rect, x, y)), ...edges],
    },
    borderInput,
    borderOutput,
    border,
  };
}

/** The links over the border in the order of rules and routers, those into the rectangle apart from those out of it. */
function borderOf(program: FabricProgram, rect: Rect, routers: readonly RouterRule[]): BorderLink[] {
  const faults = new FabricFaults(program);
  const { channels, key } = checkFlows(program, faults);
  if (faults.found.length > 0) throw new WscError(faults.found);
  const border: BorderLink[] = [];
  const total = { input: 0, output: 0 };
  const wafer = { x: 0, y: 0, width: program.target.width, height: program.target.height };
  const add = (kind: BorderLink["kind"], sender: Channel, side: LinkDirection, words: number | undefined): void => {
    if (words === undefined || words === 0) return;
    border.push({ kind, ...sender.at, side, color: sender.rule.color, words, at: total[kind] });
    total[kind] += words;
  };
  for (const { cores, color } of routers) {
    forEachCore(cores, (x, y) => {
      const inside = channels.get(key({ x, y }, color));
      if (inside === undefined) throw new Error("internal: a router without a rule");
      for (const [side, { dx, dy, back }] of Object.entries(links) as [LinkDirection, (typeof links)["east"]][]) {
        const beyond = { x: x + dx, y: y + dy };
        if (isIn(rect, beyond.x, beyond.y) || !isIn(wafer, beyond.x, beyond.y)) continue;
        const outside = channels.get(key(beyond, color));
        if (outside === undefined) continue;
        // what comes in on the far side of a link has gone over it
        add("output", inside, side, outside.arriving.get(back));
        add("input", outside, back, inside.arriving.get(side));
      }
    });
  }
  return border;
}

/** The least rectangle that holds the cores of a layer; null where it has none. */
export function rectOfLayer(program: FabricProgram, layer: number): Rect | null {
  const sets = program.roles.flatMap((role) => (role.layer === layer ? role.cores : []));
  if (sets.length === 0) return null;
  const least = (of: (set: CoreSet) => number): number =>
    sets.reduce((found, set) => Math.min(found, of(set)), Infinity);
  const most = (of: (set: CoreSet) => number): number => sets.reduce((found, set) => Math.max(found, of(set)), 0);
  const [x, y] = [least((set) => set.x), least((set) => set.y)];
  return {
    x,
    y,
    width: most((set) => set.x + (set.columns - 1) * set.stepX) - x + 1,
    height: most((set) => set.y + (set.rows - 1) * set.stepY) - y + 1,
  };
}
