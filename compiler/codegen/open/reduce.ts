/** Reductions of f32 over axes of open size, which are neighbours: for each element of what lies inside them a running value, vectors of those at once. */
import { defined, nth } from "../../../ir/access.ts";
import { NotOpen, staticDims } from "../../../ir/assumptions.ts";
import { areStatic, countOf, type Dim, mulDims } from "../../../ir/dim.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import { arg, binary, type Expr } from "../../../ir/expr.ts";
import type { ReduceOp } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import { emitExpr } from "../expr-emit.ts";
import { emitReduced, planReduce } from "../kernels/reduce.ts";
import { type Bound, type FunctionBuilder, type Local, pushBound } from "../wasm/index.ts";
import { type OpenKernelCode, type OpenOperand, type OpenOperands, SizeParams } from "./kernel.ts";
import { rowsKernel } from "./row-kernels.ts";
import { addBound, alongOpenRow, copyOf } from "./rows.ts";

type Reduction = Pick<ReduceOp, "fn" | "axes">;

export function emitOpenReduce(op: Reduction, { inputs }: OpenOperands): readonly OpenKernelCode[] {
  const x = nth(inputs, 0);
  const first = op.axes[0] ?? x.dims.length;
  return [areStatic(x.dims.slice(first)) ? knownReduce(op, x, first) : openReduce(op, x, first)];
}

/** Over axes of known size: what is kept before the first of them may be open. */
function knownReduce(op: Reduction, { dtype, dims }: OpenOperand, first: number): OpenKernelCode {
  const shape = staticDims(dims.slice(first), "a reduction over an open axis");
  if (elementCount(shape) === 0) throw new NotOpen("a reduction of nothing");
  const plan = planReduce(
    op.fn,
    op.axes.map((axis) => axis - first),
    { kind: "tensor", dtype, shape },
  );
  const bytes = storageBytes(dtype);
  const results = elementCount(shape.filter((_, axis) => !op.axes.includes(axis + first)));
  const outer = { size: countOf(dims.slice(0, first)), strides: [elementCount(shape) * bytes, results * bytes] };
  return rowsKernel({
    name: "reduce",
    key: [plan],
    rows: [outer, ...plan.rows],
    args: [
      { kind: "input", index: 0 },
      { kind: "output", index: 0 },
    ],
    work: countOf(dims),
    body: ({ f }, [from, to]) => {
      emitReduced(f, plan, defined(from), defined(to));
    },
  });
}

interface Steps {
  readonly init: number;
  /** `$0` the running value, `$1` an element */
  readonly take: Expr;
  readonly isMean: boolean;
}

function stepsOf(fn: ReduceOp["fn"]): Steps {
  const take = (of: "add" | "mul" | "max" | "min"): Expr => binary(of, arg(0), arg(1));
  switch (fn) {
    case "sum":
      return { init: 0, take: take("add"), isMean: false };
    case "mean":
      return { init: 0, take: take("add"), isMean: true };
    case "prod":
      return { init: 1, take: take("mul"), isMean: false };
    case "max":
      return { init: -Infinity, take: take("max"), isMean: false };
    case "min":
      return { init: Infinity, take: take("min"), isMean: false };
  }
}

function openReduce({ fn, axes }: Reduction, { dtype, dims }: OpenOperand, first: number): OpenKernelCode {
  const areNeighbours = axes.every((axis, i) => axis === first + i);
  if (dtype !== "f32" || !areNeighbours) throw new NotOpen(`a reduction of ${dtype} over open axes apart`);
  const behind = first + axes.length;
  const [outer, count, inner] = [dims.slice(0, first), dims.slice(first, behind), dims.slice(behind)].map(countOf) as [
    Dim,
    Dim,
    Dim,
  ];
  const bytes = storageBytes(dtype);
  const params = new SizeParams();
  const [length, width] = [params.of(count), params.of(inner)];
  const step = params.of(mulDims(inner, bytes));
  const steps = stepsOf(fn);
  return rowsKernel({
    name: "reduce",
    key: ["open", fn, length, width, step],
    rows: [{ size: outer, strides: [mulDims(count, inner, bytes), mulDims(inner, bytes)] }],
    args: [
      { kind: "input", index: 0 },
      { kind: "output", index: 0 },
    ],
    work: countOf(dims),
    params,
    body: ({ f, bound }, [from, to]) => {
      const pointers = { from: defined(from), to: defined(to) };
      if (inner === 1) alongRow(f, steps, pointers, bound(length));
      else acrossRows(f, steps, pointers, { length: bound(length), width: bound(width), step: bound(step) });
    },
  });
}

