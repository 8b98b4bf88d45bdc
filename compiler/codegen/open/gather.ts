/** Gather along an axis: every index is checked where it is read, as in kernels/indexing.ts; the number of indices may be open. */
import { defined, nth } from "../../../ir/access.ts";
import { countOf, type Dim, mulDims } from "../../../ir/dim.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import type { GatherOp } from "../../../ir/graph.ts";
import { type Local, pushBound } from "../wasm/index.ts";
import type { OpenFunction, OpenKernelCode, OpenOperands, Size } from "./kernel.ts";
import { SizeParams } from "./kernel.ts";
import { copyOpenRun } from "./movement.ts";
import { rowsKernel } from "./row-kernels.ts";

export function emitOpenGather({ axis }: Pick<GatherOp, "axis">, { inputs }: OpenOperands): readonly OpenKernelCode[] {
  const [x, index] = [nth(inputs, 0), nth(inputs, 1)];
  const dtype = index.dtype === "i64" ? "i64" : "i32";
  const size = nth(x.dims, axis);
  const run = mulDims(countOf(x.dims.slice(axis + 1)), storageBytes(x.dtype));
  const outer = countOf(x.dims.slice(0, axis));
  const count = countOf(index.dims);
  const indexBytes = storageBytes(dtype);
  const params = new SizeParams();
  const [runSize, axisSize] = [params.of(run), params.of(size)];
  const rows = [
    ...(outer === 1 ? [] : [{ size: outer, strides: [mulDims(size, run), 0, mulDims(count, run)] as Dim[] }]),
    { size: count, strides: [0, indexBytes, run] as Dim[] },
  ];
  const stage = rowsKernel({
    name: "gather",
    key: [dtype, runSize, axisSize],
    rows,
    args: [
      { kind: "input", index: 0 },
      { kind: "input", index: 1 },
      { kind: "output", index: 0 },
    ],
    work: mulDims(outer, count, run),
    params,
    body: (site, [table, position, to]) => {
      gatherRun(site, dtype, [defined(table), defined(position), defined(to)], runSize, axisSize);
    },
  });
  return [{ ...stage, indices: { arg: 1, dtype, count, axes: [axis], sizes: [size] } }];
}

function gatherRun(
  site: OpenFunction,
  dtype: "i32" | "i64",
  [table, position, to]: readonly [Local, Local, Local],
  run: Size,
  size: Size,
): void {
  const { f, bound } = site;
  const source = f.local("i32");
  f.get(table);
  pushChecked(site, dtype, position, size);
  pushBound(f, bound(run));
  f.op("i32.mul");
  f.op("i32.add");
  f.set(source);
  copyOpenRun(site, source, to, run);
  f.release(source);
}

/** Pushes the index at an address as an i32 in [0, size); negative ones count from the end, others stop the kernel. */
function pushChecked({ f, bound }: OpenFunction, dtype: "i32" | "i64", pointer: Local, size: Size): void {
  const index = f.local(dtype);
  const pushSize = (): void => {
    pushBound(f, bound(size));
    if (dtype === "i64") f.op("i64.extend_i32_u");
  };
  const pushZero = (): void => {
    if (dtype === "i64") f.i64(0n);
    else f.i32(0);
  };
  f.get(pointer);
  f.load(`${dtype}.load`);
  f.tee(index);
  pushSize();
  pushZero();
  f.get(index);
  pushZero();
  f.op(`${dtype}.lt_s`);
  f.select(dtype);
  f.op(`${dtype}.add`);
  f.tee(index);
  pushSize();
  f.op(`${dtype}.ge_u`);
  f.if(() => {
    f.unreachable();
  });
  f.get(index);
  if (dtype === "i64") f.op("i32.wrap_i64");
  f.release(index);
}
