/** Elementwise operations over open dims: as kernels/map.ts, with rows whose number, and where need be whose length, is open. */
import { defined, nth } from "../../../ir/access.ts";
import { ceilDiv, countOf, mulDims } from "../../../ir/dim.ts";
import { type DType, storageBytes } from "../../../ir/dtype.ts";
import { arg, type Expr, exprCost, substitute } from "../../../ir/expr.ts";
import { NotOpen } from "../../../ir/assumptions.ts";
import { loadScalar, loadSplat, loadVector, storeScalar, storeVector } from "../elements.ts";
import { emitExpr, exprKey, exprLanes, hoistExprConstants } from "../expr-emit.ts";
import { kernelKey } from "../kernel.ts";
import { literalOf } from "../kernels/map.ts";
import { type Bound, type FunctionBuilder, type Local, pushBound } from "../wasm/index.ts";
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
import {
  alongOpenRow,
  copyOf,
  forEachOpenRow,
  mergeOpenAxes,
  type OpenAxis,
  openBroadcastStrides,
  openRowCount,
  type RowLevel,
  type SizedAxis,
  sizedAxes,
} from "./rows.ts";

/** Elements of a row where one axis is all there is: threads share rows. */
const cutRow = 8192;

export function emitOpenMap(expr: Expr, operands: OpenOperands): readonly OpenKernelCode[] {
  const { inputs, constants, output } = operands;
  const literals = inputs.map(({ dtype }, index) => literalOf(dtype, constants[index]));
  const used = inputs.flatMap((_, index) => (literals[index] === null ? [index] : []));
  const whole = substitute(expr, (index) => literals[index] ?? arg(used.indexOf(index)));
  const args: OpenKernelArg[] = [
    ...used.map((index) => ({ kind: "input" as const, index })),
    { kind: "output", index: 0 },
  ];
  return [
    openMapStage(
      whole,
      used.map((index) => nth(inputs, index)),
      output,
      args,
    ),
  ];
}

export interface MapPlan {
  readonly expr: Expr;
  readonly argTypes: readonly DType[];
  readonly output: DType;
  /** bytes from element to element of a row: operands (0: one for all), then the output */
  readonly steps: readonly number[];
}

/** The stage of a map between any places: `args` are the operands', then the output's. */
export function openMapStage(
  expr: Expr,
  operands: readonly OpenOperand[],
  output: OpenOperand,
  args: readonly OpenKernelArg[],
): OpenKernelCode {
  const all = [...operands, output];
  const bytes = all.map(({ dtype }) => storageBytes(dtype));
  const strides = all.map((operand, i) =>
    openBroadcastStrides(operand, output.dims).map((stride) => mulDims(stride, nth(bytes, i))),
  );
  const axes = mergeOpenAxes(
    output.dims.map((size, axis) => ({ size, strides: strides.map((own) => nth(own, axis)) })),
  );
  const inner = axes.at(-1) ?? { size: 1, strides: bytes };
  const steps = inner.strides.map((stride, i) => {
    if (stride === 0 || stride === nth(bytes, i)) return stride;
    throw new NotOpen("a map whose operands are not dense");
  });
  const argTypes = operands.map(({ dtype }) => dtype);
  const plan: MapPlan = { expr, argTypes, output: output.dtype, steps };
  const count = countOf(output.dims);
  const work = mulDims(count, Math.ceil(1 + exprCost(expr)));
  const params = new SizeParams();
  const rows = axes.length > 1 ? axes.slice(0, -1) : [cutAxis(inner)];
  const key = [exprKey(expr, argTypes), argTypes, output.dtype, steps];
  const length = params.of(inner.size);
  const sized = sizedAxes(rows, params);
  const isCut = axes.length <= 1;
  return {
    key: kernelKey("open map", ...key, sized, length, isCut),
    units: openRowCount(rows),
    args,
    sizes: params.dims,
    work,
    emit: (module) =>
      openFunction(module, "map", args.length, params.dims.length, (site) => {
        hoistExprConstants(site.f, plan);
        emitRows(site, plan, sized, length, isCut);
      }),
  };
}

/** An axis as rows of `cutRow` elements, the last of which may be shorter. */
const cutAxis = ({ size, strides }: OpenAxis): OpenAxis => ({
  size: ceilDiv(size, cutRow),
  strides: strides.map((stride) => mulDims(stride, cutRow)),
});

function emitRows(site: OpenFunction, plan: MapPlan, axes: readonly SizedAxis[], length: Size, isCut: boolean): void {
  const { f, bound } = site;
  forEachOpenRow(site, axes, site.addresses, (pointers, row) => {
    const own = isCut ? restOfRow(f, bound(length), row) : bound(length);
    emitOpenRow(f, plan, pointers, own);
    if (isCut && typeof own !== "number") f.release(own);
  });
}

/** min(cutRow, length - row * cutRow) */
function restOfRow(f: FunctionBuilder, length: Bound, row: Local): Bound {
  const rest = f.local("i32");
  pushBound(f, length);
  f.get(row);
  f.i32(cutRow);
  f.op("i32.mul");
  f.op("i32.sub");
  f.set(rest);
  f.get(rest);
  f.i32(cutRow);
  f.get(rest);
  f.i32(cutRow);
  f.op("i32.lt_u");
  f.select("i32");
  f.set(rest);
  return rest;
}

/** Vectors done together where an expression is short, so that the loop costs little. */
const unrolled = 4;

/** A row of so many elements; it may lie where an operand does that moves as it does. */
export function emitOpenRow(f: FunctionBuilder, plan: MapPlan, pointers: readonly Local[], length: Bound): void {
  const { expr, argTypes, steps, output } = plan;
  const cursors = pointers.map((pointer, i) => ({ pointer: copyOf(f, pointer), bytes: nth(steps, i) }));
  const moving = cursors.filter(({ bytes }) => bytes > 0);
  const target = defined(cursors.at(-1)).pointer;
  const hasVectors = exprLanes(expr, argTypes) === 4;
  const splats = argTypes.map((dtype, index) => {
    if (!hasVectors || nth(steps, index) > 0) return null;
    const splat = f.local("v128");
    f.get(nth(cursors, index).pointer);
    loadSplat(f, dtype);
    f.set(splat);
    return splat;
  });
  const vectorAt = (element: number): void => {
    f.get(target);
    emitExpr(f, {
      expr,
      argTypes,
      lanes: 4,
      readArg: (index) => {
        const splat = splats[index];
        if (splat != null) {
          f.get(splat);
          return;
        }
        f.get(nth(cursors, index).pointer);
        loadVector(f, nth(argTypes, index), element * nth(steps, index));
      },
    });
    storeVector(f, output, element * storageBytes(output));
  };
  const scalar = (): void => {
    f.get(target);
    emitExpr(f, {
      expr,
      argTypes,
      lanes: 1,
      readArg: (index) => {
        f.get(nth(cursors, index).pointer);
        loadScalar(f, nth(argTypes, index));
      },
    });
    storeScalar(f, output);
  };
  const single = { elements: 1, body: scalar };
  const vectors = (count: number): RowLevel => ({
    elements: 4 * count,
    body: () => {
      for (let vector = 0; vector < count; vector++) vectorAt(4 * vector);
    },
  });
  const few = exprCost(expr) > 12;
  alongOpenRow(f, length, moving, hasVectors ? [...(few ? [] : [vectors(unrolled)]), vectors(1), single] : [single]);
  f.release(...cursors.map(({ pointer }) => pointer), ...splats.filter((splat) => splat !== null));
}
