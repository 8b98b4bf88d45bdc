/** Operators that onnxruntime's optimizer writes, as onnxruntime-web computes them. */
import { describe, expect, it } from "@jest/globals";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { float, floatList, type NodeSpec } from "../helpers/onnx-builder.ts";
import { relativeError } from "../helpers/oracle.ts";
import { refusal } from "./node-case.ts";
import { agree, floats, integers, type OracleCase, positions, results } from "./oracle-case.ts";

type Attributes = NodeSpec["attributes"];

describe("FusedConv", () => {
  const [x, w, b] = [floats(1, 1, 3, 7, 7), floats(2, 4, 3, 3, 3), floats(3, 4)];
  const z = floats(4, 1, 4, 5, 5);

  it.each<[string, readonly (TensorData | null)[], Attributes]>([
    ["no activation", [x, w, b], {}],
    ["Relu", [x, w, b], { activation: "Relu" }],
    ["Relu behind a sum", [x, w, b, z], { activation: "Relu" }],
    ["a sum alone", [x, w, b, z], {}],
    ["Clip", [x, w, b], { activation: "Clip", activation_params: floatList(-0.5, 0.75) }],
    ["LeakyRelu", [x, w, null], { activation: "LeakyRelu", activation_params: floatList(0.3) }],
    ["HardSigmoid", [x, w, b], { activation: "HardSigmoid", activation_params: floatList(0.3, 0.4) }],
    ["Tanh", [x, w, b], { activation: "Tanh" }],
    ["Sigmoid", [x, w, b], { activation: "Sigmoid" }],
  ])("agrees with %s", async (_, inputs, attributes) => {
    await agree({ op: "FusedConv", inputs, attributes, outputs: 1 });
  });

  it("names an activation that it does not know", async () => {
    const attributes = { activation: "Sparkle" };
    const spec = { op: "FusedConv", opset: 1, domain: "com.microsoft", inputs: [x, w, b], attributes };
    expect(await refusal(spec)).toMatch(/Sparkle/);
  });
});

describe("FusedGemm", () => {
  const [a, b, c] = [floats(1, 5, 7), floats(2, 7, 6), floats(3, 6)];

  it.each<[string, readonly TensorData[], Attributes]>([
    ["Relu", [a, b, c], { activation: "Relu" }],
    ["LeakyRelu", [a, b, c], { activation: "LeakyRelu", activation_alpha: float(0.2) }],
    ["Sigmoid and factors", [a, b, c], { activation: "Sigmoid", alpha: float(0.5), beta: float(2) }],
    [
      "HardSigmoid",
      [a, b, c],
      { activation: "HardSigmoid", activation_alpha: float(0.2), activation_beta: float(0.3) },
    ],
    ["Tanh of a transposed product", [floats(4, 7, 5), b, c], { activation: "Tanh", transA: 1 }],
  ])("agrees with %s", async (_, inputs, attributes) => {
    await agree({ op: "FusedGemm", inputs, attributes, outputs: 1 });
  });

  it("takes a second parameter without a first", async () => {
    const of = (more: Attributes): OracleCase => ({ op: "FusedGemm", inputs: [a, b, c], attributes: { activation: "HardSigmoid", ...more }, outputs: 1 }); // prettier-ignore
    const beta = { activation_beta: float(0.1) };
    expect(await results(of(beta))).toEqual(await results(of({ ...beta, activation_alpha: float(0.2) })));
  });
});

describe("EmbedLayerNormalization", () => {
  const ids = integers([2, 3], 4, 0, 9, 2, 2, 7);
  const segments = integers([2, 3], 0, 0, 1, 1, 0, 1);
  const [words, places, kinds] = [floats(1, 10, 8), floats(2, 5, 8), floats(3, 2, 8)];
  const [gamma, beta] = [floats(4, 8), floats(5, 8)];
  const mask = integers([2, 3], 1, 1, 0, 1, 1, 1);
  const at = integers([2, 3], 0, 1, 2, 4, 3, 2);

  it.each<[string, readonly (TensorData | null)[], number]>([
    ["words and positions", [ids, null, words, places, null, gamma, beta], 2],
    ["a mask", [ids, segments, words, places, kinds, gamma, beta, mask], 2],
    ["segments", [ids, segments, words, places, kinds, gamma, beta], 2],
    ["positions of its own, and the sum", [ids, segments, words, places, kinds, gamma, beta, mask, at], 3],
  ])("agrees with %s", async (_, inputs, outputs) => {
    await agree({
      op: "EmbedLayerNormalization",
      inputs,
      attributes: { epsilon: float(1e-6) },
      outputs,
      types: { 1: "i32" },
    });
  });
});

