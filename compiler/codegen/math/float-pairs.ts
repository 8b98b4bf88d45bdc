/**
 * Functions of four floats that are computed in doubles, two lanes at a time, and rounded once: circular and hyperbolic ones, their inverses,
 * powers and remainders. No branches but for arguments that are rare. Each takes its operands from the stack and leaves the result. Polynomials
 * are minimax fits of relative error, made for these intervals; what they say of it is what a double's 53 bits are cut to, far below half a
 * unit of a float (6e-8). The same bits on every machine: nothing here is fused.
 */
import { nth } from "../../../ir/access.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { type Algebra, algebra, apply, choose, type Push, pushLocal } from "./algebra.ts";
import { pushSplat } from "./constants.ts";
import { type DoubleFunction, longs, roundingShift, shiftedLongs, splitDoubles } from "./double-lanes.ts";
import { fmodOfFloats } from "./f64.ts";
import { cosF64, sinF64, tanF64 } from "./f64-trigonometry.ts";
import { perLane } from "./per-lane.ts";
import type { VectorFunction } from "./f32x4.ts";

/** sin(r) / r over r², |r| <= pi/4; 5e-12 */
const sinCoefficients = [
  0.999999999995451, -0.16666666630439975, 0.008333328689120335, -0.00019839177978845854, 0.0000027171489932495003,
];
/** cos(r) over r², |r| <= pi/4; 6e-11 */
const cosCoefficients = [
  0.9999999999443141, -0.4999999957266521, 0.04166661328224559, -0.0013886529691512516, 0.000024372680562207456,
];
/** atan(t) / t over t², |t| <= tan(pi/8); 2e-11 */
const atanCoefficients = [
  0.9999999999792939, -0.3333333213456986, 0.19999886339196293, -0.1428164990690351, 0.11041170769878862,
  -0.08459698727765734, 0.04714116258544205,
];
/** asin(s) / s over s², |s| <= 1/2; 2e-11 */
const asinCoefficients = [
  0.9999999999849395, 0.16666667420584486, 0.07499938251559718, 0.044662026169967166, 0.030092286208512765,
  0.024711238898872005, 0.0072243492690827, 0.03495131398644298,
];
/** sinh(x) / x over x², |x| <= 1; 5e-11 */
const sinhCoefficients = [
  1.0000000000459075, 0.1666666643036669, 0.008333352590007887, 0.0001983581257759718, 0.0000028185244927237267,
];
/** 2^r, |r| <= 1/2; 4e-11 */
const powerCoefficients = [
  0.9999999999607233, 0.6931471807277917, 0.2402265120512454, 0.0555041035816728, 0.009618026507122535,
  0.001333391752376378, 0.0001546949076603373, 0.00001520326663240452,
];
/** log2((1+s)/(1-s)) / s over s², for arguments in [sqrt 1/2, sqrt 2]; 4e-12 */
const logCoefficients = [
  2.885390081790086, 0.9617966733417604, 0.5770835849814883, 0.4116727178909735, 0.3407301264895164,
];

const lowBytes = [0, 1, 2, 3, 4, 5, 6, 7];
const highBytes = [8, 9, 10, 11, 12, 13, 14, 15];

/** Works in an algebra of four floats, over operands from the stack; afterwards the temporaries are free again. */
function withFloats(f: FunctionBuilder, count: 1 | 2, body: (a: Algebra, x: Push, y: Push) => void): void {
  const temporaries: Local[] = [];
  const operands = f.localArray("v128", count);
  for (const operand of operands.toReversed()) f.set(operand);
  const [x, y] = [nth(operands, 0), nth(operands, count - 1)];
  body(algebra(f, "f32x4", temporaries), pushLocal(f, x), pushLocal(f, y));
  f.release(...operands, ...temporaries);
}

/** What `body` makes of either half of some vectors of floats, in doubles; four floats. */
function inHalves(
  f: FunctionBuilder,
  a: Algebra,
  operands: readonly Push[],
  body: (d: Algebra, x: Push, y: Push) => Push,
): Push {
  const temporaries: Local[] = [];
  const d = algebra(f, "f64x2", temporaries);
  const half = (isHigh: boolean): Push =>
    a.let(() => {
      const halves = operands.map((operand) =>
        d.let(() => {
          operand();
          if (isHigh) {
            operand();
            f.shuffle([...highBytes, ...highBytes]);
          }
          f.op("f64x2.promote_low_f32x4");
        }),
      );
      body(d, nth(halves, 0), nth(halves, halves.length - 1))();
      f.op("f32x4.demote_f64x2_zero");
      f.release(...temporaries.splice(0));
    });
  const [low, high] = [half(false), half(true)];
  return a.let(() => {
    low();
    high();
    f.shuffle([...lowBytes, ...lowBytes.map((byte) => byte + 16)]);
  });
}

