import { defined } from "../../ir/access.ts";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { emitMap } from "../../compiler/codegen/kernels/map.ts";
import type { DType } from "../../ir/dtype.ts";
import {
  arg,
  binary,
  binaryFunctions,
  type BinaryFunction,
  cast,
  type Expr,
  lit,
  select,
  unary,
  type UnaryFunction,
} from "../../ir/expr.ts";
import type { OpSpec } from "../../ir/graph.ts";
import { makeTensor, tensorFrom } from "../../ir/tensor.ts";
import { expectLikeReference, randomSource, randomTensor, runKernel } from "./run-kernel.ts";

const mapOf = (expr: Expr, inputs: number): OpSpec => ({
  kind: "map",
  expr,
  inputs: Array.from({ length: inputs }, (_, i) => i),
});

const floats: readonly DType[] = ["f32", "f64"];
const integers: readonly DType[] = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"];

describe("map kernels", () => {
  it.each<[DType, number]>([
    ["u8", 128],
    ["u8", 0],
    ["i8", 0],
    ["i8", 5],
    ["u16", 300],
    ["i16", 0],
    ["i32", 0],
  ])("give no negative zero for what was %s, zero point %d", (to, zero) => {
    const values = [-0.4, -0.1, 0.3, -0, 7, -4, 0.5, -0.5, 1.5, -1.5, NaN, 1e9, -1e9];
    const quantized = (x: Expr): Expr => cast(to, binary("add", x, lit("f32", zero)), true);
    const back = (x: Expr): Expr => binary("sub", cast("f32", x), lit("f32", zero));
    for (const x of [unary("round", arg(0)), unary("floor", arg(0)), arg(0)]) {
      const expr = binary("div", lit("f32", 1), back(quantized(x)));
      expectLikeReference(emitMap, mapOf(expr, 1), [tensorFrom("f32", [values.length], values)]);
      const plain = binary("div", lit("f32", 1), cast("f32", cast(to, x, true)));
      expectLikeReference(emitMap, mapOf(plain, 1), [tensorFrom("f32", [values.length], values)]);
    }
  });

  it.each([...floats, ...integers])("raise rows of %s to exponents that one operand has for all of them", (dtype) => {
    const values = Array.from({ length: 37 }, (_, i) => (i % 6) + 1);
    const columns = tensorFrom(dtype, [5, 1], [2, 3, 0, 1, 4]);
    const expr = binary("add", binary("pow", arg(0), arg(1)), arg(1));
    for (const exponent of [0, 1, 2, 3, 5]) {
      const operands = [tensorFrom(dtype, [37], values), tensorFrom(dtype, [], [exponent])];
      expectLikeReference(emitMap, mapOf(expr, 2), operands);
      expectLikeReference(emitMap, mapOf(expr, 2), operands, { constants: [1] });
    }
    const rows = tensorFrom(dtype, [5, 37], [...values, ...values, ...values, ...values, ...values]);
    expectLikeReference(emitMap, mapOf(expr, 2), [rows, columns]);
  });

  it("raise floats to one exponent of another type", () => {
    const x = tensorFrom(
      "f32",
      [40],
      Array.from({ length: 40 }, (_, i) => i / 8 - 2),
    );
    const expr = binary("pow", arg(0), cast("f32", arg(1)));
    for (const dtype of ["i32", "i64", "f64"] as const) {
      for (const exponent of [2, 3, -1, 4])
        expectLikeReference(emitMap, mapOf(expr, 2), [x, tensorFrom(dtype, [1], [exponent])]);
    }
  });

  it("broadcasts over random shapes", () => {
    const dims = fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 4 });
    const mask = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(dims, mask, mask, fc.nat(3), fc.nat(), (shape, maskX, maskY, drop, seed) => {
        const random = randomSource(seed);
        const x = randomTensor("f32", shape.map((d, i) => (maskX[i] === true ? 1 : d)), random); // prettier-ignore
        const y = randomTensor("f32", shape.map((d, i) => (maskY[i] === true ? 1 : d)).slice(drop), random); // prettier-ignore
        expectLikeReference(emitMap, mapOf(binary("sub", arg(0), arg(1)), 2), [x, y]);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    [[20_000], [20_000]],
    [
      [3, 10_000],
      [3, 1],
    ],
    [
      [2, 3, 4096],
      [3, 1],
    ],
    [[100, 33], [33]],
    [[0, 5], [5]],
    [[], []],
  ])("runs %j with %j", (a, b) => {
    const random = randomSource(7);
    const expr = unary("neg", binary("max", binary("mul", arg(0), arg(1)), lit("f32", 0)));
    expectLikeReference(emitMap, mapOf(expr, 2), [randomTensor("f32", a, random), randomTensor("f32", b, random)]);
  });

  it("takes constants of one element as literals", () => {
    const x = randomTensor("f32", [37], randomSource(1));
    const two = tensorFrom("f32", [1], [2]);
    expectLikeReference(emitMap, mapOf(binary("pow", arg(0), arg(1)), 2), [x, two], { constants: [1], relative: 1e-7 });
  });

  it("may lie on its operand", () => {
    const random = randomSource(3);
    const inputs = [randomTensor("f32", [5, 41], random), randomTensor("f32", [41], random)];
    expectLikeReference(emitMap, mapOf(binary("add", arg(0), arg(1)), 2), inputs, { inPlace: 0 });
  });

  it("computes an expression of several types", () => {
    const random = randomSource(4);
    const x = randomTensor("u8", [3, 50], random);
    const scale = randomTensor("f32", [3, 1], random);
    const shifted = binary("sub", cast("i32", arg(0)), lit("i32", 7));
    const expr = binary("mul", cast("f32", shifted), arg(1));
    expectLikeReference(emitMap, mapOf(expr, 2), [x, scale]);
    const back = cast("u8", binary("min", binary("max", unary("round", arg(0)), lit("f32", 0)), lit("f32", 255)));
    expectLikeReference(emitMap, mapOf(back, 1), [randomTensor("f32", [77], random, 400)]);
  });

  it("computes shared parts once and right", () => {
    const x = arg(0);
    const gelu = binary("mul", binary("mul", x, lit("f32", 0.5)), binary("add", lit("f32", 1), unary("erf", binary("mul", x, lit("f32", Math.SQRT1_2))))); // prettier-ignore
    const twice = binary("add", gelu, binary("mul", gelu, gelu));
    expectLikeReference(emitMap, mapOf(twice, 1), [randomTensor("f32", [103], randomSource(5))], {
      relative: 1e-5,
      absolute: 1e-6,
    });
  });

  it("selects by masks of either form", () => {
    const random = randomSource(6);
    const inputs = [
      randomTensor("bool", [4, 21], random),
      randomTensor("f32", [21], random),
      randomTensor("f32", [4, 1], random),
    ];
    expectLikeReference(emitMap, mapOf(select(arg(0), arg(1), arg(2)), 3), inputs);
    const test = binary("and", arg(0), binary("lt", arg(1), arg(2)));
    expectLikeReference(emitMap, mapOf(binary("xor", test, unary("not", arg(0))), 3), inputs);
  });
});

