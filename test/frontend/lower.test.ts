/** From model to graph: what is checked, how dims are bound, what becomes a constant. */
import { describe, expect, it } from "@jest/globals";
import { lowerModel, type LowerOptions, modelPorts } from "../../compiler/frontend/lower.ts";
import type { OnnxType } from "../../compiler/frontend/onnx.ts";
import { WscError } from "../../ir/diagnostic.ts";
import { printGraph } from "../../ir/print.ts";
import { makeTensor, tensorFrom } from "../../ir/tensor.ts";
import { f32, float, floats, graph, i64, ints, model, type ModelSpec, node, reference, typed, unranked } from "../helpers/onnx-builder.ts"; // prettier-ignore
import { kindsOf, lowered, run } from "./run.ts";

const relu: ModelSpec = {
  opset: 13,
  inputs: { x: f32("batch", 3) },
  outputs: { y: f32("batch", 3) },
  nodes: [node("Relu", ["x"], ["y"])],
};

const dims = (entries: Readonly<Record<string, number>>): LowerOptions => ({ dims: new Map(Object.entries(entries)) });
const shapes = (entries: Readonly<Record<string, readonly number[]>>): LowerOptions => ({
  inputShapes: new Map(Object.entries(entries)),
});

async function refusal(spec: ModelSpec, options: LowerOptions = {}): Promise<WscError> {
  const decoded = await model(spec);
  try {
    lowerModel(decoded, options);
  } catch (error) {
    if (error instanceof WscError) return error;
    throw error;
  }
  throw new Error("the model was accepted");
}

const codes = ({ diagnostics }: WscError): string[] => diagnostics.map(({ code }) => code);

describe("shape arithmetic", () => {
  it("disappears while the model is lowered", async () => {
    const m = await model({
      opset: 13,
      inputs: { x: f32("batch", 3, 4) },
      outputs: { y: f32("batch", 12) },
      nodes: [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"], { axis: 0 }),
        node("Unsqueeze", ["n", "axes"], ["n1"]),
        node("Concat", ["n1", "rest"], ["to"], { axis: 0 }),
        node("Reshape", ["x", "to"], ["y"], {}, { name: "flatten" }),
      ],
      initializers: { zero: tensorFrom("i64", [], [0]), axes: ints(0), rest: ints(-1) },
    });
    expect(printGraph(lowered(m, dims({ batch: 2 })))).toMatchGolden("frontend/shape-arithmetic.graph");
  });

  it("is exact for 64-bit integers", async () => {
    const large = 2n ** 53n + 1n;
    const m = await model({
      opset: 13,
      outputs: { y: i64(1) },
      nodes: [node("Add", ["a", "b"], ["y"])],
      initializers: { a: ints(large), b: ints(2) },
    });
    expect(lowered(m).values.at(-1)?.constant).toEqual(ints(large + 2n));
  });

  it("leaves weights alone", async () => {
    const m = await model({
      opset: 13,
      outputs: { y: f32(300, 300) },
      nodes: [node("Neg", ["w"], ["y"])],
      initializers: { w: makeTensor("f32", [300, 300]) },
    });
    expect(kindsOf(lowered(m))).toEqual(["map"]);
  });
});

