/** Counted loops and small arithmetic idioms over a FunctionBuilder. */
import type { FunctionBuilder, Local } from "./function.ts";

/** A loop bound or address part: known while compiling, or in a local. */
export type Bound = number | Local;

export function pushBound(f: FunctionBuilder, bound: Bound): void {
  if (typeof bound === "number") f.i32(bound);
  else f.get(bound);
}

/**
 * for (counter = from; counter < to; counter += step) body(). Bounds compare unsigned; `counter` ends at the first value not below `to`.
 * With constant bounds a loop of no round vanishes and one of a single round is straight code.
 */
export function loopRange(
  f: FunctionBuilder,
  counter: Local,
  from: Bound,
  to: Bound,
  step: number,
  body: () => void,
): void {
  pushBound(f, from);
  f.set(counter);
  if (typeof from === "number" && typeof to === "number") {
    if (from >= to) return;
    if (from + step >= to) {
      body();
      increment(f, counter, step);
      return;
    }
    repeatBelow(f, counter, to, step, body);
    return;
  }
  f.get(counter);
  pushBound(f, to);
  f.op("i32.lt_u");
  f.if(() => {
    repeatBelow(f, counter, to, step, body);
  });
}

function repeatBelow(f: FunctionBuilder, counter: Local, to: Bound, step: number, body: () => void): void {
  f.loop((again) => {
    body();
    f.get(counter);
    f.i32(step);
    f.op("i32.add");
    f.tee(counter);
    pushBound(f, to);
    f.op("i32.lt_u");
    f.brIf(again);
  });
}

/** local += amount */
export function increment(f: FunctionBuilder, local: Local, amount: number): void {
  if (amount === 0) return;
  f.get(local);
  f.i32(amount);
  f.op("i32.add");
  f.set(local);
}

/** Adds a constant to the i32 on the stack. */
export function addConst(f: FunctionBuilder, amount: number): void {
  if (amount === 0) return;
  f.i32(amount);
  f.op("i32.add");
}

/** Multiplies the i32 on the stack by a constant, by a shift where that does. */
export function mulConst(f: FunctionBuilder, factor: number): void {
  if (factor === 1) return;
  const shift = Math.log2(factor);
  f.i32(Number.isInteger(shift) ? shift : factor);
  f.op(Number.isInteger(shift) ? "i32.shl" : "i32.mul");
}

/** Pushes base + index * factor + offset (bytes). */
export function pushAddress(f: FunctionBuilder, base: Local, index: Bound, factor: number, offset = 0): void {
  f.get(base);
  if (typeof index === "number") {
    addConst(f, index * factor + offset);
    return;
  }
  f.get(index);
  mulConst(f, factor);
  f.op("i32.add");
  addConst(f, offset);
}

/** acc += x * y for the vectors x, y on the stack: a fused multiply-add where the module has relaxed SIMD. */
export function madd(f: FunctionBuilder, shape: "f32x4" | "f64x2", acc: Local): void {
  if (f.module.features.relaxedSimd) {
    f.get(acc);
    f.op(`${shape}.relaxed_madd`);
  } else {
    f.op(`${shape}.mul`);
    f.get(acc);
    f.op(`${shape}.add`);
  }
  f.set(acc);
}
