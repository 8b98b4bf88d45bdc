import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary, type BinaryFunction, cast, type Expr, lit, select, unary, type UnaryFunction } from "../../ir/expr.ts"; // prettier-ignore
import { erf } from "../../runtime/reference/erf.ts";
import { counting, f32, i64, noise, numbers, plain, type Plain, run, tensor } from "./tensors.ts";
import { nth } from "../../runtime/reference/access.ts";

const [x, y] = [arg(0), arg(1)];
const map = (expr: Expr, ...inputs: Parameters<typeof run>[1][]) => run({ kind: "map", expr }, ...inputs);
const apply1 = (fn: UnaryFunction, dtype: DType, values: readonly Plain[]) =>
  plain(map(unary(fn, x), tensor(dtype, values)));
const apply2 = (fn: BinaryFunction, dtype: DType, a: readonly Plain[], b: readonly Plain[]) =>
  plain(map(binary(fn, x, y), tensor(dtype, a), tensor(dtype, b)));

describe("integers", () => {
  it("wrap at the width of their type", () => {
    expect(apply2("add", "i8", [127, -128], [1, -1])).toEqual([-128, 127]);
    expect(apply2("mul", "u8", [16, 255], [16, 255])).toEqual([0, 1]);
    expect(apply2("mul", "i32", [0x7fffffff, 65537], [0x7fffffff, 65537])).toEqual([1, 131073]);
    expect(apply2("sub", "u32", [0], [1])).toEqual([0xffffffff]);
    expect(apply2("mul", "u32", [0xffffffff], [0xffffffff])).toEqual([1]);
    expect(apply2("add", "i64", [2n ** 63n - 1n], [1n])).toEqual([-(2n ** 63n)]);
    expect(apply2("mul", "u64", [2n ** 63n], [3n])).toEqual([2n ** 63n]);
    expect(apply1("neg", "i32", [-(2 ** 31)])).toEqual([-(2 ** 31)]);
    expect(apply1("abs", "i8", [-128])).toEqual([-128]);
    expect(apply1("neg", "u8", [1])).toEqual([255]);
  });

  it("divide toward zero, and by zero give 0", () => {
    expect(apply2("div", "i32", [7, -7, 7, -7, 5, -(2 ** 31)], [2, 2, -2, -2, 0, -1])).toEqual([3, -3, -3, 3, 0, -(2 ** 31)]); // prettier-ignore
    expect(apply2("div", "i64", [-7n, 5n], [2n, 0n])).toEqual([-3n, 0n]);
  });

  it("take remainders with the divisor's or the dividend's sign", () => {
    const [a, b] = [
      [7, -7, 7, -7, 6],
      [3, 3, -3, -3, 3],
    ];
    expect(apply2("mod", "i32", a, b)).toEqual([1, 2, -2, -1, 0]);
    expect(apply2("fmod", "i32", a, b)).toEqual([1, -1, 1, -1, 0]);
    expect(apply2("mod", "i64", a, b)).toEqual([1n, 2n, -2n, -1n, 0n]);
    expect(apply2("fmod", "i64", a, b)).toEqual([1n, -1n, 1n, -1n, 0n]);
  });

  it("leave no negative zero behind", () => {
    const expr = cast("f32", binary("mul", x, y));
    expect(Object.is(numbers(map(expr, tensor("i32", [0]), tensor("i32", [-3])))[0], 0)).toBe(true);
    expect(Object.is(numbers(map(cast("f32", unary("neg", x)), tensor("i8", [0])))[0], 0)).toBe(true);
  });

  it("raise to powers modulo the width", () => {
    expect(apply2("pow", "i32", [3, -2, 2, 1, -1, 5, 7], [4, 3, 31, -5, -3, -1, 20])).toEqual([81, -8, -(2 ** 31), 1, -1, 0, Number(BigInt.asIntN(32, 7n ** 20n))]); // prettier-ignore
    expect(apply2("pow", "i64", [3n, 3n], [4n, 50n])).toEqual([81n, BigInt.asIntN(64, 3n ** 50n)]);
  });

  it("shift, and lose everything beyond the width", () => {
    expect(apply2("shl", "u8", [1, 255, 1], [7, 4, 8])).toEqual([128, 240, 0]);
    expect(apply2("shr", "u32", [0x80000000, 8, 8], [31, 2, 32])).toEqual([1, 2, 0]);
    expect(apply2("shr", "i32", [-8, -8], [1, 40])).toEqual([-4, -1]);
    expect(apply2("shl", "u64", [1n, 1n], [63n, 64n])).toEqual([2n ** 63n, 0n]);
    expect(apply2("bitxor", "u64", [2n ** 64n - 1n], [1n])).toEqual([2n ** 64n - 2n]);
    expect(apply1("bitnot", "u16", [1])).toEqual([0xfffe]);
    expect(apply1("bitnot", "i64", [1n])).toEqual([-2n]);
  });

  it("agree with BigInt arithmetic for any operands", () => {
    const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    const wrap = (value: bigint): number => Number(BigInt.asIntN(32, value));
    fc.assert(
      fc.property(i32, i32, (a, b) => {
        const both = (fn: BinaryFunction) => apply2(fn, "i32", [a], [b])[0];
        expect(both("add")).toBe(wrap(BigInt(a) + BigInt(b)));
        expect(both("mul")).toBe(wrap(BigInt(a) * BigInt(b)));
        if (b !== 0) expect(both("div")).toBe(wrap(BigInt(a) / BigInt(b)));
        if (b !== 0) expect(both("fmod")).toBe(wrap(BigInt(a) % BigInt(b)));
      }),
    );
  });
});

