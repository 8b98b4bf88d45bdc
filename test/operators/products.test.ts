import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { parseEquation } from "../../compiler/frontend/operators/einsum-equation.ts";
import type { DType } from "../../ir/dtype.ts";
import { type TensorData, rowMajorStrides } from "../../ir/tensor.ts";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { hostFunctions } from "../../runtime/host/functions.ts";
import { float } from "../helpers/onnx-builder.ts";
import {
  distance,
  lowered,
  loweredTexts,
  type NodeCase,
  numbers,
  ramp,
  refusal,
  run,
  tensor,
  values,
} from "./node-case.ts";

describe("MatMul", () => {
  const matrix = ramp([2, 3]);
  it.each([
    ["matrix x matrix", [matrix, ramp([3, 2])], [2, 2]],
    ["vector x matrix", [ramp([3]), ramp([3, 2])], [2]],
    ["matrix x vector", [matrix, ramp([3])], [2]],
    ["vector x vector", [ramp([3]), ramp([3])], []],
    ["batches broadcast", [ramp([2, 1, 2, 3]), ramp([4, 3, 2])], [2, 4, 2, 2]],
  ] as const)("%s", async (_, inputs, shape) => {
    const [result] = await run({ op: "MatMul", opset: 13, inputs });
    expect(result?.shape).toEqual(shape);
  });

  it("multiplies integers", async () => {
    const inputs = [tensor([1, 2], [3, -4], "i32"), tensor([2, 1], [5, 6], "i32")];
    expect(await values({ op: "MatMul", opset: 9, inputs })).toEqual([-9]);
  });

  it("refuses scalars and dims that do not meet", async () => {
    expect(await refusal({ op: "MatMul", opset: 13, inputs: [tensor([], [1]), matrix] })).toContain("WSC3004");
    expect(await refusal({ op: "MatMul", opset: 13, inputs: [matrix, matrix] })).toContain("WSC3004");
  });
});

describe("Gemm", () => {
  const [a, b] = [tensor([2, 2], [1, 2, 3, 4]), tensor([2, 2], [5, 6, 7, 8])];
  it("scales, transposes and adds", async () => {
    const attributes = { alpha: float(2), beta: float(10), transA: 1, transB: 1 };
    const inputs = [a, b, tensor([2], [1, 2])];
    // A^T B^T = [[23, 31], [34, 46]]
    expect(await values({ op: "Gemm", opset: 13, attributes, inputs })).toEqual([56, 82, 78, 112]);
  });

  it("keeps doubles in double when a scale meets constant weights", async () => {
    const x = tensor([2, 2], [1, 2, 3, 4], "f64");
    const spec = { op: "Gemm", opset: 13, attributes: { alpha: float(0.5) }, inputs: [x, x], constants: [1] };
    const graph = runPasses(await lowered(spec));
    const y = interpretGraph(graph, new Map([["a", x]])).get("y") as TensorData;
    expect([y.dtype, numbers(y)]).toEqual(["f64", [3.5, 5, 7.5, 11]]);
  });

  it("does without C from opset 11 on, not before", async () => {
    expect(await values({ op: "Gemm", opset: 11, inputs: [a, b] })).toEqual([19, 22, 43, 50]);
    expect(await refusal({ op: "Gemm", opset: 9, inputs: [a, b] })).toContain("WSC3003");
  });

  it("refuses a C that would enlarge the product", async () => {
    expect(await refusal({ op: "Gemm", opset: 13, inputs: [a, b, ramp([3, 2, 2])] })).toContain("WSC3004");
  });
});

describe("integer products", () => {
  it("takes zero points off per row and per column", async () => {
    const a = tensor([2, 2], [11, 7, 3, 10], "u8");
    const b = tensor([2, 2], [1, 4, 2, 5], "u8");
    const zeros = [tensor([2], [12, 3], "u8"), tensor([2], [0, 1], "u8")];
    // rows of A: [-1, -5], [0, 7]; columns of B: [1, 2], [3, 4]
    expect(await values({ op: "MatMulInteger", opset: 10, inputs: [a, b, ...zeros] })).toEqual([-11, -23, 14, 28]);
    expect(await values({ op: "MatMulInteger", opset: 10, inputs: [a, b] })).toEqual([25, 79, 23, 62]);
  });

  it("pads a convolution with the zero point", async () => {
    const inputs = [
      tensor([1, 1, 2, 2], [2, 3, 4, 5], "u8"),
      tensor([1, 1, 1, 2], [1, 1], "u8"),
      tensor([], [1], "u8"),
    ];
    const attributes = { pads: [0, 1, 0, 1] };
    expect(await values({ op: "ConvInteger", opset: 10, attributes, inputs })).toEqual([1, 3, 2, 3, 7, 4]);
  });
});

