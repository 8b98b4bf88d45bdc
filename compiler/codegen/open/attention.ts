/**
 * Attention over an open number of keys: a few rows of queries at a time with all keys (their scores, what is done to them, the softmax), then with all
 * values, the rows' scores staying in the cache. Keys and values are read where they lie; of those of one head the rows must lie one behind the other.
 */
import { nth } from "../../../ir/access.ts";
import { ceilDiv, countOf, type Dim, mulDims } from "../../../ir/dim.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import type { AttentionOp } from "../../../ir/open/graph.ts";
import { exprKey, hoistExprConstants } from "../expr-emit.ts";
import { kernelKey } from "../kernel.ts";
import { emitDepth } from "../kernels/key-dots.ts";
import { pushLaneSums } from "../kernels/lane-sums.ts";
import { hoistExponential } from "../kernels/softmax.ts";
import { type Bound, type FunctionBuilder, type Local, madd, pushBound } from "../wasm/index.ts";
import {
  type OpenFunction,
  openFunction,
  type OpenKernelArg,
  type OpenKernelCode,
  type OpenOperand,
  type OpenOperands,
  type Size,
  SizeParams,
} from "./kernel.ts";
import { emitOpenRow, type MapPlan } from "./map.ts";
import {
  addBound,
  alongOpenRow,
  clampTo,
  copyOf,
  forEachOpenRow,
  openBroadcastStrides,
  openRowCount,
  type OpenAxis,
  sizedAxes,
} from "./rows.ts";
import { emitOpenSoftmaxRow } from "./softmax-row.ts";

const floatBytes = 4;
const vectorBytes = 16;
/** Accumulators for these and four keys, with their operands, fill the registers. */
const rowsAtOnce = 3;
const keysAtOnce = 4;
/** Vectors of a row of results: enough for a single row that sums do not wait for one another. */
const resultVectors = { one: 8, several: 4 } as const;
const fixedInputs = 3;

interface AttentionPlan {
  readonly rows: Size;
  readonly keys: Size;
  readonly depth: number;
  readonly width: number;
  /** bytes from row to row of the scores */
  readonly scoreRow: Size;
  /** of what is done to a row of scores, in place; null for nothing */
  readonly map: MapPlan | null;
  /** bytes from row to row of the extra operands */
  readonly extraRows: readonly Size[];
}

export function emitOpenAttention(
  op: Pick<AttentionOp, "epilogue">,
  { inputs, output }: OpenOperands,
): readonly OpenKernelCode[] {
  const [q, k, v] = [nth(inputs, 0), nth(inputs, 1), nth(inputs, 2)];
  const extras = inputs.slice(fixedInputs);
  const batch = output.dims.slice(0, -2);
  const [rows, keys] = [nth(q.dims, q.dims.length - 2), nth(k.dims, k.dims.length - 2)];
  const [depth, width] = [lengthOf(q), lengthOf(output)];
  const scores = [...batch, rows, keys];
  const params = new SizeParams();
  const extraStrides = extras.map((extra) =>
    openBroadcastStrides(extra, scores).map((stride) => mulDims(stride, storageBytes(extra.dtype))),
  );
  const scoreRow = mulDims(vectorBytes, ceilDiv(keys, keysAtOnce));
  const plan: AttentionPlan = {
    rows: params.of(rows),
    keys: params.of(keys),
    depth,
    width,
    scoreRow: params.of(scoreRow),
    map: mapPlan(op.epilogue, extras, extraStrides),
    extraRows: extraStrides.map((strides) => params.of(nth(strides, batch.length))),
  };
  const ofBatch = (operand: OpenOperand): readonly Dim[] => {
    const bytes = operand.pitch ?? mulDims(countOf(operand.dims.slice(-2)), floatBytes);
    const own = openBroadcastStrides({ ...operand, dims: operand.dims.slice(0, -2) }, batch);
    return own.map((stride) => mulDims(stride, bytes));
  };
  const still = batch.map((): Dim => 0);
  const strides = [ofBatch(q), ofBatch(k), ofBatch(v), still, ...extraStrides, ofBatch(output)];
  const blocks: OpenAxis = { size: ceilDiv(rows, rowsAtOnce), strides: strides.map(() => 0) };
  const space = [...batch.map((size, axis) => ({ size, strides: strides.map((own) => nth(own, axis)) })), blocks];
  const axes = sizedAxes(space, params);
  const blockCount = params.of(blocks.size);
  const args: readonly OpenKernelArg[] = [
    ...inputs.slice(0, fixedInputs).map((_, index): OpenKernelArg => ({ kind: "input", index })),
    { kind: "scratch", id: 0, bytes: mulDims(scoreRow, rowsAtOnce) },
    ...extras.map((_, index): OpenKernelArg => ({ kind: "input", index: fixedInputs + index })),
    { kind: "output", index: 0 },
  ];
  const { map } = plan;
  const key = { ...plan, map: map === null ? null : [exprKey(map.expr, map.argTypes), map.argTypes, map.steps] };
  return [
    {
      key: kernelKey("open attention", key, axes, blockCount),
      units: openRowCount(space),
      args,
      sizes: params.dims,
      work: mulDims(countOf(scores), 2 * (depth + width) + 20),
      emit: (module) =>
        openFunction(module, "attention", args.length, params.dims.length, (site) => {
          hoistExponential(site.f);
          if (map !== null) hoistExprConstants(site.f, map);
          forEachOpenRow(site, axes, site.addresses, (pointers, unit) => {
            emitBlock(site, plan, pointers, unit, site.bound(blockCount));
          });
        }),
    },
  ];
}

