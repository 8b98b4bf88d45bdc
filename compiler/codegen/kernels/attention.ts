/**
 * Attention as one kernel: for a block of rows, scores = epilogue(Q Kᵀ), their softmax, and the product with V, while the block's scores are in
 * the cache; the matrix of all scores is never in memory. K (and V, where its rows lie apart) are packed into panels first.
 *
 *     units: batch x blocks of rows      private scratch: the scores of one block
 */
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import type { Expr } from "../../../ir/expr.ts";
import { type Choose, choosePart, distinct, joinedIf, modelChoice } from "../choice.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType } from "../kernel.ts";
import { type FunctionBuilder, type Local, loopRange, type ModuleBuilder } from "../wasm/index.ts";
import { decodeIndex, pushOffset } from "./index-space.ts";
import { arithFor } from "./product/arith.ts";
import { emitKeyDots } from "./key-dots.ts";
import { type Epilogue, isJoinable, makeEpilogue, noEpilogue } from "./product/epilogue.ts";
import { matrixBytes, type PackPlan } from "./product/pack.ts";
import { packStage } from "./product/pack-stage.ts";
import {
  type PanelSource,
  panelsOf,
  type Product,
  type ProductAxis,
  type Schedule,
  tileHeights,
  workOf,
} from "./product/product.ts";
import { productStage } from "./product/product-emit.ts";
import { commonMultiple } from "./product/rows.ts";
import { chooseTileAndRun } from "./product/schedule.ts";
import { softmaxRows } from "./softmax.ts";

/** Sizes, and strides in elements of f32; those of a batch in the order of `batch`. */
export interface AttentionSpec {
  readonly batch: readonly number[];
  readonly rows: number;
  readonly keys: number;
  /** of Q and K */
  readonly depth: number;
  /** of V and the result */
  readonly width: number;
  /** depth is contiguous */
  readonly q: { readonly offset: number; readonly batch: readonly number[]; readonly row: number };
  readonly k: Keyed;
  readonly v: Keyed;
  /** width is contiguous */
  readonly out: { readonly batch: readonly number[]; readonly row: number };
  /** of the scores: `$0` and the extra operands, whose strides are over batch, rows, keys */
  readonly epilogue: Expr | null;
  readonly extras: readonly { readonly dtype: DType; readonly strides: readonly number[] }[];
}

interface Keyed {
  readonly offset: number;
  readonly batch: readonly number[];
  readonly key: number;
  readonly column: number;
}

const f32 = arithFor("f32", "f32", false);
const scratchIds = { scores: 0, k: 1, v: 2 } as const;
const fixedOperands = 3;

/** Bytes of a block's scores that should stay in the second-level cache beside K and V. */
const blockBytes = 128 * 1024;
/** From this many rows on V is worth packing where its rows lie apart. */
const manyRows = 8;

const vectorBytes = 16;
const product = (sizes: readonly number[]): number => sizes.reduce((count, size) => count * size, 1);
/** Bytes from row to row of the scores. */
const scoreRowBytes = ({ keys }: AttentionSpec): number => Math.ceil(keys / 4) * vectorBytes;

/** The stages of an attention; inputs are Q, K, V and the extra operands. */
export function attentionStages(spec: AttentionSpec, choose: Choose = modelChoice): KernelCode[] {
  const schedules = schedulesOf(spec, choose);
  const blockRows = schedules.scores.block.y;
  const isDotted = choose({ aspect: "K", candidates: dottedness(spec, blockRows), words: (dotted) => (dotted ? "as it is" : "packed") });
  const scoring = isDotted ? dotScores(spec) : panelScores(spec, schedules.scores);
  const isDirect = choose({ aspect: "V", candidates: directness(spec), words: (direct) => (direct ? "as it is" : "packed") });
  const v = isDirect ? directV(spec) : packed(spec, spec.v, 2, schedules.result, scratchIds.v);
  const kernel: AttentionKernel = {
    spec,
    blockRows,
    scores: scoring,
    result: resultProduct(spec, schedules.result, v),
  };
  const scores: KernelArg = {
    kind: "scratch",
    id: scratchIds.scores,
    byteLength: kernel.blockRows * scoreRowBytes(spec),
    isPrivate: true,
  };
  const extras = spec.extras.map((_, i): KernelArg => ({ kind: "input", index: fixedOperands + i }));
  const args: readonly KernelArg[] = [{ kind: "input", index: 0 }, scoring.k, v.arg, scores, ...extras, { kind: "output", index: 0 }];
  const stage: KernelCode = {
    key: kernelKey("attention", spec, schedules, scoring.key, v.source),
    units: product(spec.batch) * Math.ceil(spec.rows / kernel.blockRows),
    args,
    work: scoring.work + workOf(kernel.result) + product(spec.batch) * spec.rows * spec.keys * softmaxWork,
    emit: (module) => emitAttention(module, kernel, args.length),
  };
  return [...scoring.stages, ...v.stages, stage];
} // prettier-ignore

const softmaxWork = 20;

interface AttentionKernel {
  readonly spec: AttentionSpec;
  readonly blockRows: number;
  readonly scores: Scoring;
  readonly result: Product;
}