describe("FusedMatMul", () => {
  const [m, k, n] = [4, 5, 6];
  const flags = [0, 1];
  const shape = (swapped: number, moved: number, rows: number, columns: number): number[] => {
    const [r, c] = swapped === 1 ? [columns, rows] : [rows, columns];
    return moved === 1 ? [r, 2, 3, c] : [2, 3, r, c];
  };
  const combinations = flags.flatMap((transA) =>
    flags.flatMap((transB) =>
      flags.flatMap((batchA) => flags.map((batchB) => [transA, transB, batchA, batchB] as const)),
    ),
  );

  it.each(combinations)(
    "agrees with transA %d, transB %d, transBatchA %d, transBatchB %d",
    async (transA, transB, transBatchA, transBatchB) => {
      const inputs = [floats(1, ...shape(transA, transBatchA, m, k)), floats(2, ...shape(transB, transBatchB, k, n))];
      const attributes = { transA, transB, transBatchA, transBatchB, alpha: float(0.5) };
      await agree({ op: "FusedMatMul", inputs, attributes, outputs: 1 });
    },
  );

  it("has an older name", async () => {
    const inputs = [floats(1, 2, k, m), floats(2, 2, n, k)];
    const attributes = { transA: 1, transB: 1, alpha: float(2) };
    const of = (op: string): OracleCase => ({ op, inputs, attributes, outputs: 1 });
    expect(await results(of("TransposeMatMul"))).toEqual(await results(of("FusedMatMul")));
  });
});

describe("SkipSimplifiedLayerNormalization", () => {
  it("gives zeros for the mean, and the root's inverse", async () => {
    const [x, skip, gamma] = [floats(1, 2, 3, 8), floats(2, 2, 3, 8), floats(3, 8)];
    const op = "SkipSimplifiedLayerNormalization";
    const [normal, mean, inverse, sum] = await results({
      op,
      inputs: [x, skip, gamma],
      attributes: { epsilon: float(1e-5) },
      outputs: 4,
    });
    const rows = Array.from({ length: 6 }, (_, i) => Array.from(sum?.elements as Float32Array).slice(8 * i, 8 * i + 8));
    const roots = rows.map((row) => 1 / Math.sqrt(row.reduce((total, value) => total + value * value, 0) / 8 + 1e-5));
    expect(mean).toEqual(tensorFrom("f32", [2, 3, 1], new Array<number>(6).fill(0)));
    expect(inverse?.shape).toEqual([2, 3, 1]);
    expect(relativeError(inverse?.elements as Float32Array, roots)).toBeLessThan(1e-6);
    const expected = rows.flatMap((row, i) =>
      row.map((value, j) => value * (roots[i] ?? 0) * Number(gamma.elements[j])),
    );
    expect(relativeError(normal?.elements as Float32Array, expected)).toBeLessThan(1e-6);
  });
});

describe("Trilu, GridSample and Inverse", () => {
  it.each<[string, readonly TensorData[], Attributes]>([
    ["Trilu", [floats(1, 2, 4, 5)], {}],
    ["Trilu", [floats(1, 2, 4, 5), positions([], -1)], { upper: 0 }],
    ["GridSample", [floats(1, 2, 3, 5, 6), floats(2, 2, 3, 4, 2)], {}],
    [
      "GridSample",
      [floats(1, 2, 3, 5, 6), floats(2, 2, 3, 4, 2)],
      { mode: "bicubic", padding_mode: "reflection", align_corners: 1 },
    ],
    ["GridSample", [floats(1, 2, 3, 5, 6), floats(2, 2, 3, 4, 2)], { mode: "nearest", padding_mode: "border" }],
  ])("%s agrees (%#)", async (op, inputs, attributes) => {
    await agree({ op, inputs, attributes, outputs: 1 });
  });

  it.each([1, 2, 7, 48, 60])("Inverse undoes matrices of %d rows", async (n) => {
    const x = floats(3, 3, n, n);
    const diagonal = Float32Array.from(
      x.elements as Float32Array,
      (value, i) => value + ((i % (n * n)) % (n + 1) === 0 ? 4 : 0),
    );
    const matrices = tensorFrom("f32", [3, n, n], Array.from(diagonal));
    const [inverse] = await results({ op: "Inverse", inputs: [matrices], attributes: {}, outputs: 1 });
    const product = Array.from({ length: 3 * n * n }, (_, i) => {
      const [b, row, column] = [Math.floor(i / (n * n)), Math.floor(i / n) % n, i % n];
      let sum = 0;
      for (let j = 0; j < n; j++)
        sum += Number(diagonal[(b * n + row) * n + j]) * Number(inverse?.elements[(b * n + j) * n + column]);
      return sum;
    });
    const unit = product.map((_, i) => ((i % (n * n)) % (n + 1) === 0 ? 1 : 0));
    expect(relativeError(product, unit)).toBeLessThan(1e-4);
  });

  it("Inverse swaps rows where the diagonal is zero, and refuses what is not square", async () => {
    const swap = tensorFrom("f64", [2, 2], [0, 2, 4, 0]);
    const [inverse] = await results({ op: "Inverse", inputs: [swap], attributes: {}, outputs: 1, types: { 0: "f64" } });
    expect(inverse).toEqual(tensorFrom("f64", [2, 2], [0, 0.25, 0.5, 0]));
    const spec = { op: "Inverse", opset: 1, domain: "com.microsoft", inputs: [floats(1, 2, 3)] };
    expect(await refusal(spec)).toMatch(/square matrices, not \[2, 3\]/);
  });
});