const signBitOf = (f: FunctionBuilder, x: Push): Push =>
  apply(f, "v128.and", x, () => {
    pushSplat(f, "i32x4", -0x80000000);
  });
/** A result that is not negative, with the sign of x. */
const signed = (f: FunctionBuilder, result: Push, x: Push): Push => apply(f, "v128.or", result, signBitOf(f, x));

/** An odd function of four floats, from what it is in doubles for sizes. */
const oddInHalves =
  (body: (f: FunctionBuilder, d: Algebra, size: Push) => Push): VectorFunction =>
  (f) => {
    withFloats(f, 1, (a, x) => {
      signed(
        f,
        inHalves(f, a, [a.abs(x)], (d, half) => body(f, d, half)),
        x,
      )();
    });
  };

/** The vector form where a mask is empty, else the scalar form of doubles, lane by lane. */
function unlessAny(
  f: FunctionBuilder,
  rare: Push,
  operands: readonly Push[],
  define: DoubleFunction,
  usual: () => void,
): void {
  rare();
  f.op("v128.any_true");
  f.if(
    () => {
      perLane(
        f,
        operands.map((vector) => ({ vector, kind: "f64" as const })),
        "f32",
        () => {
          f.call(define(f.module));
          f.op("f32.demote_f64");
        },
      );
    },
    usual,
    "v128",
  );
}

// ---- circular functions ------------------------------------------------------------------------------------------------------------

/** pi/2 in two parts of 23 bits, whose products with integers below 2^30 are exact, and the rest. */
const halfPiParts = [1.57079625129699707031, 7.549789415861596353e-8, 5.390302858158119e-15] as const;

/** Angles from here on are left to the scalar form. */
const largestAngle = 2 ** 30;

interface Angle {
  /** sine and cosine of what is left of the angle */
  readonly sine: Push;
  readonly cosine: Push;
  /** the quarter turns that were taken off, as integers of 64 bits modulo 4 */
  readonly turns: Push;
}

function pushAngle(d: Algebra, x: Push): Angle {
  const rounded = d.let(d.add(d.mul(x, d.constant(2 / Math.PI)), d.constant(roundingShift)));
  const n = d.let(d.sub(rounded, d.constant(roundingShift)));
  const r = d.let(halfPiParts.reduce((rest: Push, part) => d.sub(rest, d.mul(n, d.constant(part))), x));
  const z = d.let(d.mul(r, r));
  const sine = d.let(d.mul(r, d.polynomial(z, sinCoefficients)));
  const cosine = d.let(d.polynomial(z, cosCoefficients));
  return { sine, cosine, turns: rounded };
}

const isOddTurn = (f: FunctionBuilder, turns: Push): Push =>
  apply(f, "i64x2.eq", apply(f, "v128.and", turns, longs(f, 1n)), longs(f, 1n));

/** The sine of an angle that is `shift` quarter turns ahead. */
const sineAhead =
  (shift: 0 | 1, define: DoubleFunction): VectorFunction =>
  (f) => {
    withFloats(f, 1, (a, x) => {
      unlessAny(f, apply(f, "f32x4.ge", a.abs(x), a.constant(largestAngle)), [x], define, () => {
        inHalves(f, a, [x], (d, half) => {
          const { sine, cosine, turns } = pushAngle(d, half);
          const ahead = shift === 0 ? turns : d.let(apply(f, "i64x2.add", turns, longs(f, 1n)));
          const value = choose(f, "f64x2", isOddTurn(f, ahead), cosine, sine);
          return apply(
            f,
            "v128.xor",
            value,
            shiftedLongs(f, "i64x2.shl", apply(f, "v128.and", ahead, longs(f, 2n)), 62),
          );
        })();
      });
    });
  };

export const sinF32x4: VectorFunction = sineAhead(0, sinF64);
export const cosF32x4: VectorFunction = sineAhead(1, cosF64);

