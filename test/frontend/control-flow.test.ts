/** If, Loop and Scan: chosen branches, captures, shapes that change from one iteration to the next. */
import { describe, expect, it } from "@jest/globals";
import { scalarTensor, tensorFrom } from "../../ir/tensor.ts";
import { printGraph } from "../../ir/print.ts";
import {
  bool,
  f32,
  floats,
  graph,
  i64,
  ints,
  model,
  type ModelSpec,
  node,
  sequence,
  typed,
} from "../helpers/onnx-builder.ts";
import { kindsOf, lowered, run } from "./run.ts";

const yes = scalarTensor("bool", 1);
const no = scalarTensor("bool", 0);

const branches = {
  then_branch: graph({ name: "then", outputs: { t: null }, nodes: [node("Add", ["x", "w"], ["t"])] }),
  else_branch: graph({ name: "else", outputs: { e: null }, nodes: [node("Neg", ["x"], ["e"])] }),
};
const choice = {
  opset: 13,
  inputs: { x: f32(2), c: bool() },
  outputs: { y: f32(2) },
  nodes: [node("If", ["c"], ["y"], branches, { name: "choose" })],
  initializers: { w: floats(10, 20) },
} satisfies ModelSpec;

describe("If", () => {
  it("keeps both branches as regions with one list of captures", async () => {
    expect(printGraph(lowered(await model(choice)))).toMatchGolden("frontend/if.graph");
  });

  it("takes the branch that the condition says", async () => {
    const m = await model(choice);
    expect(run(m, { x: floats(1, 2), c: yes })).toEqual({ y: [[2], [11, 22]] });
    expect(run(m, { x: floats(1, 2), c: no })).toEqual({ y: [[2], [-1, -2]] });
  });

  it("with a known condition is the branch itself", async () => {
    const m = await model(choice);
    expect(kindsOf(lowered(m, { inputConstants: new Map([["c", yes]]) }))).toEqual(["map"]);
    const constant = { ...choice, inputs: { x: f32(2) }, initializers: { ...choice.initializers, c: no } };
    expect(run(await model(constant), { x: floats(1, 2) })).toEqual({ y: [[2], [-1, -2]] });
  });

  it("keeps the names of a branch apart from those around it", async () => {
    const shadow = graph({ outputs: { h: null }, nodes: [node("Neg", ["x"], ["h"])] });
    const m = await model({
      ...choice,
      nodes: [
        node("Relu", ["x"], ["h"]),
        node("If", ["c"], ["b"], { then_branch: shadow, else_branch: shadow }),
        node("Add", ["h", "b"], ["y"]),
      ],
    });
    for (const c of [yes, no]) expect(run(m, { x: floats(-1, 2), c })).toEqual({ y: [[2], [1, 0]] });
    const inlined = run(m, { x: floats(-1, 2) }, { inputConstants: new Map([["c", yes]]) });
    expect(inlined).toEqual({ y: [[2], [1, 0]] });
  });

  it("may give a shape of either branch, which is then known at run time", async () => {
    const m = await model({
      ...choice,
      outputs: { y: f32("n"), z: f32("n") },
      nodes: [
        node("If", ["c"], ["y"], {
          then_branch: graph({ outputs: { t: null }, nodes: [node("Concat", ["x", "x"], ["t"], { axis: 0 })] }),
          else_branch: graph({ outputs: { e: null }, nodes: [node("Identity", ["x"], ["e"])] }),
        }),
        node("Neg", ["y"], ["z"]),
      ],
    });
    expect(kindsOf(lowered(m))).toEqual(["if", "concat", "deferred"]);
    expect(run(m, { x: floats(1, 2), c: yes })).toEqual({ y: [[4], [1, 2, 1, 2]], z: [[4], [-1, -2, -1, -2]] });
    expect(run(m, { x: floats(1, 2), c: no })).toEqual({ y: [[2], [1, 2]], z: [[2], [-1, -2]] });
  });

  it("captures through several regions, forty deep", async () => {
    let inner = graph({ outputs: { r: null }, nodes: [node("Add", ["x", "w"], ["r"])] });
    const other = graph({ outputs: { o: null }, nodes: [node("Identity", ["x"], ["o"])] });
    for (let depth = 0; depth < 40; depth++) {
      const nested = node("If", ["c"], [`r${depth}`], { then_branch: inner, else_branch: other });
      inner = graph({ outputs: { [`r${depth}`]: null }, nodes: [nested] });
    }
    const m = await model({ ...choice, nodes: [node("If", ["c"], ["y"], { then_branch: inner, else_branch: other })] });
    expect(run(m, { x: floats(1, 2), c: yes })).toEqual({ y: [[2], [11, 22]] });
  });
});

