import { describe, expect, it } from "@jest/globals";
import { defined, nth } from "../../ir/access.ts";
import { emitMap } from "../../compiler/codegen/kernels/map.ts";
import { arg, type UnaryFunction } from "../../ir/expr.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { floats, vectorForms, worstError } from "./accuracy.ts";
import { randomSource, runKernel } from "./run-kernel.ts";

describe("f32 functions with a vector form", () => {
  it.each(vectorForms)("%s over [%d, %d] within %d", (fn, low, high, bound) => {
    const values = floats(low, high, 30_000);
    const { error, at } = worstError(fn, tensorFrom("f32", [values.length], values));
    expect(error > bound ? `${error} at ${at}` : "").toBe("");
  });
});

describe.each([
  ["f64" as const, 4e-15],
  ["f32" as const, 6.1e-8],
])("elementary functions of %s", (dtype, bound) => {
  it.each<[UnaryFunction, number, number]>([
    ["exp", -750, 715],
    ["log", 0, 4],
    ["sin", -30, 30],
    ["cos", -30, 30],
    ["tan", -30, 30],
    ["asin", -1.1, 1.1],
    ["acos", -1.1, 1.1],
    ["atan", -4, 4],
    ["sinh", -30, 30],
    ["cosh", -30, 30],
    ["tanh", -30, 30],
    ["asinh", -4, 4],
    ["acosh", 0.9, 4],
    ["atanh", -1.1, 1.1],
    ["erf", -7, 7],
    ["sigmoid", -750, 40],
  ])("%s over [%d, %d]", (fn, low, high) => {
    if (dtype === "f32" && vectorForms.some(([name]) => name === fn)) return;
    const values = floats(low, high, 5000);
    const { error, at } = worstError(fn, tensorFrom(dtype, [values.length], values));
    expect(error > bound ? `${error} at ${at}` : "").toBe("");
  });
});

describe("pow", () => {
  it("is accurate where results are extreme", () => {
    const random = randomSource(21);
    const bases = Array.from({ length: 5000 }, () => 2 ** (random() * 20 - 10));
    const exponents = bases.map((base) => ((random() * 2 - 1) * 700) / Math.abs(Math.log(base)));
    const shape = [bases.length];
    const op = { kind: "map", expr: { op: "binary", fn: "pow", x: arg(0), y: arg(1) }, inputs: [0, 1] } as const;
    const inputs = [tensorFrom("f64", shape, bases), tensorFrom("f64", shape, exponents)];
    const [actual] = runKernel(emitMap, op, inputs);
    const worst = bases.map((base, i) => {
      const want = base ** nth(exponents, i);
      return Math.abs(defined((defined(actual).elements as Float64Array)[i]) - want) / want;
    });
    // the host's own pow is off by some units in the last place
    expect(Math.max(...worst)).toBeLessThan(4e-15);
  });
});

describe("functions of two floats", () => {
  const special = [
    0,
    -0,
    1,
    -1,
    2,
    -2,
    3,
    -3,
    0.5,
    -0.5,
    0.25,
    2.5,
    -2.5,
    Infinity,
    -Infinity,
    NaN,
    1e-45,
    -1e-45,
    1e-38,
    3.4e38,
    -3.4e38,
    16777216,
    16777217,
    33554431,
    -16777215,
    1e10,
    -1e10,
    0.99999994,
    -1.0000001,
    127,
    128,
    -126,
    -149,
    7,
    1e-3,
  ];
  const random = randomSource(4);
  const anySize = (): number => (random() < 0.5 ? -1 : 1) * 2 ** (random() * 250 - 126);
  const pairs = [
    ...special.flatMap((x) => special.map((y) => [x, y])),
    ...Array.from({ length: 4000 }, () => [random() * 8, random() * 20 - 10]),
    ...Array.from({ length: 2000 }, () => [-Math.ceil(random() * 40), Math.ceil(random() * 40) - 20]),
    ...Array.from({ length: 4000 }, () => [anySize(), anySize()]),
    ...Array.from({ length: 4000 }, () => [random() * 200 - 100, random() * 9 - 4.5]),
    ...Array.from({ length: 4000 }, () => [Math.ceil(random() * 900) * 0.125, Math.ceil(random() * 24) * 0.125]),
    ...Array.from({ length: 2000 }, () => [2 ** (random() * 60), random() + 0.5]),
  ].map(([x, y]) => [Math.fround(defined(x)), Math.fround(defined(y))] as const);
  const shape = [pairs.length];
  const inputs = [0, 1].map((side) =>
    tensorFrom(
      "f32",
      shape,
      pairs.map((pair) => defined(pair[side])),
    ),
  );
  const run = (fn: "pow" | "fmod" | "mod"): Float32Array => {
    const op = { kind: "map", expr: { op: "binary", fn, x: arg(0), y: arg(1) }, inputs: [0, 1] } as const;
    return defined(runKernel(emitMap, op, inputs)[0]).elements as Float32Array;
  };
  /** JavaScript's ** gives NaN where IEEE's pow gives 1. */
  const pow = (x: number, y: number): number => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y);
  const mod = (x: number, y: number): number => {
    const rest = x % y;
    if (rest === 0) return y < 0 ? -0 : 0;
    return rest < 0 === y < 0 ? rest : Math.fround(rest + y);
  };

  it("pow is rounded correctly but for ties", () => {
    for (const [i, got] of run("pow").entries()) {
      const [x, y] = nth(pairs, i);
      const exact = pow(x, y);
      if (Object.is(got, Math.fround(exact))) continue;
      expect([x, y, Math.abs(got - exact) <= 6.1e-8 * Math.abs(exact) + 2 ** -149, Math.sign(got)]).toEqual([
        x,
        y,
        true,
        Math.sign(exact),
      ]);
    }
  });

  it.each([
    ["fmod" as const, (x: number, y: number): number => x % y],
    ["mod" as const, mod],
  ])("%s is exact", (fn, expected) => {
    for (const [i, got] of run(fn).entries()) {
      const [x, y] = nth(pairs, i);
      expect([x, y, got]).toEqual([x, y, expected(x, y)]);
    }
  });
});
