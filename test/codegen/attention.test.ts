import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { planOps } from "../../compiler/codegen/plan-ops.ts";
import { generateProgram } from "../../compiler/codegen/generate.ts";
import { attentionStages, type AttentionSpec } from "../../compiler/codegen/kernels/attention.ts";
import { reshapedStrides } from "../../compiler/codegen/views.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, binary, type Expr, lit } from "../../ir/expr.ts";
import { type Graph, type OpSpec, tensorType, type ValueId } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { ProgramInstance } from "../../runtime/instance.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";
import { expectClose, expectKernels, numbersOf, randomTensor } from "./harness.ts";
import { nth } from "./tensor-index.ts";

// ---- the kernel -------------------------------------------------------------------------------------------------------------------

interface Sizes {
  readonly batch: readonly number[];
  readonly rows: number;
  readonly keys: number;
  readonly depth: number;
  readonly width: number;
}

const rowMajor = (shape: readonly number[]): number[] =>
  shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));

/** Dense operands [batch…, rows or keys, columns]; K with its last dims swapped on request, a mask [rows, keys] that is added. */
function specOf(sizes: Sizes, swapK: boolean, masked: boolean): { spec: AttentionSpec; shapes: readonly number[][] } {
  const { batch, rows, keys, depth, width } = sizes;
  const shapes = [[...batch, rows, depth], swapK ? [...batch, depth, keys] : [...batch, keys, depth], [...batch, keys, width]];
  const [q, k, v] = shapes.map(rowMajor) as [number[], number[], number[]];
  const out = rowMajor([...batch, rows, width]);
  const [key, column] = swapK ? [k.at(-1), k.at(-2)] : [k.at(-2), k.at(-1)];
  const spec: AttentionSpec = {
    ...sizes,
    q: { offset: 0, batch: q.slice(0, -2), row: q.at(-2) ?? 0 },
    k: { offset: 0, batch: k.slice(0, -2), key: key ?? 0, column: column ?? 0 },
    v: { offset: 0, batch: v.slice(0, -2), key: v.at(-2) ?? 0, column: 1 },
    out: { batch: out.slice(0, -2), row: out.at(-2) ?? 0 },
    epilogue: masked ? binary("add", binary("mul", arg(0), lit("f32", 0.5)), arg(1)) : null,
    extras: masked ? [{ dtype: "f32", strides: [...batch.map(() => 0), keys, 1] }] : [],
  };
  return { spec, shapes: masked ? [...shapes, [rows, keys]] : shapes };
} // prettier-ignore

function reference({ batch, rows, keys, depth, width }: Sizes, swapK: boolean, inputs: readonly TensorData[]): number[] {
  const [q, k, v, mask] = inputs.map(numbersOf) as [number[], number[], number[], number[] | undefined];
  const matrices = batch.reduce((a, b) => a * b, 1);
  return Array.from({ length: matrices }, (_, b) => b).flatMap((b) =>
    Array.from({ length: rows }, (_row, row) => {
      const scores = Array.from({ length: keys }, (_key, key) => {
        let sum = 0;
        for (let c = 0; c < depth; c++) {
          const at = swapK ? c * keys + key : key * depth + c;
          sum += nth(q, (b * rows + row) * depth + c) * nth(k, b * keys * depth + at);
        }
        return mask === undefined ? sum : 0.5 * sum + nth(mask, row * keys + key);
      });
      const most = Math.max(...scores);
      const powers = scores.map((score) => Math.exp(score - most));
      const total = powers.reduce((a, p) => a + p, 0);
      return Array.from({ length: width }, (_c, c) =>
        powers.reduce((sum, p, key) => sum + (p / total) * nth(v, (b * keys + key) * width + c), 0),
      );
    }).flat(),
  );
} // prettier-ignore

function checkKernel(sizes: Sizes, swapK: boolean, masked: boolean, seed: number): void {
  const { spec, shapes } = specOf(sizes, swapK, masked);
  const inputs = shapes.map((shape, i) => randomTensor("f32", shape, seed + i));
  const output = tensorType("f32", [...sizes.batch, sizes.rows, sizes.width]);
  expectKernels({ stages: attentionStages(spec), inputs, output }, reference(sizes, swapK, inputs), 3e-6);
}

