/** Pooling: vectors of channels for f32 and maxima of narrow integers, one element at a time for other types. */
import { type DType, dtypeInfo, isBig, isFloat, storageBytes } from "../../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit, type ScalarValue, unary } from "../../../ir/expr.ts";
import type { PoolOp, TensorType } from "../../../ir/graph.ts";
import { nth } from "../../../ir/access.ts";
import { loadScalar, storeScalar } from "../elements.ts";
import { emitExpr } from "../expr-emit.ts";
import { modelChoice } from "../choice.ts";
import { type KernelCode, type KernelEmitter, kernelKey, kernelType } from "../kernel.ts";
import type { Bound, FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { imageShapeOf, prepareImage, prepareResult } from "./conv-frame.ts";
import { integerMaxBody, maximumLanes } from "./pool-integers.ts";
import { elementLocal, loadLanes, storeLanes } from "./product/access.ts";
import {
  clip,
  emitWalk,
  narrowWalk,
  rowMajorBytes,
  type TileSite,
  type Walk,
  type WalkBody,
  type WalkDim,
  type WalkParams,
  walkUnits,
} from "./window-walk.ts";

/** What a pool computes: accumulators start at `init`, take each tap, and end as the result. */
interface PoolSteps {
  readonly acc: DType;
  readonly init: ScalarValue;
  /** `$0` accumulator, `$1` element */
  readonly take: Expr;
  /** `$0` accumulator, `$1` taps that count (in the accumulator's dtype) */
  readonly finish: Expr;
}

export function poolSteps(op: Pick<PoolOp, "fn" | "p">, dtype: DType): PoolSteps {
  switch (op.fn) {
    case "max":
      return { acc: dtype, init: leastValue(dtype), take: binary("max", arg(0), arg(1)), finish: arg(0) };
    case "average": {
      const acc = isFloat(dtype) || isBig(dtype) ? dtype : "f64";
      const finish = cast(dtype, binary("div", arg(0), arg(1)));
      return { acc, init: isBig(acc) ? 0n : 0, take: binary("add", arg(0), cast(acc, arg(1))), finish };
    }
    case "lp":
      return { acc: dtype, init: 0, take: binary("add", arg(0), powerOf(op.p, dtype)), finish: rootOf(op.p, dtype) };
  }
}

function powerOf(p: number, dtype: DType): Expr {
  if (p === 2) return binary("mul", arg(1), arg(1));
  const magnitude = unary("abs", arg(1));
  return p === 1 ? magnitude : binary("pow", magnitude, lit(dtype, p));
}

function rootOf(p: number, dtype: DType): Expr {
  if (p === 1) return arg(0);
  return p === 2 ? unary("sqrt", arg(0)) : binary("pow", arg(0), lit(dtype, 1 / p));
}

function leastValue(dtype: DType): ScalarValue {
  const { class: cls, bits } = dtypeInfo(dtype);
  if (isFloat(dtype)) return -Infinity;
  if (cls !== "signed") return isBig(dtype) ? 0n : 0;
  return isBig(dtype) ? -(2n ** 63n) : -(2 ** (bits - 1));
}

export const emitPool: KernelEmitter<PoolOp> = (op, operands, choose = modelChoice) => {
  const x = operands.inputs[0] as TensorType;
  const shape = imageShapeOf(x, op.layout);
  const dims = poolDims(op, shape.spatial);
  const image = prepareImage(x, op.layout, shape.spatial.map((size) => ({ before: 0, size })), x.dtype);
  const result = prepareResult({ epilogue: null }, operands, op.layout, x.dtype, operands.inputs.length);
  const strides = (sizes: readonly number[]): number[] => rowMajorBytes([shape.batch, ...sizes, shape.channels], storageBytes(x.dtype));
  const narrowLanes = op.fn === "max" ? maximumLanes(x.dtype, shape.channels) : null;
  const lanes = x.dtype === "f32" ? 4 : (narrowLanes ?? 1);
  const walk = narrowWalk({
    batch: shape.batch,
    channels: shape.channels,
    lanes,
    dims,
    image: { strides: strides(shape.spatial) },
    operands: [{ strides: strides(op.outputSpatial) }],
    tapBytes: 0,
    tileColumns: choose({ aspect: "columns", candidates: lanes === 1 ? [1] : tileColumns, words: String }),
  });
  const counted = countedDims(op, dims);
  const pool: PoolTiles = {
    fn: op.fn,
    dtype: x.dtype,
    channels: shape.channels,
    lanes,
    columnBytes: walk.operands[0]?.strides.at(-2) ?? 0,
    isNarrowMax: narrowLanes !== null,
    steps: poolSteps(op, x.dtype),
    countsOf: (site, column) => (counted === null ? insideCounts(site, column) : countedCounts(site, walk, counted, column)),
  };
  const stage: KernelCode = {
    key: kernelKey("pool", pool.steps, counted, op.fn, x.dtype, walk),
    units: walkUnits(walk),
    args: [image.arg, result.arg],
    work: shape.batch * shape.channels * dims.reduce((n, dim) => n * dim.taps * dim.outSize, 1),
    emit: (module) => emitPoolFunction(module, pool, walk),
  };
  return [...image.stages, stage, ...result.stages];
}; // prettier-ignore

/** Columns of a tile: enough to share loads, few enough for the registers. */
const tileColumns: readonly [number, ...number[]] = [3, 2, 4, 1, 6];
export const poolColumns: number = tileColumns[0];

const poolDims = (op: PoolOp, input: readonly number[]): WalkDim[] =>
  op.outputSpatial.map((outSize, i) => ({
    inSize: input[i] ?? 1,
    outSize,
    taps: op.kernel[i] ?? 1,
    stride: op.strides[i] ?? 1,
    dilation: op.dilations[i] ?? 1,
    padBegin: op.padsBegin[i] ?? 0,
  }));

/** Dims whose taps inside input + pads count, for an average that counts padding; null if those inside the input do. */
function countedDims(op: PoolOp, dims: readonly WalkDim[]): readonly WalkDim[] | null {
  if (op.fn !== "average" || !op.countPadding) return null;
  return dims.map((dim, i) => ({ ...dim, padBegin: 0, inSize: dim.inSize + dim.padBegin + (op.padsEnd[i] ?? 0) }));
}

/** What the tiles of a pool do. */
export interface PoolTiles {
  readonly fn: PoolOp["fn"];
  readonly dtype: DType;
  readonly channels: number;
  /** channels at once */
  readonly lanes: Walk["lanes"];
  /** bytes from column to column of the result */
  readonly columnBytes: number;
  /** vectors of narrow integers, of which the maximum is taken */
  readonly isNarrowMax: boolean;
  readonly steps: PoolSteps;
  /** push the numbers whose product is how many taps an average divides by */
  readonly countsOf: (site: TileSite, column: number) => readonly (() => void)[];
}

function emitPoolFunction(module: ModuleBuilder, pool: PoolTiles, walk: Walk): number {
  return module.function(`pool_${pool.fn}`, kernelType(2), (f) => {
    const [image, out, begin, end] = [f.param(0), f.param(1), f.param(2), f.param(3)];
    const params: WalkParams = { image, weights: null, operands: [out], begin, end };
    emitWalk(f, walk, params, poolBody(pool));
  });
}

export function poolBody(pool: PoolTiles): WalkBody {
  if (pool.fn === "max" && pool.dtype === "f32") return maxBody(pool);
  return pool.isNarrowMax
    ? integerMaxBody(pool.dtype, pool.channels, (column) => outOffset(pool, column))
    : generalBody(pool);
}

const outOffset = (pool: PoolTiles, column: number): number => column * pool.columnBytes;

/** Maxima of f32, where NaN wins: `pmax` passes NaN over, so that a second accumulator remembers it. */
function maxBody(pool: PoolTiles): WalkBody {
  let best: Local[] = [];
  let nan: Local[] = [];
  return {
    start: ({ f, columns }) => {
      best = f.localArray("v128", columns.length);
      nan = f.localArray("v128", columns.length);
      for (const acc of best) {
        f.splatConst("f32x4", -Infinity);
        f.set(acc);
      }
      for (const acc of nan) {
        f.splatConst("i32x4", 0);
        f.set(acc);
      }
    },
    visit: ({ f, count }, image, _, taps) => {
      withLoads(f, "f32", 4, count, image, taps.map((tap) => tap.offset), (xs) => {
        for (const { column, offset } of taps) takeMax(f, best[column] as Local, nan[column] as Local, xs.get(offset) as Local);
      });
    },
    finish: ({ f, count, columns, operands }) => {
      for (const { index } of columns) {
        const value = best[index] as Local;
        f.get(value);
        f.get(nan[index] as Local);
        f.op("v128.or");
        f.set(value);
        storeLanes(f, "f32", operands[0] as Local, outOffset(pool, index), value, 4, count);
      }
      f.release(...best, ...nan);
    },
  };
} // prettier-ignore

function takeMax(f: FunctionBuilder, best: Local, nan: Local, x: Local): void {
  f.get(best);
  f.get(x);
  f.op("f32x4.pmax");
  f.set(best);
  f.get(x);
  f.get(x);
  f.op("f32x4.ne");
  f.get(nan);
  f.op("v128.or");
  f.set(nan);
}

/** Loads each distinct offset once. */
function withLoads(
  f: FunctionBuilder,
  dtype: DType,
  lanes: 1 | 4,
  count: number,
  image: Local,
  offsets: readonly number[],
  use: (xs: ReadonlyMap<number, Local>) => void,
): void {
  const xs = new Map<number, Local>();
  for (const offset of new Set(offsets)) {
    const local = f.local(lanes === 4 ? "v128" : elementLocal(dtype));
    if (lanes === 4) loadLanes(f, dtype, image, offset, lanes, count);
    else {
      f.get(image);
      loadScalar(f, dtype, offset);
    }
    f.set(local);
    xs.set(offset, local);
  }
  use(xs);
  f.release(...xs.values());
}

function generalBody(pool: PoolTiles): WalkBody {
  const { dtype, steps } = pool;
  const lanes = pool.lanes === 4 ? 4 : 1;
  let accs: Local[] = [];
  const evaluate = (f: FunctionBuilder, expr: Expr, argTypes: readonly DType[], readArg: (index: number) => void): void => {
    emitExpr(f, { expr, argTypes, lanes, readArg });
  };
  return {
    start: ({ f, columns }) => {
      accs = f.localArray(lanes === 4 ? "v128" : elementLocal(steps.acc), columns.length);
      for (const acc of accs) {
        evaluate(f, lit(steps.acc, steps.init), [], () => undefined);
        f.set(acc);
      }
    },
    visit: ({ f, count }, image, _, taps) => {
      withLoads(f, dtype, lanes, count, image, taps.map((tap) => tap.offset), (xs) => {
        for (const { column, offset } of taps) {
          const acc = accs[column] as Local;
          evaluate(f, steps.take, [steps.acc, dtype], (index) => { f.get(index === 0 ? acc : (xs.get(offset) as Local)); });
          f.set(acc);
        }
      });
    },
    finish: (site) => {
      const { f } = site;
      for (const { index } of site.columns) {
        const acc = accs[index] as Local;
        evaluate(f, steps.finish, [steps.acc, steps.acc], (operand) => {
          if (operand === 0) f.get(acc);
          else pushCount(site, pool, index);
        });
        storeResult(site, pool, index);
      }
      f.release(...accs);
    },
  };
} // prettier-ignore

function storeResult({ f, operands, count }: TileSite, pool: PoolTiles, column: number): void {
  const { dtype, lanes } = pool;
  const value = f.local(lanes === 4 ? "v128" : elementLocal(dtype));
  const out = operands[0] as Local;
  f.set(value);
  if (lanes === 4) storeLanes(f, dtype, out, outOffset(pool, column), value, 4, count);
  else {
    f.get(out);
    f.get(value);
    storeScalar(f, dtype, outOffset(pool, column));
  }
  f.release(value);
}

/** Pushes the number of taps that an average divides by, at least 1, as an accumulator. */
function pushCount(site: TileSite, pool: PoolTiles, column: number): void {
  const { f } = site;
  const { acc } = pool.steps;
  f.i32(1);
  for (const part of pool.countsOf(site, column)) {
    part();
    f.op("i32.mul");
  }
  const count = f.local("i32");
  f.tee(count);
  f.i32(1);
  f.get(count);
  f.i32(0);
  f.op("i32.gt_s");
  f.select("i32");
  if (acc === "f32") f.op("f32.convert_i32_s");
  else if (acc === "f64") f.op("f64.convert_i32_s");
  else f.op("i64.extend_i32_s");
  if (pool.lanes === 4) f.op("f32x4.splat");
  f.release(count);
}

const pushing = (f: FunctionBuilder, value: Bound) => (): void => {
  if (typeof value === "number") f.i32(value);
  else f.get(value);
};

export const insideCounts = (site: TileSite, column: number): (() => void)[] => [
  pushing(site.f, site.rows),
  pushing(site.f, nth(site.columns, column).taps),
];

/** Taps inside input + pads along each dim. */
function countedCounts(site: TileSite, walk: Walk, counted: readonly WalkDim[], column: number): (() => void)[] {
  const { f } = site;
  const position = site.columns[column]?.position ?? null;
  return walk.dims.map((_, i) => {
    const dim = counted[i];
    if (dim === undefined) return pushing(f, 1);
    const isColumn = i === walk.dims.length - 1;
    const index = isColumn ? (position ?? 0) : (site.outIndices[i] ?? 0);
    if (isColumn && position === null) return pushing(f, dim.taps);
    const { from, to } = clip(f, dim, index);
    return () => {
      pushing(f, to)();
      pushing(f, from)();
      f.op("i32.sub");
    };
  });
}
