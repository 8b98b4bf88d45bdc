/**
 * Layer norm, RMS norm and their relatives. Where the group is a contiguous row of f32 and scale and bias run along it (or are constant), one
 * kernel goes over each row three times while it is in the cache: mean, variance, result. Any other axes, broadcasts and f64 are composed of
 * reductions and maps:
 *
 *     mean = reduce(x)      variance = reduce((x - mean)²)      (x - mean) / sqrt(variance + epsilon) * scale + bias
 */
import { defined, nth } from "../../../ir/access.ts";
import { arg, binary, type Expr, lit, unary } from "../../../ir/expr.ts";
import { type NormalizeOp, type TensorType, tensorType } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import {
  type KernelArg,
  type KernelCode,
  type KernelEmitter,
  kernelKey,
  kernelType,
  type Operands,
} from "../kernel.ts";
import { algebra, apply, type Push } from "../math/algebra.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { type Axis, broadcastStrides, mergeAxes } from "./index-space.ts";
import { mapStage } from "./map.ts";
import { unitBytes } from "./movement.ts";
import { planReduce, reduceStages } from "./reduce.ts";
import { foldRow, mapRow, type RowOperand } from "./row-passes.ts";
import { forEachRow, rowCount } from "./rows-loop.ts";

const output: KernelArg = { kind: "output", index: 0 };

export const emitNormalize: KernelEmitter<NormalizeOp> = (op, operands) => {
  if (elementCount(nth(operands.inputs, 0).shape) === 0) return [];
  const plan = planRows(op, operands);
  return plan === null ? composedStages(op, operands) : [rowStage(plan, operands)];
};

// ---- rows -------------------------------------------------------------------------------------------------------------------------

/** What a row is made of. */
export interface NormalizedRow {
  readonly size: number;
  /** for scale and bias: they have an element for each of the row, or one for all */
  readonly varies: readonly boolean[];
  readonly centered: boolean;
  readonly epsilon: number;
}

interface RowPlan extends NormalizedRow {
  /** bytes: x, scale, bias (where present), output */
  readonly rows: readonly Axis[];
}

/** The plan of the fast form, or null when the op is not one of rows. */
function planRows(op: NormalizeOp, { inputs }: Operands): RowPlan | null {
  const x = nth(inputs, 0);
  const first = x.shape.length - op.axes.length;
  const isTrailing = op.axes.every((axis, index) => axis === first + index);
  if (x.dtype !== "f32" || !isTrailing) return null;
  const types = [...inputs, x];
  const strides = types.map(({ shape }) => broadcastStrides(shape, x.shape));
  const axes = x.shape.map((size, axis) => ({ size, strides: strides.map((own) => nth(own, axis) * 4) }));
  const within = mergeAxes(axes.slice(first));
  const rows = mergeAxes(axes.slice(0, first));
  const run = within[0];
  if (run === undefined || within.length > 1 || run.size < 4) return null;
  const varies = run.strides.slice(1, -1).map((stride) => stride > 0);
  return { size: run.size, rows, varies, centered: op.centered, epsilon: op.epsilon };
}

function rowStage(plan: RowPlan, { inputs }: Operands): KernelCode {
  const args = [...inputs.map((_, index): KernelArg => ({ kind: "input", index })), output];
  return {
    key: kernelKey("normalize", plan),
    units: rowCount(plan.rows),
    args,
    work: elementCount(nth(inputs, 0).shape) * 8,
    emit: (module) =>
      module.function("normalize", kernelType(args.length), (f) => {
        const [begin, end] = f.params.slice(-2) as [Local, Local];
        forEachRow(f, begin, end, plan.rows, f.params.slice(0, -2), (pointers) => {
          emitNormalizedRow(f, plan, pointers);
        });
      }),
  };
}

