/**
 * Circular and hyperbolic functions, their inverses and erf of one double, over the functions of f64.ts. Arguments are brought to where
 * Taylor's series is short; nothing is subtracted that would cancel.
 */
import type { FunctionBuilder, ModuleBuilder } from "../wasm/index.ts";
import { type Algebra, apply, choose, type Push } from "./algebra.ts";
import { callF64, expF64, f64Function, log1pF64, logF64, returnIf } from "./f64.ts";
import { reduceByHalfPi } from "./half-pi.ts";

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));
const alternating = (k: number): number => (k % 2 === 0 ? 1 : -1);
const series = (terms: number, coefficient: (k: number) => number): number[] =>
  Array.from({ length: terms }, (_, k) => coefficient(k));

const sinSeries = series(10, (k) => alternating(k) / factorial(2 * k + 1));
const cosSeries = series(11, (k) => alternating(k) / factorial(2 * k));
const sinhSeries = series(10, (k) => 1 / factorial(2 * k + 1));
const atanSeries = series(12, (k) => alternating(k) / (2 * k + 1));

/** r S(r²) */
const odd = (a: Algebra, r: Push, coefficients: readonly number[]): Push => {
  const z = a.let(a.mul(r, r));
  return a.mul(r, a.polynomial(z, coefficients));
};

/** sin of an angle that is `shift` quarter turns ahead of x. */
function pushSine(f: FunctionBuilder, a: Algebra, x: Push, shift: number): void {
  const { r, quadrant } = reduceByHalfPi(f, a, x);
  const z = a.let(a.mul(r, r));
  const turned = f.local("i32");
  f.get(quadrant);
  f.i32(shift);
  f.op("i32.add");
  f.set(turned);
  const bit =
    (mask: number): Push =>
    () => {
      f.get(turned);
      f.i32(mask);
      f.op("i32.and");
    };
  const value = a.let(choose(f, "f64", bit(1), a.polynomial(z, cosSeries), a.mul(r, a.polynomial(z, sinSeries))));
  choose(f, "f64", bit(2), a.neg(value), value)();
}

/** A small argument is its own sine, with its sign if it is zero. */
const tinyAngle = 1e-9;

export const sinF64 = (module: ModuleBuilder): number =>
  f64Function(module, "sin", 1, (f, a, x) => {
    returnIf(f, apply(f, "f64.lt", a.abs(x), a.constant(tinyAngle)), x);
    pushSine(f, a, x, 0);
  });
export const cosF64 = (module: ModuleBuilder): number =>
  f64Function(module, "cos", 1, (f, a, x) => {
    pushSine(f, a, x, 1);
  });
export const tanF64 = (module: ModuleBuilder): number =>
  f64Function(module, "tan", 1, (f, a, x) => {
    a.div(callF64(f, sinF64, x), callF64(f, cosF64, x))();
  });

/** atan x = 2 atan(x / (1 + sqrt(1 + x²))): two halvings bring [0, 1] to [0, 0.199]; above 1, pi/2 - atan(1/x). */
export const atanF64 = (module: ModuleBuilder): number =>
  f64Function(module, "atan", 1, (f, a, x) => {
    returnIf(f, apply(f, "f64.lt", a.abs(x), a.constant(tinyAngle)), x);
    const size = a.let(a.abs(x));
    const one = a.constant(1);
    const large = apply(f, "f64.gt", size, one);
    const small = a.let(choose(f, "f64", large, a.div(one, size), size));
    const halved = (y: Push): Push => a.let(a.div(y, a.add(one, a.sqrt(a.add(one, a.mul(y, y))))));
    const quarter = halved(halved(small));
    const angle = a.let(a.mul(a.constant(4), odd(a, quarter, atanSeries)));
    const result = choose(f, "f64", large, a.sub(a.constant(Math.PI / 2), angle), angle);
    apply(f, "f64.copysign", result, x)();
  });

const oneMinusTimesOnePlus = (a: Algebra, x: Push): Push => a.mul(a.sub(a.constant(1), x), a.add(a.constant(1), x));

export const asinF64 = (module: ModuleBuilder): number =>
  f64Function(module, "asin", 1, (f, a, x) => {
    callF64(f, atanF64, a.div(x, a.sqrt(oneMinusTimesOnePlus(a, x))))();
  });
export const acosF64 = (module: ModuleBuilder): number =>
  f64Function(module, "acos", 1, (f, a, x) => {
    const ratio = a.div(a.sub(a.constant(1), x), a.add(a.constant(1), x));
    a.mul(a.constant(2), callF64(f, atanF64, a.sqrt(ratio)))();
  });

/** (e^|x| ± e^-|x|) / 2, with e^(|x|/2) squared where e^|x| alone would overflow. */
function pushHalfSum(f: FunctionBuilder, a: Algebra, size: Push, combine: (x: Push, y: Push) => Push): void {
  const large = apply(f, "f64.gt", size, a.constant(700));
  large();
  f.if(
    () => {
      const root = a.let(callF64(f, expF64, a.mul(size, a.constant(0.5))));
      a.mul(a.mul(a.constant(0.5), root), root)();
    },
    () => {
      const e = a.let(callF64(f, expF64, size));
      a.mul(a.constant(0.5), combine(e, a.div(a.constant(1), e)))();
    },
    "f64",
  );
}