describe("the attention kernel", () => {
  it.each<Sizes>([
    { batch: [2, 3], rows: 17, keys: 19, depth: 8, width: 8 },
    { batch: [4], rows: 1, keys: 33, depth: 16, width: 12 },
    { batch: [2, 2], rows: 7, keys: 30, depth: 12, width: 8 },
    { batch: [3], rows: 2, keys: 5, depth: 20, width: 6 },
    { batch: [], rows: 9, keys: 4, depth: 3, width: 5 },
    { batch: [2], rows: 40, keys: 1500, depth: 4, width: 7 },
  ])("%j", (sizes) => {
    for (const swapK of [false, true]) for (const masked of [false, true]) checkKernel(sizes, swapK, masked, 5);
  });

  it("works on blocks of rows: its scratch does not grow with them", () => {
    const scratch = (rows: number): number => {
      const stages = attentionStages(specOf({ batch: [2], rows, keys: 1024, depth: 8, width: 8 }, false, false).spec);
      const scores = stages.at(-1)?.args.find((arg) => arg.kind === "scratch" && arg.isPrivate === true);
      return scores?.kind === "scratch" ? scores.byteLength : 0;
    };
    expect(scratch(1000)).toBe(scratch(500));
    expect(scratch(1000)).toBeLessThan(200 * 1024);
  });

  it("agrees with float64 on random shapes", () => {
    const size = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(size, size, size, size, fc.integer({ min: 1, max: 4 }), fc.boolean(), fc.boolean(), (rows, keys, depth, width, batch, swapK, masked) => {
        checkKernel({ batch: [batch], rows, keys: keys + 3, depth, width }, swapK, masked, rows * 7 + keys);
      }),
      { numRuns: 20 },
    );
  }); // prettier-ignore
});

// ---- the pattern ------------------------------------------------------------------------------------------------------------------

const origin = ["test"];
const matmul = (inputs: readonly ValueId[], transposeB: boolean, epilogue: Expr | null = null): OpSpec => ({
  kind: "matmul",
  inputs,
  transposeA: false,
  transposeB,
  epilogue,
});

/** Every op by the reference, in order. */
function evaluate(graph: Graph, inputs: readonly TensorData[]): TensorData[] {
  const values = new Map<ValueId, TensorData>();
  for (const [i, { value }] of graph.inputs.entries()) values.set(value, nth(inputs, i));
  for (const [id, { constant }] of graph.values.entries()) if (constant !== undefined) values.set(id, constant);
  for (const op of graph.ops) {
    const operands = op.inputs.map((id) => values.get(id) as TensorData);
    for (const [i, result] of evaluateOp(op, operands).entries()) values.set(nth(op.outputs, i), result);
  }
  return graph.outputs.map(({ value }) => values.get(value) as TensorData);
}

async function checkGraph(graph: Graph, attentions: number): Promise<void> {
  expect(planOps(graph).filter(({ attention }) => attention !== null)).toHaveLength(attentions);
  const inputs = graph.inputs.map(({ value }, i) => {
    const { type } = nth(graph.values, value);
    if (type.kind !== "tensor") throw new Error("not a tensor");
    return randomTensor("f32", type.shape, 40 + i);
  });
  const compiled = generateProgram(graph);
  const instance = await ProgramInstance.create(compiled, {
    runDeferred: () => {
      throw new Error("nothing is deferred");
    },
  });
  await instance.run(inputs);
  const results = (await instance.run(inputs)) as TensorData[];
  for (const [i, expected] of evaluate(graph, inputs).entries())
    expectClose(nth(results, i), numbersOf(expected), 3e-6);
}

