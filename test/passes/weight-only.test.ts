/** Constant weights that are dequantized for a product stay integers, in whatever form a model says it; results stay the same. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { generateProgram } from "../../compiler/codegen/generate.ts";
import { lowerModel } from "../../compiler/frontend/lower.ts";
import { deadCode } from "../../compiler/passes/dead-code.ts";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import { weightOnly } from "../../compiler/passes/weight-only.ts";
import { type DType, dtypeInfo } from "../../ir/dtype.ts";
import type { Graph, Op } from "../../ir/graph.ts";
import { fromFloat32, toFloat32 } from "../../ir/small-float.ts";
import { elementCount, makeTensor, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { ProgramInstance } from "../../runtime/instance.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { randomNumbers, randomTensor } from "../codegen/harness.ts";
import { model, type ModelSpec, node, typed } from "../helpers/onnx-builder.ts";
import { relativeError } from "../helpers/oracle.ts";
import { expectPasses } from "./pass-case.ts";

type Bits = "i8" | "u8" | "i4" | "u4";
const bitTypes: readonly Bits[] = ["i8", "u8", "i4", "u4"];

const product = (shape: readonly number[]): number => elementCount(shape);

function integers(dtype: Bits, shape: readonly number[], seed: number): TensorData {
  const next = randomNumbers(seed);
  const span = 2 ** dtypeInfo(dtype).bits;
  const least = dtype.startsWith("u") ? 0 : -span / 2;
  const values = Array.from({ length: product(shape) }, () => least + Math.floor(((next() + 1) / 2) * span));
  return tensorFrom(dtype, shape, values);
}

/** What stands between weights and product, and the product. */
interface Case {
  readonly dtype: Bits;
  readonly rows: number;
  readonly k: number;
  readonly n: number;
  /** weights are [n, k]: the product turns them */
  readonly turned: "no" | "Transpose" | "transB";
  readonly scale: "tensor" | "columns" | "blocks";
  readonly block: number;
  readonly hasZero: boolean;
  readonly form: "DequantizeLinear" | "f16" | "Cast, Sub, Mul";
}

/** x (input) times weights in the form that a case says. */
function specOf(c: Case, seed: number): ModelSpec {
  const [kAxis, nAxis] = c.turned === "no" ? [0, 1] : [1, 0];
  const shape = c.turned === "no" ? [c.k, c.n] : [c.n, c.k];
  const blocked = shape.with(kAxis, Math.ceil(c.k / c.block));
  const isVector = c.form !== "Cast, Sub, Mul";
  const perColumn = isVector ? [c.n] : [1, 1].with(nAxis, c.n);
  const parameter = { tensor: [], columns: perColumn, blocks: blocked }[c.scale];
  const float: DType = c.form === "f16" ? "f16" : "f32";
  const wide = randomTensor("f32", parameter, seed + 1);
  const scale = float === "f32" ? wide : makeTensor("f16", parameter, fromFloat32("f16", wide.elements as Float32Array));
  const attributes = { tensor: {}, columns: { axis: nAxis }, blocks: { axis: kAxis, block_size: c.block } }[c.scale];
  const zero = c.hasZero ? ["zero"] : [];
  const dequantize = isVector
    ? [node("DequantizeLinear", ["w", "scale", ...zero], ["d"], attributes)]
    : [
        node("Cast", ["w"], ["c"], { to: 1 }),
        ...(c.hasZero ? [node("Cast", ["zero"], ["z"], { to: 1 }), node("Sub", ["c", "z"], ["s"])] : []),
        node("Mul", ["scale", c.hasZero ? "s" : "c"], ["d"]),
      ];
  const turn = c.turned === "Transpose" ? [node("Transpose", ["d"], ["t"], { perm: [1, 0] })] : [];
  const multiply =
    c.turned === "transB"
      ? node("Gemm", ["x", "d", "bias"], ["y"], { transB: 1 })
      : node("MatMul", ["x", c.turned === "no" ? "d" : "t"], ["y"]);
  const bias = randomTensor("f32", [c.n], seed + 3);
  return {
    opset: 21,
    inputs: { x: typed(float, c.rows, c.k) },
    outputs: { y: typed(float, c.rows, c.n) },
    initializers: {
      w: integers(c.dtype, shape, seed),
      scale,
      ...(c.hasZero ? { zero: integers(c.dtype, parameter, seed + 2) } : {}),
      ...(c.turned === "transB" ? { bias: float === "f32" ? bias : makeTensor("f16", [c.n], fromFloat32("f16", bias.elements as Float32Array)) } : {}),
    },
    nodes: [...dequantize, ...turn, multiply],
  };
} // prettier-ignore

interface Compared {
  readonly passed: Graph;
  readonly kinds: readonly Op["kind"][];
  readonly error: number;
}

const widened = ({ dtype, elements }: TensorData): ArrayLike<number> =>
  dtype === "f16" ? toFloat32("f16", elements as Uint16Array) : (elements as Float32Array);

