import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit, unary } from "../../ir/expr.ts";
import { type MatmulOp, type TensorType, tensorType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { emitMatmul } from "../../compiler/codegen/kernels/matmul.ts";
import { expectKernels, numbersOf, randomTensor } from "./harness.ts";
import { broadcastAt, indexOf } from "./tensor-index.ts";

interface Case {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly dtypes?: readonly [DType, DType];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly constantB?: boolean;
  readonly epilogue?: Expr | null;
  readonly extras?: readonly (readonly number[])[];
  readonly extraType?: DType;
  /** the epilogue in float64 */
  readonly apply?: (acc: number, extras: readonly number[]) => number;
}

const swapLast = <T>(list: readonly T[], swap: boolean | undefined): readonly T[] =>
  swap === true ? [...list.slice(0, -2), list.at(-1) as T, list.at(-2) as T] : list;

function reference(c: Case, inputs: readonly TensorData[], shape: readonly number[]): number[] {
  const [a, b, ...extras] = inputs.map(numbersOf) as [number[], number[], ...number[][]];
  const inner = swapLast(c.a, c.transposeA).at(-1) ?? 0;
  return Array.from({ length: elementCount(shape) }, (_, flat) => {
    const index = indexOf(flat, shape);
    const [batch, m, n] = [index.slice(0, -2), index.at(-2) ?? 0, index.at(-1) ?? 0];
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      const at = broadcastAt(c.a, [...batch, ...swapLast([m, k], c.transposeA)]);
      const bt = broadcastAt(c.b, [...batch, ...swapLast([k, n], c.transposeB)]);
      sum += (a[at] as number) * (b[bt] as number);
    }
    const values = extras.map((extra, i) => extra[broadcastAt(c.extras?.[i] ?? [], index)] as number);
    return c.apply === undefined ? sum : c.apply(sum, values);
  });
}

function check(c: Case, seed = 1): void {
  const [aType, bType] = c.dtypes ?? ["f32", "f32"];
  const inputs = [
    randomTensor(aType, c.a, seed),
    randomTensor(bType, c.b, seed + 1),
    ...(c.extras ?? []).map((shape, i) => randomTensor(c.extraType ?? "f32", shape, seed + 2 + i)),
  ];
  const types = inputs.map(({ dtype, shape }) => tensorType(dtype, shape));
  const spec = { kind: "matmul" as const, inputs: inputs.map((_, i) => i), transposeA: c.transposeA ?? false, transposeB: c.transposeB ?? false, epilogue: c.epilogue ?? null }; // prettier-ignore
  const output = inferTypes(spec, types, ["test"])[0] as TensorType;
  const op: MatmulOp = { ...spec, outputs: [inputs.length], origin: ["test"] };
  const constants = inputs.map((tensor, i) => (i === 1 && c.constantB !== false ? tensor : undefined));
  const stages = emitMatmul(op, { inputs: types, outputs: [output], constants });
  const expected = reference(c, inputs, output.shape);
  expectKernels({ stages, inputs, output }, expected, aType === "f64" ? 1e-14 : aType === "f32" ? 2e-6 : 0);
}

