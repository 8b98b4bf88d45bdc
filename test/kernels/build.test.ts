import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { buildKernelGraph } from "../../compiler/kernels/build.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, binary, lit } from "../../ir/expr.ts";
import { type Graph, tensorType } from "../../ir/graph.ts";
import { parseKernelGraph, printKernelGraph } from "../../ir/kernel-graph-text.ts";
import {
  type Axis,
  type KernelGraph,
  kernelFamilies,
  precisions,
  operandRoles,
  type Stage,
  type Term,
  weightBytes,
} from "../../ir/kernel-graph.ts";
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
    expect(kernels[0]).toMatchObject({ arriving: 192, leaving: 256, flops: 2 * 256 * 27 + 256 });
    expect(kernels[2]).toMatchObject({ arriving: 64, leaving: 10 });
    expect(kernels.map(weightBytes)).toEqual([4 * 4 * 3 * 9, 0, 4 * (640 + 10), 0]);
    // the reshape between pool and matmul is only another name
    expect(edges).toContainEqual(expect.objectContaining({ from: 1, to: 2, words: 64 }));
    expect(inputs).toEqual([{ name: "image", kernel: 0, operands: ["x0"], words: 192 }]);
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
    expect(kernels[1]?.arriving).toBe(4);
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
    expect(new Set(edges.map(({ stream }) => stream)).size).toBe(4);
    expect(edges.map(({ part }) => part?.starts ?? null)).toEqual([[0, 0], [0, 3], null, null]);
    expect(kernels.map(({ arriving, leaving }) => [arriving, leaving])).toEqual([
      [12, 12],
      [6, 6],
      [6, 6],
      [12, 6],
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

const loopNames = ["m", "n", "k", "h"] as const;
const loop = fc.constantFrom(...loopNames);
const terms: fc.Arbitrary<Term[]> = fc.array(fc.record({ loop, factor: fc.integer({ min: -9, max: 99 }) }), {
  minLength: 1,
  maxLength: 3,
});

const axis: fc.Arbitrary<Axis> = fc.oneof(
  fc.record({ kind: fc.constant("whole" as const), size: fc.nat() }),
  fc.record({ kind: fc.constant("spread" as const), size: fc.nat(), loop }),
  fc.record({ kind: fc.constant("index" as const), size: fc.nat(), terms, offset: fc.integer({ min: -9, max: 9 }) }),
);

const dtype = fc.constantFrom("f32" as const, "f16" as const, "i64" as const);
const operations = fc.record({ fast: fc.nat(), slow: fc.nat() });

const stage: fc.Arbitrary<Stage> = fc.record({
  op: fc.nat(),
  kind: fc.constantFrom("conv", "map"),
  makes: fc.constantFrom("x0", "y0"),
  reads: fc.array(
    fc.record({ operand: fc.constantFrom("x0", "y0"), axes: fc.option(fc.array(axis, { maxLength: 3 })) }),
    { maxLength: 3 },
  ),
  domain: fc.array(terms, { maxLength: 3 }),
  vector: fc.array(loop, { maxLength: 3 }),
  perPoint: operations,
  perResult: operations,
  combine: fc.option(fc.record({ loops: fc.array(loop, { maxLength: 2 }), times: fc.nat() })),
  gathers: fc.array(fc.record({ operand: fc.constantFrom("x0", "y0"), axes: fc.array(axis, { maxLength: 3 }) }), {
    maxLength: 2,
  }),
  shuffles: fc.boolean(),
  steps: fc.nat(5),
  codeUnits: fc.nat(9),
});

const operand = (named: string) =>
  fc.record({
    name: fc.constant(named),
    role: fc.constantFrom(...operandRoles),
    dtype,
    axes: fc.array(axis, { maxLength: 4 }),
  });

const ints = fc.array(fc.integer(), { maxLength: 3 });

const kernelGraphs: fc.Arbitrary<KernelGraph> = fc.record({
  name,
  precision: fc.constantFrom(...precisions),
  kernels: fc
    .array(
      fc.record({
        name,
        family: fc.constantFrom(...kernelFamilies),
        dtype,
        loops: fc
          .tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat())
          .map((sizes) => loopNames.map((called, at) => ({ name: called, size: sizes[at] ?? 0 }))),
        operands: fc.tuple(operand("x0"), operand("y0")),
        states: fc.array(
          fc.record({
            operand: fc.constantFrom("x0", "y0"),
            past: name,
            append: fc.option(
              fc.record({ op: fc.nat(), reads: fc.array(fc.constantFrom("x0", "y0", null), { maxLength: 3 }) }),
            ),
          }),
          { maxLength: 2 },
        ),
        stages: fc.array(stage, { maxLength: 2 }),
        moves: fc.array(fc.nat(), { maxLength: 2 }),
        flops: fc.maxSafeNat(),
        arriving: fc.nat(),
        leaving: fc.nat(),
        origin: fc.array(name),
      }),
      { minLength: 6, maxLength: 9 },
    )
    .map((kernels) => kernels.map((kernel, index) => ({ id: index, ...kernel }))),
  edges: fc.array(
    fc.record({
      from: id,
      result: fc.constantFrom("x0", "y0"),
      to: id,
      operands: fc.array(fc.constantFrom("x0", "y0"), { maxLength: 2 }),
      words: fc.nat(),
      stream: fc.nat(),
      value: fc.nat(),
      part: fc.option(fc.record({ starts: ints, sizes: ints, steps: ints })),
    }),
  ),
  inputs: fc.array(
    fc.record({ name, kernel: id, operands: fc.array(fc.constantFrom("x0", "y0"), { maxLength: 2 }), words: fc.nat() }),
  ),
  outputs: fc.array(fc.record({ name, kernel: id, result: fc.constantFrom("x0", "y0"), words: fc.nat() })),
  host: fc.array(
    fc.record({ op: fc.nat(), kind: fc.constantFrom("host", "if"), reason: name, origin: fc.array(name) }),
  ),
});

describe("text form of kernel graphs", () => {
  it("parses back to the same graph", () => {
    fc.assert(
      fc.property(kernelGraphs, (graph) => {
        const text = printKernelGraph(graph);
        expect(parseKernelGraph(text)).toEqual(graph);
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
