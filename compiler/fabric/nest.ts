/**
 * The loops of a stage in one core, and where the elements that it touches lie while they run. A variable of the nest is a loop, or the sum of some
 * (the position under a window that two cores look at); what an operand's axes make of the variables is linear, and so are places in memory.
 */
import { nth } from "../../ir/access.ts";
import type { Lookup, Operand as Place, Operation, Step } from "../../ir/fabric/program.ts";
import type { Axis, Loop, Stage, Term } from "../../ir/kernel-graph.ts";
import { stridesOf } from "../../ir/machine/layout.ts";
import type { Range, Tile } from "../../ir/machine/mapping.ts";

/** Its value is the sum of the terms. */
export interface Variable {
  readonly terms: readonly Term[];
}

/** Memory of a layer's cores: an operand, or what a stage works with. Each core holds what its tile touches, row by row. */
export interface Buffer {
  readonly name: string;
  readonly axes: readonly Axis[];
}

/** A buffer as a stage reads or makes it: `axes` say which positions an iteration touches, in the shape that the stage sees. */
export interface Access {
  readonly buffer: Buffer;
  readonly axes: readonly Axis[];
}

export const whole = (buffer: Buffer): Access => ({ buffer, axes: buffer.axes });

/** Why a nest has no program. */
export class NestError extends Error {}

/** The variables of a stage: digits of one position run on their own, loops whose sums overlap run as one. */
export function variablesOf({ domain }: Stage, loops: readonly Loop[], summed: readonly string[]): Variable[] {
  const found = new Map<string, Variable>();
  const add = (variable: Variable): void => {
    found.set(JSON.stringify(variable.terms), variable);
  };
  for (const terms of domain) {
    if (terms.length === 1 || areDigits(terms, loops))
      for (const { loop } of terms) add({ terms: [{ loop, factor: 1 }] });
    else if (terms.some(({ loop }) => summed.includes(loop)))
      throw new NestError("sums over positions that cores share");
    else add({ terms });
  }
  return [...found.values()];
}

/** True when every sum of the terms is made in one way. */
function areDigits(terms: readonly Term[], loops: readonly Loop[]): boolean {
  const sorted = terms.toSorted((a, b) => b.factor - a.factor);
  return sorted.every(({ factor }, index) => {
    const below = sorted[index + 1];
    const size = loops.find(({ name }) => name === below?.loop)?.size ?? 1;
    return factor > 0 && (below === undefined || factor >= below.factor * size);
  });
}

/** Values of a variable in a core. */
export function rangeOf({ terms }: Variable, tile: Tile): Range {
  let begin = 0;
  let last = 0;
  for (const { loop, factor } of terms) {
    const range = tile.get(loop);
    if (range === undefined) throw new Error(`internal: a tile has no loop ${loop}`);
    begin += factor * range.begin;
    last += factor * (range.end - 1);
  }
  return { begin, end: last + 1 };
}

/** Steps along an axis by variable; null where it touches other positions than the variables say. */
export function coefficientsOf(axis: Axis, variables: readonly Variable[], loops: readonly Loop[]): number[] | null {
  const rest = new Map<string, number>();
  switch (axis.kind) {
    case "whole":
      return axis.size > 1 ? null : variables.map(() => 0);
    case "spread":
      if (loops.find(({ name }) => name === axis.loop)?.size !== axis.size) return null;
      rest.set(axis.loop, 1);
      break;
    case "index":
      for (const { loop, factor } of axis.terms) rest.set(loop, (rest.get(loop) ?? 0) + factor);
      break;
  }
  const steps = new Map<Variable, number>();
  // sums first: what they do not explain is left to single loops
  for (const variable of variables.toSorted((a, b) => b.terms.length - a.terms.length)) {
    const [first] = variable.terms;
    const found = first === undefined ? undefined : rest.get(first.loop);
    if (first === undefined || found === undefined) continue;
    const step = found / first.factor;
    if (!variable.terms.every(({ loop, factor }) => rest.get(loop) === step * factor)) continue;
    steps.set(variable, step);
    for (const { loop } of variable.terms) rest.delete(loop);
  }
  return rest.size > 0 ? null : variables.map((variable) => steps.get(variable) ?? 0);
}

/** Part of a buffer in a core: the positions along each of its axes. */
export type Hull = (buffer: Buffer) => readonly Range[];

/** A stage's nest in one core. */
export interface CoreNest {
  readonly loops: readonly Loop[];
  readonly variables: readonly Variable[];
  readonly ranges: readonly Range[];
  readonly hullOf: Hull;
}

/** Words of a buffer in a core. */
export const wordsIn = (hull: readonly Range[]): number =>
  hull.reduce((words, { begin, end }) => words * Math.max(0, end - begin), 1);

const extentsOf = (hull: readonly Range[]): number[] => hull.map(({ begin, end }) => Math.max(0, end - begin));