function lengthOf({ dims }: OpenOperand): number {
  const length = nth(dims, dims.length - 1);
  if (typeof length === "number" && length % 4 === 0) return length;
  throw new Error("internal: an attention over vectors of open length");
}

/** What is done to a row of scores, in place. */
function mapPlan(
  expr: AttentionOp["epilogue"],
  extras: readonly OpenOperand[],
  strides: readonly (readonly Dim[])[],
): MapPlan | null {
  if (expr === null) return null;
  const steps = extras.map(({ dtype }, index) => (nth(strides, index).at(-1) === 0 ? 0 : storageBytes(dtype)));
  const argTypes = ["f32" as const, ...extras.map(({ dtype }) => dtype)];
  return { expr, argTypes, output: "f32", steps: [floatBytes, ...steps, floatBytes] };
}

/** A block of rows of one matrix; the last ones are done with those before them once more, so that a block is whole. */
function emitBlock(site: OpenFunction, plan: AttentionPlan, bases: readonly Local[], unit: Local, blocks: Bound): void {
  const { f, bound } = site;
  const rows = bound(plan.rows);
  const row = f.local("i32");
  const singly = (): void => {
    f.i32(0);
    f.set(row);
    f.loop((again) => {
      emitRows(site, plan, bases, row, 1);
      addBound(f, row, 1);
      f.get(row);
      pushBound(f, rows);
      f.op("i32.lt_u");
      f.brIf(again);
    });
  };
  const together = (): void => {
    f.get(unit);
    pushBound(f, blocks);
    f.op("i32.rem_u");
    f.i32(rowsAtOnce);
    f.op("i32.mul");
    f.set(row);
    clampTo(f, row, rows, rowsAtOnce);
    emitRows(site, plan, bases, row, rowsAtOnce);
  };
  if (typeof rows === "number") (rows < rowsAtOnce ? singly : together)();
  else {
    pushBound(f, rows);
    f.i32(rowsAtOnce);
    f.op("i32.ge_u");
    f.if(together, singly);
  }
  f.release(row);
}

/** `count` rows from `row` on. */
function emitRows(site: OpenFunction, plan: AttentionPlan, bases: readonly Local[], row: Local, count: number): void {
  const { f, bound } = site;
  const at = (base: Local, stride: Bound): Local => {
    const pointer = f.local("i32");
    f.get(base);
    f.get(row);
    pushBound(f, stride);
    f.op("i32.mul");
    f.op("i32.add");
    f.set(pointer);
    return pointer;
  };
  const q = at(nth(bases, 0), plan.depth * floatBytes);
  const out = at(nth(bases, bases.length - 1), plan.width * floatBytes);
  const extras = plan.extraRows.map((stride, i) => at(nth(bases, fixedInputs + 1 + i), bound(stride)));
  const scores: Local[] = [];
  for (let i = 0; i < count; i++) {
    const pointer = copyOf(f, scores.at(-1) ?? nth(bases, fixedInputs));
    if (i > 0) addBound(f, pointer, bound(plan.scoreRow));
    scores.push(pointer);
  }
  emitScores(f, plan, bound(plan.keys), q, nth(bases, 1), scores);
  for (const [i, pointer] of scores.entries()) {
    if (plan.map !== null) {
      emitOpenRow(f, plan.map, [pointer, ...extras, pointer], bound(plan.keys));
      if (i < count - 1) for (const [j, extra] of extras.entries()) addBound(f, extra, bound(nth(plan.extraRows, j)));
    }
    emitOpenSoftmaxRow(f, bound(plan.keys), pointer, pointer);
  }
  emitResults(f, plan, bound(plan.keys), scores, nth(bases, 2), out);
  f.release(q, out, ...extras, ...scores);
}