export const sinhF64 = (module: ModuleBuilder): number =>
  f64Function(module, "sinh", 1, (f, a, x) => {
    const size = a.let(a.abs(x));
    returnIf(f, apply(f, "f64.lt", size, a.constant(1)), odd(a, x, sinhSeries));
    const value = a.let(() => {
      pushHalfSum(f, a, size, a.sub);
    });
    apply(f, "f64.copysign", value, x)();
  });
export const coshF64 = (module: ModuleBuilder): number =>
  f64Function(module, "cosh", 1, (f, a, x) => {
    pushHalfSum(f, a, a.let(a.abs(x)), a.add);
  });
export const tanhF64 = (module: ModuleBuilder): number =>
  f64Function(module, "tanh", 1, (f, a, x) => {
    const size = a.let(a.abs(x));
    const small = a.div(callF64(f, sinhF64, x), callF64(f, coshF64, x));
    returnIf(f, apply(f, "f64.lt", size, a.constant(0.6)), small);
    const e = callF64(f, expF64, a.mul(a.constant(2), size));
    const value = a.sub(a.constant(1), a.div(a.constant(2), a.add(e, a.constant(1))));
    apply(f, "f64.copysign", value, x)();
  });

/** sign(x) log(|x| + sqrt(x² + 1)) */
export const asinhF64 = (module: ModuleBuilder): number =>
  f64Function(module, "asinh", 1, (f, a, x) => {
    const size = a.let(a.abs(x));
    const huge = a.add(callF64(f, logF64, size), a.constant(Math.LN2));
    returnIf(f, apply(f, "f64.gt", size, a.constant(1e9)), apply(f, "f64.copysign", huge, x));
    const square = a.let(a.mul(size, size));
    const excess = a.div(square, a.add(a.constant(1), a.sqrt(a.add(a.constant(1), square))));
    apply(f, "f64.copysign", callF64(f, log1pF64, a.add(size, excess)), x)();
  });
export const acoshF64 = (module: ModuleBuilder): number =>
  f64Function(module, "acosh", 1, (f, a, x) => {
    returnIf(f, apply(f, "f64.lt", x, a.constant(1)), a.constant(NaN));
    const huge = a.add(callF64(f, logF64, x), a.constant(Math.LN2));
    returnIf(f, apply(f, "f64.gt", x, a.constant(1e9)), huge);
    const above = a.let(a.sub(x, a.constant(1)));
    const root = a.sqrt(a.mul(above, a.add(x, a.constant(1))));
    callF64(f, log1pF64, a.add(above, root))();
  });
export const atanhF64 = (module: ModuleBuilder): number =>
  f64Function(module, "atanh", 1, (f, a, x) => {
    const size = a.let(a.abs(x));
    const ratio = a.div(a.add(size, size), a.sub(a.constant(1), size));
    apply(f, "f64.copysign", a.mul(a.constant(0.5), callF64(f, log1pF64, ratio)), x)();
  });

/** 1 / (1 + e^-x), from e^-|x|. */
export const sigmoidF64 = (module: ModuleBuilder): number =>
  f64Function(module, "sigmoid", 1, (f, a, x) => {
    const e = a.let(callF64(f, expF64, a.neg(a.abs(x))));
    const upper = a.let(a.div(a.constant(1), a.add(a.constant(1), e)));
    choose(f, "f64", apply(f, "f64.lt", x, a.constant(0)), a.mul(e, upper), upper)();
  });

/**
 * Below 2.75 by 2/sqrt(pi) e^(-x²) sum 2^n x^(2n+1) / (1·3·…·(2n+1)), whose terms are all positive; above by the continued fraction
 * of erfc, 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …)))), evaluated from its 30th level.
 */
export const erfF64 = (module: ModuleBuilder): number =>
  f64Function(module, "erf", 1, (f, a, x) => {
    returnIf(f, apply(f, "f64.ne", x, x), x);
    const size = a.let(a.abs(x));
    returnIf(f, apply(f, "f64.gt", size, a.constant(6)), apply(f, "f64.copysign", a.constant(1), x));
    const square = a.let(a.mul(size, size));
    const bell = a.let(callF64(f, expF64, a.neg(square)));
    const counter = a.let(a.constant(30));
    const step = (amount: number): void => {
      a.add(counter, a.constant(amount))();
      f.set(counter.local);
    };
    const scale = 1 / Math.sqrt(Math.PI);
    apply(f, "f64.gt", size, a.constant(2.75))();
    f.if(() => {
      const tail = a.let(size);
      f.loop((again) => {
        a.add(size, a.div(a.mul(a.constant(0.5), counter), tail))();
        f.set(tail.local);
        step(-1);
        apply(f, "f64.gt", counter, a.constant(0))();
        f.brIf(again);
      });
      const complement = a.div(a.mul(bell, a.constant(scale)), tail);
      apply(f, "f64.copysign", a.sub(a.constant(1), complement), x)();
      f.return();
    });
    const term = a.let(size);
    const sum = a.let(size);
    a.constant(3)();
    f.set(counter.local);
    f.loop((again) => {
      a.div(a.mul(term, a.add(square, square)), counter)();
      f.tee(term.local);
      sum();
      f.op("f64.add");
      f.set(sum.local);
      step(2);
      apply(f, "f64.gt", term, a.mul(sum, a.constant(1e-18)))();
      f.brIf(again);
    });
    apply(f, "f64.copysign", a.mul(a.mul(a.constant(2 * scale), bell), sum), x)();
  });
