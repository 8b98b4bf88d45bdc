/** Running sums and products along an axis: one lane after the other, floats carried in double; or rows of lanes (cumulative-rows.ts). */
import { defined, nth } from "../../../ir/access.ts";
import type { DType } from "../../../ir/dtype.ts";
import type { CumulativeOp } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import { loadScalar, storeScalar } from "../elements.ts";
import { type KernelEmitter, kernelKey, kernelType } from "../kernel.ts";
import { castScalar, scalarRep } from "../math/scalar-casts.ts";
import { scalarBinary } from "../math/scalar-ops.ts";
import { type FunctionBuilder, increment, type Local } from "../wasm/index.ts";
import { canWalkRows, carrierOf, pushIdentity, rowsStages } from "./cumulative-rows.ts";
import { alongLane } from "./lane-loops.ts";
import { unitBytes } from "./movement.ts";
import { forEachRow } from "./rows-loop.ts";

interface LanePlan {
  readonly fn: CumulativeOp["fn"];
  readonly dtype: DType;
  readonly exclusive: boolean;
  readonly size: number;
  /** bytes from one element to the next, in the order in which they are taken */
  readonly step: number;
  /** bytes from a lane's least address to its first element */
  readonly start: number;
}

export const emitCumulative: KernelEmitter<CumulativeOp> = (op, { inputs }) => {
  const x = nth(inputs, 0);
  const bytes = unitBytes(x);
  const size = nth(x.shape, op.axis);
  const outer = elementCount(x.shape.slice(0, op.axis));
  const inner = elementCount(x.shape.slice(op.axis + 1));
  const { fn, exclusive, reverse } = op;
  const rows = { fn, dtype: x.dtype, exclusive, reverse, outer, size, inner };
  if (canWalkRows(rows)) return rowsStages(rows);
  const step = inner * bytes;
  const plan: LanePlan = {
    fn: op.fn,
    dtype: x.dtype,
    exclusive: op.exclusive,
    size,
    step: op.reverse ? -step : step,
    start: op.reverse ? (size - 1) * step : 0,
  };
  const lane = (count: number, stride: number): { size: number; strides: number[] } => ({
    size: count,
    strides: [stride, stride],
  });
  const axes = [lane(outer, size * step), lane(inner, bytes)];
  const stage = {
    key: kernelKey("cumulative", plan, axes),
    units: size === 0 ? 0 : outer * inner,
    args: [
      { kind: "input", index: 0 },
      { kind: "output", index: 0 },
    ] as const,
    work: elementCount(x.shape),
    emit: (module: FunctionBuilder["module"]): number =>
      module.function("cumulative", kernelType(2), (f) => {
        const [from, to, begin, end] = f.params as [Local, Local, Local, Local];
        increment(f, from, plan.start);
        increment(f, to, plan.start);
        forEachRow(f, begin, end, axes, [from, to], ([source, target]) => {
          emitLane(f, plan, defined(source), defined(target));
        });
      }),
  };
  return [stage];
};

function emitLane(f: FunctionBuilder, { fn, dtype, exclusive, size, step }: LanePlan, from: Local, to: Local): void {
  const carry = carrierOf(dtype);
  const rep = scalarRep(carry);
  const [sum, next] = [f.local(rep), f.local(rep)];
  pushIdentity(f, fn, carry);
  f.set(sum);
  alongLane(f, size, [from, to], [step, step], ([source, target]) => {
    f.get(sum);
    f.get(defined(source));
    loadScalar(f, dtype);
    castScalar(f, dtype, carry, false);
    scalarBinary(f, fn === "sum" ? "add" : "mul", carry);
    f.set(next);
    f.get(defined(target));
    f.get(exclusive ? sum : next);
    castScalar(f, carry, dtype, false);
    storeScalar(f, dtype);
    f.get(next);
    f.set(sum);
  });
  f.release(sum, next);
}
