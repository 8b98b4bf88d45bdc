/** What depends on data is put off to run time: one op at the end, with nothing in it that could be done before. */
import { describe, expect, it } from "@jest/globals";
import { type FragmentInput, fragmentValueInputs, lowerFragment } from "../../compiler/frontend/fragment.ts";
import { type DeferredOp, type Graph, tensorType } from "../../ir/graph.ts";
import { elementCount, makeTensor, scalarTensor, tensorFrom } from "../../ir/tensor.ts";
import { bool, f32, floats, graph, i64, ints, model, type ModelSpec, node } from "../helpers/onnx-builder.ts";
import { kindsOf, lowered, run } from "./run.ts";

function deferredOf(graph: Graph): DeferredOp {
  const ops = graph.ops.filter((op) => op.kind === "deferred");
  expect(ops).toHaveLength(1);
  return ops[0] as DeferredOp;
}

const reshape: ModelSpec = {
  opset: 13,
  inputs: { x: f32(2, 3), s: i64(2) },
  outputs: { y: f32("a", "b"), z: f32(2, 3) },
  nodes: [
    node("Exp", ["x"], ["e"]),
    node("Reshape", ["e", "s"], ["r"], {}, { name: "reshape" }),
    node("Mul", ["r", "w"], ["y"]),
    node("Neg", ["x"], ["z"]),
  ],
  initializers: { w: scalarTensor("f32", 2) },
};

describe("a shape that is computed", () => {
  it("puts off what needs it, and only that", async () => {
    const lowering = lowered(await model(reshape));
    expect(kindsOf(lowering)).toEqual(["map", "map", "deferred"]);
    const op = deferredOf(lowering);
    expect(op).toMatchObject({
      inputNames: ["e", "s"],
      outputNames: ["y"],
      valueInputs: ["s"],
      origin: ["reshape", "Mul_2"],
    });
    expect(op.reason).toMatch(/value of "s"/);
  });

  it("is used once it is there", async () => {
    const feeds = { x: makeTensor("f32", [2, 3]), s: ints(3, -1) };
    expect(run(await model(reshape), feeds)).toMatchObject({
      y: [
        [3, 2],
        [2, 2, 2, 2, 2, 2],
      ],
    });
  });

  it("needs its value before the part can be lowered", async () => {
    const lowering = lowered(await model(reshape));
    const payload = lowering.values[deferredOf(lowering).inputs[0] ?? -1]?.constant;
    if (payload === undefined) throw new Error("no payload");
    expect(await fragmentValueInputs(payload)).toEqual(["s"]);
    const e: FragmentInput = { type: tensorType("f32", [2, 3]) };
    const s: FragmentInput = { type: tensorType("i64", [2]) };
    await expect(lowerFragment(payload, new Map(Object.entries({ e, s })))).rejects.toThrow(
      'internal: the value of "s"',
    );
    const known = new Map(Object.entries({ e, s: { ...s, constant: ints(6, 1) } }));
    const { graph: part } = await lowerFragment(payload, known);
    expect(part.inputs.map(({ name }) => name)).toEqual(["e"]);
    expect(kindsOf(part)).toEqual(["reshape", "map"]);
  });

  it("may come from data in several steps, each of which needs the one before", async () => {
    const m = await model({
      opset: 13,
      inputs: { x: f32("n") },
      outputs: { y: f32("k") },
      nodes: [
        node("NonZero", ["x"], ["i"]),
        node("Transpose", ["i"], ["it"]),
        node("GatherND", ["x", "it"], ["picked"]),
        node("ReduceSum", ["picked"], ["total"], { keepdims: 1 }),
        node("Cast", ["total"], ["count"], { to: 7 }),
        node("ConstantOfShape", ["count"], ["zeros"]),
        node("Concat", ["picked", "zeros"], ["y"], { axis: 0 }),
      ],
    });
    expect(run(m, { x: floats(0, 2, 0, 1) })).toEqual({ y: [[5], [2, 1, 0, 0, 0]] });
    expect(run(m, { x: floats(1) })).toEqual({ y: [[2], [1, 0]] });
  });
});