interface Pointers {
  readonly from: Local;
  readonly to: Local;
}

/** Evaluates the step into its running value. */
function take(f: FunctionBuilder, { take: expr }: Steps, acc: Local, lanes: 1 | 4, pushElement: () => void): void {
  emitExpr(f, {
    expr,
    argTypes: ["f32", "f32"],
    lanes,
    readArg: (index) => {
      if (index === 0) f.get(acc);
      else pushElement();
    },
  });
  f.set(acc);
}

/** Pushes the running value, divided by how many elements there were where a mean is asked for. */
function pushResult(f: FunctionBuilder, { isMean }: Steps, acc: Local, lanes: 1 | 4, length: Bound): void {
  f.get(acc);
  if (!isMean) return;
  pushBound(f, length);
  f.op("f32.convert_i32_u");
  if (lanes === 4) f.op("f32x4.splat");
  f.op(lanes === 4 ? "f32x4.div" : "f32.div");
}

interface Across {
  readonly length: Bound;
  readonly width: Bound;
  /** bytes from row to row */
  readonly step: Bound;
}

/** Rows are taken together, element by element: vectors side by side share a line of the cache. */
function acrossRows(f: FunctionBuilder, steps: Steps, { from, to }: Pointers, { length, width, step }: Across): void {
  const [source, target] = [copyOf(f, from), copyOf(f, to)];
  const cursors = [source, target].map((pointer) => ({ pointer, bytes: 4 }));
  const group = (vectors: number, lanes: 1 | 4) => (): void => {
    const accs = f.localArray(lanes === 4 ? "v128" : "f32", vectors);
    for (const acc of accs) {
      if (lanes === 4) f.splatConst("f32x4", steps.init);
      else f.f32(steps.init);
      f.set(acc);
    }
    const [at, left] = [copyOf(f, source), f.local("i32")];
    pushBound(f, length);
    f.tee(left);
    f.if(() => {
      f.loop((again) => {
        for (const [vector, acc] of accs.entries()) {
          take(f, steps, acc, lanes, () => {
            f.get(at);
            f.load(lanes === 4 ? "v128.load" : "f32.load", 16 * vector);
          });
        }
        addBound(f, at, step);
        addBound(f, left, 1, -1);
        f.get(left);
        f.brIf(again);
      });
    });
    for (const [vector, acc] of accs.entries()) {
      f.get(target);
      pushResult(f, steps, acc, lanes, length);
      f.store(lanes === 4 ? "v128.store" : "f32.store", 16 * vector);
    }
    f.release(at, left, ...accs);
  };
  alongOpenRow(f, width, cursors, [
    { elements: 16, body: group(4, 4) },
    { elements: 4, body: group(1, 4) },
    { elements: 1, body: group(1, 1) },
  ]);
  f.release(source, target);
}

/** One row: four running values, which are taken together at the end, and one of what is left. */
function alongRow(f: FunctionBuilder, steps: Steps, { from, to }: Pointers, length: Bound): void {
  const [source, vector, single] = [copyOf(f, from), f.local("v128"), f.local("f32")];
  f.splatConst("f32x4", steps.init);
  f.set(vector);
  f.f32(steps.init);
  f.set(single);
  alongOpenRow(
    f,
    length,
    [{ pointer: source, bytes: 4 }],
    [
      {
        elements: 4,
        body: () => {
          take(f, steps, vector, 4, () => {
            f.get(source);
            f.load("v128.load");
          });
        },
      },
      {
        elements: 1,
        body: () => {
          take(f, steps, single, 1, () => {
            f.get(source);
            f.load("f32.load");
          });
        },
      },
    ],
  );
  for (const lane of [0, 1, 2, 3]) {
    take(f, steps, single, 1, () => {
      f.get(vector);
      f.lane("f32x4.extract_lane", lane);
    });
  }
  f.get(to);
  pushResult(f, steps, single, 1, length);
  f.store("f32.store");
  f.release(source, vector, single);
}
