/**
 * The description that matrix products and convolutions share. A product fills, for every index of some outer axes and every row (y, x),
 * `columns` neighbouring elements of the result; each is a sum over nested `levels` and, innermost, over a `run` of steps:
 *
 *     out[outer, y, x, n] = epilogue( sum over levels, k in run of  A[outer, y, x, levels, k] * B[outer, levels, k, n] )
 *
 * For a matrix product the rows are y and the run is the inner dimension. For a convolution over channels-last images (y, x) is a pixel
 * of the result, the levels are the kernel's rows and the run goes over kernel columns and channels, which are neighbours in memory.
 *
 * Rows are done in tiles of `tile.rows`, columns in panels of `tile.vectors` vectors: the accumulators of a tile stay in registers. B is
 * packed panel by panel, so that the innermost loop streams it. Offsets are baked in; all strides are bytes.
 */
import { type DType } from "../../../../ir/dtype.ts";
import type { RowsLayout } from "../bytes/rows.ts";
import type { StripLayout } from "../weight-only/strips.ts";
import type { Arith } from "./arith.ts";
import type { Epilogue } from "./epilogue.ts";

/** Bytes that one step along an axis moves each operand. */
export interface Strides {
  readonly a: number;
  readonly b: number;
  readonly out: number;
  readonly extras: readonly number[];
}

/** No offset in any operand. */
export const noStrides = (extras: number): Strides => ({
  a: 0,
  b: 0,
  out: 0,
  extras: new Array<number>(extras).fill(0),
});

export interface ProductAxis {
  readonly size: number;
  readonly strides: Strides;
}

/** A loop of the reduction outside the run. */
export interface Level {
  readonly count: number;
  /** bytes of A from one round to the next, or the function's parameter that holds them, less what the levels inside have moved it */
  readonly a: number | { readonly param: number };
}

/** How the run reads B: from packed panels, from few bits, or from rows of a matrix as it is. */
export type PanelSource =
  /**
   * `apart`: each vector of a panel has a run of its own, so that a tile reads several streams; else a step's vectors are neighbours.
   * `halves`: a step in the first half of the run is done together with one in the second half, which doubles the streams.
   */
  | { readonly kind: "packed"; readonly apart: boolean; readonly halves?: boolean }
  /** as packed panels, but in 16 bits, in the named form (half-floats.ts); panels are widened to f32 in scratch memory, which is the last argument */
  | { readonly kind: "halves"; readonly form: string }
  /** strips of few bits, one for each panel, that are widened to f32 in scratch memory, which is the last argument */
  | { readonly kind: "strips"; readonly layout: StripLayout }
  /** steps of four bytes; modules without relaxed SIMD widen panels to pairs of 16 bits in scratch memory, which is the last argument */
  | { readonly kind: "bytes"; readonly isWidened: boolean }
  /** `rowStride`: bytes from one element of the reduction to the next; columns are neighbours */
  | { readonly kind: "direct"; readonly rowStride: number };

/** Rows of a tile; those of the ragged panel, which is narrower, are `restRows`. */
export interface TileHeights {
  readonly rows: number;
  readonly restRows: number;
}

export interface Tiling extends TileHeights {
  readonly vectors: number;
  /** in modules for engines that join pairs of vectors */
  readonly joined?: TileHeights;
}

/** All heights that tiles have, in any module: blocks of rows hold whole tiles of each. */
export const tileHeights = ({ rows, restRows, joined }: Tiling): readonly number[] =>
  joined === undefined ? [rows, restRows] : [rows, restRows, joined.rows, joined.restRows];

export interface Schedule {
  readonly tile: Tiling;
  /** steps of the run that are done before the next panel; the rest is added to the stored result later */
  readonly kBlock: number;
  /** rows (values of y) and panels in one unit of work */
  readonly block: { readonly y: number; readonly panels: number };
}

export interface Product {
  readonly name: string;
  readonly arith: Arith;
  /** bytes added to each operand's address */
  readonly start: Strides;
  readonly outer: readonly ProductAxis[];
  readonly y: ProductAxis;
  readonly x: ProductAxis;
  readonly columns: number;
  /** for each extra operand: it has an element for each column */
  readonly extraPerColumn: readonly boolean[];
  readonly levels: readonly Level[];
  /** steps; a step is `arith.kStep` elements */
  readonly run: number;
  /** bytes of A from step to step */
  readonly aStep: number;
  readonly b: PanelSource;
  /** A's rows are those of a byte product: with relaxed SIMD there are lists of high bits */
  readonly byteRows?: RowsLayout;
  readonly epilogue: Epilogue;
  readonly schedule: Schedule;
  /** tiles have the heights that suit joined vectors */
  readonly isJoined?: true;
}

