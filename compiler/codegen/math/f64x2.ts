/**
 * Exponentials, logarithms, powers and circular functions of two doubles, to a few units in the last place. Each takes its operands from the stack
 * and leaves the result. Arguments that are rare (infinite, subnormal, far out) go to the functions of f64.ts, one by one; all others know no
 * branch. Polynomials are minimax fits of relative error, made for these intervals. The same bits on every machine: nothing here is fused.
 */
import type { FunctionBuilder } from "../wasm/index.ts";
import { type Algebra, apply, choose, type Push } from "./algebra.ts";
import {
  type DoubleFunction,
  longs,
  roundingShift,
  shiftedLongs,
  splitDoubles,
  whereUsual,
  withDoubles,
} from "./double-lanes.ts";
import type { VectorFunction } from "./f32x4.ts";
import { expF64, ln2High, ln2Low, logF64, powF64 } from "./f64.ts";
import { cosF64, sigmoidF64, sinF64, tanF64, tanhF64 } from "./f64-trigonometry.ts";
import { halfPiParts } from "./half-pi.ts";

/** (e^r - 1 - r) / r² over r, |r| <= ln(2) / 2; 4e-18 of e^r */
const expCoefficients = [
  0.5000000000000011, 0.16666666666666413, 0.04166666666652996, 0.008333333333494798, 0.001388888894369092,
  0.00019841269505998843, 2.480149302857415e-5, 2.755758675075202e-6, 2.763027575913247e-7, 2.4999988359602443e-8,
];
/** (log((1+s)/(1-s)) / s - 2) / s² over s², for arguments in [sqrt 1/2, sqrt 2]; 2e-18 of the logarithm */
const logCoefficients = [
  0.6666666666666735, 0.39999999999412855, 0.28571428742828814, 0.2222219852430932, 0.18183567046700747,
  0.15313976505201432, 0.14796733356873668,
];
/** (sin(r) / r - 1) / r² over r², |r| <= pi/4; 3e-18 of the sine */
const sinCoefficients = [
  -0.16666666666666632, 0.008333333333322411, -0.00019841269829805572, 2.7557313691065545e-6, -2.5050757973451333e-8,
  1.5896787057802166e-10,
];
/** (cos(r) - 1 + r²/2) / r⁴ over r², |r| <= pi/4; 5e-20 */
const cosCoefficients = [
  0.0416666666666666, -0.001388888888887412, 2.4801587289479396e-5, -2.7557314351480295e-7, 2.0875723151783233e-9,
  -1.1359641257312934e-11,
];
/** tanh(x) = x N(x²) / D(x²): the eighth convergent of x / (1 + x² / (3 + x² / (5 + …))); 1e-17 up to 5/8 */
const tanhNumerator = [2027025, 270270, 6930, 36];
const tanhDenominator = [2027025, 945945, 51975, 630, 1];

const smallestNormal = 2 ** -1022;
/** e^x of sizes up to it is finite and not subnormal. */
const largestExponent = 708;

/** Whether sizes are at most so large; not so for NaN. */
const isWithin = (f: FunctionBuilder, d: Algebra, x: Push, bound: number): Push =>
  apply(f, "f64x2.le", d.abs(x), d.constant(bound));

/** e^(x + correction) = 2^n e^r, |x| <= 708; the correction is far below 1. */
function exponential(f: FunctionBuilder, d: Algebra, x: Push, correction: Push | null): Push {
  const rounded = d.let(d.add(d.mul(x, d.constant(Math.LOG2E)), d.constant(roundingShift)));
  const n = d.let(d.sub(rounded, d.constant(roundingShift)));
  const high = d.sub(x, d.mul(n, d.constant(ln2High)));
  const low = d.mul(n, d.constant(ln2Low));
  const r = d.let(correction === null ? d.sub(high, low) : d.add(high, d.sub(correction, low)));
  const tail = d.mul(d.mul(r, r), d.polynomial(r, expCoefficients));
  const mantissa = d.add(d.constant(1), d.add(r, tail));
  return apply(f, "i64x2.add", mantissa, shiftedLongs(f, "i64x2.shl", rounded, 52));
}

/** A function of one operand, by `body` where sizes are at most `bound`. */
const bounded =
  (bound: number, define: DoubleFunction, body: (f: FunctionBuilder, d: Algebra, x: Push) => Push): VectorFunction =>
  (f) => {
    withDoubles(f, 1, (d, x) => {
      whereUsual(f, d, isWithin(f, d, x, bound), [x], define, body(f, d, x))();
    });
  };

export const expF64x2: VectorFunction = bounded(largestExponent, expF64, (f, d, x) => exponential(f, d, x, null));