describe("floats", () => {
  it("round every f32 result", () => {
    expect(apply2("add", "f32", [16777216, 0.1], [1, 0.2])).toEqual([16777216, Math.fround(Math.fround(0.1) + Math.fround(0.2))]); // prettier-ignore
    expect(apply2("add", "f64", [16777216], [1])).toEqual([16777217]);
    // the intermediate sum is rounded before the difference is taken
    const expr = binary("sub", binary("add", x, lit("f32", 1)), lit("f32", 16777216));
    expect(numbers(map(expr, f32([16777216])))).toEqual([0]);
  });

  it("round halves to even and keep the sign of zero", () => {
    expect(apply1("round", "f32", [0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 1e10, NaN, Infinity])).toEqual([0, 2, 2, -0, -2, 2, 1e10, NaN, Infinity]); // prettier-ignore
  });

  it("propagate NaN through min and max, and compare it unequal", () => {
    expect(apply2("min", "f32", [NaN, 1, -0], [1, NaN, 0])).toEqual([NaN, NaN, -0]);
    expect(apply2("max", "f32", [NaN, 1, 3], [1, NaN, 2])).toEqual([NaN, NaN, 3]);
    expect(apply2("eq", "f32", [NaN, 1], [NaN, 1])).toEqual([0, 1]);
    expect(apply2("ne", "f32", [NaN], [NaN])).toEqual([1]);
    expect(apply1("sign", "f32", [NaN, -2, 0, 7])).toEqual([NaN, -1, 0, 1]);
    expect(apply1("isnan", "f32", [NaN, 1])).toEqual([1, 0]);
    expect(apply1("isposinf", "f64", [Infinity, -Infinity])).toEqual([1, 0]);
  });

  it("take powers as IEEE does", () => {
    expect(apply2("pow", "f64", [1, -1, 2, 0, -8], [NaN, Infinity, -1, 0, 1 / 3])).toEqual([1, 1, 0.5, 1, NaN]);
  });

  it("take remainders as Python and C do", () => {
    expect(apply2("mod", "f64", [-7.5, 7.5, -6], [2, -2, 2])).toEqual([0.5, -0.5, 0]);
    expect(apply2("fmod", "f64", [-7.5, 7.5], [2, -2])).toEqual([-1.5, 1.5]);
  });

  it("divide by zero as IEEE does", () => {
    expect(apply2("div", "f32", [1, -1, 0], [0, 0, 0])).toEqual([Infinity, -Infinity, NaN]);
  });
});

describe("erf", () => {
  // Abramowitz and Stegun, table 7.1, with more digits as any library gives them
  const known: readonly (readonly [number, number])[] = [
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [1.5, 0.9661051464753108],
    [2, 0.9953222650189527],
    [3, 0.9999779095030014],
    [0.0625, 0.07043197772238707],
  ];

  it("has the known values", () => {
    for (const [at, value] of known) {
      expect(Math.abs(erf(at) - value)).toBeLessThan(1e-14);
      expect(erf(-at)).toBe(-erf(at));
    }
    expect([erf(0), erf(7), erf(-Infinity), erf(NaN)]).toEqual([0, 1, -1, NaN]);
    expect(Object.is(erf(-0), -0)).toBe(true);
    expect(erf(1e-20) / 1e-20).toBeCloseTo(2 / Math.sqrt(Math.PI), 14);
  });

  it("matches its Maclaurin series everywhere between", () => {
    fc.assert(
      fc.property(fc.double({ min: -2.5, max: 2.5, noNaN: true }), (at) => {
        let [term, sum] = [at, at];
        for (let n = 1; n < 80; n++) {
          term *= (-at * at) / n;
          sum += term / (2 * n + 1);
        }
        expect(Math.abs(erf(at) - (2 / Math.sqrt(Math.PI)) * sum)).toBeLessThan(1e-12);
      }),
    );
  });
});