const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);

/** Steps of the reduction in total. */
export const totalSteps = (product: Pick<Product, "levels" | "run">): number =>
  product.levels.reduce((steps, level) => steps * level.count, product.run);

/** How the columns are cut into panels; the last one may have fewer vectors, and its last vector fewer columns. */
export interface Panels {
  readonly columns: number;
  /** columns of a full panel */
  readonly width: number;
  readonly full: number;
  /** columns of the ragged panel; 0 if there is none */
  readonly rest: number;
  readonly count: number;
}

export function panelsOf(columns: number, vectors: number, lanes: number): Panels {
  const width = vectors * lanes;
  const full = Math.floor(columns / width);
  const rest = columns - full * width;
  return { columns, width, full, rest, count: full + (rest > 0 ? 1 : 0) };
}

/** Bytes of a packed B of `steps` steps: full panels, then the ragged one with as many vectors as it needs. */
export function packedBytes(arith: Arith, panels: Panels, steps: number): number {
  const vectors = (panels.full * panels.width) / arith.lanes + ceilDiv(panels.rest, arith.lanes);
  return vectors * steps * arith.bVectorBytes;
}

/** Blocks that the rows and panels are cut into; with the outer axes they make the units. */
export function blocksOf(product: Product): { readonly y: number; readonly panels: number; readonly outer: number } {
  const { schedule, arith, columns } = product;
  const panels = panelsOf(columns, schedule.tile.vectors, arith.lanes);
  return {
    y: product.x.size === 0 ? 0 : ceilDiv(product.y.size, schedule.block.y),
    panels: ceilDiv(panels.count, schedule.block.panels),
    outer: product.outer.reduce((count, axis) => count * axis.size, 1),
  };
}

/** Blocks of equal size (but for the last) that the run is cut into; strips are cut between their blocks. */
export function runBlocks(product: Product): { readonly count: number; readonly steps: number } {
  const { run, schedule, levels, epilogue, b } = product;
  const canPark = levels.length === 0 && epilogue.accumulator === epilogue.output;
  const wanted = canPark ? Math.max(1, ceilDiv(run, schedule.kBlock)) : 1;
  const unit = b.kind === "strips" ? b.layout.block : 1;
  const steps = ceilDiv(ceilDiv(run, wanted), unit) * unit;
  return { count: Math.max(1, ceilDiv(run, Math.max(1, steps))), steps };
}

/** True for a B whose panels are widened before they are read. */
export const isWidened = (b: PanelSource): boolean =>
  b.kind === "strips" || b.kind === "halves" || (b.kind === "bytes" && b.isWidened);

/** True where widened panels need scratch memory, in any module. */
export const hasScratch = ({ kind }: PanelSource): boolean =>
  kind === "strips" || kind === "halves" || kind === "bytes";

/** Bytes of scratch memory for a widened panel: what one block of the run reads of it. */
export function widenedBytes(product: Product): number {
  const { count, steps } = runBlocks(product);
  const vectors = product.schedule.tile.vectors * (product.b.kind === "bytes" ? 2 : 1);
  return (count === 1 ? totalSteps(product) : steps) * vectors * 16;
}

export function unitsOf(product: Product): number {
  const blocks = blocksOf(product);
  return blocks.y * blocks.panels * blocks.outer;
}

/** Multiplications and additions. */
export function workOf(product: Product): number {
  const rows = product.outer.reduce((count, axis) => count * axis.size, product.y.size * product.x.size);
  return 2 * rows * product.columns * totalSteps(product) * product.arith.kStep;
}

/** Everything that the emitted code depends on, as data for a key. */
export function productKey(product: Product): unknown {
  const { arith, ...rest } = product;
  return { ...rest, arith: arith.name };
}

/** Dtype of the extra operand `index`. */
export function extraType(product: Product, index: number): DType {
  const dtype = product.epilogue.extras[index];
  if (dtype === undefined) throw new Error(`internal: product has no extra operand ${index}`);
  return dtype;
}
