import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { buildKernelGraph } from "../../compiler/kernels/build.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, binary, lit } from "../../ir/expr.ts";
import { type Graph, tensorType } from "../../ir/graph.ts";
import { parseKernelGraph, printKernelGraph } from "../../ir/kernel-graph-text.ts";
import { type KernelGraph, kernelFamilies } from "../../ir/kernel-graph.ts";
import { makeTensor } from "../../ir/tensor.ts";

const relu = binary("max", arg(0), lit("f32", 0));

/** conv + relu -> pool -> reshape -> matmul + bias -> softmax, with a host op on the way out. */
function smallNet(): Graph {
  const b = new GraphBuilder("small net");
  const image = b.input("image", tensorType("f32", [1, 3, 8, 8]));
  const weights = b.constant(makeTensor("f32", [4, 3, 3, 3]));
  const conv = b.emitOne(
    { kind: "conv", inputs: [image, weights], layout: "nchw", strides: [1, 1], dilations: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1], groups: 1, epilogue: relu },
    { origin: ["/conv", "/relu"] },
  ); // prettier-ignore
  const pool = b.emitOne(
    { kind: "pool", fn: "max", inputs: [conv], layout: "nchw", kernel: [2, 2], strides: [2, 2], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [0, 0], outputSpatial: [4, 4], countPadding: false, p: 0 },
    { origin: ["/pool"] },
  ); // prettier-ignore
  const flat = b.emitOne({ kind: "reshape", inputs: [pool], shape: [1, 64] }, { origin: ["/flatten"] });
  const dense = b.constant(makeTensor("f32", [64, 10]));
  const bias = b.constant(makeTensor("f32", [10]));
  const logits = b.emitOne(
    { kind: "matmul", inputs: [flat, dense, bias], transposeA: false, transposeB: false, epilogue: binary("add", arg(0), arg(1)) },
    { origin: ["/fc"] },
  ); // prettier-ignore
  const soft = b.emitOne({ kind: "softmax", inputs: [logits], axis: 1, log: false }, { origin: ["/softmax"] });
  const [label] = b.emit(
    { kind: "host", inputs: [soft], fn: "label", attributes: {}, reason: "gives strings" },
    { origin: ["/label"], types: [tensorType("string", [1])] },
  );
  b.output("probabilities", soft);
  b.output("label", label ?? soft);
  return b.finish();
}

describe("buildKernelGraph", () => {
  it("makes kernels of static ops, folds views, and leaves the rest on the host", () => {
    expect(printKernelGraph(buildKernelGraph(smallNet()))).toMatchGolden("kernels/small-net.kernels");
  });

  it("counts what a kernel computes, keeps and moves", () => {
    const { kernels, edges, inputs, outputs, host } = buildKernelGraph(smallNet());
    expect(kernels.map(({ family }) => family)).toEqual(["conv", "pool", "matmul", "softmax"]);
    expect(kernels[0]).toMatchObject({
      weightBytes: 4 * 4 * 3 * 9,
      wordsIn: 192,
      wordsOut: 256,
      flops: 2 * 256 * 27 + 256,
    });
    expect(kernels[2]).toMatchObject({ weightBytes: 4 * (640 + 10), wordsIn: 64, wordsOut: 10 });
    // the reshape between pool and matmul is only another name
    expect(edges).toContainEqual(expect.objectContaining({ from: 1, to: 2, words: 64 }));
    expect(inputs).toEqual([{ name: "image", kernel: 0, words: 192 }]);
    expect(outputs.map(({ kernel }) => kernel)).toEqual([3, 3]);
    expect(host).toEqual([expect.objectContaining({ kind: "host", reason: "gives strings" })]);
  });

  it("carries a value that is read twice once", () => {
    const b = new GraphBuilder("twice");
    const x = b.input("x", tensorType("f32", [4]));
    const a = b.emitOne({ kind: "map", inputs: [x], expr: binary("add", arg(0), arg(0)) }, { origin: ["a"] });
    const square = b.emitOne({ kind: "map", inputs: [a, a], expr: binary("mul", arg(0), arg(1)) }, { origin: ["b"] });
    b.output("y", square);
    const { edges, kernels } = buildKernelGraph(b.finish());
    expect(edges).toHaveLength(1);
    expect(kernels[1]?.wordsIn).toBe(4);
  });

  it("sends every slice its own part, and the whole at most once for all of them", () => {
    const b = new GraphBuilder("parts");
    const x = b.input("x", tensorType("f32", [2, 6]));
    const a = b.emitOne({ kind: "map", inputs: [x], expr: relu }, { origin: ["a"] });
    const part = (start: number): number =>
      b.emitOne({ kind: "slice", inputs: [a], starts: [0, start], sizes: [2, 3], steps: [1, 1] }, { origin: ["part"] });
    b.output(
      "sum",
      b.emitOne({ kind: "map", inputs: [part(0), part(3)], expr: binary("add", arg(0), arg(1)) }, { origin: ["b"] }),
    );
    const { edges, kernels } = buildKernelGraph(b.finish());
    expect(edges.map(({ from, to, words }) => [from, to, words])).toEqual([
      [0, 1, 6],
      [0, 2, 6],
      [1, 3, 6],
      [2, 3, 6],
    ]);
    expect(new Set(edges.map(({ value }) => value)).size).toBe(4);
    expect(kernels.map(({ wordsIn, fanOut }) => [wordsIn, fanOut])).toEqual([
      [12, 1],
      [6, 1],
      [6, 1],
      [12, 1],
    ]);
  });

  it("handles a chain of 10,000 ops", () => {
    const b = new GraphBuilder("chain");
    let value = b.input("x", tensorType("f32", [4]));
    for (let i = 0; i < 10_000; i++)
      value = b.emitOne({ kind: "map", inputs: [value], expr: relu }, { origin: [`op${i}`] });
    b.output("y", value);
    const graph = buildKernelGraph(b.finish());
    expect([graph.kernels.length, graph.edges.length]).toEqual([10_000, 9_999]);
  });
});