const instanceOf = (graph: Graph): Promise<ProgramInstance> =>
  ProgramInstance.create(generateProgram(graph), {
    runDeferred: () => {
      throw new Error("nothing is deferred");
    },
  });

/** Runs a model of the one input x as it stands and compiled. */
async function compare(spec: ModelSpec, seed: number): Promise<Compared> {
  const { graph } = lowerModel(await model(spec), { dims: new Map(), requireStatic: true });
  const passed = runPasses(graph);
  const type = spec.inputs?.["x"];
  if (type?.kind !== "tensor") throw new Error("x is a tensor");
  const values = randomTensor("f32", type.dims as number[], seed + 9);
  const x = type.dtype === "f16" ? makeTensor("f16", values.shape, fromFloat32("f16", values.elements as Float32Array)) : values; // prettier-ignore
  const [actual] = (await (await instanceOf(passed)).run([x])) as [TensorData];
  const expected = interpretGraph(graph, new Map([["x", x]])).get("y") as TensorData;
  expect(actual.shape).toEqual(expected.shape);
  return { passed, kinds: passed.ops.map(({ kind }) => kind), error: relativeError(widened(actual), widened(expected)) };
} // prettier-ignore

/** f16 models round each step, compiled ones the result only. */
const toleranceOf = ({ form }: Case): number => (form === "f16" ? 4e-3 : 3e-6);

describe("weight-only keeps integers", () => {
  const c: Case = { dtype: "i8", rows: 3, k: 64, n: 20, turned: "no", scale: "columns", block: 16, hasZero: true, form: "DequantizeLinear" }; // prettier-ignore
  const cases: Case[] = [
    ...bitTypes.map((dtype): Case => ({ ...c, dtype, scale: "blocks" })),
    { ...c, turned: "Transpose" },
    { ...c, turned: "transB", scale: "blocks" },
    { ...c, scale: "tensor", hasZero: false },
    { ...c, k: 70, scale: "blocks" },
    { ...c, k: 33, turned: "transB", scale: "blocks", dtype: "u4" },
    { ...c, form: "f16", scale: "blocks", dtype: "i4" },
    { ...c, form: "f16", turned: "Transpose" },
    { ...c, form: "Cast, Sub, Mul" },
    { ...c, form: "Cast, Sub, Mul", turned: "Transpose", hasZero: false },
  ];
  it.each(cases)("%j", async (each) => {
    const { kinds, error } = await compare(specOf(each, 1), 1);
    expect(kinds.filter((kind) => kind !== "map")).toEqual(["quantizedMatmul"]);
    expect(kinds.length).toBeLessThanOrEqual(each.form === "f16" ? 2 : 1);
    expect(error).toBeLessThan(toleranceOf(each));
  });

  it("in all forms alike", async () => {
    const cases = fc.record<Case>({
      dtype: fc.constantFrom(...bitTypes),
      rows: fc.integer({ min: 1, max: 12 }),
      k: fc.integer({ min: 2, max: 100 }),
      n: fc.integer({ min: 2, max: 40 }),
      turned: fc.constantFrom("no", "Transpose", "transB"),
      scale: fc.constantFrom("tensor", "columns", "blocks"),
      block: fc.integer({ min: 2, max: 40 }),
      hasZero: fc.boolean(),
      form: fc.constantFrom("DequantizeLinear", "f16"),
    });
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(10_000), async (each, seed) => {
        const { error } = await compare(specOf(each, seed), seed);
        expect(error).toBeLessThan(toleranceOf(each));
      }),
      { numRuns: 60, seed: 11 },
    );
  });

  it("where weights have more dims and the product has heads", async () => {
    const { kinds, error } = await compare(
      {
        opset: 21,
        inputs: { x: typed("f32", 2, 5, 48) },
        outputs: { y: typed("f32", 2, 5, 24) },
        initializers: {
          w: integers("i8", [3, 16, 24], 1),
          scale: randomTensor("f32", [3, 1, 24], 2),
          shape: tensorFrom("i64", [2], [48, 24]),
        },
        nodes: [
          node("Cast", ["w"], ["c"], { to: 1 }),
          node("Mul", ["c", "scale"], ["d"]),
          node("Reshape", ["d", "shape"], ["r"]),
          node("MatMul", ["x", "r"], ["y"]),
        ],
      },
      5,
    );
    expect(kinds).toEqual(["quantizedMatmul"]);
    expect(error).toBeLessThan(3e-6);
  });
});

