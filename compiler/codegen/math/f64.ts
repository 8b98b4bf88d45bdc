/**
 * Elementary functions of one double as functions of the module (`call` them with `callF64`), to about 1e-15 relative. Speed matters less
 * here than being right: f32 functions that are rarely used are computed by promotion.
 */
import type { FunctionBuilder, ModuleBuilder } from "../wasm/index.ts";
import { type Algebra, algebra, apply, choose, type Push, pushLocal } from "./algebra.ts";

/** Body of a function of doubles: leaves the result on the stack. */
export type F64Body = (f: FunctionBuilder, a: Algebra, ...params: Push[]) => void;

/** The module's function `name`, emitted on first use. */
export function f64Function(module: ModuleBuilder, name: string, params: number, body: F64Body): number {
  return module.shared(`f64 ${name}`, () =>
    module.function(`f64_${name}`, { params: Array.from({ length: params }, () => "f64"), results: ["f64"] }, (f) => {
      body(f, algebra(f, "f64"), ...f.params.map((param) => pushLocal(f, param)));
    }),
  );
}

/** A call of a function of doubles over pushes. */
export const callF64 =
  (f: FunctionBuilder, define: (module: ModuleBuilder) => number, ...operands: readonly Push[]): Push =>
  () => {
    const index = define(f.module);
    for (const operand of operands) operand();
    f.call(index);
  };

export const ln2High = 6.9314718036912381649e-1;
export const ln2Low = 1.90821492927058770002e-10;

const series = (terms: number, coefficient: (k: number) => number): number[] =>
  Array.from({ length: terms }, (_, k) => coefficient(k));
const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));

/** 2^n for an i32 n in [-1022, 1023]. */
const powerOfTwo = (f: FunctionBuilder, n: Push): Push => {
  return () => {
    n();
    f.i32(1023);
    f.op("i32.add");
    f.op("i64.extend_i32_s");
    f.i64(52n);
    f.op("i64.shl");
    f.op("f64.reinterpret_i64");
  };
};

/**
 * e^(x + correction), where |correction| is far below 1: e^x = 2^n e^r by Taylor's series of 14 terms; 2^n is applied in two halves to
 * reach infinity and the subnormals.
 */
export const expWithCorrection = (module: ModuleBuilder): number =>
  f64Function(module, "exp_corrected", 2, (f, a, x, correction) => {
    x();
    x();
    f.op("f64.ne");
    f.if(() => {
      x();
      f.return();
    });
    const bounded = a.let(apply(f, "f64.min", apply(f, "f64.max", x, a.constant(-746)), a.constant(710)));
    const whole = a.let(apply(f, "f64.nearest", a.mul(bounded, a.constant(Math.LOG2E))));
    const high = a.sub(bounded, a.mul(whole, a.constant(ln2High)));
    const low = a.sub(correction, a.mul(whole, a.constant(ln2Low)));
    const r = a.let(a.add(high, low));
    const mantissa = a.let(
      a.polynomial(
        r,
        series(14, (k) => 1 / factorial(k)),
      ),
    );
    const n = f.local("i32");
    const half = f.local("i32");
    apply(f, "i32.trunc_sat_f64_s", whole)();
    f.tee(n);
    f.i32(1);
    f.op("i32.shr_s");
    f.set(half);
    const rest = apply(f, "i32.sub", pushLocal(f, n), pushLocal(f, half));
    a.mul(a.mul(mantissa, powerOfTwo(f, pushLocal(f, half))), powerOfTwo(f, rest))();
  });

export const expF64 = (module: ModuleBuilder): number =>
  f64Function(module, "exp", 1, (f, a, x) => {
    callF64(f, expWithCorrection, x, a.constant(0))();
  });

/** Leaves the function early with `value` when the condition holds. */
export function returnIf(f: FunctionBuilder, condition: Push, value: Push): void {
  condition();
  f.if(() => {
    value();
    f.return();
  });
}