const id = fc.nat(5);
const name = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", 'a"b\\', "\u202e", "//", "k0"));

const kernelGraphs: fc.Arbitrary<KernelGraph> = fc.record({
  name,
  kernels: fc
    .array(
      fc.record({
        name,
        family: fc.constantFrom(...kernelFamilies),
        dims: fc.array(fc.record({ name: fc.constantFrom("m", "n", "k", "h"), size: fc.nat() })),
        dtype: fc.constantFrom("f32", "f16", "i64"),
        flops: fc.maxSafeNat(),
        weightBytes: fc.maxSafeNat(),
        wordsIn: fc.nat(),
        wordsOut: fc.nat(),
        fanOut: fc.integer({ min: 1, max: 9 }),
        op: fc.nat(),
        origin: fc.array(name),
      }),
      { minLength: 6, maxLength: 9 },
    )
    .map((kernels) => kernels.map((kernel, index) => ({ id: index, ...kernel }))),
  edges: fc.array(fc.record({ from: id, to: id, words: fc.nat(), value: fc.nat() })),
  inputs: fc.array(fc.record({ name, kernel: id, words: fc.nat() })),
  outputs: fc.array(fc.record({ name, kernel: id, words: fc.nat() })),
  host: fc.array(
    fc.record({ op: fc.nat(), kind: fc.constantFrom("host", "if"), reason: name, origin: fc.array(name) }),
  ),
});

describe("text form of kernel graphs", () => {
  it("parses back to the same graph", () => {
    fc.assert(
      fc.property(kernelGraphs, (graph) => {
        const text = printKernelGraph(graph);
        expect(JSON.stringify(parseKernelGraph(text))).toBe(JSON.stringify(ordered(graph)));
        expect(printKernelGraph(parseKernelGraph(text))).toBe(text);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ["", /expected "kernels"/],
    ['kernels "x" {', /the end of the text/],
    ['kernels "x" { k1 conv }', /the id of a kernel/],
    ['kernels "x" { k0 sorcery "a" }', /a kernel family/],
    ['kernels "x" { input "a" -> k0 words=1 }', /the id of a kernel/],
    ['kernels "x" { } more', /the end of the text/],
  ])("refuses %j", (text, expected) => {
    expect(() => parseKernelGraph(text)).toThrow(expected);
  });
});

/** The keys in the order in which the parser builds them. */
const ordered = (graph: KernelGraph): KernelGraph => ({
  name: graph.name,
  kernels: graph.kernels.map(({ id: index, name: called, family, dtype, dims, flops, weightBytes, wordsIn, wordsOut, fanOut, op, origin }) => ({
    id: index, name: called, family, dtype, dims, flops, weightBytes, wordsIn, wordsOut, fanOut, op, origin,
  })),
  edges: graph.edges,
  inputs: graph.inputs,
  outputs: graph.outputs,
  host: graph.host,
}); // prettier-ignore