describe("weight-only leaves alone", () => {
  const base = { opset: 21, inputs: { x: typed("f32", 2, 32) }, outputs: { y: typed("f32", 2, 8) } } as const;
  const w = integers("i8", [32, 8], 1);

  it.each<[string, ModelSpec]>([
    [
      "scales along the reduction",
      {
        ...base,
        initializers: { w, scale: randomTensor("f32", [32], 2) },
        nodes: [node("DequantizeLinear", ["w", "scale"], ["d"], { axis: 0 }), node("MatMul", ["x", "d"], ["y"])],
      },
    ],
    [
      "integers that were subtracted as bytes",
      {
        ...base,
        initializers: { w, zero: integers("i8", [1], 3) },
        nodes: [
          node("Sub", ["w", "zero"], ["s"]),
          node("Cast", ["s"], ["d"], { to: 1 }),
          node("MatMul", ["x", "d"], ["y"]),
        ],
      },
    ],
    [
      "several matrices",
      {
        ...base,
        inputs: { x: typed("f32", 2, 2, 32) },
        outputs: { y: typed("f32", 2, 2, 8) },
        initializers: { w: integers("i8", [2, 32, 8], 1), scale: randomTensor("f32", [], 2) },
        nodes: [node("DequantizeLinear", ["w", "scale"], ["d"]), node("MatMul", ["x", "d"], ["y"])],
      },
    ],
    [
      "weights on the left",
      {
        ...base,
        inputs: { x: typed("f32", 8, 2) },
        outputs: { y: typed("f32", 32, 2) },
        initializers: { w, scale: randomTensor("f32", [], 2) },
        nodes: [node("DequantizeLinear", ["w", "scale"], ["d"]), node("MatMul", ["d", "x"], ["y"])],
      },
    ],
  ])("%s", async (_, spec) => {
    const { kinds, error } = await compare(spec, 1);
    expect(kinds).not.toContain("quantizedMatmul");
    expect(error).toBeLessThan(3e-6);
  });
});

it("weight-only: golden", () => {
  const text = `graph "g" {
    %0 = input "x" : f32[1,2,16]
    %1 = constant [1, -2, 3, 4, 5, -6, 7, -8, 1, 2, 3, 4, 5, 6, 7, -8, 0, 1, 2, 3, 4, 5, 6, 7, -1, -2, -3, -4, -5, -6, -7, -8] : i4[2,2,8]
    %2 = constant [0.5, 0.25, 2, 1] : f32[2,2,1]
    %3 = constant [1, 0, -1, 2] : i4[2,2,1]
    %4 = constant [0.5, -0.5] : f32[2]
    %5 = map(%1, %2, %3) { mul(sub(cast<f32>($0), cast<f32>($2)), $1) } : f32[2,2,8] from "Dequantize"
    %6 = reshape(%5) {shape = [2,16]} : f32[2,16] from "Dequantize"
    %7 = transpose(%6) {perm = [1,0]} : f32[16,2] from "Transpose"
    %8 = matmul(%0, %7) {transposeA = false, transposeB = false} : f32[1,2,2] from "MatMul"
    %9 = map(%8, %4) { add($0, $1) } : f32[1,2,2] from "Add"
    output "y" = %9
  }`;
  expectPasses([weightOnly, deadCode], text, "weight-only");
});

describe("gather-quantized", () => {
  const [rows, length] = [300, 96];
  const spec = (dtype: Bits, scale: "tensor" | "rows" | "blocks"): ModelSpec => {
    const shape = { tensor: [], rows: [rows], blocks: [rows, 3] }[scale];
    const attributes = { tensor: {}, rows: { axis: 0 }, blocks: { axis: 1, block_size: 32 } }[scale];
    return {
      opset: 21,
      inputs: { i: typed("i64", 2, 2) },
      outputs: { y: typed("f32", 2, 2, length) },
      initializers: {
        w: integers(dtype, [rows, length], 1),
        scale: randomTensor("f32", shape, 2),
        zero: integers(dtype, shape, 3),
      },
      nodes: [node("DequantizeLinear", ["w", "scale", "zero"], ["d"], attributes), node("Gather", ["d", "i"], ["y"])],
    };
  };

  it.each(bitTypes.flatMap((dtype) => (["tensor", "rows", "blocks"] as const).map((scale) => [dtype, scale] as const)))(
    "picks rows of %s with scales per %s before they are dequantized",
    async (dtype, scale) => {
      const { graph } = lowerModel(await model(spec(dtype, scale)), { dims: new Map(), requireStatic: true });
      const passed = runPasses(graph);
      const i = tensorFrom("i64", [2, 2], [299, 0, -300, 17]);
      const read = (each: Graph): TensorData => interpretGraph(each, new Map([["i", i]])).get("y") as TensorData;
      expect(relativeError(widened(read(passed)), widened(read(graph)))).toBeLessThan(1e-6);
      const table = passed.values.find(({ constant }) => constant !== undefined && product(constant.shape) > 4000);
      expect(product(table?.constant?.shape ?? [])).toBe(dtype.endsWith("4") ? (rows * length) / 2 : rows * length);
      expect(passed.ops.filter(({ kind }) => kind === "map").length).toBeLessThanOrEqual(2);
      const [actual] = (await (await instanceOf(passed)).run([i])) as [TensorData];
      expect(relativeError(widened(actual), widened(read(graph)))).toBeLessThan(1e-6);
    },
  );
});