/** Sums over all values of all labels, element by element: the definition. */
function naiveEinsum(equation: string, operands: readonly TensorData[]): number[] {
  const parsed = parseEquation(equation, operands.map(({ shape }) => shape.length)); // prettier-ignore
  if (typeof parsed === "string") throw new Error(parsed);
  const sizes = new Map<string, number>();
  for (const [i, labels] of parsed.operands.entries())
    for (const [axis, label] of labels.entries())
      sizes.set(label, Math.max(sizes.get(label) ?? 1, operands[i]?.shape[axis] ?? 1));
  const labels = [...sizes.keys()];
  const dims = parsed.result.map((label) => sizes.get(label) ?? 1);
  const strides = rowMajorStrides(dims);
  const out = new Array<number>(dims.reduce((m, n) => m * n, 1)).fill(0);
  const at = new Map<string, number>(labels.map((label) => [label, 0]));
  const element = (i: number): number => {
    const operand = operands[i] as TensorData;
    const steps = rowMajorStrides(operand.shape);
    const index = (parsed.operands[i] ?? []).reduce((sum, label, axis) => {
      const dim = operand.shape[axis] ?? 1;
      return sum + (dim === 1 ? 0 : (at.get(label) ?? 0)) * (steps[axis] ?? 0);
    }, 0);
    return Number(operand.elements[index]);
  };
  const visit = (depth: number): void => {
    const label = labels[depth];
    if (label === undefined) {
      const index = parsed.result.reduce((sum, name, axis) => sum + (at.get(name) ?? 0) * (strides[axis] ?? 0), 0);
      out[index] = (out[index] ?? 0) + operands.reduce((product, _, i) => product * element(i), 1);
      return;
    }
    for (let value = 0; value < (sizes.get(label) ?? 1); value++) {
      at.set(label, value);
      visit(depth + 1);
    }
  };
  visit(0);
  return out;
}

const einsum = (equation: string, ...inputs: readonly TensorData[]): NodeCase => ({
  op: "Einsum",
  opset: 12,
  attributes: { equation },
  inputs,
});

describe("Einsum", () => {
  const cases: readonly (readonly [string, readonly (readonly number[])[]])[] = [
    ["ij,jk->ik", [[2, 3], [3, 4]]],
    ["ij,jk", [[2, 3], [3, 4]]],
    ["bij,bjk->bik", [[2, 2, 3], [2, 3, 4]]],
    ["...ij,...jk->...ik", [[2, 1, 2, 3], [3, 3, 4]]],
    ["ii->i", [[3, 3]]],
    ["ii", [[3, 3]]],
    ["iij->j", [[2, 2, 3]]],
    ["iii->i", [[2, 2, 2]]],
    ["ij->ji", [[2, 3]]],
    ["ij->", [[2, 3]]],
    ["i,j->ij", [[2], [3]]],
    ["i,i->", [[3], [3]]],
    ["bhqd,bhkd->bhqk", [[2, 2, 3, 4], [2, 2, 2, 4]]],
    ["ij,jk,kl->il", [[2, 3], [3, 2], [2, 4]]],
    ["i,ij,j->", [[2], [2, 3], [3]]],
    ["ij,ij,ij->ij", [[2, 3], [2, 3], [2, 3]]],
    [" i j , j -> i ", [[2, 3], [3]]],
    ["...,->...", [[2, 3], []]],
    ["a...a->...", [[2, 3, 2]]],
    ["ij,kj->ki", [[2, 3], [4, 3]]],
  ]; // prettier-ignore

  it.each(cases)("%s", async (equation, shapes) => {
    const inputs = shapes.map((shape, i) => ramp(shape, 0.5, -1 - i));
    expect(distance(await values(einsum(equation, ...inputs)), naiveEinsum(equation, inputs))).toBeLessThan(1e-5);
  });

  it("agrees with the definition for any two operands", async () => {
    const label = fc.constantFrom("a", "b", "c", "d");
    const labels = fc.uniqueArray(label, { minLength: 0, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(labels, labels, fc.nat(2 ** 16), fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 4, maxLength: 4 }), async (left, right, seed, sizes) => {
        const all = [...new Set([...left, ...right])].sort();
        const result = all.filter((_, i) => ((seed >> i) & 1) === 1);
        if (((seed >> 8) & 1) === 1) result.reverse();
        const shape = (of: readonly string[]): number[] => of.map((name) => sizes["abcd".indexOf(name)] ?? 1);
        const inputs = [ramp(shape(left), 0.25, -1), ramp(shape(right), 0.5, 1)];
        const equation = `${left.join("")},${right.join("")}->${result.join("")}`;
        const [output] = await run(einsum(equation, ...inputs));
        expect(output?.shape).toEqual(shape(result));
        expect(distance(output === undefined ? [] : numbers(output), naiveEinsum(equation, inputs))).toBeLessThan(1e-5);
      }),
      { numRuns: 60, seed: 7 },
    ); // prettier-ignore
  });

  it.each([
    ["ij,jk->", [[2, 3]]],
    ["ij->ik", [[2, 3]]],
    ["ij->ii", [[2, 3]]],
    ["i1->i", [[2, 3]]],
    ["ij->i->j", [[2, 3]]],
    ["ij", [[2]]],
    ["...ij->i", [[2]]],
  ])("refuses %s", async (equation, shapes) => {
    expect(await refusal(einsum(equation, ...shapes.map((shape) => ramp(shape))))).toContain("WSC3006");
  });

  it("refuses labels that stand for different sizes", async () => {
    expect(await refusal(einsum("ij,jk->ik", ramp([2, 3]), ramp([4, 2])))).toContain("WSC3004");
    expect(await refusal(einsum("ii->i", ramp([2, 3])))).toContain("WSC3004");
  });
});