interface Decomposed {
  /** exponent, as a double */
  readonly e: Push;
  /** mantissa in [sqrt 1/2, sqrt 2) */
  readonly m: Push;
}

const sqrtHalfBits = 0x3fe6a09e667f3bcdn;

/** x = m 2^e of a positive finite x. */
function decompose(f: FunctionBuilder, a: Algebra, x: Push): Decomposed {
  const tiny = apply(f, "f64.lt", x, a.constant(2.2250738585072014e-308));
  const normal = a.let(choose(f, "f64", tiny, a.mul(x, a.constant(2 ** 54)), x));
  const offset = f.local("i64");
  normal();
  f.op("i64.reinterpret_f64");
  f.i64(sqrtHalfBits);
  f.op("i64.sub");
  f.set(offset);
  const e = a.let(() => {
    f.get(offset);
    f.i64(52n);
    f.op("i64.shr_s");
    f.op("f64.convert_i64_s");
    choose(f, "f64", tiny, a.constant(54), a.constant(0))();
    f.op("f64.sub");
  });
  const m = a.let(() => {
    f.get(offset);
    f.i64(0xfffffffffffffn);
    f.op("i64.and");
    f.i64(sqrtHalfBits);
    f.op("i64.add");
    f.op("f64.reinterpret_i64");
  });
  return { e, m };
}

/** Sum of 2 z^k / (2k + 3): atanh's series behind its first term; z <= 0.0295. */
const atanhTail = series(11, (k) => 2 / (2 * k + 3));

/** Leaves early for x <= 0, NaN and infinity. */
function logEdges(f: FunctionBuilder, a: Algebra, x: Push): void {
  returnIf(f, apply(f, "f64.lt", x, a.constant(0)), a.constant(NaN));
  returnIf(f, apply(f, "f64.eq", x, a.constant(0)), a.constant(-Infinity));
  returnIf(f, apply(f, "i32.eqz", apply(f, "f64.lt", x, a.constant(Infinity))), x);
}

export const logF64 = (module: ModuleBuilder): number =>
  f64Function(module, "log", 1, (f, a, x) => {
    logEdges(f, a, x);
    const { e, m } = decompose(f, a, x);
    const g = a.let(a.sub(m, a.constant(1)));
    const s = a.let(a.div(g, a.add(g, a.constant(2))));
    const z = a.let(a.mul(s, s));
    const halfSquare = a.let(a.mul(a.mul(g, g), a.constant(0.5)));
    const tail = a.mul(z, a.polynomial(z, atanhTail));
    const correction = a.sub(halfSquare, a.add(a.mul(s, a.add(halfSquare, tail)), a.mul(e, a.constant(ln2Low))));
    a.sub(a.mul(e, a.constant(ln2High)), a.sub(correction, g))();
  });

/** log(1 + u): with w the rounded 1 + u, log(w) u / (w - 1) makes good what rounding lost. */
export const log1pF64 = (module: ModuleBuilder): number =>
  f64Function(module, "log1p", 1, (f, a, u) => {
    const w = a.let(a.add(a.constant(1), u));
    returnIf(f, apply(f, "f64.eq", w, a.constant(1)), u);
    returnIf(f, apply(f, "f64.eq", w, a.constant(Infinity)), w);
    a.mul(callF64(f, logF64, w), a.div(u, a.sub(w, a.constant(1))))();
  });

/** The leading 26 bits of a double: products of two such halves are exact. */
const leadingHalf = (f: FunctionBuilder, x: Push): Push => {
  return () => {
    x();
    f.op("i64.reinterpret_f64");
    f.i64(-0x8000000n);
    f.op("i64.and");
    f.op("f64.reinterpret_i64");
  };
};

/** x * y - product, exactly, where `product` is the rounded product (Dekker). */
function productError(f: FunctionBuilder, a: Algebra, x: Push, y: Push, product: Push): Push {
  const xh = a.let(leadingHalf(f, x));
  const xl = a.let(a.sub(x, xh));
  const yh = a.let(leadingHalf(f, y));
  const yl = a.let(a.sub(y, yh));
  const cross = a.add(a.sub(a.mul(xh, yh), product), a.add(a.mul(xh, yl), a.mul(xl, yh)));
  return a.let(a.add(cross, a.mul(xl, yl)));
}

