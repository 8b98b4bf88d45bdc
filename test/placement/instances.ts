/** Kernel graphs and targets for tests: small, random, and made without a model. */
import fc from "fast-check";
import type { Kernel, KernelEdge, KernelGraph } from "../../ir/kernel-graph.ts";
import type { Target } from "../../ir/machine/target.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";

/** WSE-2's cores on a fabric of any size. */
export const smallTarget = (width: number, height: number, changes: Partial<Target> = {}): Target => ({
  ...wse2,
  name: "small",
  fabric: { width, height },
  io: { columnsWest: 1, columnsEast: 1, rowsNorth: 0, rowsSouth: 1, bytesPerSecond: 150e9 },
  ...changes,
});

type Sketch = Pick<Kernel, "family" | "dims" | "weightBytes" | "wordsIn" | "wordsOut" | "flops">;

const dim = (name: string, size: number): Kernel["dims"][number] => ({ name, size });

/** m x k by k x n with resident weights. */
export const matmulSketch = (m: number, k: number, n: number): Sketch => ({
  family: "matmul",
  dims: [dim("b", 1), dim("m", m), dim("k", k), dim("n", n)],
  weightBytes: 4 * k * n,
  wordsIn: m * k,
  wordsOut: m * n,
  flops: 2 * m * k * n,
});

/** A square image, 3 x 3 taps. */
export const convSketch = (size: number, c: number, k: number): Sketch => ({
  family: "conv",
  dims: [
    dim("k", k),
    dim("c", c),
    dim("h", size),
    dim("w", size),
    dim("r", 3),
    dim("s", 3),
    dim("sh", 1),
    dim("sw", 1),
  ],
  weightBytes: 4 * 9 * c * k,
  wordsIn: size * size * c,
  wordsOut: size * size * k,
  flops: 18 * size * size * c * k,
});

export const elementwiseSketch = (elements: number): Sketch => ({
  family: "elementwise",
  dims: [dim("e", elements), dim("fast", 1)],
  weightBytes: 0,
  wordsIn: elements,
  wordsOut: elements,
  flops: elements,
});

export const softmaxSketch = (rows: number, length: number): Sketch => ({
  family: "softmax",
  dims: [dim("o", rows), dim("l", length)],
  weightBytes: 0,
  wordsIn: rows * length,
  wordsOut: rows * length,
  flops: 5 * rows * length,
});

/** A kernel graph from sketches and edges given as [from, to]. */
export function graphOf(sketches: readonly Sketch[], links: readonly (readonly [number, number])[]): KernelGraph {
  const edges: KernelEdge[] = links.map(([from, to]) => ({
    from,
    to,
    words: sketches[from]?.wordsOut ?? 1,
    value: from,
  }));
  const kernels = sketches.map((sketch, id): Kernel => {
    const readers = edges.filter(({ from }) => from === id).length;
    const arriving = edges.filter(({ to }) => to === id).reduce((sum, { words }) => sum + words, 0);
    const wordsIn = Math.max(sketch.wordsIn, arriving);
    return {
      id,
      name: `layer${id}`,
      ...sketch,
      wordsIn,
      dtype: "f32",
      fanOut: Math.max(1, readers),
      op: id,
      origin: [`layer${id}`],
    };
  });
  const last = kernels.length - 1;
  return {
    name: "test",
    kernels,
    edges,
    inputs: kernels.length === 0 ? [] : [{ name: "x", kernel: 0, words: sketches[0]?.wordsIn ?? 1 }],
    outputs: kernels.length === 0 ? [] : [{ name: "y", kernel: last, words: sketches[last]?.wordsOut ?? 1 }],
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
  })
  .map(({ width, height, sramBytes, perRouter }) =>
    smallTarget(width, height, {
      core: { ...wse2.core, sramBytes },
      colors: { perRouter, reserved: [perRouter - 1], kernel: 4 },
    }),
  );