it("lowers products to matmul and maps", async () => {
  const cases: readonly NodeCase[] = [
    { op: "MatMul", opset: 13, inputs: [ramp([3]), ramp([2, 3, 4])] },
    { op: "MatMul", opset: 13, inputs: [tensor([1, 1], [0x3c00], "f16"), tensor([1, 1], [0x3c00], "f16")] },
    { op: "Gemm", opset: 13, attributes: { transB: 1 }, inputs: [ramp([2, 3]), ramp([4, 3]), ramp([4])], constants: [1, 2] },
    { op: "Gemm", opset: 13, attributes: { alpha: float(0.5), beta: float(2) }, inputs: [ramp([2, 3]), ramp([3, 4]), ramp([4])] },
    { op: "MatMulInteger", opset: 10, inputs: [tensor([1, 1], [1], "u8"), tensor([1, 1], [1], "i8"), tensor([], [1], "u8")] },
    einsum("bqhd,bkhd->bhqk", ramp([1, 2, 3, 4]), ramp([1, 5, 3, 4])),
    einsum("ii->i", ramp([3, 3])),
    einsum("i,j->ij", ramp([2]), ramp([3])),
  ]; // prettier-ignore
  expect(await loweredTexts(cases)).toMatchGolden("operators/products.txt");
});

describe("Det", () => {
  const det = (shape: readonly number[], list: readonly number[], dtype: DType = "f32"): NodeCase => ({
    op: "Det",
    opset: 22,
    inputs: [tensor(shape, list, dtype)],
  });

  it("swaps rows for the largest pivot, and sees singular matrices", async () => {
    const some = await values(det([3, 2, 2], [0, 1, 1, 0, 2, 1, 1, 1, 1, 2, 2, 4]));
    expect(some.map((value) => value + 0)).toEqual([-1, 1, 0]);
    expect(await values(det([3, 3], [0, 0, 1, 0, 2, 5, 3, 1, 1], "f64"))).toEqual([-6]);
    expect(await values(det([0, 2, 2], []))).toEqual([]);
    expect(await values(det([2, 0, 0], []))).toEqual([1, 1]);
  });

  it("agrees with the host's elimination, which large matrices are left to", async () => {
    const list = Array.from({ length: 65 * 65 }, (_, i) => ((i * 2654435761) % 1009) / 400);
    const few = list.slice(0, 12 * 16);
    const small = await values(det([12, 4, 4], few));
    const [host] = hostFunctions.get("det")?.([tensor([12, 4, 4], few)], {}) ?? [];
    expect(distance(small, numbers(host as TensorData))).toBeLessThan(1e-6);
    const kinds = (await lowered(det([65, 65], list))).ops.map(({ kind }) => kind);
    expect(kinds).toEqual(["host"]);
    expect((await lowered(det([4, 4], list.slice(0, 16)))).ops.every(({ kind }) => kind !== "host")).toBe(true);
  });

  it("refuses what is no square matrix of floats", async () => {
    expect(await refusal(det([2, 3], [1, 2, 3, 4, 5, 6]))).toContain("WSC3004");
    expect(await refusal({ op: "Det", opset: 11, inputs: [tensor([1, 1], [1], "i32")] })).toContain("WSC3005");
  });
});