/** A loop over `s`, with `body` between its formals and `s_out`; `more` names further outputs, which are stacked. */
const loopModel = (body: Parameters<typeof graph>[0]["nodes"], more: Partial<ModelSpec> = {}): ModelSpec => ({
  opset: 13,
  inputs: { n: i64(), s: f32(2) },
  outputs: { y: f32("a"), z: f32("b", "c") },
  nodes: [
    node("Loop", ["n", "", "s"], ["y", "z"], {
      body: graph({
        name: "body",
        inputs: { i: i64(), c: bool(), v: null },
        outputs: { c_out: null, v_out: null, each: null },
        nodes: [node("Identity", ["c"], ["c_out"]), ...body],
      }),
    }),
  ],
  ...more,
});

const doubling = [node("Add", ["v", "v"], ["v_out"]), node("Neg", ["v"], ["each"])];

describe("Loop", () => {
  it("carries values and stacks results", async () => {
    const m = await model(loopModel(doubling));
    const n = scalarTensor("i64", 3);
    expect(run(m, { n, s: floats(1, 2) })).toEqual({
      y: [[2], [8, 16]],
      z: [
        [3, 2],
        [-1, -2, -2, -4, -4, -8],
      ],
    });
    expect(run(m, { n: scalarTensor("i64", 0), s: floats(1, 2) })).toEqual({ y: [[2], [1, 2]], z: [[0, 2], []] });
    expect(printGraph(lowered(m))).toMatchGolden("frontend/loop.graph");
  });

  it("stops when its condition says so", async () => {
    const body = graph({
      inputs: { i: i64(), c: bool(), v: null },
      outputs: { c_out: null, v_out: null },
      nodes: [
        node("Add", ["v", "v"], ["v_out"]),
        node("ReduceMax", ["v_out"], ["most"], { keepdims: 0 }),
        node("Less", ["most", "limit"], ["c_out"]),
      ],
    });
    const m = await model({
      ...loopModel([]),
      outputs: { y: f32(2) },
      initializers: { limit: scalarTensor("f32", 30) },
      nodes: [node("Loop", ["", "", "s"], ["y"], { body })],
    });
    expect(run(m, { n: scalarTensor("i64", 0), s: floats(1, 2) })).toEqual({ y: [[2], [16, 32]] });
  });

  it("may let a carried value grow", async () => {
    const grow = [
      node("Concat", ["v", "s"], ["v_out"], { axis: 0 }),
      node("ReduceSum", ["v"], ["each"], { keepdims: 1 }),
    ];
    const m = await model(loopModel(grow));
    expect(run(m, { n: scalarTensor("i64", 2), s: floats(1, 2) })).toEqual({
      y: [[6], [1, 2, 1, 2, 1, 2]],
      z: [
        [2, 1],
        [3, 6],
      ],
    });
  });

  it("may let values grow whose first lengths only the run knows, and others of that length stand around it", async () => {
    const body = graph({
      inputs: { i: i64(), c: bool(), v: f32("k"), w: f32("k") },
      outputs: { c_out: null, v_out: f32("k"), w_out: f32("k") },
      nodes: [
        node("Identity", ["c"], ["c_out"]),
        node("Concat", ["v", "kept"], ["v_out"], { axis: 0 }),
        node("Concat", ["w", "v"], ["w_out"], { axis: 0 }),
      ],
    });
    const m = await model({
      opset: 13,
      inputs: { n: i64(), x: f32(4), keep: bool(4) },
      outputs: { y: f32("a"), z: f32("b") },
      nodes: [
        node("Compress", ["x", "keep"], ["kept"], { axis: 0 }),
        node("Loop", ["n", "", "kept", "kept"], ["y", "z"], { body }),
      ],
    });
    const feeds = { x: floats(1, 2, 3, 4), keep: tensorFrom("bool", [4], [0, 1, 0, 1]) };
    expect(run(m, { n: scalarTensor("i64", 3), ...feeds })).toEqual({
      y: [[8], [2, 4, 2, 4, 2, 4, 2, 4]],
      z: [[14], [2, 4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4]],
    });
    expect(run(m, { n: scalarTensor("i64", 0), ...feeds })).toEqual({ y: [[2], [2, 4]], z: [[2], [2, 4]] });
  });

  it("may let a value grow in a loop within a loop", async () => {
    const grow = (formal: string, result: string): ReturnType<typeof node> =>
      node("Concat", [formal, "kept"], [result], { axis: 0 });
    const head = (more: string): Record<string, null> => ({
      [`i${more}`]: null,
      [`c${more}`]: null,
      [`v${more}`]: null,
    });
    const inner = graph({ inputs: head("2"), outputs: { c2: null, out2: null }, nodes: [grow("v2", "out2")] });
    const outer = graph({
      inputs: head("1"),
      outputs: { c1: null, out1: null },
      nodes: [node("Loop", ["i1", "", "v1"], ["between"], { body: inner }), grow("between", "out1")],
    });
    const m = await model({
      opset: 13,
      inputs: { n: i64(), x: f32(3), keep: bool(3) },
      outputs: { y: f32("a") },
      nodes: [
        node("Compress", ["x", "keep"], ["kept"], { axis: 0 }),
        node("Loop", ["n", "", "kept"], ["y"], { body: outer }),
      ],
    });
    const feeds = { n: scalarTensor("i64", 3), x: floats(1, 2, 3), keep: tensorFrom("bool", [3], [0, 1, 0]) };
    expect(run(m, feeds)).toEqual({ y: [[7], new Array(7).fill(2)] });
  });

  it("of a known number of iterations is written out, whatever its shapes do", async () => {
    const grow = [
      node("Concat", ["v", "s"], ["v_out"], { axis: 0 }),
      node("ReduceSum", ["v"], ["each"], { keepdims: 0 }),
    ];
    const m = await model({
      ...loopModel(grow),
      inputs: { s: f32(2) },
      outputs: { y: f32(6), z: f32(2) },
      initializers: { n: scalarTensor("i64", 2) },
    });
    expect(printGraph(lowered(m))).toMatchGolden("frontend/unrolled-loop.graph");
    expect(run(m, { s: floats(1, 2) })).toEqual({ y: [[6], [1, 2, 1, 2, 1, 2]], z: [[2], [3, 6]] });
  });

  it("stays a loop where it is long or its condition depends on data", async () => {
    const known = (count: number): Partial<ModelSpec> => ({
      inputs: { s: f32(2) },
      outputs: { y: f32(2), z: f32(count, 2) },
      initializers: { n: scalarTensor("i64", count) },
    });
    expect(kindsOf(lowered(await model(loopModel(doubling, known(65)))))).toEqual(["loop", "map", "map"]);
    const body = graph({
      inputs: { i: i64(), c: bool(), v: null },
      outputs: { c_out: null, v_out: null },
      nodes: [
        node("Add", ["v", "v"], ["v_out"]),
        node("ReduceMax", ["v_out"], ["most"], { keepdims: 0 }),
        node("Less", ["most", "limit"], ["c_out"]),
      ],
    });
    const m = await model({
      ...loopModel([]),
      inputs: { s: f32(2) },
      outputs: { y: f32(2) },
      initializers: { limit: scalarTensor("f32", 5), n: scalarTensor("i64", 9) },
      nodes: [node("Loop", ["n", "", "s"], ["y"], { body })],
    });
    expect(kindsOf(lowered(m))[0]).toBe("loop");
    expect(run(m, { s: floats(1, 2) })).toEqual({ y: [[2], [4, 8]] });
  });

  it("ends where a known condition says so", async () => {
    const body = graph({
      inputs: { i: i64(), c: bool(), v: null },
      outputs: { c_out: null, v_out: null },
      nodes: [node("Add", ["v", "v"], ["v_out"]), node("Less", ["i", "last"], ["c_out"])],
    });
    const m = await model({
      ...loopModel([]),
      inputs: { s: f32(2) },
      outputs: { y: f32(2) },
      initializers: { last: scalarTensor("i64", 2), n: scalarTensor("i64", 9) },
      nodes: [node("Loop", ["n", "", "s"], ["y"], { body })],
    });
    expect(kindsOf(lowered(m))).toEqual(["map", "map", "map"]);
    expect(run(m, { s: floats(1, 2) })).toEqual({ y: [[2], [8, 16]] });
  });

  it("may carry a sequence", async () => {
    const m = await model({
      opset: 13,
      inputs: { n: i64(), s: f32(2) },
      outputs: { y: sequence(f32(null)), length: i64() },
      nodes: [
        node("SequenceEmpty", [], ["start"]),
        node("Loop", ["n", "", "start"], ["y"], {
          body: graph({
            inputs: { i: i64(), c: bool(), v: null },
            outputs: { c_out: null, v_out: null },
            nodes: [
              node("Identity", ["c"], ["c_out"]),
              node("Unsqueeze", ["i", "axis"], ["end"]),
              node("Slice", ["s", "axis", "end"], ["part"]),
              node("SequenceInsert", ["v", "part"], ["v_out"]),
            ],
          }),
        }),
        node("SequenceLength", ["y"], ["length"]),
      ],
      initializers: { axis: ints(0) },
    });
    const n = scalarTensor("i64", 3);
    expect(run(m, { n, s: floats(5, 6) })).toEqual({
      y: [
        [[0], []],
        [[1], [5]],
        [[2], [5, 6]],
      ],
      length: [[], [3]],
    });
  });
});