/** 1 / (1 + e^-x) */
export const sigmoidF64x2: VectorFunction = bounded(largestExponent, sigmoidF64, (f, d, x) => {
  const one = d.constant(1);
  return d.div(one, d.add(one, exponential(f, d, d.let(d.neg(x)), null)));
});

/** (1 - e) / (1 + e) with e = e^(-2|x|), near 0 a quotient of polynomials: one division for both. */
export const tanhF64x2: VectorFunction = bounded(largestExponent / 2, tanhF64, (f, d, x) => {
  const one = d.constant(1);
  const size = d.let(d.abs(x));
  const e = d.let(exponential(f, d, d.let(d.mul(size, d.constant(-2))), null));
  const z = d.let(d.mul(x, x));
  const isSmall = d.let(apply(f, "f64x2.lt", size, d.constant(0.625)));
  const numerator = choose(f, "f64x2", isSmall, d.mul(size, d.polynomial(z, tanhNumerator)), d.sub(one, e));
  const denominator = choose(f, "f64x2", isSmall, d.polynomial(z, tanhDenominator), d.add(one, e));
  const signBit = apply(f, "v128.and", x, d.constant(-0));
  return apply(f, "v128.or", d.div(numerator, denominator), signBit);
});

// ---- logarithms and powers ---------------------------------------------------------------------------------------------------------

const isNormal = (f: FunctionBuilder, d: Algebra, x: Push): Push =>
  apply(
    f,
    "v128.and",
    apply(f, "f64x2.ge", x, d.constant(smallestNormal)),
    apply(f, "f64x2.lt", x, d.constant(Infinity)),
  );

/** log m = g - (g²/2 - s (g²/2 + s² P)), with g = m - 1 and s = g / (2 + g): what is rounded is small beside g. */
export const logF64x2: VectorFunction = (f) => {
  withDoubles(f, 1, (d, x) => {
    const { e, m } = splitDoubles(f, d, x);
    const exponent = d.let(e);
    const g = d.let(d.sub(m, d.constant(1)));
    const s = d.let(d.div(g, d.add(g, d.constant(2))));
    const z = d.let(d.mul(s, s));
    const halfSquare = d.let(d.mul(d.mul(g, g), d.constant(0.5)));
    const tail = d.mul(z, d.polynomial(z, logCoefficients));
    const added = d.add(d.mul(s, d.add(halfSquare, tail)), d.mul(exponent, d.constant(ln2Low)));
    const value = d.sub(d.mul(exponent, d.constant(ln2High)), d.sub(d.sub(halfSquare, added), g));
    whereUsual(f, d, isNormal(f, d, x), [x], logF64, value)();
  });
};

/** A double without its last 27 bits: products of two such are exact. */
const head = (f: FunctionBuilder, x: Push): Push => apply(f, "v128.and", x, longs(f, -0x8000000n));

/** log w as a sum of which the first part has 26 bits; together some 65. */
function logarithmInParts(f: FunctionBuilder, d: Algebra, w: Push): { readonly first: Push; readonly second: Push } {
  const { e, m } = splitDoubles(f, d, w);
  const exponent = d.let(e);
  const one = d.constant(1);
  const g = d.let(d.sub(m, one));
  const sum = d.let(d.add(m, one));
  const inverse = d.let(d.div(one, sum));
  const s = d.let(d.mul(g, inverse));
  const sHead = d.let(head(f, s));
  const sumHead = d.let(head(f, sum));
  const sumTail = d.sub(m, d.sub(sumHead, one));
  const rest = d.sub(d.sub(g, d.mul(sHead, sumHead)), d.mul(sHead, sumTail));
  const sTail = d.let(d.mul(rest, inverse));
  const z = d.let(d.mul(s, s));
  const series = d.mul(d.mul(s, z), d.polynomial(z, logCoefficients));
  const eHigh = d.let(d.mul(exponent, d.constant(ln2High)));
  const twoS = d.let(d.add(sHead, sHead));
  const high = d.let(d.add(eHigh, twoS));
  const lost = d.sub(twoS, d.sub(high, eHigh));
  const small = d.add(d.add(series, d.add(sTail, sTail)), d.mul(exponent, d.constant(ln2Low)));
  const low = d.let(d.add(lost, small));
  const first = d.let(head(f, d.add(high, low)));
  return { first, second: d.let(d.sub(low, d.sub(first, high))) };
}