describe("symbolic dims", () => {
  it("are bound by name, by the shapes of inputs, or not at all", async () => {
    const m = await model(relu);
    const typeOf = (options: LowerOptions): unknown => {
      const { values, outputs } = lowerModel(m, options).graph;
      return values[outputs[0]?.value ?? -1]?.type;
    };
    const bound = { kind: "tensor", dtype: "f32", shape: [5, 3] };
    expect(typeOf(dims({ batch: 5 }))).toEqual(bound);
    expect(typeOf(shapes({ x: [5, 3] }))).toEqual(bound);
    expect(typeOf({})).toEqual({ kind: "dynamic", dtype: "f32", dims: ["batch", 3] });
    expect(modelPorts(m, new Map([["batch", 5]])).inputs).toEqual([{ name: "x", type: bound }]);
  });

  it("that are open can be bound as input.axis", async () => {
    const m = await model({ ...relu, inputs: { x: f32(null, 3) } });
    expect(lowerModel(m, { ...dims({ "x.0": 2 }), requireStatic: true }).graph.values[0]?.type).toMatchObject({
      shape: [2, 3],
    });
  });

  it.each<[string, LowerOptions, RegExp]>([
    [
      "asked for and missing",
      { requireStatic: true },
      /WSC2005: dims batch have no value.*"x" is dynamic f32\[batch,3\]\n {2}help: --dim batch=1/,
    ],
    ["of another rank", shapes({ x: [5] }), /WSC7002: input "x": its shape is \[5\], the model says \[batch,3\]/],
    ["against a fixed dim", shapes({ x: [5, 4] }), /WSC7002.*\[5,4\]/],
    ["bound twice", { ...dims({ batch: 2 }), ...shapes({ x: [5, 3] }) }, /batch is 2/],
    ["no sizes", dims({ batch: -1 }), /"batch" is -1/],
    ["of unknown inputs", shapes({ z: [1] }), /WSC7003.*no input "z"/],
    [
      "of another name",
      dims({ bacth: 8 }),
      /WSC7003: the model has no dim "bacth" to bind\n {2}help: did you mean "batch"\? dims to bind: batch/,
    ],
  ])("are told when %s", async (_, options, message) => {
    expect((await refusal(relu, options)).message).toMatch(message);
  });

  it("of one name may stand for several sizes as long as the operators take them", async () => {
    const two: ModelSpec = {
      ...relu,
      inputs: { x: f32("batch", 3), z: f32("batch", 3) },
      nodes: [node("Add", ["x", "z"], ["y"], {}, { name: "both" })],
    };
    const { graph: sum, warnings } = lowerModel(await model(two), shapes({ x: [1, 3], z: [4, 3] }));
    expect(sum.values[sum.outputs[0]?.value ?? -1]?.type).toEqual({ kind: "tensor", dtype: "f32", shape: [4, 3] });
    expect(warnings).toEqual([]);
    expect((await refusal(two, shapes({ x: [2, 3], z: [4, 3] }))).message).toMatch(
      /WSC3004: Add "both".*\n.*"x" f32\[2,3\], "z" f32\[4,3\]/,
    );
    expect((await refusal(two, { ...dims({ batch: 1 }), ...shapes({ x: [1, 3], z: [4, 3] }) })).message).toMatch(
      /WSC7002: input "z".*batch is 1/,
    );
  });

  const windowed = (inputs: ModelSpec["inputs"]): ModelSpec => ({
    opset: 17,
    inputs: inputs ?? {},
    outputs: { y: f32(null, null, null, null) },
    nodes: [node("Conv", ["x", "w"], ["y"])],
    initializers: { w: tensorFrom("f32", [1, 2, 7, 7], new Array<number>(98).fill(1)) },
  });

  it("are suggested with sizes that the model takes", async () => {
    const open = windowed({ x: f32("batch", 2, "image height", null) });
    const { message } = await refusal(open, { requireStatic: true });
    expect(message).toContain("help: --dim batch=1 --dim 'image height=8' --dim x.3=8");
    const sizes = dims({ batch: 1, "image height": 8, "x.3": 8 });
    expect(lowerModel(await model(open), { ...sizes, requireStatic: true }).warnings).toEqual([]);
  });

  it("are suggested without sizes where none is found that the model takes", async () => {
    const odd = { ...windowed({ x: f32("batch", 2, 9, 9), z: f32(3) }), nodes: [node("Add", ["x", "z"], ["y"])] };
    const { message } = await refusal({ ...odd, initializers: {} }, { requireStatic: true });
    expect(message).toContain("help: --dim batch=N");
  });

  it("may be missing altogether", async () => {
    const error = await refusal({ ...relu, inputs: { x: unranked("f32") } }, { requireStatic: true });
    expect(error.message).toMatch(/WSC2005.*dynamic f32\[\*\]/);
  });
});

