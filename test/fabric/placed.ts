/** Small models placed on small machines, with inputs and what the reference makes of them. */
import { lowerSource } from "../../compiler/compile.ts";
import type { PlacedGraph } from "../../compiler/fabric/lower.ts";
import { buildKernelGraph, draftKernels } from "../../compiler/kernels/build.ts";
import type { SeamWay } from "../../compiler/kernels/fusion/merge.ts";
import { carryOut, type Plan, planOf } from "../../compiler/kernels/fusion/plan.ts";
import { buildFusedKernels } from "../../compiler/kernels/fusion/fuse.ts";
import { place } from "../../compiler/placement/place.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";
import type { FabricProgram } from "../../ir/fabric/program.ts";
import type { Graph } from "../../ir/graph.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import type { Target } from "../../ir/machine/target.ts";
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { simulateWords } from "../../runtime/simulator/word/run.ts";
import type { Simulation } from "../../runtime/simulator/word/simulation.ts";
import { f32, modelBytes, type ModelSpec, node } from "../helpers/onnx-builder.ts";

let state = 1;
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  return (state >>> 8) / 2 ** 24 - 0.5;
};

/** Elements between -0.5 and 0.5. */
export const tensor = (...shape: readonly number[]): TensorData =>
  makeTensor("f32", shape, Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, random));

export const models = {
  mlp: (): ModelSpec => ({
    opset: 13,
    inputs: { x: f32(1, 24) },
    outputs: { y: f32(1, 6) },
    initializers: { w1: tensor(24, 16), b1: tensor(16), w2: tensor(16, 6), b2: tensor(6) },
    nodes: [node("Gemm", ["x", "w1", "b1"], ["h"]), node("Relu", ["h"], ["r"]), node("Gemm", ["r", "w2", "b2"], ["y"])],
  }),
  convolution: (): ModelSpec => ({
    opset: 13,
    inputs: { x: f32(1, 2, 8, 8) },
    outputs: { y: f32(1, 5) },
    initializers: { w1: tensor(4, 2, 3, 3), b1: tensor(4), w2: tensor(64, 5) },
    nodes: [
      node("Conv", ["x", "w1", "b1"], ["h"], { pads: [1, 1, 1, 1] }),
      node("Relu", ["h"], ["r"]),
      node("MaxPool", ["r"], ["p"], { kernel_shape: [2, 2], strides: [2, 2] }),
      node("Flatten", ["p"], ["f"]),
      node("MatMul", ["f", "w2"], ["y"]),
    ],
  }),
  residual: (): ModelSpec => ({
    opset: 13,
    inputs: { x: f32(4, 8) },
    outputs: { y: f32(4, 1) },
    initializers: { w1: tensor(8, 8) },
    nodes: [
      node("MatMul", ["x", "w1"], ["h"]),
      node("Tanh", ["h"], ["t"]),
      node("Mul", ["t", "x"], ["m"]),
      node("ReduceMean", ["m"], ["y"], { axes: [1] }),
    ],
  }),
  cumulative: (): ModelSpec => ({
    opset: 14,
    inputs: { x: f32(2, 4) },
    outputs: { y: f32(2, 4) },
    initializers: { axis: makeTensor("i64", [], BigInt64Array.of(1n)) },
    nodes: [node("CumSum", ["x", "axis"], ["y"], {}, { name: "sums" })],
  }),
  softmax: (): ModelSpec => ({
    opset: 13,
    inputs: { x: f32(2, 4) },
    outputs: { y: f32(2, 4) },
    nodes: [node("Softmax", ["x"], ["y"], {}, { name: "rows" })],
  }),
} as const;

/** A machine of so many columns and rows for kernels. */
export const smallTarget = (columns: number, rows: number): Target => ({
  ...wse2,
  fabric: { width: columns + 7, height: rows + 2 },
});