/**
 * x^y of x > 0, finite, and |y log x| moderate: e^(y log x) with the logarithm held as a sum high + low of some 65 bits, because an error
 * in y log x comes out multiplied by up to 709.
 */
const positivePower = (module: ModuleBuilder): number =>
  f64Function(module, "positive_power", 2, (f, a, x, y) => {
    const { e, m } = decompose(f, a, x);
    const g = a.let(a.sub(m, a.constant(1)));
    const sum = a.let(a.add(m, a.constant(1)));
    const sumLow = a.let(a.sub(m, a.sub(sum, a.constant(1))));
    const s = a.let(a.div(g, sum));
    const product = a.let(a.mul(s, sum));
    const lost = productError(f, a, s, sum, product);
    const remainder = a.sub(a.sub(a.sub(g, product), lost), a.mul(s, sumLow));
    const sLow = a.let(a.div(remainder, sum));
    const z = a.let(a.mul(s, s));
    const tail = a.mul(a.mul(s, z), a.polynomial(z, atanhTail));
    const eHigh = a.let(a.mul(e, a.constant(ln2High)));
    const twoS = a.let(a.add(s, s));
    const high = a.let(a.add(eHigh, twoS));
    const back = a.let(a.sub(high, eHigh));
    const lostInSum = a.add(a.sub(eHigh, a.sub(high, back)), a.sub(twoS, back));
    const low = a.let(a.add(lostInSum, a.add(a.add(tail, a.mul(a.constant(2), sLow)), a.mul(e, a.constant(ln2Low)))));
    const total = a.let(a.add(high, low));
    const totalLow = a.let(a.sub(low, a.sub(total, high)));
    const exponent = a.let(a.mul(y, total));
    // far outside the range of results the correction would be inf - inf
    returnIf(f, apply(f, "f64.gt", a.abs(exponent), a.constant(800)), callF64(f, expF64, exponent));
    const exponentLow = a.add(productError(f, a, y, total, exponent), a.mul(y, totalLow));
    callF64(f, expWithCorrection, exponent, exponentLow)();
  });

/** IEEE pow: pow(1, y) = pow(x, 0) = 1, a negative base needs an integer exponent, and an odd one gives the sign. */
export const powF64 = (module: ModuleBuilder): number =>
  f64Function(module, "pow", 2, (f, a, x, y) => {
    const one = a.constant(1);
    returnIf(f, apply(f, "i32.or", apply(f, "f64.eq", x, one), apply(f, "f64.eq", y, a.constant(0))), one);
    returnIf(f, apply(f, "i32.or", apply(f, "f64.ne", x, x), apply(f, "f64.ne", y, y)), a.constant(NaN));
    const size = a.let(a.abs(x));
    const infinity = a.constant(Infinity);
    const isInfinite = apply(f, "f64.eq", a.abs(y), infinity);
    returnIf(f, apply(f, "i32.and", isInfinite, apply(f, "f64.eq", size, one)), one);
    const grows = apply(f, "i32.eq", apply(f, "f64.gt", size, one), apply(f, "f64.gt", y, a.constant(0)));
    returnIf(f, isInfinite, choose(f, "f64", grows, infinity, a.constant(0)));
    const isInteger = apply(f, "f64.eq", apply(f, "f64.floor", y), y);
    const half = a.mul(y, a.constant(0.5));
    const isOdd = apply(f, "i32.and", isInteger, apply(f, "f64.ne", apply(f, "f64.floor", half), half));
    const sign = a.let(choose(f, "f64", isOdd, apply(f, "f64.copysign", one, x), one));
    const edge = apply(f, "i32.or", apply(f, "f64.eq", size, a.constant(0)), apply(f, "f64.eq", size, infinity));
    returnIf(f, edge, apply(f, "f64.copysign", choose(f, "f64", grows, infinity, a.constant(0)), sign));
    const isNegative = apply(f, "f64.lt", x, a.constant(0));
    returnIf(f, apply(f, "i32.and", isNegative, apply(f, "i32.eqz", isInteger)), a.constant(NaN));
    a.mul(sign, callF64(f, positivePower, size, y))();
  });

