/** Kernel graphs and targets for tests: small, random, and made without a model. */
import fc from "fast-check";
import { opNest } from "../../compiler/kernels/op-nest.ts";
import type { PlaceableOp, Sources } from "../../compiler/kernels/nest.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";
import { arg, binary, lit } from "../../ir/expr.ts";
import { tensorType } from "../../ir/graph.ts";
import {
  activationBytes,
  type Kernel,
  type KernelEdge,
  type KernelGraph,
  type Operand,
  resultWords,
} from "../../ir/kernel-graph.ts";
import type { Target } from "../../ir/machine/target.ts";

/** WSE-2's cores on a fabric of any size. */
export const smallTarget = (width: number, height: number, changes: Partial<Target> = {}): Target => ({
  ...wse2,
  name: "small",
  fabric: { width, height },
  io: { columnsWest: 1, columnsEast: 1, rowsNorth: 0, rowsSouth: 1, bytesPerSecond: 150e9 },
  ...changes,
});

/** A kernel before it has a place in a graph. */
export type Sketch = Pick<Kernel, "family" | "loops" | "operands" | "stages" | "flops">;

const ends = { outputs: [], origin: [] } as const;

/** The kernel of an op on float32 tensors: shapes of what moves, of what stays, and of the result. */
function sketchOf(
  op: PlaceableOp,
  moving: readonly (readonly number[])[],
  resident: readonly (readonly number[])[],
  result: readonly number[],
): Sketch {
  const source = (isResident: boolean) => (shape: readonly number[]) => ({
    type: tensorType("f32", shape),
    resident: isResident,
  });
  const sources: Sources = {
    inputs: [...moving.map(source(false)), ...resident.map(source(true))],
    outputs: [tensorType("f32", result)],
  };
  const { family, loops, reads, makes, stage, flops } = opNest(op, sources);
  const operands = reads.map((axes, index): Operand => {
    const isWeight = index >= moving.length;
    return { name: `${isWeight ? "w" : "x"}${index}`, role: isWeight ? "weight" : "activation", dtype: "f32", axes };
  });
  const made: Operand = { name: "y0", role: "result", dtype: "f32", axes: makes[0] ?? [] };
  return {
    family,
    loops,
    operands: [...operands, made],
    stages: [
      {
        op: 0,
        kind: op.kind,
        makes: "y0",
        reads: operands.map(({ name: operand }) => ({ operand, axes: null })),
        ...stage,
      },
    ],
    flops,
  };
}

/** m x k by k x n with resident weights. */
export const matmulSketch = (m: number, k: number, n: number): Sketch =>
  sketchOf(
    { kind: "matmul", inputs: [0, 1], transposeA: false, transposeB: false, epilogue: null, ...ends },
    [[m, k]],
    [[k, n]],
    [m, n],
  );

/** A square image, 3 x 3 taps, padded to its own size. */
export const convSketch = (size: number, c: number, k: number): Sketch =>
  sketchOf(
    {
      kind: "conv",
      inputs: [0, 1],
      layout: "nchw",
      strides: [1, 1],
      dilations: [1, 1],
      padsBegin: [1, 1],
      padsEnd: [1, 1],
      groups: 1,
      epilogue: null,
      ...ends,
    },
    [[1, c, size, size]],
    [[k, c, 3, 3]],
    [1, k, size, size],
  );

/** One addition per element. */
export const elementwiseSketch = (elements: number): Sketch =>
  sketchOf(
    { kind: "map", inputs: [0], expr: binary("add", arg(0), lit("f32", 1)), ...ends },
    [[elements]],
    [],
    [elements],
  );

export const softmaxSketch = (rows: number, length: number): Sketch =>
  sketchOf({ kind: "softmax", inputs: [0], axis: 1, log: false, ...ends }, [[rows, length]], [], [rows, length]);

/** Takes elements of a resident vector. */
export const gatherElementsSketch = (length: number, taken: number): Sketch =>
  sketchOf({ kind: "gatherElements", inputs: [0, 1], axis: 0, ...ends }, [[taken]], [[length]], [taken]);

/** Joins vectors. */
export const joinSketch = (sizes: readonly number[]): Sketch =>
  sketchOf(
    { kind: "concat", inputs: [...sizes.keys()], axis: 0, ...ends },
    sizes.map((length) => [length]),
    [],
    [sizes.reduce((sum, length) => sum + length, 0)],
  );