describe("casts", () => {
  const castTo = (to: DType, from: DType, values: readonly Plain[], saturate = false) =>
    plain(map(cast(to, x, saturate), tensor(from, values)));

  it("truncate floats and wrap what does not fit", () => {
    // by way of i32, as in onnxruntime-web, and for negative numbers natively
    expect(castTo("i32", "f32", [1.9, -1.9, 2 ** 31, -3e9])).toEqual([1, -1, 2 ** 31 - 1, -(2 ** 31)]);
    expect(castTo("i16", "f32", [40_000, -3e9, -Infinity, NaN])).toEqual([40_000 - 65_536, 0, 0, 0]);
    expect(castTo("u16", "f64", [-70_000, -1e10])).toEqual([61_072, 0]);
    expect(castTo("u8", "f32", [-1, 256.5, 300, -70_000])).toEqual([255, 0, 44, 144]);
    expect(castTo("u32", "f32", [-1, 2 ** 32, -Infinity])).toEqual([2 ** 32 - 1, 0, 0]);
    expect(castTo("i64", "f64", [-1.5, 2 ** 53, NaN, Infinity])).toEqual([-1n, 2n ** 53n, 0n, 2n ** 63n - 1n]);
    expect(castTo("u64", "f64", [-1, 2 ** 63])).toEqual([2n ** 64n - 1n, 2n ** 63n]);
  });

  it("clamp when they saturate", () => {
    expect(castTo("u8", "f32", [-1, 256.5, 3.7, NaN], true)).toEqual([0, 255, 3, 0]);
    expect(castTo("i8", "i32", [200, -200], true)).toEqual([127, -128]);
    expect(castTo("i64", "f64", [1e30, -1e30], true)).toEqual([2n ** 63n - 1n, -(2n ** 63n)]);
    expect(castTo("i4", "f32", [9, -9], true)).toEqual([7, -8]);
    expect(castTo("i32", "i64", [2n ** 40n], true)).toEqual([2 ** 31 - 1]);
  });

  it("wrap between integers", () => {
    expect(castTo("i8", "i32", [200, 511])).toEqual([-56, -1]);
    expect(castTo("u4", "i32", [17, -1])).toEqual([1, 15]);
    expect(castTo("i32", "i64", [2n ** 32n + 5n, -1n])).toEqual([5, -1]);
    expect(castTo("u64", "i32", [-1])).toEqual([2n ** 64n - 1n]);
  });

  it("make and read bools", () => {
    expect(castTo("bool", "f32", [0, -0, 0.1, NaN])).toEqual([0, 0, 1, 1]);
    expect(castTo("bool", "i64", [0n, 2n ** 40n])).toEqual([0, 1]);
    expect(castTo("f32", "bool", [true, false])).toEqual([1, 0]);
    expect(castTo("i64", "bool", [true, false])).toEqual([1n, 0n]);
  });

  it("round 64-bit integers once on the way to f32", () => {
    // halfway between two f32 plus one: rounding to double first would make it a tie and lose it
    const value = 2n ** 60n + 2n ** 36n + 1n;
    expect(castTo("f32", "i64", [value, -value])).toEqual([2 ** 60 + 2 ** 37, -(2 ** 60 + 2 ** 37)]);
    expect(castTo("f64", "i64", [2n ** 53n + 1n])).toEqual([2 ** 53]);
  });

  it("round to small floats, halves to even", () => {
    expect(castTo("f16", "f32", [1, 65504, 65520, 2049, 2 ** -24])).toEqual([0x3c00, 0x7bff, 0x7c00, 0x6800, 1]);
    expect(castTo("bf16", "f32", [1, -2])).toEqual([0x3f80, 0xc000]);
    expect(castTo("f32", "f16", [0x3c00, 0xfbff, 0x7c00])).toEqual([1, -65504, Infinity]);
    // widened, computed, narrowed: as half-precision arithmetic is written
    const expr = cast("f16", binary("add", cast("f32", x), cast("f32", y)));
    expect(plain(map(expr, tensor("f16", [0x3c00]), tensor("f16", [0x3c00])))).toEqual([0x4000]);
    // a small float in the middle of an expression is rounded there
    expect(numbers(map(cast("f32", cast("f16", x)), f32([2049])))).toEqual([2048]);
  });

  it("round doubles to f16 in one step", () => {
    // rounding to f32 first would end on a tie
    expect(castTo("f16", "f64", [1 + 2 ** -11 + 2 ** -40])).toEqual([0x3c01]);
  });
});