/** sin / cos, or -cos / sin a quarter turn on. */
export const tanF32x4: VectorFunction = (f) => {
  withFloats(f, 1, (a, x) => {
    unlessAny(f, apply(f, "f32x4.ge", a.abs(x), a.constant(largestAngle)), [x], tanF64, () => {
      inHalves(f, a, [x], (d, half) => {
        const { sine, cosine, turns } = pushAngle(d, half);
        const isOdd = d.let(isOddTurn(f, turns));
        const quotient = d.div(choose(f, "f64x2", isOdd, cosine, sine), choose(f, "f64x2", isOdd, sine, cosine));
        return apply(f, "v128.xor", quotient, shiftedLongs(f, "i64x2.shl", isOdd, 63));
      })();
    });
  });
};

/** atan x = pi/2 - atan(1/x) above tan(3 pi/8), pi/4 + atan((x-1)/(x+1)) above tan(pi/8): one division for all. */
export const atanF32x4: VectorFunction = oddInHalves((f, d, size) => {
  const one = d.constant(1);
  const isMiddle = d.let(apply(f, "f64x2.gt", size, d.constant(Math.tan(Math.PI / 8))));
  const isLarge = d.let(apply(f, "f64x2.gt", size, d.constant(Math.tan((3 * Math.PI) / 8))));
  const pick = (large: Push, middle: Push, small: Push): Push =>
    choose(f, "f64x2", isLarge, large, choose(f, "f64x2", isMiddle, middle, small));
  const numerator = pick(d.constant(-1), d.sub(size, one), size);
  const t = d.let(d.div(numerator, pick(size, d.add(size, one), one)));
  const z = d.let(d.mul(t, t));
  const offset = pick(d.constant(Math.PI / 2), d.constant(Math.PI / 4), d.constant(0));
  return d.add(offset, d.mul(t, d.polynomial(z, atanCoefficients)));
});

/** asin of sizes up to 1/2; for larger ones of sqrt((1 - size)/2), which is half of what is missing to pi/2. */
function pushArc(f: FunctionBuilder, d: Algebra, size: Push): { readonly arc: Push; readonly isLarge: Push } {
  const isLarge = d.let(apply(f, "f64x2.gt", size, d.constant(0.5)));
  const square = choose(f, "f64x2", isLarge, d.mul(d.sub(d.constant(1), size), d.constant(0.5)), d.mul(size, size));
  const z = d.let(square);
  const s = choose(f, "f64x2", isLarge, d.sqrt(z), size);
  return { arc: d.let(d.mul(s, d.polynomial(z, asinCoefficients))), isLarge };
}

export const asinF32x4: VectorFunction = oddInHalves((f, d, size) => {
  const { arc, isLarge } = pushArc(f, d, size);
  return choose(f, "f64x2", isLarge, d.sub(d.constant(Math.PI / 2), d.add(arc, arc)), arc);
});

export const acosF32x4: VectorFunction = (f) => {
  withFloats(f, 1, (a, x) => {
    inHalves(f, a, [x], (d, half) => {
      const { arc, isLarge } = pushArc(f, d, d.let(d.abs(half)));
      const isNegative = d.let(apply(f, "f64x2.lt", half, d.constant(0)));
      const twice = d.let(d.add(arc, arc));
      const large = choose(f, "f64x2", isNegative, d.sub(d.constant(Math.PI), twice), twice);
      const quarter = d.constant(Math.PI / 2);
      const small = choose(f, "f64x2", isNegative, d.add(quarter, arc), d.sub(quarter, arc));
      return choose(f, "f64x2", isLarge, large, small);
    })();
  });
};

// ---- exponentials ------------------------------------------------------------------------------------------------------------------

/** 2^t of doubles, |t| < 1000. */
function powerOfTwo(f: FunctionBuilder, d: Algebra, t: Push): Push {
  const exponent = d.let(t);
  const rounded = d.let(d.add(exponent, d.constant(roundingShift)));
  const r = d.let(d.sub(exponent, d.sub(rounded, d.constant(roundingShift))));
  return apply(f, "i64x2.add", d.polynomial(r, powerCoefficients), shiftedLongs(f, "i64x2.shl", rounded, 52));
}

/** Powers of two beyond it are infinite or zero as floats. */
const largestExponent = 200;

/** e^size, with what overflows cut off where it still is infinite as a float, and its reciprocal. */
function pushGrowth(f: FunctionBuilder, d: Algebra, size: Push): { readonly growth: Push; readonly decay: Push } {
  const exponent = apply(f, "f64x2.pmin", d.mul(size, d.constant(Math.LOG2E)), d.constant(largestExponent));
  const growth = d.let(powerOfTwo(f, d, exponent));
  return { growth, decay: d.div(d.constant(1), growth) };
}

