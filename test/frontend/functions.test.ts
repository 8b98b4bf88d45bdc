/** Model-local functions: inlined with their attributes, opsets and names; refused when they never end or grow too large. */
import { describe, expect, it } from "@jest/globals";
import { inlineFunctions } from "../../compiler/frontend/inline-functions.ts";
import { readModel } from "../../compiler/frontend/read-model.ts";
import { loadOnnxProto } from "../../compiler/frontend/proto.ts";
import { printGraph } from "../../ir/print.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { f32, floats, type FunctionSpec, graph, ints, model, modelBytes, type ModelSpec, node, reference, bool } from "../helpers/onnx-builder.ts"; // prettier-ignore
import { kindsOf, lowered, run } from "./run.ts";

const concat = (inputs: readonly string[], output: string): ReturnType<typeof node> =>
  node("Concat", inputs, [output], { axis: reference("axis") });

const twice: FunctionSpec = {
  domain: "local",
  name: "Twice",
  inputs: ["a"],
  outputs: ["b"],
  attributes: ["axis"],
  nodes: [node("Neg", ["a"], ["t"]), concat(["a", "t"], "b")],
};

const spec = {
  opset: 15,
  opsets: { local: 1 },
  inputs: { x: f32(2, 1) },
  outputs: { y: f32(2, 4) },
  nodes: [
    node("Twice", ["x"], ["t"], { axis: 1 }, { domain: "local", name: "first" }),
    node("Twice", ["t"], ["y"], { axis: 1 }, { domain: "local", name: "second" }),
  ],
  functions: [twice],
} satisfies ModelSpec;

const x = tensorFrom("f32", [2, 1], [1, 2]);

