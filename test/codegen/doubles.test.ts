import { describe, expect, it } from "@jest/globals";
import { defined, nth } from "../../ir/access.ts";
import { emitMap } from "../../compiler/codegen/kernels/map.ts";
import { arg, binary, type Expr, unary, type UnaryFunction } from "../../ir/expr.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { randomSource, runKernel } from "./run-kernel.ts";

function run(expr: Expr, ...operands: readonly (readonly number[])[]): Float64Array {
  const inputs = operands.map((values) => tensorFrom("f64", [values.length], [...values]));
  const op = { kind: "map", expr, inputs: inputs.map((_, i) => i) } as const;
  return defined(runKernel(emitMap, op, inputs)[0]).elements as Float64Array;
}

/** The greatest difference over the least unit of what is right; infinite where signs of zeros, infinities or NaN differ. */
function worst(got: Float64Array, want: readonly number[]): { readonly error: number; readonly at: number } {
  let [error, at] = [0, -1];
  for (const [i, value] of got.entries()) {
    const right = nth(want, i);
    const size = Math.max(Math.abs(right) * 2 ** -52, 2 ** -1074);
    const isAlike = Object.is(value, right) || (Number.isFinite(value) && Number.isFinite(right) && right !== 0);
    const own = isAlike ? (Object.is(value, right) ? 0 : Math.abs(value - right) / size) : Infinity;
    if (own > error) [error, at] = [own, i];
  }
  return { error, at };
}

const special = [
  0,
  -0,
  1,
  -1,
  2,
  -2,
  3,
  0.5,
  -0.5,
  2.5,
  -2.5,
  Infinity,
  -Infinity,
  NaN,
  5e-324,
  -5e-324,
  2 ** -1022,
  2 ** -1023,
  1e308,
  -1e308,
  2 ** 53,
  2 ** 53 - 1,
  1 + 2 ** -52,
  1 - 2 ** -53,
  -1 - 2 ** -52,
  1024,
  -1074,
];

describe("functions of two doubles", () => {
  const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
  /** what is right, to how many units of the host's own functions, and where */
  const cases: readonly [UnaryFunction, (x: number) => number, number, readonly [number, number][]][] = [
    [
      "exp",
      Math.exp,
      3,
      [
        [-708.5, 710],
        [-745.2, -707],
        [-1e-3, 1e-3],
      ],
    ],
    [
      "log",
      Math.log,
      3,
      [
        [0, 4],
        [0.999, 1.001],
        [0, 1e-307],
        [1e300, 1.7e308],
      ],
    ],
    [
      "sigmoid",
      sigmoid,
      6,
      [
        [-745, 40],
        [-4, 4],
      ],
    ],
    [
      "tanh",
      Math.tanh,
      6,
      [
        [-20, 20],
        [-0.7, 0.7],
        [-1e-8, 1e-8],
      ],
    ],
    [
      "sin",
      Math.sin,
      4,
      [
        [-10, 10],
        [-(2 ** 20) - 9, -(2 ** 20) + 9],
        [-1e15, 1e15],
        [-1e-8, 1e-8],
      ],
    ],
    [
      "cos",
      Math.cos,
      4,
      [
        [-10, 10],
        [2 ** 20 - 9, 2 ** 20 + 9],
        [-1e15, 1e15],
      ],
    ],
    [
      "tan",
      Math.tan,
      6,
      [
        [-10, 10],
        [-1e5, 1e5],
        [-1e15, 1e15],
      ],
    ],
  ];

  it.each(cases)("%s", (fn, right, units, ranges) => {
    const random = randomSource(7);
    const values = ranges.flatMap(([low, high]) => Array.from({ length: 20_000 }, () => low + random() * (high - low)));
    // multiples of a quarter turn, as near as doubles come to them
    const turns = Array.from({ length: 2000 }, (_, i) => (i - 1000) * (Math.PI / 2));
    const x = [...special, ...turns, ...values];
    const { error, at } = worst(run(unary(fn, arg(0)), x), x.map(right));
    expect(error > units ? `${error} units at ${x[at] ?? ""}` : "").toBe("");
  });

  it("gives an element the same bits wherever it stands", () => {
    const random = randomSource(3);
    const x = [...special, ...Array.from({ length: 74 }, () => (random() - 0.5) * 1500)];
    for (const fn of [...cases.map(([name]) => name), "abs", "sign", "floor", "atan"] as const) {
      const rows = run(unary(fn, arg(0)), x);
      for (const [i, value] of x.entries()) expect(run(unary(fn, arg(0)), [value])[0]).toBe(rows[i]);
    }
  });
});

describe("powers of doubles", () => {
  /** JavaScript's ** gives NaN where IEEE's pow gives 1. */
  const pow = (x: number, y: number): number => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y);
  const check = (pairs: readonly (readonly [number, number])[], units: number): void => {
    const [x, y] = [pairs.map(([base]) => base), pairs.map(([, exponent]) => exponent)];
    const { error, at } = worst(
      run(binary("pow", arg(0), arg(1)), x, y),
      pairs.map(([base, exponent]) => pow(base, exponent)),
    );
    expect(error > units ? `${error} units at ${String(pairs[at])}` : "").toBe("");
  };

  it("has IEEE's edges", () => {
    check(
      special.flatMap((x) => special.map((y) => [x, y] as const)),
      4,
    );
  });

  it("is right to a few units, signs included", () => {
    const random = randomSource(9);
    const sign = (): number => (random() < 0.5 ? -1 : 1);
    const anySize = (): number => sign() * 2 ** (random() * 2000 - 1000);
    check(
      Array.from({ length: 30_000 }, () => [random() * 8, random() * 20 - 10] as const),
      4,
    );
    check(
      Array.from({ length: 10_000 }, () => [-Math.ceil(random() * 40), Math.ceil(random() * 40) - 20] as const),
      4,
    );
    check(
      Array.from({ length: 10_000 }, () => [anySize(), (random() - 0.5) * 4] as const),
      4,
    );
    check(
      Array.from({ length: 10_000 }, () => [sign() * (1 + (random() - 0.5) * 1e-3), sign() * random() * 7e5] as const),
      12,
    );
  });
});
