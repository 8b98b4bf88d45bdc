/**
 * How a value lies on a rectangle: which core holds which of its elements, in which order they leave, and which elements a core of the reader
 * needs. Both follow from the mapping. Elements are flat indices into the value, row by row.
 */
import type { Loop, Operand, Stage } from "../kernel-graph.ts";
import { type Mapping, type Range, sliceOf, type Tile, tileOf } from "./mapping.ts";

/** A part of an operand in a core's memory, row by row. */
export interface Part {
  /** positions along each axis, padding included */
  readonly extents: readonly number[];
  /** the element at each place; -1 where the operand has none (padding) */
  readonly elements: Int32Array;
}

/** A core of a mapping that has work, by its column and row in the mapping. */
export interface TileCore {
  readonly x: number;
  readonly y: number;
  readonly tile: Tile;
}

/** Cores with iterations of their own, row by row. */
export function tileCores(loops: readonly Loop[], mapping: Mapping): TileCore[] {
  const cores: TileCore[] = [];
  for (let y = 0; y < mapping.height; y++) {
    for (let x = 0; x < mapping.width; x++) {
      const tile = tileOf(loops, mapping, x, y);
      if (tile !== null) cores.push({ x, y, tile });
    }
  }
  return cores;
}

/** What a core needs of an operand that it reads. */
export const partRead = (operand: Pick<Operand, "axes">, loops: readonly Loop[], tile: Tile): Part =>
  partOf(operand, sliceOf(operand, loops, tile));

/** What a core holds of an operand that it makes: elements that are dealt out have one owner each. */
export function partMade(operand: Pick<Operand, "axes">, loops: readonly Loop[], tile: Tile): Part {
  const ranges = sliceOf(operand, loops, tile).map((range, index): Range => {
    const axis = operand.axes[index];
    if (axis?.kind !== "spread") return range;
    const size = loops.find(({ name }) => name === axis.loop)?.size ?? 1;
    const iterations = tile.get(axis.loop) ?? { begin: 0, end: size };
    const edge = (iteration: number): number => Math.ceil((axis.size * iteration) / size);
    return { begin: edge(iterations.begin), end: edge(iterations.end) };
  });
  return partOf(operand, ranges);
}

function partOf({ axes }: Pick<Operand, "axes">, ranges: readonly Range[]): Part {
  const extents = ranges.map(({ begin, end }) => end - begin);
  const elements = new Int32Array(extents.reduce((product, extent) => product * extent, 1));
  const index = ranges.map(({ begin }) => begin);
  for (let place = 0; place < elements.length; place++) {
    let element = 0;
    for (let axis = 0; axis < axes.length; axis++) {
      const size = axes[axis]?.size as number;
      const position = index[axis] as number;
      if (position < 0 || position >= size) element = -1;
      else if (element >= 0) element = element * size + position;
    }
    elements[place] = element;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (ranges[axis] as Range).end) break;
      index[axis] = (ranges[axis] as Range).begin;
    }
  }
  return { extents, elements };
}

/** Loops that a stage runs over and that what it makes lacks: cores that differ in them alone hold parts of one sum. */
export function summedLoops(stage: Stage, made: Operand): readonly string[] {
  const kept = new Set(
    made.axes.flatMap((axis) =>
      axis.kind === "index" ? axis.terms.map(({ loop }) => loop) : axis.kind === "spread" ? [axis.loop] : [],
    ),
  );
  return [...new Set(stage.domain.flatMap((terms) => terms.map(({ loop }) => loop)))].filter((loop) => !kept.has(loop));
}

/** True for the core that the sum of its group comes together in: the first piece of every loop that is summed over. */
export const holdsSum = (tile: Tile, summed: readonly string[]): boolean =>
  summed.every((loop) => tile.get(loop)?.begin === 0);

/** Strides of the places of a part, row by row. */
export function stridesOf(extents: readonly number[]): number[] {
  const strides = extents.map(() => 1);
  for (let axis = extents.length - 2; axis >= 0; axis--)
    strides[axis] = (strides[axis + 1] as number) * (extents[axis + 1] as number);
  return strides;
}

/** Places that an iteration moves on by for each loop, in a part of an operand. */
export function loopStrides(operand: Operand, extents: readonly number[], loops: readonly string[]): number[] {
  const strides = stridesOf(extents);
  return loops.map((loop) =>
    operand.axes.reduce((sum, axis, index) => {
      if (axis.kind !== "index") return sum;
      const factor = axis.terms.reduce((total, term) => (term.loop === loop ? total + term.factor : total), 0);
      return sum + factor * (strides[index] as number);
    }, 0),
  );
}
