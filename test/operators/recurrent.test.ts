import { describe, expect, it } from "@jest/globals";
import { activationFunctions } from "../../compiler/frontend/operators/recurrent-activations.ts";
import { arg } from "../../ir/expr.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { float, floatList } from "../helpers/onnx-builder.ts";
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

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const [time, batch, width, hidden] = [3, 2, 2, 2];

/** Deterministic weights of moderate size. */
function weights(shape: readonly number[], seed: number): TensorData {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return tensor(
    shape,
    Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i)),
  );
}
const x = weights([time, batch, width], 1);
const operands = (gates: number, directions = 1): TensorData[] => [
  x,
  weights([directions, gates * hidden, width], 2),
  weights([directions, gates * hidden, hidden], 3),
  weights([directions, 2 * gates * hidden], 4),
];

/** One step of matrix rows: W x + R h + both biases, for gate `g` and unit `u`. */
function gate(
  tensors: readonly TensorData[],
  g: number,
  u: number,
  gates: number,
  input: readonly number[],
  state: readonly number[],
): number {
  const [, w, r, b] = tensors.map(numbers) as [number[], number[], number[], number[]];
  const row = g * hidden + u;
  const at = (list: readonly number[], index: number): number => list[index] ?? 0;
  const product = (matrix: readonly number[], vector: readonly number[]): number =>
    vector.reduce((sum, value, i) => sum + value * at(matrix, row * vector.length + i), 0);
  return product(w, input) + product(r, state) + at(b, row) + at(b, gates * hidden + row);
}

const inputAt = (t: number, n: number): number[] =>
  numbers(x).slice((t * batch + n) * width, (t * batch + n + 1) * width);

