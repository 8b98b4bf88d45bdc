/** Domains that a model uses without importing them count as imported in their newest version, wherever the node stands. */
import { describe, expect, it } from "@jest/globals";
import { tensorFrom } from "../../ir/tensor.ts";
import {
  bool,
  f32,
  type FunctionSpec,
  graph,
  ints,
  model,
  type ModelSpec,
  node,
  typed,
} from "../helpers/onnx-builder.ts";
import { run } from "./run.ts";

const microsoft = { domain: "com.microsoft" } as const;
const x = tensorFrom("f32", [3], [-1, 0, 2]);
const negative = tensorFrom("f32", [3], [1, 3, -2]);
// QuickGelu: x sigmoid(1.702 x), of which alpha = 0 leaves x / 2
const halves = { y: [[3], [-0.5, 0, 1]] };
const quickGelu = (input: string, output: string): ReturnType<typeof node> =>
  node("QuickGelu", [input], [output], { alpha: { kind: "float", value: 0 } }, microsoft);

const spec = {
  opset: 12,
  inputs: { x: f32(3) },
  outputs: { y: f32(3) },
  nodes: [quickGelu("x", "y")],
} satisfies ModelSpec;

describe("a domain that is not imported", () => {
  it("is there in the model's graph, with or without others", async () => {
    expect(run(await model(spec), { x })).toEqual(halves);
    expect(run(await model({ ...spec, opsets: { "ai.onnx.ml": 3 } }), { x })).toEqual(halves);
    const scaler = node(
      "Scaler",
      ["x"],
      ["y"],
      { scale: { kind: "floats", value: [0.5] }, offset: { kind: "floats", value: [0] } },
      { domain: "ai.onnx.ml" },
    );
    expect(run(await model({ ...spec, nodes: [scaler] }), { x })).toEqual(halves);
  });

  it("is there in the branches of an If", async () => {
    const branches = {
      then_branch: graph({ outputs: { a: null }, nodes: [quickGelu("x", "a")] }),
      else_branch: graph({ outputs: { b: null }, nodes: [node("Neg", ["x"], ["b"])] }),
    };
    const inputs = { x: f32(3), c: bool() };
    const m = await model({ ...spec, inputs, nodes: [node("If", ["c"], ["y"], branches)] });
    expect(run(m, { x, c: tensorFrom("bool", [], [1]) })).toEqual(halves);
    expect(run(m, { x: negative, c: tensorFrom("bool", [], [0]) })).toEqual({ y: [[3], [-1, -3, 2]] });
  });

  it("is there in a function, and keeps its version where a part is put off", async () => {
    const half: FunctionSpec = {
      domain: "local",
      name: "Half",
      inputs: ["a"],
      outputs: ["b"],
      opset: 18,
      nodes: [quickGelu("a", "b")],
    };
    const nodes = [node("Reshape", ["x", "shape"], ["r"]), node("Half", ["r"], ["y"], {}, { domain: "local" })];
    const m = await model({
      ...spec,
      inputs: { x: f32(3), shape: typed("i64", 1) },
      opsets: { local: 1 },
      outputs: { y: f32(null) },
      nodes,
      functions: [half],
    });
    expect(run(m, { x, shape: ints(3) })).toEqual(halves);
  });
});

describe("LayerNormalization", () => {
  const norm = node("LayerNormalization", ["x", "x"], ["y", "mean", "rest"]);
  const expected = [1 / 3, Math.sqrt(1 / ((16 + 1 + 25) / 27 + 1e-5))] as const;

  it.each([1, 9, 16, 17])("is there at opset %d, with its statistics", async (opset) => {
    const outputs = { mean: f32(1), rest: f32(1) };
    const result = run(await model({ ...spec, opset, outputs, nodes: [norm] }), { x }) as Record<
      string,
      [number[], number[]]
    >;
    expect(result["mean"]?.[1][0]).toBeCloseTo(expected[0], 6);
    expect(result["rest"]?.[1][0]).toBeCloseTo(expected[1], 5);
  });
});