/** Q, K, V out of one product of [rows, 3 * heads * depth], as exporters split it into heads. */
function merged(rows: number, heads: number, depth: number): { builder: GraphBuilder; parts: readonly ValueId[] } {
  const builder = new GraphBuilder("attention");
  const all = builder.input("qkv", tensorType("f32", [rows, 3 * heads * depth]));
  const emit = (spec: OpSpec): ValueId => builder.emitOne(spec, { origin });
  const parts = [0, 1, 2].map((part) => {
    const slice = emit({ kind: "slice", inputs: [all], starts: [0, part * heads * depth], sizes: [rows, heads * depth], steps: [1, 1] });
    const split = emit({ kind: "reshape", inputs: [slice], shape: [rows, heads, depth] });
    return emit({ kind: "transpose", inputs: [split], perm: [1, 0, 2] });
  });
  return { builder, parts };
} // prettier-ignore

describe("attention in a graph", () => {
  it("is one kernel over the merged product, scaled and transposed", async () => {
    const { builder, parts } = merged(21, 3, 8);
    const [q, k, v] = parts as [ValueId, ValueId, ValueId];
    const emit = (spec: OpSpec): ValueId => builder.emitOne(spec, { origin });
    const scaled = emit({ kind: "map", inputs: [q], expr: binary("mul", arg(0), lit("f32", 0.25)) });
    const scores = emit(matmul([scaled, k], true));
    const softmax = emit({ kind: "softmax", inputs: [scores], axis: 2, log: false });
    const heads = emit({ kind: "transpose", inputs: [emit(matmul([softmax, v], false))], perm: [1, 0, 2] });
    builder.output("y", emit({ kind: "reshape", inputs: [heads], shape: [21, 24] }));
    const graph = builder.finish();
    await checkGraph(graph, 1);
    const functions = generateProgram(graph).program.steps.map((step) => (step.kind === "kernel" ? step.function : ""));
    expect(functions.filter((name) => !name.startsWith("pack"))).toEqual([expect.stringMatching(/^attention/)]);
  });

  it("leaves values that others read", async () => {
    const { builder, parts } = merged(9, 2, 4);
    const [q, k, v] = parts as [ValueId, ValueId, ValueId];
    const emit = (spec: OpSpec): ValueId => builder.emitOne(spec, { origin });
    const softmax = emit({ kind: "softmax", inputs: [emit(matmul([q, k], true))], axis: 2, log: false });
    builder.output("y", emit(matmul([softmax, v], false)));
    builder.output("keys", k);
    await checkGraph(builder.finish(), 1);
  });

  it("shares keys and values among heads", async () => {
    const builder = new GraphBuilder("shared");
    const emit = (spec: OpSpec): ValueId => builder.emitOne(spec, { origin });
    const q = builder.input("q", tensorType("f32", [2, 4, 10, 8]));
    const k = builder.input("k", tensorType("f32", [2, 1, 12, 8]));
    const v = builder.input("v", tensorType("f32", [12, 8]));
    const mask = builder.input("mask", tensorType("f32", [2, 1, 1, 12]));
    const scores = emit(matmul([q, k, mask], true, binary("add", arg(0), arg(1))));
    const softmax = emit({ kind: "softmax", inputs: [scores], axis: 3, log: false });
    builder.output("y", emit(matmul([softmax, v], false)));
    await checkGraph(builder.finish(), 1);
  });

  /** Heads of K and V repeated `group` times, each in turn or all of them in turn. */
  function repeated(builder: GraphBuilder, value: ValueId, [heads, keys, depth]: readonly [number, number, number], group: number, inTurn: boolean): ValueId {
    const emit = (spec: OpSpec): ValueId => builder.emitOne(spec, { origin });
    const shape = inTurn ? [2, 1, heads, keys, depth] : [2, heads, 1, keys, depth];
    const after = shape.map((_, axis) => (axis === (inTurn ? 1 : 2) ? group - 1 : 0));
    const wide = emit({ kind: "reshape", inputs: [value], shape });
    const expanded = emit({ kind: "pad", mode: "edge", before: after.map(() => 0), after, inputs: [wide] });
    return emit({ kind: "reshape", inputs: [expanded], shape: [2, heads * group, keys, depth] });
  } // prettier-ignore

  it.each([
    { rows: 1, heads: 2, group: 3, inTurn: false, both: true },
    { rows: 1, heads: 2, group: 3, inTurn: true, both: true },
    { rows: 1, heads: 1, group: 5, inTurn: false, both: true },
    { rows: 10, heads: 2, group: 2, inTurn: false, both: true },
    { rows: 1, heads: 3, group: 2, inTurn: false, both: false },
  ])("reads repeated heads where they lie once: %j", async ({ rows, heads, group, inTurn, both }) => {
    const [keys, depth] = [19, 8];
    const builder = new GraphBuilder("grouped");
    const emit = (spec: OpSpec): ValueId => builder.emitOne(spec, { origin });
    const q = builder.input("q", tensorType("f32", [2, heads * group, rows, depth]));
    const k = builder.input("k", tensorType("f32", [2, heads, keys, depth]));
    const v = builder.input("v", tensorType("f32", [2, both ? heads : heads * group, keys, depth]));
    const mask = builder.input("mask", tensorType("f32", [2, heads * group, rows, keys]));
    const grown = [k, ...(both ? [v] : [])].map((value) => repeated(builder, value, [heads, keys, depth], group, inTurn));
    const scores = emit(matmul([q, grown[0] as ValueId, mask], true, binary("add", arg(0), arg(1))));
    const softmax = emit({ kind: "softmax", inputs: [scores], axis: 3, log: false });
    builder.output("y", emit(matmul([softmax, grown[1] ?? v], false)));
    const graph = builder.finish();
    await checkGraph(graph, 1);
    const functions = generateProgram(graph).program.steps.map((step) => (step.kind === "kernel" ? step.function : ""));
    expect(functions.filter((name) => !name.startsWith("pack"))).toEqual([expect.stringMatching(/^attention/)]);
  }); // prettier-ignore

  it.each<readonly [string, (emit: (spec: OpSpec) => ValueId, parts: readonly ValueId[], builder: GraphBuilder) => void]>([
    ["whose scores are wanted", (emit, [q, k, v], builder) => {
      const scores = emit(matmul([q as ValueId, k as ValueId], true));
      builder.output("scores", scores);
      builder.output("y", emit(matmul([emit({ kind: "softmax", inputs: [scores], axis: 2, log: false }), v as ValueId], false)));
    }],
    ["of logarithms", (emit, [q, k, v], builder) => {
      const scores = emit(matmul([q as ValueId, k as ValueId], true));
      builder.output("y", emit(matmul([emit({ kind: "softmax", inputs: [scores], axis: 2, log: true }), v as ValueId], false)));
    }],
    ["along other axes", (emit, [q, k, v], builder) => {
      const scores = emit(matmul([q as ValueId, k as ValueId], true));
      builder.output("y", emit(matmul([emit({ kind: "softmax", inputs: [scores], axis: 1, log: false }), v as ValueId], false)));
    }],
  ])("is not taken for one %s", async (_, build) => {
    const { builder, parts } = merged(6, 2, 4);
    build((spec) => builder.emitOne(spec, { origin }), parts, builder);
    await checkGraph(builder.finish(), 0);
  }); // prettier-ignore
});

describe("strides of a reshaped view", () => {
  it("follow where elements follow one another", () => {
    expect(reshapedStrides([197, 768], [2304, 1], [197, 12, 64])).toEqual([2304, 64, 1]);
    expect(reshapedStrides([12, 64], [64, 1], [768])).toEqual([1]);
    expect(reshapedStrides([4, 6], [-6, 1], [4, 1, 2, 3])).toEqual([-6, 0, 3, 1]);
    expect(reshapedStrides([2, 3, 4], [12, 4, 1], [6, 2, 2])).toEqual([4, 2, 1]);
  });

  it("are none elsewhere", () => {
    expect(reshapedStrides([197, 768], [2304, 1], [197 * 768])).toBeNull();
    expect(reshapedStrides([12, 197, 64], [64, 768, 1], [12 * 197, 64])).toBeNull();
  });
});