/** The operand's value in both forms. */
const constantOperand = (f: FunctionBuilder, scalar: Local): RowOperand => {
  const vector = f.local("v128");
  f.get(scalar);
  f.op("f32x4.splat");
  f.set(vector);
  return { kind: "constant", scalar, vector };
};

/** One row; the pointers are x's, scale's and bias' where they are present, and the result's. */
export function emitNormalizedRow(f: FunctionBuilder, plan: NormalizedRow, pointers: readonly Local[]): void {
  const { size, centered, epsilon, varies } = plan;
  const a = algebra(f, "f32");
  const x: RowOperand = { kind: "row", pointer: nth(pointers, 0) };
  const temporaries: Local[] = [];
  const keep = (value: Push): Local => {
    const local = f.local("f32");
    value();
    f.set(local);
    temporaries.push(local);
    return local;
  };
  const operandOf = (scalar: Local): RowOperand => {
    const operand = constantOperand(f, scalar);
    if (operand.kind === "constant") temporaries.push(operand.vector);
    return operand;
  };
  const average = (sum: Push): Push => a.div(sum, a.constant(size));
  const mean = centered ? operandOf(keep(average(foldRow(f, size, [x], arg(0))))) : null;
  const deviation = mean === null ? arg(0) : binary("sub", arg(0), arg(1));
  const inputs = mean === null ? [x] : [x, mean];
  const variance = average(foldRow(f, size, inputs, binary("mul", deviation, deviation)));
  const scale = keep(a.div(a.constant(1), apply(f, "f32.sqrt", a.add(variance, a.constant(epsilon)))));
  const operands = [...inputs, operandOf(scale)];
  let expr: Expr = binary("mul", deviation, arg(operands.length - 1));
  for (const [index, isVarying] of varies.entries()) {
    const pointer = nth(pointers, 1 + index);
    const loaded = (): void => {
      f.get(pointer);
      f.load("f32.load");
    };
    operands.push(isVarying ? { kind: "row", pointer } : operandOf(keep(loaded)));
    expr = binary(index === 0 ? "mul" : "add", expr, arg(operands.length - 1));
  }
  mapRow(f, size, operands, expr, defined(pointers.at(-1)));
  f.release(...temporaries);
}

// ---- composition ------------------------------------------------------------------------------------------------------------------

function composedStages(op: NormalizeOp, { inputs }: Operands): KernelCode[] {
  const x = nth(inputs, 0);
  const statistics = tensorType(x.dtype, x.shape.map((size, axis) => (op.axes.includes(axis) ? 1 : size))); // prettier-ignore
  const scratch = (id: number, type: TensorType): KernelArg => ({
    kind: "scratch",
    id,
    byteLength: elementCount(type.shape) * unitBytes(type),
  });
  const source: KernelArg = { kind: "input", index: 0 };
  const [mean, squares, variance] = [scratch(0, statistics), scratch(1, x), scratch(2, statistics)];
  const plan = planReduce("mean", op.axes, x);
  const deviation = op.centered ? binary("sub", arg(0), arg(1)) : arg(0);
  const centre = op.centered ? [statistics] : [];
  const centreArgs = op.centered ? [mean] : [];
  const square = binary("mul", deviation, deviation);
  const spread = unary("sqrt", binary("add", arg(1 + centre.length), lit(x.dtype, op.epsilon)));
  let result = binary("div", deviation, spread);
  const rest = inputs.slice(1);
  for (const index of rest.keys()) {
    result = binary(index === 0 ? "mul" : "add", result, arg(2 + centre.length + index));
  }
  const restArgs = rest.map((_, index): KernelArg => ({ kind: "input", index: 1 + index }));
  return [
    ...(op.centered ? reduceStages(plan, x, statistics, source, mean) : []),
    mapStage(square, [x, ...centre], x, [source, ...centreArgs, squares]),
    ...reduceStages(plan, x, statistics, squares, variance),
    mapStage(result, [x, ...centre, statistics, ...rest], x, [source, ...centreArgs, variance, ...restArgs, output]),
  ];
}