describe("inlining", () => {
  it("repeats the body under names of its own, with the call's attributes", async () => {
    const m = await model(spec);
    expect(printGraph(lowered(m))).toMatchGolden("frontend/function.graph");
    expect(run(m, { x })).toEqual({
      y: [
        [2, 4],
        [1, -1, -1, 1, 2, -2, -2, 2],
      ],
    });
  });

  it("keeps clear of names that the model has already", async () => {
    const m = await model({ ...spec, outputs: { y: f32(2, 4), "first/t": f32(2, 1) }, nodes: [...spec.nodes, node("Exp", ["x"], ["first/t"])] }); // prettier-ignore
    const names = inlineFunctions(m).graph.nodes.flatMap((inner) => inner.outputs);
    expect(new Set(names).size).toBe(names.length);
    expect(run(m, { x })).toMatchObject({
      y: [
        [2, 4],
        [1, -1, -1, 1, 2, -2, -2, 2],
      ],
    });
  });

  it("goes through functions that call functions, and into subgraphs", async () => {
    const outer: FunctionSpec = {
      domain: "local",
      name: "Outer",
      inputs: ["p", "c"],
      outputs: ["q"],
      attributes: ["axis"],
      opsets: { local: 1 },
      nodes: [
        node("If", ["c"], ["q"], {
          then_branch: graph({ outputs: { r: null }, nodes: [node("Twice", ["p"], ["r"], { axis: reference("axis") }, { domain: "local" })] }),
          else_branch: graph({ outputs: { r: null }, nodes: [concat(["p", "p"], "r")] }),
        }),
      ],
    }; // prettier-ignore
    const m = await model({
      ...spec,
      inputs: { ...spec.inputs, c: bool() },
      outputs: { y: f32(2, 2) },
      nodes: [node("Outer", ["x", "c"], ["y"], { axis: 1 }, { domain: "local" })],
      functions: [outer, twice],
    });
    const outputs = [1, 0].map((c) => run(m, { x, c: tensorFrom("bool", [], [c]) }));
    expect(outputs).toEqual([
      {
        y: [
          [2, 2],
          [1, -1, 2, -2],
        ],
      },
      {
        y: [
          [2, 2],
          [1, 1, 2, 2],
        ],
      },
    ]);
  });

  it("lowers a body by the opset that the function imports", async () => {
    // before 13, Softmax flattened its input to two dims
    const old: FunctionSpec = { ...twice, name: "Old", attributes: [], opset: 11, nodes: [node("Softmax", ["a"], ["b"], { axis: 1 })] }; // prettier-ignore
    const make = async (opset: number): Promise<unknown> => {
      const m = await model({
        ...spec,
        inputs: { x: f32(1, 2, 2) },
        outputs: { y: f32(1, 2, 2) },
        nodes: [node("Old", ["x"], ["y"], {}, { domain: "local" })],
        functions: [{ ...old, opset }],
      });
      return run(m, { x: tensorFrom("f32", [1, 2, 2], [0, 0, 0, 0]) });
    };
    expect(await make(11)).toEqual({
      y: [
        [1, 2, 2],
        [0.25, 0.25, 0.25, 0.25],
      ],
    });
    expect(await make(13)).toEqual({
      y: [
        [1, 2, 2],
        [0.5, 0.5, 0.5, 0.5],
      ],
    });
  });

  it("keeps that opset in a part that is put off", async () => {
    const old: FunctionSpec = { ...twice, name: "Old", attributes: [], opset: 11, nodes: [node("Softmax", ["a"], ["b"], { axis: 1 })] }; // prettier-ignore
    const m = await model({
      ...spec,
      inputs: { x: f32(1, "n", 2) },
      outputs: { y: f32(1, "n", 2) },
      nodes: [node("Old", ["x"], ["y"], {}, { domain: "local" })],
      functions: [old],
    });
    expect(kindsOf(lowered(m))).toEqual(["deferred"]);
    const quarter = [0.25, 0.25, 0.25, 0.25];
    expect(run(m, { x: tensorFrom("f32", [1, 2, 2], [0, 0, 0, 0]) })).toEqual({ y: [[1, 2, 2], quarter] });
  });

  it.each<[string, Partial<FunctionSpec>]>([
    ["operators that do not exist", { nodes: [node("NoSuchOperator", ["a"], ["b"])] }],
    ["domains that nobody knows", { nodes: [node("Thing", ["a"], ["b"], {}, { domain: "nowhere.example" })] }],
    ["an opset of the future", { opset: 999 }],
    ["values that nothing defines", { nodes: [node("Neg", ["c"], ["b"])] }],
  ])("leaves functions unread that nothing calls, with %s", async (_, change) => {
    const bad: FunctionSpec = { ...twice, name: "Bad", attributes: [], nodes: [node("Neg", ["a"], ["b"])], ...change };
    const caller: FunctionSpec = {
      ...bad,
      name: "Caller",
      opset: 15,
      opsets: { local: 1 },
      nodes: [node("Bad", ["a"], ["b"], {}, { domain: "local" })],
    };
    const m = await model({ ...spec, functions: [twice, bad, caller] });
    expect(run(m, { x })).toMatchObject({
      y: [
        [2, 4],
        [1, -1, -1, 1, 2, -2, -2, 2],
      ],
    });
    const call = node("Caller", ["x"], ["z"], {}, { domain: "local" });
    const called = await model({ ...spec, nodes: [...spec.nodes, call], functions: [twice, bad, caller] });
    expect(() => run(called, { x })).toThrow(/WSC(3001|1004|2001)/);
  });

  it("leaves optional formals out where the call does", async () => {
    const clip: FunctionSpec = { ...twice, name: "Bound", inputs: ["a", "low", "high"], attributes: [], nodes: [node("Clip", ["a", "low", "high"], ["b"])] }; // prettier-ignore
    const m = await model({
      ...spec,
      outputs: { y: f32(2, 1) },
      nodes: [node("Bound", ["x", "", "most"], ["y"], {}, { domain: "local" })],
      initializers: { most: tensorFrom("f32", [], [1.5]) },
      functions: [clip],
    });
    expect(run(m, { x })).toEqual({
      y: [
        [2, 1],
        [1, 1.5],
      ],
    });
  });
});