describe("Scan", () => {
  const body = graph({
    inputs: { sum: null, next: null },
    outputs: { sum_out: null, each: null },
    nodes: [node("Add", ["sum", "next"], ["sum_out"]), node("Mul", ["sum_out", "scale"], ["each"])],
  });
  const spec = {
    opset: 16,
    inputs: { start: f32(2), x: f32(2, 3) },
    outputs: { y: f32(2), z: f32(2, 3) },
    initializers: { scale: scalarTensor("f32", 10) },
    nodes: [node("Scan", ["start", "x"], ["y", "z"], { body, num_scan_inputs: 1, scan_input_axes: [-1], scan_output_axes: [-1], scan_input_directions: [1], scan_output_directions: [1] })], // prettier-ignore
  } satisfies ModelSpec;
  const feeds = { start: floats(0, 0), x: tensorFrom("f32", [2, 3], [1, 2, 3, 4, 5, 6]) };

  it("walks any axis in either direction", async () => {
    expect(run(await model(spec), feeds)).toEqual({
      y: [[2], [6, 15]],
      z: [
        [2, 3],
        [60, 50, 30, 150, 110, 60],
      ],
    });
  });

  it("of opset 8 has a batch in front", async () => {
    const m = await model({
      ...spec,
      opset: 8,
      inputs: { start: f32(2, 1), x: f32(2, 3, 1) },
      outputs: { y: f32(2, 1), z: f32(2, 3, 1) },
      nodes: [node("Scan", ["", "start", "x"], ["y", "z"], { body, num_scan_inputs: 1 })],
    });
    const x = tensorFrom("f32", [2, 3, 1], [1, 2, 3, 4, 5, 6]);
    const start = tensorFrom("f32", [2, 1], [0, 100]);
    expect(run(m, { start, x })).toEqual({
      y: [
        [2, 1],
        [6, 115],
      ],
      z: [
        [2, 3, 1],
        [10, 30, 60, 1040, 1090, 1150],
      ],
    });
  });
});