describe("maps of bools alone", () => {
  it.each([3, 16, 21, 64, 100, 213])("combine rows of %d", (length) => {
    const random = randomSource(length);
    const inputs = [
      randomTensor("bool", [3, length], random),
      randomTensor("bool", [length], random),
      randomTensor("bool", [3, 1], random),
    ];
    const test = binary("xor", binary("and", arg(0), unary("not", arg(1))), binary("or", arg(1), arg(2)));
    const exprs = [
      test,
      binary("eq", arg(0), arg(2)),
      binary("ne", arg(0), arg(1)),
      select(arg(0), arg(1), arg(2)),
      binary("le", arg(0), arg(1)),
    ];
    for (const expr of exprs) expectLikeReference(emitMap, mapOf(expr, 3), inputs);
  });

  it("take any byte but 0 as true", () => {
    const x = makeTensor(
      "bool",
      [20],
      Uint8Array.from({ length: 20 }, (_, i) => i * 13),
    );
    const y = makeTensor(
      "bool",
      [20],
      Uint8Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 2 : 0)),
    );
    const [actual] = runKernel(emitMap, mapOf(binary("and", arg(0), arg(1)), 2), [x, y]);
    expect([...(defined(actual).elements as Uint8Array)]).toEqual(
      Array.from({ length: 20 }, (_, i) => Number(i > 0 && i % 2 === 0)),
    );
  });
});

