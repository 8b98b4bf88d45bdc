/**
 * The same layers with operands of 16 bits: weights, activations and what travels between cores are f16 or bf16 where they were f32, and sums go on
 * growing in 32 bits (ir/machine/work.ts). So a core holds twice as many operands, a word of a link carries two, and vector instructions run at
 * the rate of the narrow type. What is not f32 stays as it is.
 */
import { dtypeInfo } from "../../ir/dtype.ts";
import {
  type Kernel,
  type KernelEdge,
  type KernelGraph,
  type KernelId,
  type KernelInput,
  type KernelOutput,
  type Operand,
  type Precision,
  wordBytes,
} from "../../ir/kernel-graph.ts";
import { withTraffic } from "./draft.ts";

/** Narrows the f32 operands of all kernels; the graph itself for f32. */
export function withPrecision(graph: KernelGraph, precision: Precision): KernelGraph {
  if (precision === graph.precision) return graph;
  if (graph.precision !== "f32") throw new Error(`internal: the layers are ${graph.precision} already`);
  const kernels = graph.kernels.map((kernel) => narrowed(kernel, precision));
  const wordsOf = (operand: Operand | undefined, words: number): number =>
    operand?.dtype === "f32" ? Math.ceil((words * dtypeInfo(precision).bits) / (8 * wordBytes)) : words;
  const edges = graph.edges.map((edge): KernelEdge => ({
    ...edge,
    words: wordsOf(operandOf(graph, edge.to, edge.operands), edge.words),
  }));
  const inputs = graph.inputs.map((port): KernelInput => ({
    ...port,
    words: wordsOf(operandOf(graph, port.kernel, port.operands), port.words),
  }));
  const outputs = graph.outputs.map((port): KernelOutput => ({
    ...port,
    words: wordsOf(operandOf(graph, port.kernel, [port.result]), port.words),
  }));
  const placed = kernels.map((kernel, id) =>
    withTraffic(kernel, {
      into: edges.filter(({ to }) => to === id),
      outOf: edges.filter(({ from }) => from === id),
      inputs: inputs.filter((port) => port.kernel === id),
      outputs: outputs.filter((port) => port.kernel === id),
    }),
  );
  return { ...graph, precision, kernels: placed, edges, inputs, outputs };
}

/** One layer with operands of 16 bits, but for the words over its border. */
export function narrowed(kernel: Kernel, precision: Precision): Kernel {
  const operands = kernel.operands.map((operand): Operand =>
    operand.dtype === "f32" ? { ...operand, dtype: precision } : operand,
  );
  return { ...kernel, dtype: kernel.dtype === "f32" ? precision : kernel.dtype, operands };
}

/** The first operand of a kernel that has one of some names. */
const operandOf = ({ kernels }: KernelGraph, kernel: KernelId, names: readonly string[]): Operand | undefined =>
  kernels[kernel]?.operands.find(({ name }) => names.includes(name));