describe("what the model declares of its outputs", () => {
  it.each<[string, OnnxType]>([
    ["a size", f32(1, 3)],
    ["the order", f32(3, 2)],
    ["the rank", f32(6)],
    ["a scalar", f32()],
  ])("gives way to what its nodes give, with a warning: %s", async (_, declared) => {
    const { graph: relued, warnings } = lowerModel(
      await model({ ...relu, inputs: { x: f32(2, 3) }, outputs: { y: declared } }),
    );
    expect(relued.values[relued.outputs[0]?.value ?? -1]?.type).toEqual({
      kind: "tensor",
      dtype: "f32",
      shape: [2, 3],
    });
    expect(warnings).toMatchObject([{ code: "WSC2004", severity: "warning", subject: 'output "y"' }]);
  });

  it("may not be another element type", async () => {
    const spec: ModelSpec = { ...relu, inputs: { x: f32(2, 3) }, outputs: { y: i64(2, 3) } };
    expect((await refusal(spec)).message).toMatch(/WSC2004: output "y".*i64\[2,3\].*f32\[2,3\]/);
  });

  it("may use one symbol for two sizes, with a warning", async () => {
    const m = await model({ ...relu, inputs: { x: f32(2, 3) }, outputs: { y: f32("n", "n") } });
    expect(lowerModel(m).warnings).toHaveLength(1);
    expect(
      lowerModel(await model({ ...relu, inputs: { x: f32(2, 2) }, outputs: { y: f32("n", "n") } })).warnings,
    ).toEqual([]);
  });
});

