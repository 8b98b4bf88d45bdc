/**
 * Matrix products as programs that were measured do them, costed by what the placer counts with: a product is a kernel, the piece of a core is a
 * tile of it, and its cycles are those of the fullest core (cost.ts).
 */
import { type DType, dtypeInfo } from "../dtype.ts";
import { type Axis, type Kernel, wordBytes } from "../kernel-graph.ts";
import { treeAllReduceCycles } from "./collectives.ts";
import { busyCycles, siteOf } from "./cost.ts";
import type { Target } from "./target.ts";
import { type Nest, nestOf, type TileWork, workOf } from "./work.ts";

/** [m, k] times [k, n] in one core. */
export interface TileProduct {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly dtype: DType;
  /** the loop that vector instructions run along: one for each pair of the other two */
  readonly vector: "m" | "n";
  /** `moves`: the right operand arrives too, from a neighbour, while the core computes */
  readonly right: "stays" | "moves";
}

const axis = (loop: string, size: number): Axis => ({
  kind: "index",
  size,
  terms: [{ loop, factor: 1 }],
  offset: 0,
});

/** The kernel of a product, of one stage. */
export function productKernel({ m, k, n, dtype, vector, right }: TileProduct): Kernel {
  const loops = { m, k, n };
  const over = (first: "m" | "k", second: "k" | "n"): readonly Axis[] => [
    axis(first, loops[first]),
    axis(second, loops[second]),
  ];
  return {
    id: 0,
    name: "product",
    family: "matmul",
    dtype,
    loops: Object.entries(loops).map(([name, size]) => ({ name, size })),
    operands: [
      { name: "x0", role: "activation", dtype, axes: over("m", "k") },
      { name: "w1", role: right === "moves" ? "activation" : "weight", dtype, axes: over("k", "n") },
      { name: "y0", role: "result", dtype, axes: over("m", "n") },
    ],
    stages: [
      {
        op: 0,
        kind: "matmul",
        makes: "y0",
        reads: [
          { operand: "x0", axes: null },
          { operand: "w1", axes: null },
        ],
        domain: Object.keys(loops).map((loop) => [{ loop, factor: 1 }]),
        vector: [vector],
        perPoint: { fast: 1, slow: 0 },
        perResult: { fast: 0, slow: 0 },
        combine: null,
        gathers: [],
        shuffles: false,
        steps: 0,
        codeUnits: 2,
      },
    ],
    states: [],
    moves: [],
    flops: 2 * m * k * n,
    arriving: 0,
    leaving: 0,
    origin: [],
  };
}

/** Prepared once for each form: what a core has to do depends on the sizes of its tile alone. */
const prepared = new Map<string, Nest>();

function preparedNest(product: TileProduct): Nest {
  const { dtype, vector, right } = product;
  const form = `${dtype} ${vector} ${right}`;
  const nest = prepared.get(form) ?? nestOf(productKernel(product));
  prepared.set(form, nest);
  return nest;
}

/** What a core has to do and hold for its tile. */
const tileWork = (nest: Nest, { m, k, n }: TileProduct): TileWork => workOf(nest, [m, k, n], [1, 1, 1]);

/** Cycles of a core for its tile; sums with other cores are not in it (collectives.ts). */
export function tileProductCycles(target: Target, product: TileProduct): number {
  const nest = preparedNest(product);
  return busyCycles(siteOf(target, nest), tileWork(nest, product));
}

/** Bytes of the right operand where it stays in the core. */
export const tileWeightBytes = (product: TileProduct): number => tileWork(preparedNest(product), product).weightBytes;

/** The target as a program uses it whose loops start a vector instruction every so many cycles. */
export const withVectorStartup = (target: Target, vectorStartup: number): Target => ({
  ...target,
  core: { ...target.core, vectorStartup },
});

/**
 * Cycles between two vector instructions of a loop that the vendor's compiler maps, beyond those of their elements; a loop written out takes the
 * target's `vectorStartup`. Fitted, with the step of a prefill, by `npm run validate -- --fit` (transformer.ts says to what); the same loop
 * form takes 7 cycles in WSE-3's simulator (FABRICA's measurements, section 10).
 */
export const mappedVectorStart = 5.038;

/** A product over a rectangle of cores. */
export interface DividedProduct {
  readonly target: Target;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly dtype: DType;
  /** cores that n and k are dealt out over */
  readonly rows: number;
  readonly columns: number;
}

/** Cycles of the fullest core of a product whose loops are written out along n; partial sums over the columns follow (collectives.ts). */
export const gemmCycles = ({ target, m, k, n, dtype, rows, columns }: DividedProduct): number =>
  tileProductCycles(target, {
    m,
    k: Math.ceil(k / columns),
    n: Math.ceil(n / rows),
    dtype,
    vector: "n",
    right: "stays",
  });

/** A vector of k elements times [k, n] over a square of cores. */
export interface VectorProduct {
  readonly target: Target;
  readonly k: number;
  readonly n: number;
  readonly dtype: DType;
  /** cores along a side */
  readonly grid: number;
  /** cores of a group of the all-reduce */
  readonly group?: number | undefined;
}

/** Cycles until all cores of a column have its part of the result: a tile each, by mapped loops, and an all-reduce along the column. */
export function gemvCycles({ target, k, n, dtype, grid, group }: VectorProduct): number {
  const tile = { m: 1, k: Math.ceil(k / grid), n: Math.ceil(n / grid) };
  const words = Math.ceil((tile.n * dtypeInfo(dtype).bits) / 8 / wordBytes);
  return (
    tileProductCycles(withVectorStartup(target, mappedVectorStart), { ...tile, dtype, vector: "n", right: "stays" }) +
    treeAllReduceCycles({ target, cores: grid, words }, group)
  );
}
