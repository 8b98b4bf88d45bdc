/**
 * The floorplan as one integer program, for proofs on small problems and for `--emit ilp`. Items i with shapes k (as they would stand), wires
 * e = (a, b), a rectangle W x H:
 *
 *     s[i,k] in {0,1}     item i has shape k                     sum over k of s[i,k] = 1
 *     x[i], y[i] >= 0     lower left corner                      x[i] + w[i] <= W, y[i] + h[i] <= H       w[i] = sum of width[k] * s[i,k], h alike
 *     l[i,j], b[i,j]      i is left of j, below j (0/1)          x[i] + w[i] <= x[j] + W * (1 - l[i,j]), alike for b
 *                                                                l[i,j] + l[j,i] + b[i,j] + b[j,i] >= 1
 *     T                   cycles                                 T >= sum of cycles[k] * s[i,k]
 *     u[e], v[e]          distance of centres along x and y      u[e] >= +-(x[a] + w[a]/2 - x[b] - w[b]/2), alike for v
 *     minimise            time weight * T + wire weight * sum of (u[e] + v[e])
 *
 * Valid rows make bounds strong: areas add up to at most W * H, and the ends of a wire are half their thinner sides apart at least. The first
 * item's centre is held in the lower left quarter, since floorplans may be mirrored. Where wires are limited, no two connected items can be far
 * from each other, and W and H in the rows of l and b shrink to what is left.
 *
 * Corners are continuous unless asked otherwise: a kernel may take a larger rectangle than it has to in order to stand in line with another, and a
 * program over smallest rectangles covers that only if they may stand on half cores. The optimum is then a bound for real floorplans.
 */
import type { LinearProgram, Row, Term, Variable } from "../../solver/linear-program.ts";
import { type Triangle, trianglesOf } from "./wire-bound.ts";

/** A shape as it would stand. */
export interface StandingShape {
  readonly width: number;
  readonly height: number;
  readonly cycles: number;
}

export interface FloorplanInput {
  /** cores */
  readonly width: number;
  readonly height: number;
  /** shapes to choose from, by item */
  readonly items: readonly (readonly StandingShape[])[];
  readonly wires: readonly { readonly from: number; readonly to: number }[];
  readonly timeWeight: number;
  readonly wireWeight: number;
  /** cycles that are known to be needed; 0 unless said */
  readonly leastCycles?: number;
  /** floorplans with longer wires, in cores, are of no interest */
  readonly mostWire?: number;
  /** corners stand on whole cores; otherwise the optimum is a bound for those that do */
  readonly wholeCorners?: boolean;
}

export interface FloorplanProgram {
  readonly program: LinearProgram;
  /** what a variable stands for */
  readonly describe: (variable: number) => string;
  /** shape index and corner of every item */
  readonly decode: (values: readonly number[]) => readonly ItemPlace[];
}

export interface ItemPlace {
  readonly shape: number;
  readonly x: number;
  readonly y: number;
}

/** Collects variables and rows. */
class Builder {
  readonly variables: Variable[] = [];
  readonly rows: Row[] = [];
  readonly names: string[] = [];

  variable(name: string, upper: number, integer: boolean, cost = 0, lower = 0): number {
    this.names.push(name);
    return this.variables.push({ lower, upper, integer, cost }) - 1;
  }

  row(terms: readonly Term[], lower: number, upper: number): void {
    this.rows.push({ terms: merged(terms), lower, upper });
  }
}

/** Terms of one variable added up. */
function merged(terms: readonly Term[]): Term[] {
  const sums = new Map<number, number>();
  for (const { variable, coefficient } of terms) sums.set(variable, (sums.get(variable) ?? 0) + coefficient);
  return [...sums].map(([variable, coefficient]) => ({ variable, coefficient }));
}

const times = (terms: readonly Term[], factor: number): Term[] =>
  terms.map(({ variable, coefficient }) => ({ variable, coefficient: coefficient * factor }));

/** An item's variables, and sums over its shapes. */
interface ItemTerms {
  readonly choices: readonly number[];
  readonly x: Term;
  readonly y: Term;
  readonly width: readonly Term[];
  readonly height: readonly Term[];
  readonly thin: readonly Term[];
}