const interesting = (dtype: DType): (number | bigint)[] => {
  const bits = Number(/\d+$/.exec(dtype)?.[0]);
  const signed = dtype.startsWith("i");
  const most = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  const least = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const values = [0n, 1n, 2n, 3n, 5n, 7n, 8n, 31n, 33n, 100n, most, most - 1n, least, least + 1n];
  const all = signed ? [...values, -1n, -2n, -3n, -7n] : values;
  return all.map((v) => (bits === 64 ? v : Number(v)));
};
const floatValues = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  3.7,
  -3.7,
  1e-40,
  -1e-40,
  1e38,
  -1e38,
  7,
  -7,
  NaN,
  Infinity,
  -Infinity,
];

function pairs(dtype: DType): [ReturnType<typeof tensorFrom>, ReturnType<typeof tensorFrom>] {
  const values = integers.includes(dtype) ? interesting(dtype) : floatValues;
  const n = values.length;
  return [tensorFrom(dtype, [n, 1], values), tensorFrom(dtype, [1, n], values)];
}

const floatOnly = new Set<BinaryFunction>();
const integerOnly = new Set<BinaryFunction>(["bitand", "bitor", "bitxor", "shl", "shr"]);
const boolOnly = new Set<BinaryFunction>(["and", "or", "xor"]);

describe.each(integers)("functions of %s", (dtype) => {
  const [x, y] = pairs(dtype);
  it.each(binaryFunctions.filter((fn) => !boolOnly.has(fn) && !floatOnly.has(fn)))("%s", (fn) => {
    expectLikeReference(emitMap, mapOf(binary(fn, arg(0), arg(1)), 2), [x, y]);
  });
  it.each(["neg", "abs", "sign", "bitnot", "floor"] as const)("%s", (fn) => {
    expectLikeReference(emitMap, mapOf(unary(fn, arg(0)), 1), [x]);
  });
});

describe.each(floats)("functions of %s", (dtype) => {
  const [x, y] = pairs(dtype);
  it.each(binaryFunctions.filter((fn) => !boolOnly.has(fn) && !integerOnly.has(fn)))("%s", (fn) => {
    const tolerance = fn === "pow" ? 1e-7 : 0;
    expectLikeReference(emitMap, mapOf(binary(fn, arg(0), arg(1)), 2), [x, y], { relative: tolerance });
  });
  const exact = ["neg", "abs", "sign", "sqrt", "floor", "ceil", "round", "isnan", "isposinf", "isneginf"] as const;
  it.each(exact)("%s", (fn: UnaryFunction) => {
    expectLikeReference(emitMap, mapOf(unary(fn, arg(0)), 1), [x]);
  });
});

