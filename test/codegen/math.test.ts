import { describe, expect, it } from "@jest/globals";
import { defined, nth } from "../../compiler/codegen/access.ts";
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