/** Writes the program. */
export function floorplanProgram(input: FloorplanInput): FloorplanProgram {
  const builder = new Builder();
  const cycles = builder.variable("T", Infinity, false, input.timeWeight, input.leastCycles);
  const items = input.items.map((shapes, item) => addItem(builder, input, cycles, shapes, item));
  addArea(builder, input, items);
  const far = farthest(input);
  for (const [j, b] of items.entries()) {
    for (const [i, a] of items.slice(0, j).entries()) addSeparation(builder, input, far, [i, a], [j, b]);
  }
  const distances = input.wires.map(({ from, to }, index) => {
    const [a, b] = [items[from], items[to]];
    return from === to || a === undefined || b === undefined ? [] : addWire(builder, input.wireWeight, a, b, index);
  });
  if (input.mostWire !== undefined) builder.row(distances.flat(), 0, input.mostWire);
  for (const triangle of trianglesOf(input.wires)) addTriangle(builder, input, items, distances, triangle);
  addMirror(builder, input, items[0]);
  return {
    program: { variables: builder.variables, rows: builder.rows },
    describe: (variable) => builder.names[variable] ?? "",
    decode: (values) =>
      items.map(({ choices, x, y }) => ({
        shape: choices.findIndex((choice) => (values[choice] ?? 0) > 0.5),
        x: values[x.variable] ?? 0,
        y: values[y.variable] ?? 0,
      })),
  };
}

function addItem(
  builder: Builder,
  input: FloorplanInput,
  cycles: number,
  shapes: readonly StandingShape[],
  item: number,
): ItemTerms {
  const choices = shapes.map(({ width, height }) => builder.variable(`item ${item} is ${width} x ${height}`, 1, true));
  const sum = (measure: (shape: StandingShape) => number): Term[] =>
    shapes.map((shape, index) => ({ variable: choices[index] as number, coefficient: measure(shape) }));
  const corner = (name: string, room: number): Term => ({
    variable: builder.variable(`${name} of item ${item}`, room, input.wholeCorners ?? false),
    coefficient: 1,
  });
  const x = corner("x", input.width);
  const y = corner("y", input.height);
  const width = sum((shape) => shape.width);
  const height = sum((shape) => shape.height);
  builder.row(
    sum(() => 1),
    1,
    1,
  );
  builder.row([x, ...width], 0, input.width);
  builder.row([y, ...height], 0, input.height);
  builder.row(
    [
      { variable: cycles, coefficient: 1 },
      ...times(
        sum((shape) => shape.cycles),
        -1,
      ),
    ],
    0,
    Infinity,
  );
  return { choices, x, y, width, height, thin: sum((shape) => Math.min(shape.width, shape.height)) };
}

function addArea(builder: Builder, input: FloorplanInput, items: readonly ItemTerms[]): void {
  const terms = items.flatMap(({ choices }, item) =>
    choices.map((variable, index): Term => {
      const shape = input.items[item]?.[index];
      return { variable, coefficient: (shape?.width ?? 0) * (shape?.height ?? 0) };
    }),
  );
  builder.row(terms, 0, input.width * input.height);
}

type Numbered = readonly [number, ItemTerms];

/** Two items do not overlap. */
function addSeparation(
  builder: Builder,
  input: FloorplanInput,
  far: readonly (readonly number[])[],
  one: Numbered,
  other: Numbered,
): void {
  const { width, height } = input;
  const reach = far[one[0]]?.[other[0]] ?? Infinity;
  // how far an item's far side can be beyond the other's near side, and whether they can stand apart at all
  const along = (
    room: number,
    side: (shape: StandingShape) => number,
  ): { readonly most: number; readonly can: boolean } => {
    const both = [one, other].map(([item]) => (input.items[item] ?? []).map(side));
    const sum = (pick: (...sides: number[]) => number): number =>
      both.reduce((total, sides) => total + pick(...sides), 0);
    return {
      most: Math.min(room, reach + sum(Math.max) / 2),
      can: sum(Math.min) <= room && sum(Math.min) / 2 <= reach,
    };
  };
  const x = along(width, (shape) => shape.width);
  const y = along(height, (shape) => shape.height);
  const sides = ([i, a]: Numbered, [j, b]: Numbered): Term[] => {
    const left = builder.variable(`item ${i} left of ${j}`, x.can ? 1 : 0, true);
    const below = builder.variable(`item ${i} below ${j}`, y.can ? 1 : 0, true);
    builder.row([a.x, ...a.width, ...times([b.x], -1), { variable: left, coefficient: x.most }], -Infinity, x.most);
    builder.row([a.y, ...a.height, ...times([b.y], -1), { variable: below, coefficient: y.most }], -Infinity, y.most);
    return [left, below].map((variable) => ({ variable, coefficient: 1 }));
  };
  builder.row([...sides(one, other), ...sides(other, one)], 1, 2);
}

