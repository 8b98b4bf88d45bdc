/**
 * The loop that generic kernels share: over the rows of a strided index space, with one pointer per operand that is moved along by
 * additions only (an odometer). Divisions happen once, where a range of rows begins.
 */
import { nth } from "../../../ir/access.ts";
import { addConst, type FunctionBuilder, increment, type Local, mulConst } from "../wasm/index.ts";
import { type Axis, decodeIndex } from "./index-space.ts";

/** Rows in an index space: the product of its axes. */
export const rowCount = (axes: readonly Axis[]): number => axes.reduce((count, axis) => count * axis.size, 1);

/** A pointer with the byte strides at `operand` in each axis. */
function startPointer(
  f: FunctionBuilder,
  base: Local,
  axes: readonly Axis[],
  indices: ReturnType<typeof decodeIndex>,
  operand: number,
): Local {
  const pointer = f.local("i32");
  f.get(base);
  for (const [axis, { strides }] of axes.entries()) {
    const index = nth(indices, axis);
    const stride = strides[operand] ?? 0;
    if (stride === 0) continue;
    if (typeof index === "number") addConst(f, index * stride);
    else {
      f.get(index);
      mulConst(f, stride);
      f.op("i32.add");
    }
  }
  f.set(pointer);
  return pointer;
}

/**
 * for (row = begin; row < end; row++) body(pointers): `bases[o]` is where operand o begins, `axes` (outermost first) carry its stride per
 * axis in bytes. The body must leave the pointers as they are. `begin` and `end` are locals that are not changed.
 */
export function forEachRow(
  f: FunctionBuilder,
  begin: Local,
  end: Local,
  axes: readonly Axis[],
  bases: readonly Local[],
  body: (pointers: readonly Local[], row: Local) => void,
): void {
  const indices = decodeIndex(f, begin, axes.map((axis) => axis.size)); // prettier-ignore
  const pointers = bases.map((base, operand) => startPointer(f, base, axes, indices, operand));
  const row = f.local("i32");
  f.get(begin);
  f.tee(row);
  f.get(end);
  f.op("i32.lt_u");
  f.if(() => {
    f.loop((again) => {
      body(pointers, row);
      advance(f, axes, axes.length - 1, indices, pointers);
      increment(f, row, 1);
      f.get(row);
      f.get(end);
      f.op("i32.lt_u");
      f.brIf(again);
    });
  });
  f.release(row, ...pointers, ...indices.filter((index) => typeof index !== "number"));
}

/** Moves the pointers to the next index along `axis`, carrying into the axes before it. */
function advance(
  f: FunctionBuilder,
  axes: readonly Axis[],
  axis: number,
  indices: ReturnType<typeof decodeIndex>,
  pointers: readonly Local[],
): void {
  const current = axes[axis];
  if (current === undefined) return;
  const index = nth(indices, axis);
  if (typeof index === "number") {
    advance(f, axes, axis - 1, indices, pointers);
    return;
  }
  for (const [operand, pointer] of pointers.entries()) increment(f, pointer, current.strides[operand] ?? 0);
  // the outermost axis never wraps: the loop ends first
  if (indices.slice(0, axis).every((outer) => typeof outer === "number")) return;
  increment(f, index, 1);
  f.get(index);
  f.i32(current.size);
  f.op("i32.eq");
  f.if(() => {
    f.i32(0);
    f.set(index);
    for (const [operand, pointer] of pointers.entries()) {
      increment(f, pointer, -current.size * (current.strides[operand] ?? 0));
    }
    advance(f, axes, axis - 1, indices, pointers);
  });
}
