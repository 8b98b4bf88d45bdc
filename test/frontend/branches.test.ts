/** Branches and bodies that do not fit what is fed: a fault counts when a run comes to it. */
import { describe, expect, it } from "@jest/globals";
import { lowerModel } from "../../compiler/frontend/lower.ts";
import { scalarTensor, tensorFrom, type TensorData } from "../../ir/tensor.ts";
import { bool, f32, floats, graph, i64, ints, model, type ModelSpec, node } from "../helpers/onnx-builder.ts";
import { run } from "./run.ts";

const yes = scalarTensor("bool", 1);
const no = scalarTensor("bool", 0);
const fitting = { outputs: { t: f32(null) }, nodes: [node("Neg", ["x"], ["t"])] };

/** An If whose else branch is `nodes`, up to `e`; the other one negates. */
const chosen = (nodes: ModelSpec["nodes"], more: Partial<ModelSpec> = {}): ModelSpec => ({
  opset: 16,
  inputs: { x: f32(2), c: bool() },
  outputs: { y: f32("n") },
  nodes: [
    node("If", ["c"], ["y"], {
      then_branch: graph(fitting),
      else_branch: graph({ outputs: { e: f32(null) }, nodes }),
    }),
  ],
  ...more,
});

const x = floats(1, 2);

describe("A branch that is not taken", () => {
  it.each<[string, ModelSpec, RegExp]>([
    [
      "shapes",
      chosen([node("Add", ["x", "w"], ["e"], {}, { name: "odd" })], { initializers: { w: floats(1, 2, 3) } }),
      /WSC3004: Add "odd": .*broadcast/,
    ],
    [
      "what reads a wrong node",
      chosen([node("Reshape", ["x", "s"], ["a"], {}, { name: "odd" }), node("Exp", ["a"], ["e"])], {
        initializers: { s: ints(5) },
      }),
      /WSC3004: Reshape "odd"/,
    ],
    [
      "attributes",
      chosen([node("Softmax", ["x"], ["e"], { axis: 9 }, { name: "odd" })]),
      /WSC3006: Softmax "odd": axis 9/,
    ],
    [
      "element types",
      chosen([node("Cast", ["x"], ["a"], { to: 9 }), node("Sin", ["a"], ["e"], {}, { name: "odd" })]),
      /WSC3005: Sin "odd"/,
    ],
    [
      "indices of constants",
      chosen([node("Gather", ["w", "i"], ["e"], {}, { name: "odd" })], {
        initializers: { w: floats(1, 2, 3), i: ints(7) },
      }),
      /WSC7005: Gather "odd": .*index 7/,
    ],
    [
      "an operator that there is not",
      chosen([node("Frobnicate", ["x"], ["a"], { level: 3 }, { name: "odd" }), node("Exp", ["a"], ["e"])]),
      /WSC3001: Frobnicate "odd": operator Frobnicate is not supported/,
    ],
    [
      "an operator of a domain that nobody knows",
      chosen([node("Blur", ["x"], ["e"], {}, { name: "odd", domain: "com.example" })], {
        opsets: { "com.example": 2 },
      }),
      /WSC3001: Blur "odd": operator Blur is of the unknown domain com.example/,
    ],
    [
      "an operator of later opsets",
      chosen([node("Gelu", ["x"], ["e"], {}, { name: "odd" })]),
      /WSC3001: Gelu "odd": operator Gelu came with opset 20, the model imports 16/,
    ],
    [
      "a function that calls one with an operator of its own",
      chosen([node("Outer", ["x"], ["e"], {}, { name: "call", domain: "local" })], {
        opsets: { local: 1 },
        functions: [
          {
            domain: "local",
            name: "Outer",
            inputs: ["a"],
            outputs: ["b"],
            opsets: { local: 1 },
            nodes: [node("Inner", ["a"], ["b"], {}, { domain: "local" })],
          },
          {
            domain: "local",
            name: "Inner",
            inputs: ["a"],
            outputs: ["b"],
            opsets: { odd: 1 },
            nodes: [node("Blur", ["a"], ["b"], {}, { name: "odd", domain: "odd" })],
          },
        ],
      }),
      /WSC3001: Blur "call\/Inner_0\/odd": operator Blur is of the unknown domain odd/,
    ],
    [
      "a branch within",
      chosen([
        node("If", ["c"], ["e"], {
          then_branch: graph(fitting),
          else_branch: graph({
            outputs: { q: f32(null) },
            nodes: [node("Softmax", ["x"], ["q"], { axis: 9 }, { name: "odd" })],
          }),
        }),
      ]),
      /WSC3006: Softmax "odd"/,
    ],
  ])("may be wrong, and is told of when it is taken: %s", async (_, spec, message) => {
    const m = await model(spec);
    expect(run(m, { x, c: yes })).toEqual({ y: [[2], [-1, -2]] });
    expect(() => run(m, { x, c: no })).toThrow(message);
    expect(() => run(m, { x }, { inputConstants: new Map([["c", no]]) })).toThrow(message);
    expect(lowerModel(m).warnings.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
      expect.stringMatching(/^warning a run that comes here fails: /),
    ]);
  });

  it("may be the one whose weights fit other inputs", async () => {
    const m = await model({
      ...chosen([node("MatMul", ["x", "w3"], ["a"]), node("Relu", ["a"], ["e"])]),
      inputs: { x: f32("n"), c: bool() },
      nodes: [
        node("If", ["c"], ["h"], {
          then_branch: graph({ outputs: { t: f32(null) }, nodes: [node("MatMul", ["x", "w2"], ["t"])] }),
          else_branch: graph({ outputs: { e: f32(null) }, nodes: [node("MatMul", ["x", "w3"], ["e"])] }),
        }),
        node("Neg", ["h"], ["y"]),
      ],
      initializers: { w2: tensorFrom("f32", [2, 1], [1, 10]), w3: tensorFrom("f32", [3, 1], [1, 10, 100]) },
    });
    const fed = (...values: number[]): { feeds: { x: TensorData }; shapes: Map<string, number[]> } => ({
      feeds: { x: floats(...values) },
      shapes: new Map([["x", [values.length]]]),
    });
    for (const [c, { feeds, shapes }, result] of [
      [yes, fed(1, 2), -21],
      [no, fed(1, 2, 3), -321],
    ] as const)
      expect(run(m, { ...feeds, c }, { inputShapes: shapes })).toEqual({ y: [[1], [result]] });
  });
});

