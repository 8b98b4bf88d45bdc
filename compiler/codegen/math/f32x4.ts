/**
 * exp, log, tanh, sigmoid and erf of four floats, without branches. Each takes its operand from the stack and leaves the result; the errors
 * are relative, over all floats, against float64 (test/codegen/math.test.ts measures them). Coefficients are weighted minimax fits made for
 * these intervals. Infinities, NaN, zeros and subnormal results come out as IEEE arithmetic would have them.
 */
import type { FunctionBuilder } from "../wasm/index.ts";
import { type Algebra, apply, choose, type Push, withOperand } from "./algebra.ts";
import { pushSplat } from "./constants.ts";

/** A function of one vector: operand from the stack, result on the stack. */
export type VectorFunction = (f: FunctionBuilder) => void;

/** Adding it leaves a float below 2^22 rounded to an integer, in the low bits of the mantissa: 1.5 * 2^23. */
const roundingShift = 12582912;
const roundingShiftBits = 0x4b400000;
const ln2High = 0.693359375;
const ln2Low = -2.12194440054690583e-4;

const ints = (f: FunctionBuilder, value: number): Push => {
  return () => {
    pushSplat(f, "i32x4", value);
  };
};
const shifted = (f: FunctionBuilder, op: "i32x4.shl" | "i32x4.shr_s" | "i32x4.shr_u", x: Push, by: number): Push => {
  return () => {
    x();
    f.i32(by);
    f.op(op);
  };
};
/** The smaller of x and a bound; NaN stays (pmin answers its first operand unless the second is less). */
const atMost = (f: FunctionBuilder, x: Push, bound: Push): Push => apply(f, "f32x4.pmin", x, bound);
const atLeast = (f: FunctionBuilder, x: Push, bound: Push): Push => apply(f, "f32x4.pmax", x, bound);

/** 2^n for an integer vector n in [-126, 127], made from its bits. */
const powerOfTwo = (f: FunctionBuilder, n: Push): Push =>
  shifted(f, "i32x4.shl", apply(f, "i32x4.add", n, ints(f, 127)), 23);

/** e^r - 1 - r over r^2, |r| <= ln(2) / 2 */
const expCoefficients = [
  0.49999993447560226, 0.16666520629439682, 0.04166838809269321, 0.008368717090807895, 0.0013814596381996245,
];

/**
 * e^x = 2^n e^r with n = round(x / ln 2). 2^n is applied in two halves, so that results reach up to infinity and, rounded once, down
 * through the subnormals.
 */
function pushExp(f: FunctionBuilder, a: Algebra, x: Push): void {
  const bounded = a.let(atMost(f, atLeast(f, x, a.constant(-104)), a.constant(89)));
  const rounded = a.let(a.madd(bounded, a.constant(Math.LOG2E), a.constant(roundingShift)));
  const n = a.let(apply(f, "i32x4.sub", rounded, ints(f, roundingShiftBits)));
  const whole = a.let(a.sub(rounded, a.constant(roundingShift)));
  const r = a.let(a.madd(whole, a.constant(-ln2Low), a.madd(whole, a.constant(-ln2High), bounded)));
  const tail = a.mul(a.mul(r, r), a.polynomial(r, expCoefficients));
  const half = a.let(shifted(f, "i32x4.shr_s", n, 1));
  const mantissa = a.add(a.constant(1), a.add(r, tail));
  const other = apply(f, "i32x4.sub", n, half);
  a.mul(a.mul(mantissa, powerOfTwo(f, half)), powerOfTwo(f, other))();
}

/** e^x; error below 1.3e-7. */
export const expF32x4: VectorFunction = (f) => {
  withOperand(f, "f32x4", (a, x) => {
    pushExp(f, a, x);
  });
};

/**
 * e^x for x <= 0, as softmax needs it: error below 1.3e-7 down to 2^-126, and 0 below, also for -infinity. NaN stays NaN. Half the
 * instructions of `expF32x4`.
 */
export const expOfNegativeF32x4: VectorFunction = (f) => {
  withOperand(f, "f32x4", (a, x) => {
    const bounded = a.let(atLeast(f, x, a.constant(-88)));
    const rounded = a.let(a.madd(bounded, a.constant(Math.LOG2E), a.constant(roundingShift)));
    const whole = a.let(a.sub(rounded, a.constant(roundingShift)));
    const r = a.let(a.madd(whole, a.constant(-ln2Low), a.madd(whole, a.constant(-ln2High), bounded)));
    const mantissa = a.add(a.constant(1), a.madd(a.mul(r, r), a.polynomial(r, expCoefficients), r));
    // the biased exponent is 0 for n = -127, which is the float 0
    const exponent = apply(f, "i32x4.sub", rounded, ints(f, roundingShiftBits - 127));
    a.mul(mantissa, shifted(f, "i32x4.shl", exponent, 23))();
  });
};

/** 1 / (1 + e^-x), from e^-|x| so that the small side keeps its precision. */
export const sigmoidF32x4: VectorFunction = (f) => {
  withOperand(f, "f32x4", (a, x) => {
    const e = a.let(() => {
      pushExp(f, a, a.neg(a.abs(x)));
    });
    const upper = a.let(a.div(a.constant(1), a.add(a.constant(1), e)));
    choose(f, "f32x4", apply(f, "f32x4.lt", x, a.constant(0)), a.mul(e, upper), upper)();
  });
};