/** A way to the scores of a block of rows. */
interface Scoring {
  readonly k: KernelArg;
  readonly stages: readonly KernelCode[];
  /** tells ways apart */
  readonly key: unknown;
  readonly work: number;
  /** adds a function of Q, K, the extra operands and the scores */
  readonly emit: (module: ModuleBuilder) => number;
}

/** Whether keys may be read where they lie, in one block of rows; the better way first. */
function dottedness({ rows, depth, k }: AttentionSpec, blockRows: number): readonly boolean[] {
  return k.column === 1 && depth % 4 === 0 && rows < manyRows && rows <= blockRows ? [true, false] : [false];
}

function dotScores(spec: AttentionSpec): Scoring {
  const epilogue = epilogueOf(spec);
  return {
    k: { kind: "input", index: 1 },
    stages: [],
    key: "dots",
    work: 2 * product(spec.batch) * spec.rows * spec.keys * spec.depth,
    emit: (module) => emitKeyDots(module, { ...spec, epilogue, scoreRowBytes: scoreRowBytes(spec) }),
  };
}

function panelScores(spec: AttentionSpec, schedule: Schedule): Scoring {
  const k = packed(spec, spec.k, 1, schedule, scratchIds.k);
  const scores = scoresProduct(spec, schedule, k);
  return {
    k: k.arg,
    stages: k.stages,
    key: k.source,
    work: workOf(scores),
    emit: (module) => productStage(scores, operandsOf(fixedOperands + spec.extras.length)).emit(module),
  };
}

const epilogueOf = ({ epilogue, extras }: AttentionSpec): Epilogue =>
  epilogue === null ? noEpilogue("f32") : makeEpilogue(epilogue, "f32", extras.map(({ dtype }) => dtype), "f32"); // prettier-ignore

interface Schedules {
  readonly scores: Schedule;
  readonly result: Schedule;
}

/** Both products in the same blocks of rows, whole tiles of each. */
function schedulesOf(spec: AttentionSpec, choose: Choose): Schedules {
  const { rows, keys, depth, width } = spec;
  const size = { outer: product(spec.batch), y: rows, x: 1, canBlockRun: true, isNear: true };
  const part = (name: string): Choose => joinedIf(isJoinable(epilogueOf(spec)), choosePart(name, choose));
  const scores = chooseTileAndRun({ ...size, columns: keys, steps: depth }, f32, part("scores"));
  const result = chooseTileAndRun({ ...size, columns: width, steps: keys }, f32, part("result"));
  const heights = [scores, result].flatMap(({ tile }) => tileHeights(tile));
  const step = heights.reduce(commonMultiple, 1);
  const steps = Math.max(1, Math.floor(blockBytes / scoreRowBytes(spec) / step));
  const counts = [steps, 2 * steps, Math.ceil(steps / 2), 4 * steps, Math.ceil(steps / 4)];
  const words = (y: number): string => (y === rows ? "all" : `${y} at once`);
  const candidates = distinct(counts.map((count) => Math.min(rows, count * step)), words);
  const block = { y: choose({ aspect: "rows", candidates, words }), panels: Number.MAX_SAFE_INTEGER };
  return { scores: { ...scores, block }, result: { ...result, block } };
} // prettier-ignore

interface PackedOperand {
  readonly arg: KernelArg;
  readonly stages: readonly KernelCode[];
  readonly source: PanelSource;
  /** bytes per index of the batch, and to the first matrix */
  readonly batch: readonly number[];
  readonly start: number;
}

/** Whether V may be read where it lies, the better way first. */
function directness(spec: AttentionSpec): readonly boolean[] {
  const { key, column } = spec.v;
  if (column !== 1 || spec.width % 4 !== 0 || key <= 0) return [false];
  return key === spec.width || spec.rows < manyRows ? [true, false] : [false, true];
}

function directV({ v }: AttentionSpec): PackedOperand {
  const source = { kind: "direct", rowStride: v.key * 4 } as const;
  const batch = v.batch.map((stride) => stride * 4);
  return { arg: { kind: "input", index: 2 }, stages: [], source, batch, start: v.offset * 4 };
}

/** K (its keys are the columns) or V (they are the run) as the products read them. */
function packed(spec: AttentionSpec, keyed: Keyed, input: number, { tile }: Schedule, scratchId: number): PackedOperand {
  const isK = input === 1;
  const columns = isK ? spec.keys : spec.width;
  const [run, columnStride] = isK ? [keyed.column, keyed.key] : [keyed.key, keyed.column];
  const matrices = spec.batch.map((size, i) => ({ size: keyed.batch[i] === 0 ? 1 : size, stride: keyed.batch[i] ?? 0 }));
  const plan: PackPlan = {
    arith: f32,
    panels: panelsOf(columns, tile.vectors, f32.lanes),
    source: {
      matrices,
      levels: [],
      run: [{ size: isK ? spec.depth : spec.keys, stride: run }],
      columnStride,
      start: keyed.offset,
    },
  };
  const { code, scratch } = packStage(plan, "f32", { kind: "input", index: input }, scratchId);
  const bytes = matrixBytes(plan);
  const batch = matrices.map(({ size }, i) => (size === 1 ? 0 : bytes * product(matrices.slice(i + 1).map((loop) => loop.size))));
  return { arg: scratch, stages: [code], source: { kind: "packed", apart: false }, batch, start: 0 };
} // prettier-ignore