describe("broadcasting", () => {
  it("follows numpy", () => {
    const sum = binary("add", x, y);
    const table = map(sum, f32([0, 10, 20], [3, 1]), f32([1, 2], [2]));
    expect(table.shape).toEqual([3, 2]);
    expect(numbers(table)).toEqual([1, 2, 11, 12, 21, 22]);
    expect(map(sum, f32([1], []), f32([2], [1, 1])).shape).toEqual([1, 1]);
    expect(plain(map(sum, i64([1, 2, 3], [3, 1]), i64([10, 20])))).toEqual([11n, 21n, 12n, 22n, 13n, 23n]);
  });

  it("works across block borders for any pair of shapes", () => {
    const dims = fc.array(fc.constantFrom(1, 2, 3, 17), { minLength: 4, maxLength: 4 });
    const mask = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(dims, mask, mask, (shape, maskA, maskB) => {
        const part = (kept: readonly boolean[]) => shape.map((dim, i) => (kept[i] ? dim : 1));
        const [a, b] = [counting("f32", part(maskA)), counting("i64", part(maskB))];
        const result = map(binary("add", x, cast("f32", y)), a, b);
        const expected = result.shape.map((dim, i) => Math.max(nth(a.shape, i), nth(b.shape, i)) === dim);
        expect(expected).not.toContain(false);
        const at = (shapeOf: readonly number[], index: readonly number[]) =>
          shapeOf.reduce((sum, dim, i) => sum * dim + (dim === 1 ? 0 : nth(index, i)), 0);
        const values = numbers(result);
        for (let flat = 0; flat < values.length; flat += 7) {
          let rest = flat;
          const index = [...result.shape].reverse().map((dim) => nth([rest % dim, (rest = Math.floor(rest / dim))], 0)).reverse(); // prettier-ignore
          expect(values[flat]).toBe(at(a.shape, index) + at(b.shape, index));
        }
      }),
      { numRuns: 40 },
    );
  });

  it("of nothing is nothing", () => {
    expect(map(binary("add", x, y), f32([], [0, 3]), f32([1, 2, 3])).shape).toEqual([0, 3]);
  });

  it("moves strings and complex numbers when nothing is computed", () => {
    expect(plain(map(x, tensor("string", ["a"], [1]), f32([1, 2])))).toEqual(["a", "a"]);
    const choice = select(arg(0), arg(1), arg(2));
    const chosen = map(choice, tensor("bool", [true, false]), tensor("string", ["a", "b"]), tensor("string", ["c"], [1])); // prettier-ignore
    expect(plain(chosen)).toEqual(["a", "c"]);
  });
});

describe("expressions", () => {
  it("compute shared parts once and give the same", () => {
    const shared = unary("exp", x);
    const a = binary("div", shared, binary("add", lit("f32", 1), shared));
    const b = binary("div", unary("exp", x), binary("add", lit("f32", 1), unary("exp", x)));
    const input = noise([5000]);
    expect(numbers(map(a, input))).toEqual(numbers(map(b, input)));
  });

  it("select by a condition", () => {
    const relu = select(binary("gt", x, lit("f32", 0)), x, lit("f32", 0));
    expect(numbers(map(relu, f32([-1, 2, NaN])))).toEqual([0, 2, 0]);
    expect(plain(map(select(binary("gt", x, lit("i64", 0n)), x, unary("neg", x)), i64([-3, 4])))).toEqual([3n, 4n]);
  });

  it("run over more than one block", () => {
    const input = noise([3, 5000]);
    const result = numbers(map(binary("mul", x, lit("f32", 2)), input));
    expect(result).toEqual(numbers(input).map((value) => 2 * value));
  });
});