/** How far the centres of two items can be apart where wires are limited: a wire has what the others leave of the limit at their shortest. */
function farthest({ items, wires, mostWire }: FloorplanInput): number[][] {
  const far = items.map((_, a) => items.map((__, b) => (a === b ? 0 : Infinity)));
  if (mostWire === undefined) return far;
  const thin = items.map((shapes) => Math.min(...shapes.map(({ width, height }) => Math.min(width, height))));
  const least = ({ from, to }: { readonly from: number; readonly to: number }): number =>
    from === to ? 0 : ((thin[from] ?? 0) + (thin[to] ?? 0)) / 2;
  const spare = mostWire - wires.reduce((sum, wire) => sum + least(wire), 0);
  for (const wire of wires) {
    const [forth, back] = [far[wire.from], far[wire.to]];
    if (forth === undefined || back === undefined || wire.from === wire.to) continue;
    forth[wire.to] = back[wire.from] = Math.max(0, least(wire) + spare);
  }
  for (const middle of far) {
    const between = far.indexOf(middle);
    for (const row of far) {
      for (const [b, reach] of middle.entries())
        row[b] = Math.min(row[b] ?? Infinity, (row[between] ?? Infinity) + reach);
    }
  }
  return far;
}

/** Distances along x and y. */
function addWire(builder: Builder, weight: number, a: ItemTerms, b: ItemTerms, index: number): Term[] {
  const along = (name: string, from: readonly Term[], to: readonly Term[]): Term => {
    const distance: Term = {
      variable: builder.variable(`wire ${index} along ${name}`, Infinity, false, weight),
      coefficient: 1,
    };
    builder.row([distance, ...times(from, -1), ...to], 0, Infinity);
    builder.row([distance, ...from, ...times(to, -1)], 0, Infinity);
    return distance;
  };
  const u = along("x", [a.x, ...times(a.width, 0.5)], [b.x, ...times(b.width, 0.5)]);
  const v = along("y", [a.y, ...times(a.height, 0.5)], [b.y, ...times(b.height, 0.5)]);
  builder.row([u, v, ...times([...a.thin, ...b.thin], -0.5)], 0, Infinity);
  return [u, v];
}

/** Three items that are all connected; the row that wire-bound.ts proves, its least side over all shapes. */
function addTriangle(
  builder: Builder,
  input: FloorplanInput,
  items: readonly ItemTerms[],
  distances: readonly (readonly Term[])[],
  triangle: Triangle,
): void {
  const sides = triangle.map((item) => (input.items[item] ?? []).map(({ width, height }) => Math.min(width, height)));
  const inside = new Set(triangle);
  const pairs = new Set<string>();
  // of wires that repeat one counts
  const legs = input.wires.flatMap(({ from, to }, index) => {
    const pair = `${Math.min(from, to)} ${Math.max(from, to)}`;
    if (from === to || !inside.has(from) || !inside.has(to) || pairs.has(pair)) return [];
    pairs.add(pair);
    return distances[index] ?? [];
  });
  const thin = triangle.flatMap((item) => times(items[item]?.thin ?? [], -1));
  builder.row([...legs, ...thin], Math.min(...sides.flat()), Infinity);
}

function addMirror(builder: Builder, { width, height }: FloorplanInput, first: ItemTerms | undefined): void {
  if (first === undefined) return;
  builder.row([first.x, ...times(first.width, 0.5)], 0, width / 2);
  builder.row([first.y, ...times(first.height, 0.5)], 0, height / 2);
}