const still = (extras: number): ProductAxis => ({
  size: 1,
  strides: { a: 0, b: 0, out: 0, extras: new Array<number>(extras).fill(0) },
});

/** Q Kᵀ with the epilogue, into the block's scores. */
function scoresProduct(spec: AttentionSpec, schedule: Schedule, k: PackedOperand): Product {
  const { batch, q, extras } = spec;
  const along = (axis: number): number[] =>
    extras.map(({ dtype, strides }) => (strides[axis] ?? 0) * storageBytes(dtype));
  const types = extras.map((extra) => extra.dtype);
  return {
    name: "attention_scores",
    arith: f32,
    start: { a: q.offset * 4, b: k.start, out: 0, extras: types.map(() => 0) },
    outer: batch.map((size, i) => ({
      size,
      strides: { a: (q.batch[i] ?? 0) * 4, b: k.batch[i] ?? 0, out: 0, extras: along(i) },
    })),
    y: { size: spec.rows, strides: { a: q.row * 4, b: 0, out: scoreRowBytes(spec), extras: along(batch.length) } },
    x: still(extras.length),
    columns: spec.keys,
    extraPerColumn: extras.map((extra) => extra.strides.at(-1) !== 0),
    levels: [],
    run: spec.depth,
    aStep: 4,
    b: k.source,
    epilogue: epilogueOf(spec),
    schedule,
  };
}

/** The block's probabilities times V, into the result. */
function resultProduct(spec: AttentionSpec, schedule: Schedule, v: PackedOperand): Product {
  const { batch, out } = spec;
  return {
    name: "attention_result",
    arith: f32,
    start: { a: 0, b: v.start, out: 0, extras: [] },
    outer: batch.map((size, i) => ({
      size,
      strides: { a: 0, b: v.batch[i] ?? 0, out: (out.batch[i] ?? 0) * 4, extras: [] },
    })),
    y: { size: spec.rows, strides: { a: scoreRowBytes(spec), b: 0, out: out.row * 4, extras: [] } },
    x: still(0),
    columns: spec.width,
    extraPerColumn: [],
    levels: [],
    run: spec.keys,
    aStep: 4,
    b: v.source,
    epilogue: noEpilogue("f32"),
    schedule,
  };
}

/** Addresses are given by the caller. */
const operandsOf = (count: number): KernelArg[] =>
  Array.from({ length: count }, (_, index) => ({ kind: "input", index }));

function emitAttention(module: ModuleBuilder, kernel: AttentionKernel, args: number): number {
  const { spec } = kernel;
  const scores = kernel.scores.emit(module);
  const softmax = softmaxRows(module, spec.keys, scoreRowBytes(spec));
  const result = productStage(kernel.result, operandsOf(fixedOperands)).emit(module);
  return module.function("attention", kernelType(args), (f) => {
    const [q, k, v, block] = f.params as [Local, Local, Local, Local];
    const extras = f.params.slice(4, args - 1);
    const [out, begin, end] = f.params.slice(args - 1) as [Local, Local, Local];
    const [unit, next, shifted, count] = f.localArray("i32", 4) as [Local, Local, Local, Local];
    const call = (index: number, ...operands: readonly Local[]): void => {
      for (const local of operands) f.get(local);
      f.call(index);
    };
    loopRange(f, unit, begin, end, 1, () => {
      setBlock(f, kernel, { unit, next, block, shifted, count });
      call(scores, q, k, ...extras, shifted, unit, next);
      f.get(block);
      f.i32(0);
      f.get(count);
      f.call(softmax);
      call(result, shifted, v, out, unit, next);
    });
  });
}

interface BlockLocals {
  readonly unit: Local;
  readonly next: Local;
  /** the scores' address, and where row 0 would be if all rows were there */
  readonly block: Local;
  readonly shifted: Local;
  /** rows in the block */
  readonly count: Local;
}

function setBlock(f: FunctionBuilder, { spec, blockRows }: AttentionKernel, at: BlockLocals): void {
  const blocks = Math.ceil(spec.rows / blockRows);
  const lastRows = spec.rows - (blocks - 1) * blockRows;
  f.get(at.unit);
  f.i32(1);
  f.op("i32.add");
  f.set(at.next);
  const index = decodeIndex(f, at.unit, [product(spec.batch), blocks]).at(-1) ?? 0;
  f.get(at.block);
  pushOffset(f, index, -blockRows * scoreRowBytes(spec));
  f.set(at.shifted);
  f.i32(lastRows);
  f.i32(blockRows);
  if (typeof index === "number") f.i32(1);
  else {
    f.get(index);
    f.i32(blocks - 1);
    f.op("i32.eq");
  }
  f.select("i32");
  f.set(at.count);
  if (typeof index !== "number") f.release(index);
}
