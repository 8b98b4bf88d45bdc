import { describe, it } from "@jest/globals";
import fc from "fast-check";
import { emitMap } from "../../compiler/codegen/kernels/map.ts";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary, type BinaryFunction, type Expr, lit, select, unary } from "../../ir/expr.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { expectLikeReference, randomSource } from "./run-kernel.ts";

const types: readonly DType[] = ["i8", "u8", "i16", "u16", "i64", "u64"];
const combinations: readonly BinaryFunction[] = ["add", "sub", "mul", "min", "max", "bitand", "bitor", "bitxor"];
const comparisons: readonly BinaryFunction[] = ["eq", "ne", "lt", "le", "gt", "ge"];

/** Expressions of two integers of the type, x and y, and of a bool, c. */
function expressions(dtype: DType): readonly Expr[] {
  const [x, y, c] = [arg(0), arg(1), arg(2)];
  return [
    ...combinations.map((fn) => select(c, binary(fn, x, y), y)),
    ...comparisons.map((fn) => select(binary(fn, x, y), x, lit(dtype, 3))),
    ...comparisons.map((fn) => binary("xor", binary(fn, x, y), c)),
    ...(["neg", "abs", "sign", "bitnot"] as const).map((fn) => binary("add", unary(fn, x), select(c, x, y))),
    unary("not", binary("or", c, binary("lt", lit(dtype, 5), y))),
  ];
}

describe("integers in lanes of their own width", () => {
  it.each(types)("of %s, beside masks of bools", (dtype) => {
    const bits = Number(dtype.slice(1));
    const low = dtype.startsWith("i") ? -(2n ** BigInt(bits - 1)) : 0n;
    const high = low + 2n ** BigInt(bits) - 1n;
    fc.assert(
      fc.property(fc.constantFrom(1, 5, 8, 16, 23, 64, 90), fc.constantFrom(1, 0), fc.nat(), (length, isOne, seed) => {
        const random = randomSource(seed);
        const integer = (): bigint => {
          const near = [low, -1n, 0n, 3n, high][Math.floor(random() * 5)] ?? 0n;
          const value = near + BigInt(Math.round(random() * 12 - 6));
          return value < low ? low : value > high ? high : value;
        };
        const integers = (count: number): (number | bigint)[] =>
          Array.from({ length: count }, () => (bits === 64 ? integer() : Number(integer())));
        const operands = [
          tensorFrom(dtype, [2, length], integers(2 * length)),
          isOne === 1 ? tensorFrom(dtype, [2, 1], integers(2)) : tensorFrom(dtype, [length], integers(length)),
          tensorFrom(
            "bool",
            [length],
            Array.from({ length }, () => random() < 0.5),
          ),
        ];
        for (const expr of expressions(dtype))
          expectLikeReference(emitMap, { kind: "map", expr, inputs: [0, 1, 2] }, operands);
      }),
      { numRuns: 12 },
    );
  });
});