describe("matrix products", () => {
  it.each([
    [1, 1, 1],
    [1, 7, 1],
    [2, 16, 16],
    [4, 8, 8],
    [5, 3, 17],
    [3, 65, 9],
    [7, 33, 31],
    [13, 20, 6],
    [1, 40, 50],
    [1, 300, 3],
    [64, 1, 64],
    [50, 9, 2],
    [6, 5, 4],
  ])("%d x %d x %d with packed and with variable B", (m, k, n) => {
    check({ a: [m, k], b: [k, n] });
    check({ a: [m, k], b: [k, n], constantB: false });
    check({ a: [m, k], b: [n, k], transposeB: true });
    check({ a: [m, k], b: [n, k], transposeB: true, constantB: false });
    check({ a: [k, m], b: [k, n], transposeA: true });
  });

  it("cuts a long reduction into blocks", () => {
    check({ a: [9, 2000], b: [2000, 20] });
    check({ a: [29, 2100], b: [2100, 28] });
    check({
      a: [9, 2001],
      b: [2001, 20],
      extras: [[20]],
      epilogue: binary("add", arg(0), arg(1)),
      apply: (x, [y = 0]) => x + y,
    });
  });

  it("streams the vectors of a constant B apart where rows are few, together where they are many", () => {
    for (const m of [1, 3, 24, 25, 50]) check({ a: [m, 37], b: [37, 45] });
    check({ a: [2, 26, 9], b: [2, 9, 21] });
  });

  it("reads both halves of a long constant B at once where there is one row", () => {
    for (const k of [62, 63, 64, 65, 66, 128, 770]) check({ a: [1, k], b: [k, 45] });
    check({ a: [3, 1, 64], b: [3, 64, 16] });
    check({
      a: [1, 256],
      b: [256, 19],
      extras: [[19], [1, 1]],
      epilogue: binary("mul", binary("add", arg(0), arg(1)), arg(2)),
      apply: (x, [bias = 0, factor = 0]) => (x + bias) * factor,
    });
  });

  it("cuts many rows into blocks beside a small B", () => {
    check({ a: [700, 24], b: [24, 150] });
    check({ a: [1201, 3], b: [3, 64] });
    check({
      a: [2, 350, 64],
      b: [64, 96],
      extras: [[96], [2, 350, 96]],
      epilogue: binary("add", binary("add", arg(0), arg(1)), arg(2)),
      apply: (x, [bias = 0, residual = 0]) => x + bias + residual,
    });
  });

  it("packs a wide variable B of many rows", () => {
    check({ a: [12, 5], b: [5, 1100], constantB: false });
    check({ a: [12, 5], b: [5, 1030], constantB: false });
  });

  it.each([
    [
      [2, 3, 5, 4],
      [2, 3, 4, 6],
    ],
    [
      [3, 5, 4],
      [4, 6],
    ],
    [
      [5, 4],
      [3, 4, 6],
    ],
    [
      [2, 1, 5, 4],
      [3, 4, 8],
    ],
    [
      [2, 3, 1, 4],
      [2, 3, 4, 8],
    ],
    [
      [1, 3, 5, 4],
      [2, 1, 4, 7],
    ],
    [
      [2, 2, 5, 4],
      [1, 2, 4, 8],
    ],
  ])("broadcasts batches %j x %j", (a, b) => {
    for (const constantB of [true, false]) {
      check({ a, b, constantB });
      check({ a, b: [...swapLast(b, true)], constantB, transposeB: true });
    }
  });

  it("give the epilogue of nothing for an inner dimension of 0, and nothing for no rows", () => {
    check({
      a: [3, 0],
      b: [0, 5],
      extras: [[5]],
      epilogue: binary("add", arg(0), arg(1)),
      apply: (x, [y = 0]) => x + y,
    });
    check({ a: [0, 3], b: [3, 5] });
    check({ a: [3, 2], b: [2, 0] });
  });

  it("agree with the reference on random shapes", () => {
    const dims = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(
        dims,
        dims,
        dims,
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        fc.nat(),
        (m, k, n, ta, tb, constantB, seed) => {
          check({ a: ta ? [k, m] : [m, k], b: tb ? [n, k] : [k, n], transposeA: ta, transposeB: tb, constantB }, seed);
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe("epilogues", () => {
  const relu = (x: Expr): Expr => binary("max", x, lit("f32", 0));

  it("read operands per column, per row, per element, per batch and as scalars", () => {
    const add = binary("add", binary("mul", arg(0), arg(1)), arg(2));
    const apply = (x: number, [y = 0, z = 0]: readonly number[]): number => x * y + z;
    const operands = [[], [11], [7, 1], [7, 11], [3, 1, 1], [3, 1, 11], [3, 7, 11], [1]];
    for (const [i, first] of operands.entries()) {
      const second = operands[(i * 3 + 1) % operands.length] as number[];
      check({ a: [3, 7, 5], b: [5, 11], extras: [first, second], epilogue: add, apply });
    }
  });

  it("apply activations", () => {
    const expr = relu(binary("add", arg(0), arg(1)));
    check({ a: [6, 20], b: [20, 18], extras: [[18]], epilogue: expr, apply: (x, [y = 0]) => Math.max(0, x + y) });
    const sigmoid = unary("sigmoid", arg(0));
    check({ a: [6, 20], b: [20, 18], epilogue: sigmoid, apply: (x) => 1 / (1 + Math.exp(-x)) });
  });

  it("may read integers and change the type", () => {
    const expr = cast("i32", binary("mul", arg(0), cast("f32", arg(1))));
    const c = { a: [5, 8], b: [8, 10], extras: [[10]], extraType: "i32", epilogue: expr } as const;
    check({ ...c, apply: (x, [y = 0]) => Math.trunc(Math.fround(Math.fround(x) * y)) }, 4);
  });
});

describe("element types", () => {
  const types: readonly (readonly [DType, DType])[] = [
    ["f64", "f64"],
    ["i32", "i32"],
    ["u32", "u32"],
    ["i64", "i64"],
    ["u64", "u64"],
    ["i8", "i8"],
    ["u8", "i8"],
    ["i8", "u8"],
    ["u8", "u8"],
    ["i16", "i16"],
    ["u16", "i8"],
    ["u8", "i16"],
  ];

  it.each(types)("%s x %s", (...dtypes) => {
    for (const constantB of [true, false]) {
      check({ a: [5, 7], b: [7, 9], dtypes, constantB });
      check({ a: [2, 3, 8], b: [2, 8, 16], dtypes, constantB });
      check({ a: [7, 5], b: [9, 7], dtypes, constantB, transposeA: true, transposeB: true });
    }
  });

  it("requantize 8-bit products", () => {
    const expr = cast("u8", binary("min", binary("max", unary("round", binary("mul", cast("f32", arg(0)), lit("f32", 0.01))), lit("f32", 0)), lit("f32", 255))); // prettier-ignore
    const apply = (x: number): number => {
      const scaled = Math.fround(x * Math.fround(0.01));
      const rounded = Math.abs(scaled % 1) === 0.5 ? 2 * Math.round(scaled / 2) : Math.round(scaled);
      return Math.min(255, Math.max(0, rounded));
    };
    check({ a: [5, 12], b: [12, 13], dtypes: ["u8", "i8"], epilogue: expr, apply });
  });

  it("that no kernel multiplies are refused", () => {
    const inputs = [tensorType("f16", [2, 2]), tensorType("f16", [2, 2])];
    const op: MatmulOp = {
      kind: "matmul",
      inputs: [0, 1],
      outputs: [2],
      origin: [],
      transposeA: false,
      transposeB: false,
      epilogue: null,
    };
    const constants = [undefined, undefined];
    expect(() => emitMatmul(op, { inputs, outputs: [tensorType("f16", [2, 2])], constants })).toThrow("WSC6001");
  });
});

it("stages of equal ops share their code", () => {
  const stage = (n: number): string => {
    const inputs = [tensorType("f32", [4, 8]), tensorType("f32", [8, n])];
    const op: MatmulOp = {
      kind: "matmul",
      inputs: [0, 1],
      outputs: [2],
      origin: [],
      transposeA: false,
      transposeB: false,
      epilogue: null,
    };
    const stages = emitMatmul(op, { inputs, outputs: [tensorType("f32", [4, n])], constants: [undefined, undefined] });
    return stages.map((s) => s.key).join("; ");
  };
  expect(stage(16)).toBe(stage(16));
  expect(stage(16)).not.toBe(stage(20));
});
