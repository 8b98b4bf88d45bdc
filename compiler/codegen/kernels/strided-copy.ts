/**
 * Copies of boxes: the same index space with one stride per axis in the source and one in the destination. What moves data (transpose, slice,
 * pad, concat, broadcast) is one or more of these. Four inner loops, chosen by the merged axes:
 *
 *     run      innermost contiguous on both sides: bytes, by vectors or memory.copy
 *     fill     innermost constant in the source
 *     plane    one axis contiguous in the source, another in the destination: tiles of 4 x 4 elements, transposed in registers
 *     element  anything else, one by one
 */
import { defined } from "../../../ir/access.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType } from "../kernel.ts";
import { type FunctionBuilder, increment, type Local, loopRange } from "../wasm/index.ts";
import { type Axis, mergeAxes } from "./index-space.ts";
import { copyRun, loadUnit, storeUnit, type UnitBytes } from "./byte-runs.ts";
import { emitPlane, planePlan, type PlanePlan, stripeCut } from "./transposed-plane.ts";
import { forEachRow, rowCount } from "./rows-loop.ts";

/** A box to copy; offsets and strides are in bytes, `strides` are [source, destination]. */
export interface CopyBox {
  readonly elementBytes: UnitBytes;
  readonly axes: readonly Axis[];
  readonly sourceOffset: number;
  readonly targetOffset: number;
}

/** Contiguous runs are cut to about this many bytes, so that threads have something to share. */
const longestRun = 65_536;

type Inner =
  | { readonly kind: "run"; readonly bytes: number }
  | { readonly kind: "fill" | "element"; readonly axis: Axis }
  | { readonly kind: "plane"; readonly plan: PlanePlan };

interface BoxPlan {
  readonly rows: readonly Axis[];
  readonly inner: Inner;
}

const byteAxis = (size: number): Axis => ({ size, strides: [1, 1] });

function planBox({ axes, elementBytes }: CopyBox): BoxPlan {
  const merged = mergeAxes(axes);
  const innermost = merged.at(-1);
  if (innermost === undefined) return { rows: [], inner: { kind: "run", bytes: elementBytes } };
  const rows = merged.slice(0, -1);
  const [source, target] = innermost.strides as [number, number];
  if (source === elementBytes && target === elementBytes) return cutRun(rows, innermost.size * elementBytes);
  if (source === 0 && target === elementBytes) return { rows, inner: { kind: "fill", axis: innermost } };
  const plane = planePlan(merged, elementBytes);
  if (plane !== null) return { rows: plane.rows, inner: { kind: "plane", plan: plane } };
  return { rows, inner: { kind: "element", axis: innermost } };
}

function cutRun(rows: readonly Axis[], bytes: number): BoxPlan {
  if (bytes <= longestRun) return { rows, inner: { kind: "run", bytes } };
  for (let pieces = Math.ceil(bytes / longestRun); pieces <= 4096; pieces++) {
    if (bytes % pieces !== 0) continue;
    const length = bytes / pieces;
    const cut = { size: pieces, strides: byteAxis(1).strides.map((stride) => stride * length) };
    return { rows: [...rows, cut], inner: { kind: "run", bytes: length } };
  }
  return { rows, inner: { kind: "run", bytes } };
}

/** The stages that copy a box from one argument to another: one, or two where a transposed plane leaves a rest. */
export function copyStages(kind: string, box: CopyBox, source: KernelArg, target: KernelArg): KernelCode[] {
  return cutPlane(box).map((part) => copyStage(kind, part, source, target));
}

/** Cuts a box whose plane has an axis that no wide stripe divides. */
function cutPlane(box: CopyBox): CopyBox[] {
  const axes = mergeAxes(box.axes);
  const a = axes.findIndex(({ strides }) => strides[0] === box.elementBytes);
  const along = axes[a];
  const isPlane = along !== undefined && planBox(box).inner.kind === "plane";
  const cut = isPlane ? stripeCut(along.size) : 0;
  if (!isPlane || cut === along.size) return [box];
  const withSize = (size: number): Axis[] => axes.map((axis, i) => (i === a ? { ...axis, size } : axis));
  const [source, target] = along.strides as [number, number];
  const rest = {
    ...box,
    axes: withSize(along.size - cut),
    sourceOffset: box.sourceOffset + cut * source,
    targetOffset: box.targetOffset + cut * target,
  };
  return [{ ...box, axes: withSize(cut) }, rest];
}