describe("casts", () => {
  const computable: readonly DType[] = [...floats, ...integers, "bool"];
  const small: readonly DType[] = ["f16", "bf16", "f8e4m3fn", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz", "f8e8m0", "f4e2m1"];
  const extra = [255, 256, -129, 1e10, -1e10, 3e9, 65504, 65519, 65520, 6e-8, 3e-8, 448, 460, 1e19, -1e19, 0.3, 57344];
  const valuesOf = (dtype: DType): (number | bigint)[] => {
    if (dtype === "bool") return [0, 1, 1, 0, 1];
    return integers.includes(dtype) ? interesting(dtype) : [...floatValues, ...extra];
  };
  const cases = computable.flatMap((from) => [...computable, ...small, "i4", "u4"].map((to) => [from, to as DType]));
  it.each(cases as [DType, DType][])("%s to %s", (from, to) => {
    const values = valuesOf(from);
    const x = tensorFrom(from, [values.length], values);
    for (const saturate of [false, true]) expectLikeReference(emitMap, mapOf(cast(to, arg(0), saturate), 1), [x]);
  });

  it.each(small)("%s to f32 and back, every pattern", (dtype) => {
    const wide = dtype === "f16" || dtype === "bf16";
    const count = wide ? 65_536 : dtype === "f4e2m1" ? 16 : 256;
    const patterns = makeTensor(
      dtype,
      [count],
      wide ? Uint16Array.from({ length: count }, (_, i) => i) : Uint8Array.from({ length: count }, (_, i) => i),
    );
    expectLikeReference(emitMap, mapOf(cast("f32", arg(0)), 1), [patterns]);
    expectLikeReference(emitMap, mapOf(cast("f64", arg(0)), 1), [patterns]);
    const [widened] = runKernel(emitMap, mapOf(cast("f32", arg(0)), 1), [patterns]);
    expectLikeReference(emitMap, mapOf(cast(dtype, arg(0)), 1), [defined(widened)]);
  });

  it.each(small)("f32 and f64 to %s, random values and ties", (dtype) => {
    const random = randomSource(11);
    const values = Array.from({ length: 20_000 }, () => (random() - 0.5) * 2 ** (random() * 60 - 40));
    const ties = Array.from({ length: 512 }, (_, i) => (i + 0.5) * 2 ** -9);
    const x = tensorFrom("f32", [values.length + ties.length], [...values, ...ties]);
    expectLikeReference(emitMap, mapOf(cast(dtype, arg(0)), 1), [x]);
    const doubles = [
      ...values,
      ...ties,
      ...ties.map((t) => t * (1 + 2 ** -40)),
      ...ties.map((t) => t * (1 - 2 ** -40)),
    ];
    expectLikeReference(emitMap, mapOf(cast(dtype, arg(0)), 1), [tensorFrom("f64", [doubles.length], doubles)]);
  });

  it("leaves guard zones alone", () => {
    expect(() => runKernel(emitMap, mapOf(arg(0), 1), [randomTensor("u8", [13], randomSource(2))])).not.toThrow();
  });
});

describe("quantizing expressions", () => {
  const special = [0, -0, 0.5, 1.5, 2.5, -0.5, -1.5, 254.5, 255.5, 127.5, -128.5, 32767.5, -32768.5, 65535.5, 1e9, -1e9, 3e38, Infinity, -Infinity, NaN]; // prettier-ignore
  const x = tensorFrom("f32", [60], [...special, ...special.map((value) => value * 0.99), ...special.map((value) => value - 116.5)]); // prettier-ignore
  const types: readonly DType[] = ["u8", "i8", "u16", "i16"];
  const zeros = [0, 1, 117, 128, -3, 255, 0.5, 70_000];
  const quantized = (to: DType, zero: number): Expr =>
    cast(to, zero === 0 ? unary("round", arg(0)) : binary("add", unary("round", arg(0)), lit("f32", zero)), true);

  it.each(types.flatMap((to) => zeros.map((zero) => [to, zero] as const)))("to %s with zero point %d", (to, zero) => {
    const integers = quantized(to, zero);
    expectLikeReference(emitMap, mapOf(integers, 1), [x]);
    expectLikeReference(emitMap, mapOf(cast("f32", integers), 1), [x]);
    expectLikeReference(emitMap, mapOf(binary("sub", cast("f32", integers), lit("f32", zero)), 1), [x]);
    expectLikeReference(emitMap, mapOf(binary("sub", cast("f32", integers), lit("f32", 5)), 1), [x]);
    // a value with two readers
    expectLikeReference(emitMap, mapOf(binary("mul", cast("f32", integers), cast("f32", cast("i32", integers))), 1), [
      x,
    ]);
    expectLikeReference(emitMap, mapOf(cast("f32", cast(to, arg(0), true)), 1), [x]);
  });

  it.each<readonly [DType, DType]>([["u8", "i16"], ["u8", "i8"], ["i8", "u8"], ["i8", "i16"], ["i16", "u8"], ["u16", "i16"], ["i8", "u16"]])("from %s to %s through i32", (from, to) => {
    const values = Array.from({ length: 300 }, (_, i) => (i * 7919) % 65536);
    const bytes = from === "u8" || from === "i8";
    const signed = from === "i8" || from === "i16";
    const y = tensorFrom(from, [300], values.map((value) => (value % (bytes ? 256 : 65536)) - (signed ? (bytes ? 128 : 32768) : 0)));
    expectLikeReference(emitMap, mapOf(cast(to, cast("i32", arg(0))), 1), [y]);
    expectLikeReference(emitMap, mapOf(cast(to, cast("i32", arg(0)), true), 1), [y]);
  }); // prettier-ignore
});