/** Exact remainder with the dividend's sign: subtracts y 2^k for falling k, each time exactly. */
export const fmodF64 = (module: ModuleBuilder): number =>
  f64Function(module, "fmod", 2, (f, a, x, y) => {
    const rest = a.let(a.abs(x));
    const divisor = a.let(a.abs(y));
    const infinity = a.constant(Infinity);
    const isDefined = apply(
      f,
      "i32.and",
      apply(f, "f64.lt", rest, infinity),
      apply(f, "f64.gt", divisor, a.constant(0)),
    );
    returnIf(f, apply(f, "i32.eqz", isDefined), a.constant(NaN));
    returnIf(f, apply(f, "f64.lt", rest, divisor), x);
    const scaled = a.let(divisor);
    f.loop((again) => {
      a.add(scaled, scaled)();
      rest();
      f.op("f64.le");
      f.if(() => {
        a.add(scaled, scaled)();
        f.set(scaled.local);
        f.br(again);
      });
    });
    f.loop((again) => {
      apply(f, "f64.ge", rest, scaled)();
      f.if(() => {
        a.sub(rest, scaled)();
        f.set(rest.local);
      });
      a.mul(scaled, a.constant(0.5))();
      f.set(scaled.local);
      apply(f, "f64.ge", scaled, divisor)();
      f.brIf(again);
    });
    apply(f, "f64.copysign", rest, x)();
  });

/** The least significant 25 bits of a double: without them, its products with floats are exact. */
const trailingBits = 0x1ffffffn;

/**
 * The remainder of doubles that are floats: the leading 28 bits of the quotient times the divisor are taken off, exactly, until less than the
 * divisor is left. A quotient that was rounded up leaves something negative at the end.
 */
export const fmodOfFloats = (module: ModuleBuilder): number =>
  f64Function(module, "fmod_of_floats", 2, (f, a, x, y) => {
    const rest = a.let(a.abs(x));
    const divisor = a.let(a.abs(y));
    const isDefined = apply(
      f,
      "i32.and",
      apply(f, "f64.lt", rest, a.constant(Infinity)),
      apply(f, "f64.gt", divisor, a.constant(0)),
    );
    returnIf(f, apply(f, "i32.eqz", isDefined), a.constant(NaN));
    returnIf(f, apply(f, "f64.lt", rest, divisor), x);
    f.loop((again) => {
      const whole = apply(f, "i64.reinterpret_f64", apply(f, "f64.trunc", a.div(rest, divisor)));
      const leading = (): void => {
        whole();
        f.i64(~trailingBits);
        f.op("i64.and");
        f.op("f64.reinterpret_i64");
      };
      a.sub(rest, a.mul(leading, divisor))();
      f.set(rest.local);
      apply(f, "f64.ge", a.abs(rest), divisor)();
      f.brIf(again);
    });
    const isNegative = apply(f, "f64.lt", rest, a.constant(0));
    apply(f, "f64.copysign", choose(f, "f64", isNegative, a.add(rest, divisor), rest), x)();
  });

/** Remainder with the divisor's sign. */
export const modF64 = (module: ModuleBuilder): number =>
  f64Function(module, "mod", 2, (f, a, x, y) => {
    const rest = a.let(callF64(f, fmodF64, x, y));
    const zero = a.constant(0);
    returnIf(f, apply(f, "f64.eq", rest, zero), apply(f, "f64.copysign", zero, y));
    const differ = apply(f, "i32.ne", apply(f, "f64.lt", rest, zero), apply(f, "f64.lt", y, zero));
    choose(f, "f64", differ, a.add(rest, y), rest)();
  });