/** scores[row][key] = the product of a query and a key, for all keys. */
function emitScores(
  f: FunctionBuilder,
  { depth }: AttentionPlan,
  keys: Bound,
  q: Local,
  firstKey: Local,
  scores: readonly Local[],
): void {
  const k = copyOf(f, firstKey);
  const targets = scores.map((pointer) => copyOf(f, pointer));
  const dots = { q: { row: depth }, k: { key: depth }, depth };
  const several = (count: number, store: (sums: Local, target: Local) => void): void => {
    const accs = targets.map(() => f.localArray("v128", count));
    for (const acc of accs.flat()) {
      f.splatConst("i32x4", 0);
      f.set(acc);
    }
    emitDepth(f, dots, { q, k }, accs);
    const sums = f.local("v128");
    for (const [row, own] of accs.entries()) {
      const four = Array.from({ length: keysAtOnce }, (_, key) => own[key] ?? nth(own, 0));
      pushLaneSums(f, four as [Local, Local, Local, Local]);
      f.set(sums);
      store(sums, nth(targets, row));
    }
    f.release(sums, ...accs.flat());
  };
  const cursors = [
    { pointer: k, bytes: depth * floatBytes },
    ...targets.map((pointer) => ({ pointer, bytes: floatBytes })),
  ];
  alongOpenRow(f, keys, cursors, [
    {
      elements: keysAtOnce,
      body: () => {
        several(keysAtOnce, (sums, target) => {
          f.get(target);
          f.get(sums);
          f.store("v128.store");
        });
      },
    },
    {
      elements: 1,
      body: () => {
        several(1, (sums, target) => {
          f.get(target);
          f.get(sums);
          f.lane("f32x4.extract_lane", 0);
          f.store("f32.store");
        });
      },
    },
  ]);
  f.release(k, ...targets);
}

/** out[row] = the sum over keys of a row's weight times the key's value. */
function emitResults(
  f: FunctionBuilder,
  { width }: AttentionPlan,
  keys: Bound,
  weights: readonly Local[],
  values: Local,
  out: Local,
): void {
  const most = weights.length === 1 ? resultVectors.one : resultVectors.several;
  const whole = width / 4;
  for (let first = 0; first < whole; first += most) {
    const vectors = Math.min(most, whole - first);
    const accs = weights.map(() => f.localArray("v128", vectors));
    for (const acc of accs.flat()) {
      f.splatConst("i32x4", 0);
      f.set(acc);
    }
    const value = copyOf(f, values);
    const cursors = weights.map((pointer) => copyOf(f, pointer));
    const [element, splats] = [f.local("v128"), weights.map(() => f.local("v128"))];
    const body = (): void => {
      for (const [row, cursor] of cursors.entries()) {
        f.get(cursor);
        f.load("v128.load32_splat");
        f.set(nth(splats, row));
      }
      for (let vector = 0; vector < vectors; vector++) {
        f.get(value);
        f.load("v128.load", (first + vector) * vectorBytes);
        f.set(element);
        for (const [row, splat] of splats.entries()) {
          f.get(splat);
          f.get(element);
          madd(f, "f32x4", nth(nth(accs, row), vector));
        }
      }
    };
    const moving = [
      { pointer: value, bytes: width * floatBytes },
      ...cursors.map((pointer) => ({ pointer, bytes: floatBytes })),
    ];
    alongOpenRow(f, keys, moving, [{ elements: 1, body }]);
    for (const [row, own] of accs.entries()) {
      for (const [vector, acc] of own.entries()) {
        f.get(out);
        f.get(acc);
        f.store("v128.store", row * width * floatBytes + (first + vector) * vectorBytes);
      }
    }
    f.release(value, element, ...cursors, ...splats, ...accs.flat());
  }
}