/** Where an access lies in a core, with its strides by variable. */
export function placeOf({ buffer, axes }: Access, nest: CoreNest): Place {
  const { loops, variables, ranges } = nest;
  const hull = nest.hullOf(buffer);
  const strides = stridesOf(extentsOf(hull));
  const steps = axes.map((axis) => {
    const found = coefficientsOf(axis, variables, loops);
    if (found === null) throw new NestError(`reads all of an axis of ${buffer.name} in each step`);
    return found;
  });
  const positionsAt = (values: readonly number[]): number[] =>
    axes.map((axis, index) =>
      nth(steps, index).reduce(
        (sum, step, variable) => sum + step * nth(values, variable),
        axis.kind === "index" ? axis.offset : 0,
      ),
    );
  const first = ranges.map(({ begin }) => begin);
  if (axes === buffer.axes) {
    const offset = positionsAt(first).reduce(
      (sum, position, axis) => sum + nth(strides, axis) * (position - nth(hull, axis).begin),
      0,
    );
    return {
      region: buffer.name,
      offset,
      strides: variables.map((_, variable) =>
        steps.reduce((sum, own, axis) => sum + nth(own, variable) * nth(strides, axis), 0),
      ),
    };
  }
  // the stage sees other dims than the buffer has: what both agree on is the number of an element
  const seen = stridesOf(axes.map(({ size }) => size));
  const placeAt = (values: readonly number[]): number => {
    let element = positionsAt(values).reduce((sum, position, axis) => sum + position * nth(seen, axis), 0);
    let place = 0;
    for (let axis = buffer.axes.length - 1; axis >= 0; axis--) {
      const { size } = nth(buffer.axes, axis);
      place += nth(strides, axis) * ((element % size) - nth(hull, axis).begin);
      element = Math.floor(element / size);
    }
    return place;
  };
  const offset = placeAt(first);
  const moved = (variable: number, by: number): number[] =>
    first.map((value, index) => (index === variable ? value + by : value));
  const found = ranges.map(({ begin, end }, variable) => {
    if (end - begin < 2) return 0;
    const stride = placeAt(moved(variable, 1)) - offset;
    for (let by = 2; by < end - begin; by++)
      if (placeAt(moved(variable, by)) !== offset + by * stride)
        throw new NestError(`reads ${buffer.name} in an order that is no stride`);
    return stride;
  });
  const last = ranges.map(({ end }) => end - 1);
  const far = ranges.reduce((sum, { begin, end }, index) => sum + (end - 1 - begin) * nth(found, index), offset);
  if (ranges.every(({ begin, end }) => end > begin) && placeAt(last) !== far)
    throw new NestError(`reads ${buffer.name} in an order that is no stride`);
  return { region: buffer.name, offset, strides: found };
}

/** What a nest does. */
export interface NestWork {
  readonly operation: Operation;
  /** the first value at each place takes the place of what was there */
  readonly begins: boolean;
  readonly out: Access;
  readonly args: readonly Access[];
  /** loops that vector instructions may run along; empty: any */
  readonly along: readonly string[];
}

/** The step that copies rows of a table, by numbers; `nest` runs over the result. The core's part of the table lies `along` one of its axes. */
export function lookupStep(
  {
    out,
    table,
    index,
    along,
  }: { readonly out: Access; readonly table: Access; readonly index: Access; readonly along: number },
  nest: CoreNest,
): Step[] {
  const hull = nest.hullOf(table.buffer);
  const { begin, end } = nth(hull, along);
  const lookup: Lookup = {
    kind: "lookup",
    size: nth(table.axes, along).size,
    first: begin,
    rows: end - begin,
    stride: nth(stridesOf(extentsOf(hull)), along),
  };
  // the row is found by number: what the axis says of it does not move the operand
  const still: Axis = { kind: "index", size: lookup.size, terms: [], offset: begin };
  const axes = table.axes.map((axis, position) => (position === along ? still : axis));
  const rows: Access = { buffer: { ...table.buffer, axes }, axes };
  const hullOf: Hull = (buffer) => (buffer === rows.buffer ? hull : nest.hullOf(buffer));
  return nestStep(
    {
      operation: lookup,
      begins: false,
      out,
      args: [{ buffer: rows.buffer, axes: rows.buffer.axes }, index],
      along: [],
    },
    { ...nest, hullOf },
  );
}

/** The step of a nest in a core; none where it has no iterations. */
export function nestStep({ operation, begins, out, args, along }: NestWork, nest: CoreNest): Step[] {
  const extents = extentsOf(nest.ranges);
  if (extents.includes(0)) return [];
  const mayBeVector = ({ terms }: Variable): boolean =>
    along.length === 0 || terms.some(({ loop }) => along.includes(loop));
  const kept = extents.flatMap((extent, index) => (extent > 1 ? [index] : []));
  const vector = kept.reduce<number | null>(
    (best, index) =>
      mayBeVector(nth(nest.variables, index)) && (best === null || nth(extents, index) > nth(extents, best))
        ? index
        : best,
    null,
  );
  const order = vector === null ? kept : [...kept.filter((index) => index !== vector), vector];
  const placed = [out, ...args].map((access): Place => {
    const { region, offset, strides } = placeOf(access, nest);
    return { region, offset, strides: order.length === 0 ? [0] : order.map((index) => nth(strides, index)) };
  });
  const [result, ...others] = placed;
  const sizes = order.length === 0 ? [1] : order.map((index) => nth(extents, index));
  return [{ kind: "compute", operation, begins, sizes, vector: sizes.length - 1, out: result as Place, args: others }];
}