export const sinhF32x4: VectorFunction = oddInHalves((f, d, size) => {
  const { growth, decay } = pushGrowth(f, d, size);
  const z = d.let(d.mul(size, size));
  const small = d.mul(size, d.polynomial(z, sinhCoefficients));
  const large = d.mul(d.constant(0.5), d.sub(growth, decay));
  return choose(f, "f64x2", apply(f, "f64x2.lt", size, d.constant(1)), small, large);
});

export const coshF32x4: VectorFunction = (f) => {
  withFloats(f, 1, (a, x) => {
    inHalves(f, a, [a.abs(x)], (d, size) => {
      const { growth, decay } = pushGrowth(f, d, size);
      return d.mul(d.constant(0.5), d.add(growth, decay));
    })();
  });
};

// ---- logarithms --------------------------------------------------------------------------------------------------------------------

/** log2 of doubles that are positive, finite and not subnormal: w = m 2^e, m in [sqrt 1/2, sqrt 2). */
function logarithm(f: FunctionBuilder, d: Algebra, w: Push): Push {
  const { e, m } = splitDoubles(f, d, w);
  const s = d.let(d.div(d.sub(m, d.constant(1)), d.add(m, d.constant(1))));
  const z = d.let(d.mul(s, s));
  return d.add(e, d.mul(s, d.polynomial(z, logCoefficients)));
}

/** ln(w) times a factor. */
const naturalLogarithm = (f: FunctionBuilder, d: Algebra, w: Push, factor = 1): Push =>
  d.mul(logarithm(f, d, w), d.constant(factor * Math.LN2));

/** x + cubic x³ for sizes that are so small that nothing else is left of an odd function, else `value`. */
function unlessTiny(f: FunctionBuilder, d: Algebra, size: Push, cubic: number, value: Push): Push {
  const square = d.mul(d.mul(size, size), d.constant(cubic));
  const series = d.mul(size, d.add(d.constant(1), square));
  return choose(f, "f64x2", apply(f, "f64x2.lt", size, d.constant(2 ** -10)), series, value);
}

/** `value` where x is finite, else x. */
const whereFinite = (f: FunctionBuilder, a: Algebra, x: Push, value: Push): Push =>
  choose(f, "f32x4", apply(f, "f32x4.lt", a.abs(x), a.constant(Infinity)), value, x);

/** log(x + sqrt(x² + 1)) */
export const asinhF32x4: VectorFunction = (f) => {
  withFloats(f, 1, (a, x) => {
    const value = inHalves(f, a, [a.abs(x)], (d, size) => {
      const sum = d.let(d.add(size, d.sqrt(d.add(d.mul(size, size), d.constant(1)))));
      return unlessTiny(f, d, size, -1 / 6, naturalLogarithm(f, d, sum));
    });
    whereFinite(f, a, x, signed(f, value, x))();
  });
};

/** log(x + sqrt((x - 1)(x + 1))) */
export const acoshF32x4: VectorFunction = (f) => {
  withFloats(f, 1, (a, x) => {
    const value = inHalves(f, a, [x], (d, size) => {
      const product = d.mul(d.sub(size, d.constant(1)), d.add(size, d.constant(1)));
      return naturalLogarithm(f, d, d.let(d.add(size, d.sqrt(product))));
    });
    const defined = choose(f, "f32x4", apply(f, "f32x4.ge", x, a.constant(1)), value, a.constant(NaN));
    choose(f, "f32x4", apply(f, "f32x4.eq", x, a.constant(Infinity)), x, defined)();
  });
};

/** log((1 + x) / (1 - x)) / 2 */
export const atanhF32x4: VectorFunction = (f) => {
  withFloats(f, 1, (a, x) => {
    const size = a.let(a.abs(x));
    const value = inHalves(f, a, [size], (d, own) => {
      const ratio = d.let(d.div(d.add(d.constant(1), own), d.sub(d.constant(1), own)));
      return unlessTiny(f, d, own, 1 / 3, naturalLogarithm(f, d, ratio, 0.5));
    });
    const edge = choose(f, "f32x4", apply(f, "f32x4.eq", size, a.constant(1)), a.constant(Infinity), a.constant(NaN));
    signed(f, choose(f, "f32x4", apply(f, "f32x4.lt", size, a.constant(1)), value, edge), x)();
  });
};

