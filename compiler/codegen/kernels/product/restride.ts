/**
 * Strided copies around product kernels: zero padding, a change of layout or element type before the product, and, where the product's
 * own store cannot do it, the epilogue with a change of layout behind it.
 *
 *     out[i0, i1, …] = inside(i0, i1, …) ? epilogue(in[Σ (i - before) * stride]) : 0        out is dense
 */
import { type DType, isBig, isFloat, storageBytes } from "../../../../ir/dtype.ts";
import { type KernelArg, type KernelCode, kernelKey, kernelType } from "../../kernel.ts";
import {
  type Bound,
  type FunctionBuilder,
  increment,
  type Local,
  loopRange,
  type ModuleBuilder,
} from "../../wasm/index.ts";
import { loadScalar, storeScalar } from "../../elements.ts";
import { elementLocal } from "./access.ts";
import { type Epilogue, type ExtraAt, pushEpilogue } from "./epilogue.ts";
import { decodeIndex, pushOffset } from "../index-space.ts";

/** An axis of the dense result. */
export interface RestrideAxis {
  readonly size: number;
  /** bytes of the source per index */
  readonly stride: number;
  /** bytes of each extra operand per index */
  readonly extras: readonly number[];
  /** zeros before the first element of the source */
  readonly before: number;
  /** elements that come from the source; zeros follow */
  readonly valid: number;
}

export interface Restride {
  readonly name: string;
  readonly from: DType;
  readonly to: DType;
  /** bytes added to the source's address */
  readonly start: number;
  readonly axes: readonly RestrideAxis[];
  /** reads `to` (the source after conversion) as its accumulator; null copies */
  readonly epilogue: Epilogue | null;
}

/** An axis without padding. */
export const plainAxis = (size: number, stride: number, extras: readonly number[] = []): RestrideAxis => ({
  size,
  stride,
  extras,
  before: 0,
  valid: size,
});

/** The stage for a strided copy; `args` are the source, the extra operands, then the result. */
export function restrideStage(restride: Restride, args: readonly KernelArg[]): KernelCode {
  const spec = { ...restride, axes: mergeRestrideAxes(restride.axes) };
  const elements = spec.axes.reduce((count, axis) => count * axis.size, 1);
  return {
    key: kernelKey("restride", spec),
    units: elements === 0 ? 0 : splitAxes(spec).units,
    args,
    work: elements,
    emit: (module) => emitRestride(module, spec, args.length),
  };
}

/** Merges an axis with the one inside it where the source steps through both as through one and only the outer one is padded. */
function mergeRestrideAxes(axes: readonly RestrideAxis[]): RestrideAxis[] {
  const merged: RestrideAxis[] = [];
  for (const axis of axes) {
    const last = merged.at(-1);
    if (axis.size === 1 && axis.valid === 1) continue;
    if (last !== undefined && axis.valid === axis.size && stepsAsOne(last, axis)) {
      merged[merged.length - 1] = {
        ...axis,
        size: last.size * axis.size,
        before: last.before * axis.size,
        valid: last.valid * axis.size,
      };
    } else {
      merged.push(axis);
    }
  }
  return merged;
}

const stepsAsOne = (outer: RestrideAxis, inner: RestrideAxis): boolean =>
  outer.stride === inner.stride * inner.size &&
  outer.extras.every((stride, i) => stride === (inner.extras[i] ?? 0) * inner.size);

/** An innermost axis shorter than this is done together with the one around it. */
const shortAxis = 256;

function splitAxes({ axes }: Restride): {
  outer: readonly RestrideAxis[];
  inner: readonly RestrideAxis[];
  units: number;
} {
  const innerCount = (axes.at(-1)?.size ?? 1) < shortAxis ? 2 : 1;
  const outer = axes.slice(0, Math.max(0, axes.length - innerCount));
  const units = outer.reduce((count, axis) => count * axis.size, 1);
  return { outer, inner: axes.slice(outer.length), units };
}