describe("the payload", () => {
  it("holds the constants that it needs and no others", async () => {
    const m = await model({
      ...reshape,
      outputs: { y: f32("a", "b"), z: f32(2, 3), q: f32(500) },
      nodes: [...reshape.nodes, node("Neg", ["big"], ["q"])],
      initializers: { ...reshape.initializers, big: makeTensor("f32", [500]) },
    });
    const lowering = lowered(m);
    const payload = lowering.values[deferredOf(lowering).inputs[0] ?? -1]?.constant;
    expect(elementCount(payload?.shape ?? [])).toBeLessThan(500);
  });

  it("leaves out what no output needs", async () => {
    const m = await model({ ...reshape, outputs: { z: f32(2, 3) } });
    expect(kindsOf(lowered(m))).toEqual(["map"]);
  });

  it("takes nodes of an inlined branch under names of their own", async () => {
    const branch = graph({
      outputs: { y: null },
      nodes: [node("Reshape", ["x", "s"], ["e"]), node("Neg", ["e"], ["y"])],
      initializers: { w: scalarTensor("f32", 3) },
    });
    const m = await model({
      ...reshape,
      nodes: [
        ...reshape.nodes.slice(0, 2),
        node("If", ["yes"], ["b"], { then_branch: branch, else_branch: branch }),
        node("Sum", ["r", "b", "w"], ["y"]),
        node("Neg", ["x"], ["z"]),
      ],
      initializers: { ...reshape.initializers, yes: scalarTensor("bool", 1) },
    });
    const feeds = { x: tensorFrom("f32", [2, 3], [0, 0, 0, 0, 0, 0]), s: ints(6, 1) };
    expect(run(m, feeds)).toMatchObject({
      y: [
        [6, 1],
        [3, 3, 3, 3, 3, 3],
      ],
    });
  });

  it("follows subgraphs that read from outside", async () => {
    const branch = (op: string): ReturnType<typeof graph> =>
      graph({ outputs: { o: null }, nodes: [node(op, ["r"], ["t"]), node("Add", ["t", "w"], ["o"])] });
    const m = await model({
      ...reshape,
      inputs: { ...reshape.inputs, c: bool() },
      nodes: [
        ...reshape.nodes.slice(0, 2),
        node("If", ["c"], ["y"], { then_branch: branch("Neg"), else_branch: branch("Abs") }),
        node("Neg", ["x"], ["z"]),
      ],
    });
    expect(deferredOf(lowered(m)).inputNames).toEqual(["e", "s", "c"]);
    const x = makeTensor("f32", [2, 3]);
    const [yes, no] = [1, 0].map((c) => run(m, { x, s: ints(1, 6), c: scalarTensor("bool", c) }));
    expect([yes, no]).toMatchObject([
      {
        y: [
          [1, 6],
          [1, 1, 1, 1, 1, 1],
        ],
      },
      {
        y: [
          [1, 6],
          [3, 3, 3, 3, 3, 3],
        ],
      },
    ]);
  });

  it("stands at the end of its own region", async () => {
    const m = await model({
      ...reshape,
      inputs: { ...reshape.inputs, c: bool() },
      outputs: { y: f32("a", "b") },
      nodes: [
        node("If", ["c"], ["y"], {
          then_branch: graph({ outputs: { o: null }, nodes: [node("Reshape", ["x", "s"], ["o"])] }),
          else_branch: graph({ outputs: { o: null }, nodes: [node("Neg", ["x"], ["o"])] }),
        }),
      ],
    });
    expect(kindsOf(lowered(m))).toEqual(["if", "deferred", "map"]);
    const x = tensorFrom("f32", [2, 3], [1, 2, 3, 4, 5, 6]);
    expect(run(m, { x, s: ints(6, 1), c: scalarTensor("bool", 1) })).toEqual({
      y: [
        [6, 1],
        [1, 2, 3, 4, 5, 6],
      ],
    });
  });
});