/** (log((1+s)/(1-s)) - 2s) / s^3 over s^2 */
const logCoefficients = [0.6666666564127403, 0.40000336222595617, 0.2853723814835835, 0.23583571767020264];

/**
 * log x = e ln 2 + log m, m in [sqrt 1/2, sqrt 2): with f = m - 1 and s = f / (2 + f), log m = f - (f²/2 - s (f²/2 + R(s²))), which is
 * exact in its leading term.
 */
export const logF32x4: VectorFunction = (f) => {
  withOperand(f, "f32x4", (a, x) => {
    const tiny = a.let(apply(f, "f32x4.lt", x, a.constant(1.1754943508222875e-38)));
    const normal = a.let(choose(f, "f32x4", tiny, a.mul(x, a.constant(2 ** 23)), x));
    const sqrtHalfBits = 0x3f3504f3;
    const offset = a.let(apply(f, "i32x4.sub", normal, ints(f, sqrtHalfBits)));
    const exponent = shifted(f, "i32x4.shr_s", offset, 23);
    const scaled = apply(f, "v128.and", tiny, a.constant(-23));
    const e = a.let(a.add(apply(f, "f32x4.convert_i32x4_s", exponent), scaled));
    const mantissaBits = apply(f, "v128.and", offset, ints(f, 0x7fffff));
    const m = apply(f, "i32x4.add", mantissaBits, ints(f, sqrtHalfBits));
    const g = a.let(a.sub(m, a.constant(1)));
    const s = a.let(a.div(g, a.add(g, a.constant(2))));
    const z = a.let(a.mul(s, s));
    const halfSquare = a.let(a.mul(a.mul(g, g), a.constant(0.5)));
    const series = a.mul(z, a.polynomial(z, logCoefficients));
    const correction = a.sub(halfSquare, a.madd(e, a.constant(ln2Low), a.mul(s, a.add(halfSquare, series))));
    const finite = a.sub(a.mul(e, a.constant(ln2High)), a.sub(correction, g));
    pushLogEdges(f, a, x, finite);
  });
};

/** NaN below 0, -infinity at 0; NaN and infinity as they are. */
function pushLogEdges(f: FunctionBuilder, a: Algebra, x: Push, finite: Push): void {
  const zero = a.constant(0);
  const regular = apply(f, "v128.and", apply(f, "f32x4.gt", x, zero), apply(f, "f32x4.lt", x, a.constant(Infinity)));
  const atZero = choose(f, "f32x4", apply(f, "f32x4.eq", x, zero), a.constant(-Infinity), x);
  const edges = choose(f, "f32x4", apply(f, "f32x4.lt", x, zero), a.constant(NaN), atZero);
  choose(f, "f32x4", regular, finite, edges)();
}

interface Rational {
  /** beyond it the function is 1 to float precision */
  readonly limit: number;
  readonly numerator: readonly number[];
  readonly denominator: readonly number[];
}

/** tanh(x) / x and erf(x) / x as rational functions of x². */
const tanhRational: Rational = {
  limit: 9.02,
  numerator: [
    0.9999999986943408, 0.13679918578211286, 0.0038683321029596026, 2.8007544189637598e-5, 3.0585216276621606e-8,
    -1.2203598902653704e-11,
  ],
  denominator: [1, 0.4701325063964191, 0.02724585485539667, 0.0003938638707095206, 1.2873724119578364e-6],
};
const erfRational: Rational = {
  limit: 3.925,
  numerator: [
    1.1283791393711804, 0.1935443487640722, 0.05310165422346684, 0.003883314194702469, 0.00028456536680889307,
    1.9867896444588406e-6,
  ],
  denominator: [
    1, 0.504856769114952, 0.11534970743423421, 0.015207191367920123, 0.0011855641686405161, 3.7420222494363215e-5,
  ],
};

/** An odd function that saturates at ±1. */
const saturating =
  ({ limit, numerator, denominator }: Rational): VectorFunction =>
  (f) => {
    withOperand(f, "f32x4", (a, x) => {
      const bounded = a.let(atMost(f, atLeast(f, x, a.constant(-limit)), a.constant(limit)));
      const z = a.let(a.mul(bounded, bounded));
      const quotient = a.div(a.mul(bounded, a.polynomial(z, numerator)), a.polynomial(z, denominator));
      const inside = atMost(f, atLeast(f, quotient, a.constant(-1)), a.constant(1));
      const signBit = apply(f, "v128.and", x, ints(f, -0x80000000));
      const one = apply(f, "v128.or", signBit, a.constant(1));
      choose(f, "f32x4", apply(f, "f32x4.ge", a.abs(x), a.constant(limit)), one, inside)();
    });
  };

/** Error below 4e-7. */
export const tanhF32x4: VectorFunction = saturating(tanhRational);
/** Error below 4e-7. */
export const erfF32x4: VectorFunction = saturating(erfRational);