describe("LSTM", () => {
  it("follows its equations", async () => {
    const tensors = operands(4);
    const [y, last, cell] = await run({
      op: "LSTM",
      opset: 14,
      attributes: { hidden_size: hidden },
      inputs: tensors,
      outputs: 3,
    });
    expect([y?.shape, last?.shape, cell?.shape]).toEqual([
      [time, 1, batch, hidden],
      [1, batch, hidden],
      [1, batch, hidden],
    ]);
    const expected: number[] = [];
    let h = Array.from({ length: batch }, () => [0, 0]);
    let c = h;
    for (let t = 0; t < time; t++) {
      const previous = h;
      const units = previous.map((state, n) =>
        [0, 1].map((u) => {
          const [i, o, f, z] = [0, 1, 2, 3].map((g) => gate(tensors, g, u, 4, inputAt(t, n), state)) as [
            number,
            number,
            number,
            number,
          ];
          const next = sigmoid(f) * (c[n]?.[u] ?? 0) + sigmoid(i) * Math.tanh(z);
          return [sigmoid(o) * Math.tanh(next), next] as const;
        }),
      );
      h = units.map((row) => row.map(([out]) => out));
      c = units.map((row) => row.map(([, state]) => state));
      expected.push(...h.flat());
    }
    expect(distance(numbers(y as TensorData), expected)).toBeLessThan(1e-6);
    expect(distance(numbers(last as TensorData), h.flat())).toBeLessThan(1e-6);
    expect(distance(numbers(cell as TensorData), c.flat())).toBeLessThan(1e-6);
  });

  it("has two directions, the second backwards", async () => {
    const tensors = operands(4, 2);
    const both = { op: "LSTM", opset: 14, attributes: { direction: "bidirectional" }, inputs: tensors };
    const [y] = await run(both);
    expect(y?.shape).toEqual([time, 2, batch, hidden]);
    const second = tensors.map((value, i) =>
      i === 0
        ? value
        : {
            ...value,
            shape: [1, ...value.shape.slice(1)],
            elements: value.elements.slice(value.elements.length / 2),
          },
    );
    const backwards = await values({ op: "LSTM", opset: 14, attributes: { direction: "reverse" }, inputs: second });
    const part = numbers(y as TensorData).filter((_, i) => Math.floor(i / (batch * hidden)) % 2 === 1);
    expect(part).toEqual(backwards);
  });

  it("takes batch-first tensors with layout 1", async () => {
    const tensors = operands(4);
    const [time1] = await run({ op: "LSTM", opset: 14, inputs: tensors });
    const [swapped] = await run({ op: "Transpose", opset: 13, attributes: { perm: [1, 0, 2] }, inputs: [x] });
    const [batch1, last] = await run({
      op: "LSTM",
      opset: 14,
      attributes: { layout: 1 },
      inputs: [swapped as TensorData, ...tensors.slice(1)],
      outputs: 2,
    });
    expect([batch1?.shape, last?.shape]).toEqual([
      [batch, time, 1, hidden],
      [batch, 1, hidden],
    ]);
    const [back] = await run({
      op: "Transpose",
      opset: 13,
      attributes: { perm: [1, 2, 0, 3] },
      inputs: [batch1 as TensorData],
    });
    expect(back?.elements).toEqual(time1?.elements);
  });

  it("stops at each sequence's length", async () => {
    const inputs = [...operands(4), tensor([batch], [3, 1], "i32")];
    const result = await values({ op: "LSTM", opset: 14, inputs });
    const steps = Array.from({ length: time }, (_, t) =>
      result.slice((t * batch + 1) * hidden, (t * batch + 2) * hidden),
    );
    expect(steps[0]).not.toEqual([0, 0]);
    expect(steps.slice(1)).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});

describe("GRU and RNN", () => {
  it("follows the equations of a GRU", async () => {
    const tensors = operands(3);
    for (const linear of [0, 1]) {
      const [first] = await run({
        op: "GRU",
        opset: 14,
        attributes: { linear_before_reset: linear },
        inputs: [...tensors, null, tensor([1, batch, hidden], [0.5, -0.5, 0.25, 1])],
      });
      const state = [0.5, -0.5];
      const expected = [0, 1].map((u) => {
        const z = sigmoid(gate(tensors, 0, u, 3, inputAt(0, 0), state));
        const r = [0, 1].map((v) => sigmoid(gate(tensors, 1, v, 3, inputAt(0, 0), state)));
        const own =
          gate(tensors, 2, u, 3, inputAt(0, 0), [0, 0]) -
          (numbers(tensors[3] as TensorData)[3 * hidden + 2 * hidden + u] ?? 0);
        const bias = numbers(tensors[3] as TensorData)[5 * hidden + u] ?? 0;
        const row = numbers(tensors[2] as TensorData).slice((2 * hidden + u) * hidden, (2 * hidden + u + 1) * hidden);
        const plain = row.reduce((sum, weight, v) => sum + weight * (state[v] ?? 0), 0);
        const reset = row.reduce((sum, weight, v) => sum + weight * (state[v] ?? 0) * (r[v] ?? 0), 0);
        const candidate = Math.tanh(own + (linear === 1 ? (r[u] ?? 0) * (plain + bias) : reset + bias));
        return (1 - z) * candidate + z * (state[u] ?? 0);
      });
      expect(distance(numbers(first as TensorData).slice(0, hidden), expected)).toBeLessThan(1e-6);
    }
  });

  it("takes any activation, with its parameters in order", async () => {
    const tensors = operands(1);
    const attributes = {
      activations: ["Affine"],
      activation_alpha: floatList(0.5),
      activation_beta: floatList(0.25),
      clip: float(100),
    };
    const result = await values({ op: "RNN", opset: 14, attributes, inputs: tensors });
    const expected = [0, 1].map((u) => 0.5 * gate(tensors, 0, u, 1, inputAt(0, 0), [0, 0]) + 0.25);
    expect(distance(result.slice(0, 2), expected)).toBeLessThan(1e-6);
  });

  it("knows all activations of the standard", () => {
    expect([...activationFunctions.keys()].sort()).toEqual([
      "affine",
      "elu",
      "hardsigmoid",
      "leakyrelu",
      "relu",
      "scaledtanh",
      "sigmoid",
      "softplus",
      "softsign",
      "tanh",
      "thresholdedrelu",
    ]);
    expect(activationFunctions.get("relu")?.build("f32", arg(0), 0, 0)).toMatchObject({ op: "binary", fn: "max" });
  });

  it("computes half floats in f32", async () => {
    const halves = operands(1).map(({ shape }) => ramp(shape, 0, 0x3800, "f16"));
    const [result] = await run({ op: "RNN", opset: 14, inputs: halves });
    expect(result?.dtype).toBe("f16");
    const graph = await lowered({ op: "RNN", opset: 14, inputs: halves });
    expect(graph.ops.filter(({ kind }) => kind === "recurrent")).toHaveLength(1);
  });

  it("refuses what does not fit", async () => {
    const spec = (attributes: NodeCase["attributes"], inputs: NodeCase["inputs"] = operands(1)): NodeCase => ({
      op: "RNN",
      opset: 14,
      attributes: attributes ?? {},
      inputs,
    });
    expect(await refusal(spec({ direction: "sideways" }))).toContain("WSC3006");
    expect(await refusal(spec({ activations: ["Wave"] }))).toContain("WSC3006");
    expect(await refusal(spec({ activations: ["Tanh", "Tanh"] }))).toContain("WSC3006");
    expect(await refusal(spec({ hidden_size: 7 }))).toContain("WSC3004");
    expect(await refusal(spec({ direction: "bidirectional" }))).toContain("WSC3004");
    expect(await refusal(spec({}, [ramp([2, 2]), ...operands(1).slice(1)]))).toContain("WSC3004");
  });
});

it("lowers to these graphs", async () => {
  const text = await loweredTexts([
    {
      op: "LSTM",
      opset: 14,
      attributes: { direction: "bidirectional", layout: 1 },
      inputs: [ramp([2, 3, 2]), ...operands(4, 2).slice(1)],
      outputs: 2,
    },
    {
      op: "GRU",
      opset: 14,
      attributes: { activations: ["HardSigmoid", "LeakyRelu"] },
      inputs: [...operands(3), tensor([batch], [1, 2], "i32")],
    },
  ]);
  expect(text).toMatchGolden("operators/recurrent.txt");
});
