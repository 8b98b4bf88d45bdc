/** Kernels over rows whose number is open: softmax and normalisation along the innermost axes. A row's length may be open for softmax. */
import { defined, nth } from "../../../ir/access.ts";
import { NotOpen } from "../../../ir/assumptions.ts";
import { countOf, type Dim, mulDims } from "../../../ir/dim.ts";
import type { NormalizeOp, SoftmaxOp } from "../../../ir/graph.ts";
import { kernelKey } from "../kernel.ts";
import { emitNormalizedRow } from "../kernels/normalize.ts";
import { emitSoftmaxRow, hoistExponential } from "../kernels/softmax.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import {
  type OpenFunction,
  openFunction,
  type OpenKernelArg,
  type OpenKernelCode,
  type OpenOperands,
  SizeParams,
} from "./kernel.ts";
import { forEachOpenRow, type OpenAxis, openBroadcastStrides, mergeOpenAxes, openRowCount, sizedAxes } from "./rows.ts";
import { emitOpenSoftmaxRow } from "./softmax-row.ts";

const input = (index: number): OpenKernelArg => ({ kind: "input", index });
const output: OpenKernelArg = { kind: "output", index: 0 };

interface RowsKernel {
  readonly name: string;
  /** what is baked in */
  readonly key: readonly unknown[];
  readonly rows: readonly OpenAxis[];
  readonly args: readonly OpenKernelArg[];
  readonly work: Dim;
  readonly params?: SizeParams;
  readonly start?: (f: FunctionBuilder) => void;
  readonly body: (site: OpenFunction, pointers: readonly Local[]) => void;
}

/** The stage of a kernel over rows, with one pointer for each of its arguments. */
export function rowsKernel({
  name,
  key,
  rows,
  args,
  work,
  params = new SizeParams(),
  start,
  body,
}: RowsKernel): OpenKernelCode {
  const axes = sizedAxes(rows, params);
  return {
    key: kernelKey(`open ${name}`, ...key, axes),
    units: openRowCount(rows),
    args,
    sizes: params.dims,
    work,
    emit: (module) =>
      openFunction(module, name, args.length, params.dims.length, (site) => {
        start?.(site.f);
        forEachOpenRow(site, axes, site.addresses, (pointers) => {
          body(site, pointers);
        });
      }),
  };
}

/** Rows one behind the other, of `size` elements of `bytes` bytes, in `operands` operands. */
const denseRows = (count: Dim, size: Dim, bytes: number, operands: number): OpenAxis[] => [
  { size: count, strides: new Array<Dim>(operands).fill(mulDims(size, bytes)) },
];

export function emitOpenSoftmax(
  op: Pick<SoftmaxOp, "axis" | "log">,
  { inputs }: OpenOperands,
): readonly OpenKernelCode[] {
  const { dtype, dims } = nth(inputs, 0);
  if (op.axis !== dims.length - 1 || dtype !== "f32") throw new NotOpen(`a softmax of ${dtype} along an outer axis`);
  const size = nth(dims, op.axis);
  const rows = denseRows(countOf(dims.slice(0, -1)), size, 4, 2);
  const shared = {
    name: "softmax",
    rows,
    args: [input(0), output],
    work: mulDims(countOf(dims), 20),
    start: hoistExponential,
  };
  if (typeof size === "number" && size >= 4) {
    const body = ({ f }: OpenFunction, [from, to]: readonly Local[]): void => {
      emitSoftmaxRow(f, size, op.log, defined(from), defined(to));
    };
    return [rowsKernel({ ...shared, key: [size, op.log], body })];
  }
  if (op.log) throw new NotOpen("the logarithm of a softmax along an open axis");
  const params = new SizeParams();
  const length = params.of(size);
  const body = ({ f, bound }: OpenFunction, [from, to]: readonly Local[]): void => {
    emitOpenSoftmaxRow(f, bound(length), defined(from), defined(to));
  };
  return [rowsKernel({ ...shared, params, key: ["open row", length], body })];
}

export function emitOpenNormalize(
  op: Pick<NormalizeOp, "axes" | "epsilon" | "centered">,
  { inputs }: OpenOperands,
): readonly OpenKernelCode[] {
  const x = nth(inputs, 0);
  const first = x.dims.length - op.axes.length;
  const isTrailing = op.axes.every((axis, index) => axis === first + index);
  if (x.dtype !== "f32" || !isTrailing) throw new NotOpen(`a normalisation of ${x.dtype} over outer axes`);
  const types = [...inputs, x];
  const strides = types.map((type) => openBroadcastStrides(type, x.dims).map((stride) => mulDims(stride, 4)));
  const axes = x.dims.map((size, axis): OpenAxis => ({ size, strides: strides.map((own) => nth(own, axis)) }));
  const within = mergeOpenAxes(axes.slice(first));
  const run = within[0];
  if (run === undefined || within.length > 1 || typeof run.size !== "number" || run.size < 4) {
    throw new NotOpen("a normalisation over rows of open length");
  }
  const varies = run.strides.slice(1, -1).map((stride) => stride !== 0);
  const plan = { size: run.size, varies, centered: op.centered, epsilon: op.epsilon };
  return [
    rowsKernel({
      name: "normalize",
      key: [plan],
      rows: mergeOpenAxes(axes.slice(0, first)),
      args: [...inputs.map((_, index) => input(index)), output],
      work: mulDims(countOf(x.dims), 8),
      body: ({ f }, pointers) => {
        emitNormalizedRow(f, plan, pointers);
      },
    }),
  ];
}