describe("faults", () => {
  it.each<[string, Partial<ModelSpec>, RegExp]>([
    ["a condition that is no bool", { inputs: { x: f32(2), c: typed("i32") } }, /WSC3005.*condition is i32\[\]/],
    ["a branch without results", { nodes: [node("If", ["c"], ["y"], { ...branches, then_branch: graph({ outputs: {}, nodes: [] }) })] }, /gives 0 values/], // prettier-ignore
    [
      "a branch with more results",
      {
        nodes: [
          node(
            "If",
            ["c"],
            ["y"],
            { ...branches, then_branch: graph({ outputs: { t: null, x: null }, nodes: [node("Neg", ["x"], ["t"])] }) },
            { name: "choose" },
          ),
        ],
      },
      /WSC3003: If "choose": a branch gives 2 values, the node has 1 outputs/,
    ],
    ["a branch with inputs", { nodes: [node("If", ["c"], ["y"], { ...branches, then_branch: graph({ inputs: { q: f32(1) }, outputs: { q: null }, nodes: [] }) })] }, /takes 1 inputs and is given 0/], // prettier-ignore
    ["element types that differ", { nodes: [node("If", ["c"], ["y"], { ...branches, then_branch: graph({ outputs: { t: null }, nodes: [node("Cast", ["x"], ["t"], { to: 7 })] }) })] }, /result 0 is i64\[2\] in one place and f32\[2\]/], // prettier-ignore
    [
      "a leak out of a branch",
      { nodes: [...choice.nodes, node("Neg", ["t"], ["q"])] },
      /Neg "Neg_1": it reads "t", which nothing defines/,
    ],
  ])("are told: %s", async (_, change, message) => {
    const m = await model({ ...choice, ...change });
    expect(() => lowered(m)).toThrow(message);
  });

  it("does not let a body change the type of what it carries", async () => {
    const m = await model(loopModel([node("Cast", ["v"], ["v_out"], { to: 7 }), node("Neg", ["v"], ["each"])]));
    expect(() => lowered(m)).toThrow(/carried value 0 starts as f32\[2\] and comes back as i64\[2\]/);
  });
});