function copyStage(kind: string, box: CopyBox, source: KernelArg, target: KernelArg): KernelCode {
  const plan = planBox(box);
  const isEmpty = box.axes.some(({ size }) => size === 0);
  const count = rowCount(box.axes);
  return {
    key: kernelKey(kind, plan, box.elementBytes, box.sourceOffset, box.targetOffset),
    units: isEmpty ? 0 : rowCount(plan.rows),
    args: [source, target],
    work: count,
    emit: (module) =>
      module.function(kind, kernelType(2), (f) => {
        emitBox(f, box, plan);
      }),
  };
}

function emitBox(f: FunctionBuilder, box: CopyBox, { rows, inner }: BoxPlan): void {
  const [source, target, begin, end] = f.params as [Local, Local, Local, Local];
  increment(f, source, box.sourceOffset);
  increment(f, target, box.targetOffset);
  forEachRow(f, begin, end, rows, [source, target], ([from, to]) => {
    emitInner(f, inner, box.elementBytes, defined(from), defined(to));
  });
}

function emitInner(f: FunctionBuilder, inner: Inner, elementBytes: UnitBytes, from: Local, to: Local): void {
  switch (inner.kind) {
    case "run":
      copyRun(f, from, to, inner.bytes);
      break;
    case "plane":
      emitPlane(f, inner.plan, from, to);
      break;
    case "fill":
      emitFill(f, inner.axis.size, elementBytes, from, to);
      break;
    case "element":
      emitElements(f, inner.axis, elementBytes, from, to);
      break;
  }
}

function emitElements(f: FunctionBuilder, axis: Axis, bytes: UnitBytes, from: Local, to: Local): void {
  const counter = f.local("i32");
  const [source, target] = [f.local("i32"), f.local("i32")];
  f.get(from);
  f.set(source);
  f.get(to);
  f.set(target);
  loopRange(f, counter, 0, axis.size, 1, () => {
    f.get(target);
    f.get(source);
    loadUnit(f, bytes);
    storeUnit(f, bytes);
    increment(f, source, axis.strides[0] ?? 0);
    increment(f, target, axis.strides[1] ?? 0);
  });
  f.release(counter, source, target);
}

const splats = {
  1: "v128.load8_splat",
  2: "v128.load16_splat",
  4: "v128.load32_splat",
  8: "v128.load64_splat",
  16: "v128.load",
} as const;

/** One element `count` times. */
function emitFill(f: FunctionBuilder, count: number, elementBytes: UnitBytes, from: Local, to: Local): void {
  const vector = f.local("v128");
  f.get(from);
  f.load(splats[elementBytes]);
  f.set(vector);
  fillRun(f, vector, to, count * elementBytes);
  f.release(vector);
}

/** Fills bytes from `to` on with a vector whose content repeats; the last piece is cut. */
export function fillRun(f: FunctionBuilder, vector: Local, to: Local, bytes: number): void {
  const target = f.local("i32");
  f.get(to);
  f.set(target);
  const counter = f.local("i32");
  loopRange(f, counter, 0, Math.floor(bytes / 16), 1, () => {
    f.get(target);
    f.get(vector);
    f.store("v128.store");
    increment(f, target, 16);
  });
  let done = 0;
  for (const [size, op] of lanePieces) {
    if ((bytes % 16) - done < size) continue;
    f.get(target);
    f.get(vector);
    f.memoryLane(op, 0, done);
    done += size;
  }
  f.release(target, counter);
}

const lanePieces = [
  [8, "v128.store64_lane"],
  [4, "v128.store32_lane"],
  [2, "v128.store16_lane"],
  [1, "v128.store8_lane"],
] as const;
