/** argReduce: the place of an axis's best element. NaN comes before every number, whether the largest or the smallest is asked for. */
import { defined, nth } from "../../../ir/access.ts";
import type { DType } from "../../../ir/dtype.ts";
import type { ArgReduceOp, TensorType } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import { loadScalar } from "../elements.ts";
import { type KernelCode, type KernelEmitter, kernelKey, kernelType } from "../kernel.ts";
import { scalarRep } from "../math/scalar-casts.ts";
import { addConst, type FunctionBuilder, increment, type Local } from "../wasm/index.ts";
import { emitColumnWinners, emitRowWinner } from "./arg-vectors.ts";
import { pushBefore } from "./before.ts";
import { alongLane } from "./lane-loops.ts";
import { unitBytes } from "./movement.ts";
import { forEachRow } from "./rows-loop.ts";

export const emitArgReduce: KernelEmitter<ArgReduceOp> = (op, { inputs }) => {
  const x = nth(inputs, 0);
  const inner = elementCount(x.shape.slice(op.axis + 1));
  const size = nth(x.shape, op.axis);
  if (x.dtype !== "f32") return [winnersStage(op, x, 0, inner, 0)];
  if (inner === 1) return [winnersStage(op, x, 0, 1, size >= 8 ? 1 : 0)];
  // stripes of four vectors, then of one, then what is left
  const wide = inner - (inner % 16);
  const narrow = inner - (inner % 4);
  return [
    ...(wide > 0 ? [winnersStage(op, x, 0, wide, 4)] : []),
    ...(narrow > wide ? [winnersStage(op, x, wide, narrow, 1)] : []),
    ...(inner > narrow ? [winnersStage(op, x, narrow, inner, 0)] : []),
  ];
};

/** Winners of the columns from `begin` to `end`, by `vectors` of four columns, or of elements where there is one column; 0: one by one. */
function winnersStage(op: ArgReduceOp, x: TensorType, begin: number, end: number, vectors: number): KernelCode {
  const { axis, selectLast } = op;
  const bytes = unitBytes(x);
  const size = nth(x.shape, axis);
  const outer = elementCount(x.shape.slice(0, axis));
  const inner = elementCount(x.shape.slice(axis + 1));
  const stripe = inner === 1 || vectors === 0 ? 1 : vectors * 4;
  const axes = [
    { size: outer, strides: [size * inner * bytes, inner * 8] },
    { size: (end - begin) / stripe, strides: [stripe * bytes, stripe * 8] },
  ];
  const largest = op.fn === "max";
  return {
    key: kernelKey("argReduce", x.dtype, largest, selectLast, size, axes, begin, vectors),
    units: (outer * (end - begin)) / stripe,
    args: [
      { kind: "input", index: 0 },
      { kind: "output", index: 0 },
    ],
    work: outer * size * (end - begin),
    emit: (module) =>
      module.function("argReduce", kernelType(2), (f) => {
        const [from, to, first, last] = f.params as [Local, Local, Local, Local];
        increment(f, from, begin * bytes);
        increment(f, to, begin * 8);
        forEachRow(f, first, last, axes, [from, to], (pointers) => {
          const [source, target] = [nth(pointers, 0), nth(pointers, 1)];
          const plan = { largest, selectLast, size };
          if (vectors === 0) emitWinner(f, x.dtype, largest, selectLast, size, inner * bytes, source, target);
          else if (inner === 1) emitRowWinner(f, plan, source, target);
          else emitColumnWinners(f, plan, vectors, inner * bytes, source, target);
        });
      }),
  };
}

function emitWinner(
  f: FunctionBuilder,
  dtype: DType,
  largest: boolean,
  selectLast: boolean,
  size: number,
  step: number,
  from: Local,
  to: Local,
): void {
  const rep = scalarRep(dtype);
  const [best, value] = [f.local(rep), f.local(rep)];
  const [winner, index] = [f.local("i32"), f.local("i32")];
  f.get(from);
  loadScalar(f, dtype);
  f.set(best);
  for (const local of [winner, index]) {
    f.i32(0);
    f.set(local);
  }
  alongLane(f, size, [from], [step], ([cursor]) => {
    f.get(defined(cursor));
    loadScalar(f, dtype);
    f.set(value);
    if (selectLast) {
      pushBefore(f, dtype, largest, best, value);
      f.op("i32.eqz");
    } else pushBefore(f, dtype, largest, value, best);
    f.if(() => {
      f.get(value);
      f.set(best);
      f.get(index);
      f.set(winner);
    });
    f.get(index);
    addConst(f, 1);
    f.set(index);
  });
  f.get(to);
  f.get(winner);
  f.op("i64.extend_i32_u");
  f.store("i64.store");
  f.release(best, value, winner, index);
}