/** The power of a size, with the sign of an odd power of its negative base; NaN for other powers of negative bases. */
function signedPower(f: FunctionBuilder, d: Algebra, x: Push, y: Push, power: Push): Push {
  const half = d.let(d.mul(y, d.constant(0.5)));
  const isFraction = d.let(apply(f, "f64x2.ne", apply(f, "f64x2.floor", y), y));
  const isOdd = apply(f, "v128.andnot", apply(f, "f64x2.ne", apply(f, "f64x2.floor", half), half), isFraction);
  const signed = apply(f, "v128.xor", power, apply(f, "v128.and", isOdd, apply(f, "v128.and", x, d.constant(-0))));
  const isUndefined = apply(f, "v128.and", isFraction, apply(f, "f64x2.lt", x, d.constant(0)));
  return choose(f, "f64x2", isUndefined, d.constant(NaN), signed);
}

/** |x|^y = e^(y log |x|), the product in two parts, because an error in it comes out multiplied by up to 708. */
export const powF64x2: VectorFunction = (f) => {
  withDoubles(f, 2, (d, x, y) => {
    const size = d.let(d.abs(x));
    const { first, second } = logarithmInParts(f, d, size);
    const yHead = d.let(head(f, y));
    const exponent = d.let(d.mul(yHead, first));
    const correction = d.let(d.add(d.mul(y, second), d.mul(d.sub(y, yHead), first)));
    const isUsual = apply(f, "v128.and", isNormal(f, d, size), isWithin(f, d, exponent, largestExponent - 1));
    const power = d.let(exponential(f, d, exponent, correction));
    const value = (): void => {
      x();
      f.op("i64x2.bitmask");
      f.if(
        () => {
          signedPower(f, d, x, y, power)();
        },
        power,
        "v128",
      );
    };
    whereUsual(f, d, isUsual, [x, y], powF64, value)();
  });
};

// ---- circular functions ------------------------------------------------------------------------------------------------------------

interface Angle {
  readonly sine: Push;
  readonly cosine: Push;
  /** the quarter turns that were taken off, in the low bits */
  readonly turns: Push;
}

/** Sine and cosine of what is left of an angle below 2^20 when quarter turns are taken off. */
function angle(d: Algebra, x: Push): Angle {
  const [first, second, third] = halfPiParts;
  const turns = d.let(d.add(d.mul(x, d.constant(2 / Math.PI)), d.constant(roundingShift)));
  const n = d.let(d.sub(turns, d.constant(roundingShift)));
  const high = d.let(d.sub(x, d.mul(n, d.constant(first))));
  const taken = d.let(d.mul(n, d.constant(second)));
  const middle = d.let(d.sub(high, taken));
  const lost = d.sub(d.sub(high, middle), taken);
  const r = d.let(d.sub(middle, d.sub(d.mul(n, d.constant(third)), lost)));
  const z = d.let(d.mul(r, r));
  const sine = d.let(d.mul(r, d.add(d.constant(1), d.mul(z, d.polynomial(z, sinCoefficients)))));
  const half = d.let(d.mul(z, d.constant(0.5)));
  const nearly = d.let(d.sub(d.constant(1), half));
  const rounded = d.sub(d.sub(d.constant(1), nearly), half);
  const cosine = d.let(d.add(nearly, d.add(rounded, d.mul(d.mul(z, z), d.polynomial(z, cosCoefficients)))));
  return { sine, cosine, turns };
}

const largestAngle = 2 ** 20;
const isOddTurn = (f: FunctionBuilder, turns: Push): Push =>
  apply(f, "i64x2.eq", apply(f, "v128.and", turns, longs(f, 1n)), longs(f, 1n));

/** The sine of an angle that is `shift` quarter turns ahead. */
const sineAhead = (shift: 0 | 1, define: DoubleFunction): VectorFunction =>
  bounded(largestAngle, define, (f, d, x) => {
    const { sine, cosine, turns } = angle(d, x);
    const ahead = shift === 0 ? turns : d.let(apply(f, "i64x2.add", turns, longs(f, 1n)));
    const value = choose(f, "f64x2", isOddTurn(f, ahead), cosine, sine);
    return apply(f, "v128.xor", value, shiftedLongs(f, "i64x2.shl", apply(f, "v128.and", ahead, longs(f, 2n)), 62));
  });

export const sinF64x2: VectorFunction = sineAhead(0, sinF64);
export const cosF64x2: VectorFunction = sineAhead(1, cosF64);

/** sin / cos, or -cos / sin a quarter turn on. */
export const tanF64x2: VectorFunction = bounded(largestAngle, tanF64, (f, d, x) => {
  const { sine, cosine, turns } = angle(d, x);
  const isOdd = d.let(isOddTurn(f, turns));
  const quotient = d.div(choose(f, "f64x2", isOdd, cosine, sine), choose(f, "f64x2", isOdd, sine, cosine));
  return apply(f, "v128.xor", quotient, shiftedLongs(f, "i64x2.shl", isOdd, 63));
});
