/**
 * A transposed plane: axis a is contiguous in the source, axis b in the destination.
 *
 *     source  b0: a0 a1 a2 a3 …          destination  a0: b0 b1 b2 b3 …
 *             b1: a0 a1 a2 a3 …                       a1: b0 b1 b2 b3 …
 *
 * A row of the loop is a stripe of up to 16 elements along a (one cache line of floats); down the stripe, 4 x 4 blocks of 4-byte elements are
 * transposed in registers, so that both sides move whole vectors. Other element sizes go one by one through the same stripes.
 */
import { nth } from "../../../ir/access.ts";
import { type FunctionBuilder, increment, type Local, loopRange } from "../wasm/index.ts";
import { loadUnit, storeUnit, type UnitBytes } from "./byte-runs.ts";
import type { Axis } from "./index-space.ts";

export interface PlanePlan {
  readonly elementBytes: UnitBytes;
  /** the loop over stripes: other axes, then stripes along a when there are several */
  readonly rows: readonly Axis[];
  /** elements of a in a stripe */
  readonly stripe: number;
  /** elements along b */
  readonly depth: number;
  /** bytes between neighbours along b in the source, along a in the destination */
  readonly sourceStep: number;
  readonly targetStep: number;
}

const widestStripe = 16;

/** The plane of a box's merged axes, or null when the box has none. */
export function planePlan(axes: readonly Axis[], elementBytes: UnitBytes): PlanePlan | null {
  const a = axes.findIndex(({ strides }) => strides[0] === elementBytes);
  const b = axes.findIndex(({ strides }) => strides[1] === elementBytes);
  if (a < 0 || b < 0 || a === b) return null;
  const [along, down] = [nth(axes, a), nth(axes, b)];
  const [sourceStep, targetStep] = [nth(down.strides, 0), nth(along.strides, 1)];
  if (sourceStep < 0 || targetStep < 0) return null;
  const stripe = stripeOf(along.size);
  const others = axes.filter((_, axis) => axis !== a && axis !== b);
  const stripes = { size: along.size / stripe, strides: along.strides.map((stride) => stride * stripe) };
  return { elementBytes, rows: [...others, stripes], stripe, depth: down.size, sourceStep, targetStep };
}

/** The widest stripe of whole vectors that divides the axis, or else the widest that divides it. */
function stripeOf(size: number): number {
  for (let stripe = widestStripe; stripe >= 4; stripe -= 4) if (size % stripe === 0) return stripe;
  for (let stripe = Math.min(size, widestStripe); stripe > 1; stripe--) if (size % stripe === 0) return stripe;
  return 1;
}

/** Where a long axis is cut so that all but the rest have wide stripes; the axis's size for no cut. */
export const stripeCut = (size: number): number =>
  size > widestStripe && stripeOf(size) % 4 !== 0 ? size - (size % widestStripe) : size;

/** Copies one stripe. */
export function emitPlane(f: FunctionBuilder, plan: PlanePlan, from: Local, to: Local): void {
  const { elementBytes, depth, sourceStep } = plan;
  const [source, target, counter] = [f.local("i32"), f.local("i32"), f.local("i32")];
  f.get(from);
  f.set(source);
  f.get(to);
  f.set(target);
  const step = elementBytes === 4 && depth >= 4 ? 4 : 1;
  const whole = Math.floor(depth / step);
  loopRange(f, counter, 0, whole, 1, () => {
    if (step === 4) emitBlocks(f, plan, source, target);
    else emitColumn(f, plan, source, target, 0, 0);
    increment(f, source, step * sourceStep);
    increment(f, target, step * elementBytes);
  });
  for (let b = 0; b < depth - whole * step; b++) emitColumn(f, plan, source, target, b, 0);
  f.release(source, target, counter);
}

/** Element `b` (counted from the pointers) of each a of the stripe from `first` on. */
function emitColumn(
  f: FunctionBuilder,
  { elementBytes, stripe, sourceStep, targetStep }: PlanePlan,
  source: Local,
  target: Local,
  b: number,
  first: number,
): void {
  for (let a = first; a < stripe; a++) {
    f.get(target);
    f.get(source);
    loadUnit(f, elementBytes, b * sourceStep + a * elementBytes);
    storeUnit(f, elementBytes, a * targetStep + b * elementBytes);
  }
}

/** Four elements of b for all of the stripe. */
function emitBlocks(f: FunctionBuilder, plan: PlanePlan, source: Local, target: Local): void {
  const { elementBytes, stripe, sourceStep, targetStep } = plan;
  const vectors = f.localArray("v128", 8);
  let a = 0;
  for (; a + 4 <= stripe; a += 4) {
    for (let b = 0; b < 4; b++) {
      f.get(source);
      f.load("v128.load", b * sourceStep + a * elementBytes);
      f.set(nth(vectors, b));
    }
    transposeBlock(f, vectors);
    for (let row = 0; row < 4; row++) {
      f.get(target);
      f.get(nth(vectors, row));
      f.store("v128.store", (a + row) * targetStep);
    }
  }
  f.release(...vectors);
  for (let b = 0; b < 4 && a < stripe; b++) emitColumn(f, plan, source, target, b, a);
}

const bytesOfLanes = (...lanes: readonly number[]): number[] =>
  lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]);
const lowPairs = bytesOfLanes(0, 4, 1, 5);
const highPairs = bytesOfLanes(2, 6, 3, 7);
const lowHalves = bytesOfLanes(0, 1, 4, 5);
const highHalves = bytesOfLanes(2, 3, 6, 7);

/** Transposes the 4 x 4 block in the first four vectors; the others are scratch. */
function transposeBlock(f: FunctionBuilder, v: readonly Local[]): void {
  const shuffle = (x: number, y: number, lanes: readonly number[], to: number): void => {
    f.get(nth(v, x));
    f.get(nth(v, y));
    f.shuffle(lanes);
    f.set(nth(v, to));
  };
  shuffle(0, 1, lowPairs, 4);
  shuffle(0, 1, highPairs, 5);
  shuffle(2, 3, lowPairs, 6);
  shuffle(2, 3, highPairs, 7);
  shuffle(4, 6, lowHalves, 0);
  shuffle(4, 6, highHalves, 1);
  shuffle(5, 7, lowHalves, 2);
  shuffle(5, 7, highHalves, 3);
}