describe("A body that never runs", () => {
  const body = graph({
    inputs: { i: i64(), g: bool(), v: f32(null) },
    outputs: { g_out: bool(), v_out: f32(null) },
    nodes: [node("Identity", ["g"], ["g_out"]), node("Add", ["v", "w"], ["v_out"], {}, { name: "odd" })],
  });
  const looped: ModelSpec = {
    opset: 16,
    inputs: { x: f32(2), n: i64() },
    outputs: { y: f32("n") },
    nodes: [node("Loop", ["n", "", "x"], ["y"], { body })],
    initializers: { w: floats(1, 2, 3) },
  };

  it("may be wrong", async () => {
    const m = await model(looped);
    expect(run(m, { x, n: scalarTensor("i64", 0) })).toEqual({ y: [[2], [1, 2]] });
    expect(() => run(m, { x, n: scalarTensor("i64", 1) })).toThrow(/WSC3004: Add "odd"/);
    const known = (n: number): ModelSpec => ({
      ...looped,
      inputs: { x: f32(2) },
      initializers: { ...looped.initializers, n: scalarTensor("i64", n) },
    });
    expect(run(await model(known(0)), { x })).toEqual({ y: [[2], [1, 2]] });
    const certain = await model(known(1));
    expect(() => lowerModel(certain)).toThrow(/WSC3004: Add "odd"/);
  });
});

describe("An operator that is not supported", () => {
  const odd = node("Frobnicate", ["x"], ["o"], {}, { name: "odd" });

  it("is refused where every run comes", async () => {
    const before = await model(
      chosen([node("Exp", ["o"], ["e"])], { nodes: [odd, ...chosen([node("Exp", ["o"], ["e"])]).nodes] }),
    );
    expect(() => lowerModel(before)).toThrow(/^error WSC3001: Frobnicate "odd"/);
    const called: Partial<ModelSpec> = {
      opsets: { local: 1 },
      nodes: [node("Calls", ["x"], ["y"], {}, { domain: "local" })],
      functions: [{ domain: "local", name: "Calls", inputs: ["x"], outputs: ["o"], nodes: [odd] }],
    };
    const everyRun = await model(chosen([], called));
    expect(() => lowerModel(everyRun)).toThrow(/^error WSC3001: Frobnicate "odd"/);
    const known = await model(
      chosen([node("Frobnicate", ["x"], ["e"], {}, { name: "odd" })], {
        inputs: { x: f32(2) },
        initializers: { c: no },
      }),
    );
    expect(() => lowerModel(known)).toThrow(/^error WSC3001: Frobnicate "odd"/);
  });

  it("may give what its branch declares nothing of, beside one of another type", async () => {
    const m = await model({
      ...chosen([]),
      outputs: { y: i64("n") },
      nodes: [
        node("If", ["c"], ["y"], {
          then_branch: graph({ outputs: { t: null }, nodes: [node("Cast", ["x"], ["t"], { to: 7 })] }),
          else_branch: graph({ outputs: { o: null }, nodes: [odd] }),
        }),
      ],
    });
    expect(run(m, { x, c: yes })).toEqual({ y: [[2], [1, 2]] });
    expect(() => run(m, { x, c: no })).toThrow(/WSC3001: Frobnicate "odd"/);
  });

  it("may stand in the body of a Loop or a Scan that does not run", async () => {
    const looped = await model({
      opset: 16,
      inputs: { x: f32(2), n: i64(), k: i64(2) },
      outputs: { y: i64("n") },
      nodes: [
        node("Loop", ["n", "", "k"], ["y"], {
          body: graph({
            inputs: { i: i64(), g: bool(), v: null },
            outputs: { g_out: bool(), o: null },
            nodes: [node("Identity", ["g"], ["g_out"]), odd],
          }),
        }),
      ],
    });
    expect(run(looped, { x, k: ints(3, 4), n: scalarTensor("i64", 0) })).toEqual({ y: [[2], [3, 4]] });
    expect(() => run(looped, { x, k: ints(3, 4), n: scalarTensor("i64", 1) })).toThrow(/WSC3001: Frobnicate "odd"/);
    const scanned = await model({
      opset: 16,
      inputs: { x: f32(2), s: f32("k", 2) },
      outputs: { y: f32("n") },
      nodes: [
        node("Scan", ["x", "s"], ["y"], {
          num_scan_inputs: 1,
          body: graph({
            inputs: { v: null, row: null },
            outputs: { o: null },
            nodes: [node("Frobnicate", ["v", "row"], ["o"], {}, { name: "odd" })],
          }),
        }),
      ],
    });
    const rows = (count: number): TensorData => tensorFrom("f32", [count, 2], new Array<number>(2 * count).fill(1));
    const fed = (count: number) => ({ inputShapes: new Map([["s", [count, 2]]]) });
    expect(run(scanned, { x, s: rows(0) }, fed(0))).toEqual({ y: [[2], [1, 2]] });
    expect(() => run(scanned, { x, s: rows(1) }, fed(1))).toThrow(/WSC3001: Frobnicate "odd"/);
  });
});