describe("defaults of inputs", () => {
  const spec: ModelSpec = {
    opset: 13,
    inputs: { x: f32(2), w: f32(2) },
    outputs: { y: f32(2) },
    nodes: [node("Add", ["x", "w"], ["y"])],
    initializers: { w: floats(10, 20) },
  };

  it("are constants unless they are to be fed", async () => {
    const m = await model(spec);
    expect(lowerModel(m).graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(run(m, { x: floats(1, 2) })).toEqual({ y: [[2], [11, 22]] });
    const overridable = { overridable: new Set(["w"]) };
    expect(lowerModel(m, overridable).graph.inputs.map(({ name }) => name)).toEqual(["x", "w"]);
    expect(run(m, { x: floats(1, 2), w: floats(0, 1) }, overridable)).toEqual({ y: [[2], [1, 3]] });
  });

  it("must be of the declared type", async () => {
    const wrong = { ...spec, initializers: { w: tensorFrom("f64", [2], [1, 2]) } };
    expect((await refusal(wrong)).message).toMatch(/WSC2004: input "w".*f64\[2\].*f32\[2\]/);
  });
});

describe("order", () => {
  it("is made topological, captures of subgraphs included", async () => {
    const branch = (name: string): ReturnType<typeof graph> =>
      graph({ outputs: { [name]: null }, nodes: [node("Neg", ["late"], [name])] });
    const m = await model({
      opset: 13,
      inputs: { x: f32(2), c: typed("bool") },
      outputs: { y: f32(2) },
      nodes: [
        node("If", ["c"], ["y"], { then_branch: branch("a"), else_branch: branch("b") }),
        node("Exp", ["x"], ["later"]),
        node("Relu", ["later"], ["late"]),
      ],
    });
    expect(kindsOf(lowered(m))).toEqual(["map", "map", "if", "map", "map"]);
  });

  it("does not exist for a cycle, which is named", async () => {
    const error = await refusal({
      ...relu,
      nodes: [node("Add", ["x", "b"], ["a"], {}, { name: "one" }), node("Neg", ["a"], ["b"], {}, { name: "two" }), node("Relu", ["a"], ["y"])],
    }); // prettier-ignore
    expect(error.message).toMatch(/WSC2003.*cycle.*"one".*"two"|WSC2003.*cycle.*"two".*"one"/);
  });

  it("takes ten thousand nodes in a row", async () => {
    const count = 10_000;
    const nodes = Array.from({ length: count }, (_, i) =>
      node("Neg", [i === 0 ? "x" : `v${i}`], [i === count - 1 ? "y" : `v${i + 1}`]),
    );
    const m = await model({ ...relu, inputs: { x: f32(2, 3) }, outputs: { y: f32(2, 3) }, nodes: nodes.toReversed() });
    expect(lowerModel(m).graph.ops).toHaveLength(count);
  });
});

describe("a model that is wrong", () => {
  it("is told everything at once", async () => {
    const error = await refusal({
      ...relu,
      inputs: { x: f32(2, 3) },
      nodes: [
        node("Frobnicate", ["x"], ["a"]),
        node("Frobnicate", ["x"], ["a2"]),
        node("Concat", ["x", "x"], ["b"], {}, { name: "cat" }),
        node("Add", ["x"], ["c"]),
        node("Relu", ["x", "x"], ["d"]),
        node("Softmax", ["x"], ["e"], { axis: float(1), sharpness: 3 }),
        node("Neg", ["ghost"], ["f"]),
        node("Neg", ["x"], ["y"]),
        node("Neg", ["x"], ["y"], {}, { name: "again" }),
        node("Foo", ["x"], ["g"], {}, { domain: "example.com" }),
        node("Relu", ["x"], ["h"], { alpha: reference("beta") }),
      ],
    });
    expect(error.message + "\n").toMatchGolden("frontend/wrong-model.txt");
  });

  it("is told all errors of shapes at once, and nothing of what follows from them", async () => {
    const error = await refusal({
      ...relu,
      inputs: { x: f32(2, 3) },
      initializers: { w: makeTensor("f32", [4, 5]) },
      nodes: [
        node("MatMul", ["x", "w"], ["a"], {}, { name: "first" }),
        node("Relu", ["a"], ["b"]),
        node("Add", ["b", "w"], ["c"]),
        node("Softmax", ["x"], ["y"], { axis: 5 }, { name: "second" }),
      ],
    });
    expect(error.diagnostics.map(({ subject }) => subject)).toEqual(['MatMul "first"', 'Softmax "second"']);
  });

  it("with very many faults is told the first twenty and the number of the rest", async () => {
    const nodes = Array.from({ length: 50 }, (_, i) => node(`Unknown${i}`, ["x"], [`u${i}`]));
    const error = await refusal({ ...relu, nodes: [...nodes, ...relu.nodes] });
    expect(error.diagnostics).toHaveLength(21);
    expect(error.diagnostics.at(-1)?.message).toBe("30 more problems are not shown");
  });

  it.each<[string, Partial<ModelSpec>, string]>([
    ["a new opset", { opset: 29 }, "WSC1004"],
    ["two definitions of one name", { initializers: { y: floats(1) } }, "WSC2002"],
    ["an output that nothing defines", { outputs: { z: f32(1) } }, "WSC2001"],
    ["an operator that came later", { opset: 13, nodes: [node("Gelu", ["x"], ["y"])] }, "WSC3001"],
    ["a newer version of another domain", { opsets: { "com.microsoft": 2 } }, "WSC1004"],
    ["a graph that gives nothing", { outputs: {} }, "WSC1003"],
    ["a result that no memory holds", { nodes: [node("ConstantOfShape", ["big"], ["y"])], initializers: { big: ints(2 ** 20, 2 ** 20) } }, "WSC1009"], // prettier-ignore
  ])("is refused for %s", async (_, change, code) => {
    expect(codes(await refusal({ ...relu, inputs: { x: f32(2, 3) }, ...change }))).toEqual([code]);
  });
});