describe("fields that onnx-proto does not know", () => {
  /** Appends a field with a string to a length-delimited message given by its bytes. */
  const withField = (message: Uint8Array, number: number, value: Uint8Array): Uint8Array =>
    Uint8Array.from([...message, ...tag(number), value.length, ...value]);
  const tag = (number: number): number[] => {
    const key = (number << 3) | 2;
    return key < 128 ? [key] : [(key & 127) | 128, key >> 7];
  };
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);

  /** A model with two overloads of one function, the second of which has a default for its attribute. */
  async function overloaded(overload: string): Promise<Uint8Array> {
    const proto = await loadOnnxProto();
    const base = await modelBytes({ ...spec, outputs: { y: f32("a", "b") }, nodes: [], functions: [] });
    const encodeFunction = (nodes: readonly ReturnType<typeof node>[]): Promise<Uint8Array> =>
      modelBytes({ ...spec, nodes: [], functions: [{ ...twice, attributes: [], nodes }] }).then((bytes) => {
        const [fn] = proto.ModelProto.decode(bytes).functions;
        return proto.FunctionProto.encode(fn ?? {}).finish();
      });
    const plain = withField(await encodeFunction([node("Neg", ["a"], ["b"])]), 13, text("plain"));
    const byDefault = proto.AttributeProto.encode({
      name: "axis",
      type: proto.AttributeProto.AttributeType.INT,
      i: 0,
    }).finish();
    const joined = withField(
      withField(await encodeFunction([concat(["a", "a"], "b")]), 13, text("joined")),
      11,
      byDefault,
    );
    const call = proto.NodeProto.encode({ opType: "Twice", domain: "local", input: ["x"], output: ["y"] }).finish();
    const graphBytes = withField(new Uint8Array(0), 1, withField(call, 8, text(overload)));
    // a second piece of the graph: protobuf merges the two
    return [[25, plain], [25, joined], [7, graphBytes]].reduce<Uint8Array>((bytes, [number, value]) => withField(bytes, number as number, value as Uint8Array), base); // prettier-ignore
  }

  it("choose among overloads and give defaults to attributes", async () => {
    const of = async (overload: string): Promise<unknown> =>
      run(await readModel({ bytes: await overloaded(overload), name: "m" }), { x });
    expect(await of("plain")).toEqual({
      y: [
        [2, 1],
        [-1, -2],
      ],
    });
    expect(await of("joined")).toEqual({
      y: [
        [4, 1],
        [1, 2, 1, 2],
      ],
    });
    await expect(of("none")).rejects.toThrow(/operator Twice is of the unknown domain local/);
  });
});

describe("faults", () => {
  const calling = (name: string, callee: string): FunctionSpec => ({
    ...twice,
    name,
    attributes: [],
    opsets: { local: 1 },
    nodes: [node(callee, ["a"], ["t"], {}, { domain: "local" }), node(callee, ["t"], ["b"], {}, { domain: "local" })],
  });
  const call = (name: string): ModelSpec => ({ ...spec, nodes: [node(name, ["x"], ["y"], {}, { domain: "local" })] });

  it.each<[string, ModelSpec, RegExp]>([
    [
      "recursion",
      { ...call("A"), functions: [calling("A", "B"), calling("B", "A")] },
      /WSC1008.*"local::A".*recursive/,
    ],
    ["growth without bound", { ...call("F0"), functions: [...Array.from({ length: 40 }, (_, i) => calling(`F${i}`, `F${i + 1}`)), { ...twice, name: "F40", attributes: [], nodes: [node("Neg", ["a"], ["b"])] }] }, /WSC1009.*limit is 1000000/], // prettier-ignore
    ["two of one name", { ...spec, functions: [twice, twice] }, /WSC2002.*local::Twice/],
    ["an attribute that the function does not have", { ...spec, functions: [{ ...twice, attributes: [] }] }, /refers to "axis", which function "local::Twice" does not declare/], // prettier-ignore
    [
      "too many inputs",
      { ...spec, nodes: [node("Twice", ["x", "x"], ["y"], { axis: 1 }, { domain: "local" })] },
      /WSC3003.*2 inputs/,
    ],
    [
      "an unknown operator inside",
      { ...spec, functions: [{ ...twice, nodes: [node("Nope", ["a"], ["b"])] }] },
      /operator Nope/,
    ],
  ])("are told: %s", async (_, faulty, message) => {
    const m = await model(faulty);
    expect(() => lowered(m)).toThrow(message);
  });

  it("runs the model's function where it has the name of a standard operator", async () => {
    const m = await model({
      ...spec,
      outputs: { y: f32(2, 1) },
      nodes: [node("Relu", ["x"], ["y"])],
      functions: [{ ...twice, domain: "", name: "Relu", attributes: [], nodes: [node("Neg", ["a"], ["b"])] }],
    });
    expect(run(m, { x })).toEqual({
      y: [
        [2, 1],
        [-1, -2],
      ],
    });
    expect([ints(1).dtype, floats(1).dtype]).toEqual(["i64", "f32"]);
  });
});