interface Cursors {
  readonly source: Local;
  readonly extras: readonly Local[];
}

interface Context {
  readonly f: FunctionBuilder;
  readonly spec: Restride;
  /** where the next element of the result goes; every emitted piece moves it on */
  readonly out: Local;
  readonly outBytes: number;
}

const outputType = (spec: Restride): DType => spec.epilogue?.output ?? spec.to;

function emitRestride(module: ModuleBuilder, spec: Restride, args: number): number {
  return module.function(spec.name, kernelType(args), (f) => {
    const { outer, inner } = splitAxes(spec);
    const outBytes = storageBytes(outputType(spec));
    const context: Context = { f, spec, out: f.local("i32"), outBytes };
    const cursors: Cursors = { source: f.local("i32"), extras: f.localArray("i32", args - 2) };
    const innerBytes = inner.reduce((bytes, axis) => bytes * axis.size, outBytes);
    const unit = f.local("i32");
    loopRange(f, unit, f.param(args), f.param(args + 1), 1, () => {
      f.get(f.param(args - 1));
      pushOffset(f, unit, innerBytes);
      f.set(context.out);
      const indices = decodeIndex(f, unit, outer.map((axis) => axis.size));
      insideOnly(f, outer, indices, () => { zeros(context, innerBytes); }, () => {
        setCursors(context, cursors, outer, indices);
        emitAxes(context, cursors, inner);
      });
    });
  });
} // prettier-ignore

/** Runs `inside` if all indices of padded axes are inside, else `outside`. */
function insideOnly(
  f: FunctionBuilder,
  axes: readonly RestrideAxis[],
  indices: readonly Bound[],
  outside: () => void,
  inside: () => void,
): void {
  const padded = axes.flatMap((axis, i) => (axis.valid < axis.size ? [{ axis, index: indices[i] as Local }] : []));
  if (padded.length === 0) {
    inside();
    return;
  }
  for (const [i, { axis, index }] of padded.entries()) {
    f.get(index);
    f.i32(axis.before);
    f.op("i32.sub");
    f.i32(axis.valid);
    f.op("i32.lt_u");
    if (i > 0) f.op("i32.and");
  }
  f.if(inside, outside);
}

function setCursors(
  { f, spec }: Context,
  cursors: Cursors,
  axes: readonly RestrideAxis[],
  indices: readonly Bound[],
): void {
  f.get(f.param(0));
  for (const [i, axis] of axes.entries()) pushOffset(f, indices[i] ?? 0, axis.stride);
  const skipped = axes.reduce((bytes, axis) => bytes + axis.before * axis.stride, 0);
  pushOffset(f, 1, spec.start - skipped);
  f.set(cursors.source);
  for (const [e, extra] of cursors.extras.entries()) {
    f.get(f.param(1 + e));
    for (const [i, axis] of axes.entries()) pushOffset(f, indices[i] ?? 0, axis.extras[e] ?? 0);
    f.set(extra);
  }
}

/** Loops over the inner axes; `cursors` stand at the first valid element and are left as they were. */
function emitAxes(context: Context, cursors: Cursors, axes: readonly RestrideAxis[]): void {
  const { outBytes } = context;
  const [axis, ...inner] = axes;
  if (axis === undefined) {
    emitElement(context, cursors);
    return;
  }
  const innerBytes = inner.reduce((bytes, { size }) => bytes * size, outBytes);
  zeros(context, axis.before * innerBytes);
  if (inner.length === 0 && isPlainCopy(context.spec, axis)) copyBytes(context, cursors.source, axis.valid * outBytes);
  else loopOver(context, cursors, axis, inner);
  zeros(context, (axis.size - axis.before - axis.valid) * innerBytes);
}