/** The operand that the next edge into a kernel becomes: one after the other, where the kernel has several. */
function operandFor(sketch: Sketch | undefined, readers: Map<number, number>, to: number): string {
  const index = readers.get(to) ?? 0;
  readers.set(to, index + 1);
  const names = (sketch?.operands ?? []).filter(({ role }) => role === "activation").map(({ name }) => name);
  return names[index] ?? names[0] ?? "x0";
}

/** A kernel graph from sketches and edges given as [from, to]. */
export function graphOf(sketches: readonly Sketch[], links: readonly (readonly [number, number])[]): KernelGraph {
  const wordsOf = (sketch: Sketch | undefined): number => (sketch === undefined ? 1 : resultWords(sketch));
  const readers = new Map<number, number>();
  const edges = links.map(([from, to]): KernelEdge => ({
    from,
    result: "y0",
    to,
    operands: [operandFor(sketches[to], readers, to)],
    words: wordsOf(sketches[from]),
    stream: from,
    value: from,
    part: null,
  }));
  const kernels = sketches.map((sketch, id): Kernel => {
    const arriving = edges.filter(({ to }) => to === id).reduce((sum, { words }) => sum + words, 0);
    const times = Math.max(1, edges.filter(({ from }) => from === id).length);
    return {
      id,
      name: `layer${id}`,
      ...sketch,
      stages: sketch.stages.map((stage) => ({ ...stage, op: id })),
      dtype: "f32",
      states: [],
      moves: [],
      arriving: Math.max(activationBytes(sketch) / 4, arriving),
      leaving: times * resultWords(sketch),
      origin: [`layer${id}`],
    };
  });
  const last = kernels.length - 1;
  return {
    name: "test",
    precision: "f32",
    kernels,
    edges,
    inputs: kernels.length === 0 ? [] : [{ name: "x", kernel: 0, operands: ["x0"], words: kernels[0]?.arriving ?? 1 }],
    outputs: kernels.length === 0 ? [] : [{ name: "y", kernel: last, result: "y0", words: wordsOf(sketches[last]) }],
    host: [],
  };
}

export const chainOf = (sketches: readonly Sketch[]): KernelGraph =>
  graphOf(
    sketches,
    sketches.slice(1).map((_, index) => [index, index + 1] as const),
  );

const size = (most: number): fc.Arbitrary<number> => fc.integer({ min: 1, max: most });

const sketches: fc.Arbitrary<Sketch> = fc.oneof(
  fc.tuple(size(32), size(96), size(96)).map(([m, k, n]) => matmulSketch(m, k, n)),
  fc.tuple(size(12), size(16), size(16)).map(([s, c, k]) => convSketch(s, c, k)),
  size(600).map((n) => matmulSketch(1, 4 * n, n)),
  size(2_000).map(elementwiseSketch),
  fc.tuple(size(24), size(64)).map(([rows, length]) => softmaxSketch(rows, length)),
);

/** Chains with some extra edges forward. */
export const graphs: fc.Arbitrary<KernelGraph> = fc.array(sketches, { minLength: 1, maxLength: 12 }).chain((list) =>
  fc.array(fc.tuple(fc.nat(list.length - 1), fc.nat(list.length - 1)), { maxLength: 6 }).map((extra) => {
    const links = new Map<string, readonly [number, number]>();
    for (let index = 1; index < list.length; index++) links.set(`${index - 1} ${index}`, [index - 1, index]);
    for (const [a, b] of extra) if (a < b) links.set(`${a} ${b}`, [a, b]);
    return graphOf(list, [...links.values()]);
  }),
);

/** Fabrics from a few cores to some thousands, with little or much memory. */
export const targets: fc.Arbitrary<Target> = fc
  .record({
    width: fc.integer({ min: 6, max: 90 }),
    height: fc.integer({ min: 6, max: 90 }),
    sramBytes: fc.constantFrom(16_384, 49_152, 262_144),
    perRouter: fc.constantFrom(8, 12, 24),
    switchPositions: fc.constantFrom(1, 2, 4),
  })
  .map(({ width, height, sramBytes, perRouter, switchPositions }) =>
    smallTarget(width, height, {
      core: { ...wse2.core, sramBytes },
      colors: { perRouter, reserved: [perRouter - 1], kernel: 4, switchPositions },
    }),
  );