// ---- functions of two --------------------------------------------------------------------------------------------------------------

/** IEEE pow: pow(1, y) = pow(x, 0) = 1, a negative base needs an integer exponent, and an odd one gives the sign. */
export const powF32x4: VectorFunction = (f) => {
  withFloats(f, 2, (a, x, y) => {
    const [zero, one, infinity] = [a.constant(0), a.constant(1), a.constant(Infinity)];
    const size = a.let(a.abs(x));
    const regular = inHalves(f, a, [size, y], (d, base, exponent) => {
      const product = d.mul(exponent, logarithm(f, d, base));
      const bounded = apply(f, "f64x2.pmin", product, d.constant(largestExponent));
      return powerOfTwo(f, d, apply(f, "f64x2.pmax", bounded, d.constant(-largestExponent)));
    });
    const is = (op: "eq" | "ne" | "lt" | "gt", left: Push, right: Push): Push => apply(f, `f32x4.${op}`, left, right);
    const either = (...masks: readonly Push[]): Push => masks.reduce((left, right) => apply(f, "v128.or", left, right));
    const both = (...masks: readonly Push[]): Push => masks.reduce((left, right) => apply(f, "v128.and", left, right));
    const isEdge = either(is("eq", size, zero), is("eq", size, infinity), is("eq", a.abs(y), infinity));
    const grows = apply(f, "i32x4.eq", is("gt", size, one), is("gt", y, zero));
    const value = choose(f, "f32x4", isEdge, both(grows, infinity), regular);
    const half = a.let(a.mul(y, a.constant(0.5)));
    const isFraction = a.let(is("ne", apply(f, "f32x4.floor", y), y));
    const isOdd = apply(f, "v128.andnot", is("ne", apply(f, "f32x4.floor", half), half), isFraction);
    const withSign = apply(
      f,
      "v128.xor",
      choose(f, "f32x4", is("eq", size, one), one, value),
      both(isOdd, signBitOf(f, x)),
    );
    const isBelowZero = both(is("lt", x, zero), is("gt", x, a.constant(-Infinity)), isFraction);
    const isUndefined = either(isBelowZero, is("ne", x, x), is("ne", y, y));
    const power = choose(f, "f32x4", isUndefined, a.constant(NaN), withSign);
    choose(f, "f32x4", either(is("eq", x, one), is("eq", y, zero)), one, power)();
  });
};

/** Quotients of floats from here on, and operands that are zero, infinite or NaN where that matters, are left to the scalar form. */
const largestQuotient = 2 ** 28;

function pushRemainder(f: FunctionBuilder, a: Algebra, x: Push, y: Push): Push {
  const size = a.let(a.abs(x));
  const unit = a.let(a.abs(y));
  const isUsual = apply(f, "f32x4.lt", a.div(size, unit), a.constant(largestQuotient));
  return a.let(() => {
    unlessAny(f, apply(f, "v128.not", isUsual), [x, y], fmodOfFloats, () => {
      // a quotient that is no integer is further from one than doubles round it, so that its integer part is right and all else exact
      const rest = inHalves(f, a, [size, unit], (d, own, by) => {
        const quotient = apply(f, "f64x2.trunc", d.div(own, by));
        return d.sub(own, d.mul(quotient, by));
      });
      signed(f, choose(f, "f32x4", apply(f, "f32x4.lt", size, unit), size, rest), x)();
    });
  });
}

/** Exact remainder with the dividend's sign. */
export const fmodF32x4: VectorFunction = (f) => {
  remainder(f, (_, rest) => rest);
};

/** Remainder with the divisor's sign. */
export const modF32x4: VectorFunction = (f) => {
  remainder(f, (a, rest, y) => {
    const isNegative = (x: Push): Push => apply(f, "f32x4.lt", x, a.constant(0));
    const differ = apply(f, "v128.xor", isNegative(rest), isNegative(y));
    const moved = choose(f, "f32x4", differ, a.add(rest, y), rest);
    return choose(f, "f32x4", apply(f, "f32x4.eq", rest, a.constant(0)), signBitOf(f, y), moved);
  });
};

function remainder(f: FunctionBuilder, finish: (a: Algebra, rest: Push, y: Push) => Push): void {
  withFloats(f, 2, (a, x, y) => {
    finish(a, pushRemainder(f, a, x, y), y)();
  });
}