/** How ops become layers: one each; as `wsc compile` fuses them; or fused wherever loops allow it, with either way of making seams. */
export const layerings = ["ops", "fused", "exchange", "recompute"] as const;

export type Layering = (typeof layerings)[number];

function kernelsOf(graph: Graph, target: Target, layering: Layering): KernelGraph {
  switch (layering) {
    case "ops":
      return buildKernelGraph(graph);
    case "fused":
      return buildFusedKernels(graph, target);
    case "exchange":
    case "recompute":
      return fusedWherever(graph, layering);
  }
}

function fusedWherever(graph: Graph, way: SeamWay): KernelGraph {
  const draft = draftKernels(graph);
  const plans = function* (): Generator<Plan> {
    for (const reader of draft.ids) {
      for (const { from } of draft.around(reader).into) {
        const group = draft.between(from, reader, 8);
        const plan = group === null ? null : planOf(draft, group, way);
        if (plan !== null) yield plan;
      }
    }
  };
  for (let next = plans().next(); next.done !== true; next = plans().next()) carryOut(draft, next.value);
  return draft.finish();
}

export async function placed(spec: ModelSpec, target: Target, layering: Layering = "ops"): Promise<PlacedGraph> {
  const { graph } = await lowerSource({ name: "model.onnx", bytes: await modelBytes(spec) });
  const kernels = kernelsOf(graph, target, layering);
  return { graph, kernels, target, placement: await place(kernels, target, {}) };
}

/** Whole numbers of rows, from the end as from the beginning, of the table that a gather looks into by an input. */
function rowNumbers({ ops, values }: Graph, input: number, shape: readonly number[]): TensorData {
  const gather = ops.find(({ kind, inputs }) => kind === "gather" && inputs[1] === input);
  const table = values[gather?.inputs[0] ?? -1]?.type;
  const rows = gather?.kind === "gather" && table?.kind === "tensor" ? (table.shape[gather.axis] ?? 1) : 1;
  const count = shape.reduce((product, size) => product * size, 1);
  const numbers = BigInt64Array.from({ length: count }, () => BigInt(Math.floor(2 * random() * rows)));
  return makeTensor("i64", shape, numbers);
}

export const randomInputs = (graph: Graph, samples: number): ReadonlyMap<string, TensorData>[] =>
  Array.from(
    { length: samples },
    () =>
      new Map(
        graph.inputs.map(({ name, value }) => {
          const type = graph.values[value]?.type;
          const shape = type?.kind === "tensor" ? type.shape : [];
          const isNumber = type?.kind === "tensor" && type.dtype === "i64";
          return [name, isNumber ? rowNumbers(graph, value, shape) : tensor(...shape)];
        }),
      ),
  );

export const run = (
  program: FabricProgram,
  { graph, target }: PlacedGraph,
  inputs: readonly ReadonlyMap<string, TensorData>[],
  jitter?: number,
): Simulation =>
  simulateWords(program, target, {
    samples: inputs.length,
    constants: (value) => graph.values[value]?.constant?.elements as Float32Array,
    inputs: (name, sample) => Float32Array.from(inputs[sample]?.get(name)?.elements ?? [], Number),
    ...(jitter === undefined ? {} : { jitter }),
  });

/** The greatest difference between the outputs and the reference's, as a share of the largest output. */
export function worstError(
  { graph }: PlacedGraph,
  inputs: readonly ReadonlyMap<string, TensorData>[],
  { outputs }: Simulation,
): number {
  let worst = 0;
  for (const [sample, given] of inputs.entries()) {
    for (const [name, value] of interpretGraph(graph, given)) {
      const wanted = (value as TensorData).elements as Float32Array;
      const got = outputs.get(name)?.[sample] as Float32Array;
      const largest = wanted.reduce((most, element) => Math.max(most, Math.abs(element)), 0);
      for (const [index, element] of wanted.entries())
        worst = Math.max(worst, Math.abs(element - (got[index] ?? NaN)) / largest);
    }
  }
  return worst;
}