function loopOver(context: Context, cursors: Cursors, axis: RestrideAxis, inner: readonly RestrideAxis[]): void {
  const { f } = context;
  const moving: Cursors = { source: f.local("i32"), extras: f.localArray("i32", cursors.extras.length) };
  const pairs = [
    [moving.source, cursors.source] as const,
    ...moving.extras.map((to, i) => [to, cursors.extras[i] as Local] as const),
  ];
  for (const [to, from] of pairs) {
    f.get(from);
    f.set(to);
  }
  const counter = f.local("i32");
  loopRange(f, counter, 0, axis.valid, 1, () => {
    emitAxes(context, moving, inner);
    increment(f, moving.source, axis.stride);
    for (const [i, extra] of moving.extras.entries()) increment(f, extra, axis.extras[i] ?? 0);
  });
  f.release(counter, moving.source, ...moving.extras);
}

const isPlainCopy = (spec: Restride, axis: RestrideAxis): boolean =>
  spec.epilogue === null && spec.from === spec.to && axis.stride === storageBytes(spec.from);

function emitElement(context: Context, cursors: Cursors): void {
  const { f, spec, out, outBytes } = context;
  const { epilogue, from, to } = spec;
  const value = f.local(elementLocal(to));
  f.get(cursors.source);
  loadScalar(f, from);
  convert(f, from, to);
  f.set(value);
  f.get(out);
  const extras = cursors.extras.map((pointer): ExtraAt => ({ pointer, offset: 0, perColumn: false }));
  if (epilogue === null) f.get(value);
  else pushEpilogue(f, epilogue, value, 0, extras);
  storeScalar(f, outputType(spec));
  f.release(value);
  increment(f, out, outBytes);
}

/** Narrow integers are widened by their loads; everything else must have the same type already. */
function convert(f: FunctionBuilder, from: DType, to: DType): void {
  if (from === to) return;
  const widens = !isFloat(from) && !isFloat(to) && !isBig(from) && !isBig(to) && storageBytes(from) <= storageBytes(to);
  if (!widens) throw new Error(`internal: ${f.name}: ${from} copied as ${to}`);
}

/** Copies a constant number of bytes from `source` to the result's position. */
function copyBytes({ f, out }: Context, source: Local, bytes: number): void {
  const from = f.local("i32");
  f.get(source);
  f.set(from);
  inPieces(f, bytes, [from, out], (load, store, at) => {
    f.get(out);
    f.get(from);
    f.load(load, at);
    f.store(store, at);
  });
  f.release(from);
}

/** Writes a constant number of zero bytes at the result's position. */
function zeros({ f, out }: Context, bytes: number): void {
  inPieces(f, bytes, [out], (_, store, at) => {
    f.get(out);
    if (store === "v128.store") f.splatConst("i32x4", 0);
    else if (store === "i64.store") f.i64(0n);
    else f.i32(0);
    f.store(store, at);
  });
}

const pieces = [
  { size: 16, load: "v128.load", store: "v128.store" },
  { size: 8, load: "i64.load", store: "i64.store" },
  { size: 4, load: "i32.load", store: "i32.store" },
  { size: 2, load: "i32.load16_u", store: "i32.store16" },
  { size: 1, load: "i32.load8_u", store: "i32.store8" },
] as const;

type Piece = (typeof pieces)[number];

/** Does `bytes` bytes in vectors and a rest in smaller pieces, and moves the pointers behind them. */
function inPieces(
  f: FunctionBuilder,
  bytes: number,
  pointers: readonly Local[],
  visit: (load: Piece["load"], store: Piece["store"], at: number) => void,
): void {
  const vectors = Math.floor(bytes / 16);
  const counter = f.local("i32");
  loopRange(f, counter, 0, vectors, 1, () => {
    visit("v128.load", "v128.store", 0);
    for (const pointer of pointers) increment(f, pointer, 16);
  });
  f.release(counter);
  let at = 0;
  for (const { size, load, store } of pieces.slice(1)) {
    if (bytes - vectors * 16 - at < size) continue;
    visit(load, store, at);
    at += size;
  }
  for (const pointer of pointers) increment(f, pointer, at);
}
