import { describe, it } from "@jest/globals";
import { emitMap } from "../../compiler/codegen/kernels/map.ts";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary, type BinaryFunction } from "../../ir/expr.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { expectLikeReference, randomSource } from "./run-kernel.ts";

const functions: readonly BinaryFunction[] = ["div", "mod", "fmod", "shl", "shr", "pow"];

function check(dtype: DType, x: readonly number[], y: readonly number[]): void {
  const operands = [x, y].map((values) => tensorFrom(dtype, [values.length], [...values]));
  for (const fn of functions) {
    expectLikeReference(emitMap, { kind: "map", expr: binary(fn, arg(0), arg(1)), inputs: [0, 1] }, operands);
  }
}

describe("quotients, remainders, shifts and powers of vectors of integers", () => {
  it.each(["i8", "u8"] as const)("of all pairs of %s", (dtype) => {
    const low = dtype === "i8" ? -128 : 0;
    const all = Array.from({ length: 65_536 }, (_, i) => i);
    check(
      dtype,
      all.map((i) => low + (i & 255)),
      all.map((i) => low + (i >> 8)),
    );
  });

  it.each<[DType, number, number]>([
    ["i16", -32768, 32767],
    ["u16", 0, 65535],
    ["i32", -2147483648, 2147483647],
    ["u32", 0, 4294967295],
  ])("of %s: ends, neighbours of multiples, divisors and shifts of any size", (dtype, low, high) => {
    const random = randomSource(12);
    const clamped = (value: number): number => Math.min(high, Math.max(low, Math.trunc(value)));
    const anySize = (): number => clamped((random() < 0.5 ? -1 : 1) * 2 ** (random() * 33));
    const ends = [low, low + 1, -1, 0, 1, 2, 15, 16, 31, 32, 33, high - 1, high].map(clamped);
    const pairs = ends.flatMap((x) => ends.map((y) => [x, y] as const));
    for (let i = 0; i < 5000; i++) {
      const divisor = anySize();
      const quotient = Math.trunc(high / Math.max(1, Math.abs(divisor)) / 2 ** (random() * 16));
      pairs.push([clamped(divisor * quotient + Math.round(random() * 2 - 1)), divisor]);
      pairs.push([anySize(), clamped(random() * 40 - 4)]);
    }
    check(
      dtype,
      pairs.map(([x]) => x),
      pairs.map(([, y]) => y),
    );
  });
});
