/** One ONNX node as a test case: its lowered graph as text, and its outputs as the reference computes them. */
import { lowerModel } from "../../compiler/frontend/lower.ts";
import type { OnnxType } from "../../compiler/frontend/onnx.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Graph } from "../../ir/graph.ts";
import { printGraph } from "../../ir/print.ts";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { isTensor } from "../../runtime/host/value.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { model, node, type NodeSpec } from "../helpers/onnx-builder.ts";

export interface NodeCase {
  readonly op: string;
  readonly opset: number;
  readonly domain?: string;
  readonly attributes?: NodeSpec["attributes"];
  /** inputs in order; null leaves one out */
  readonly inputs: readonly (TensorData | null)[];
  /** inputs that are initializers of the model, by position */
  readonly constants?: readonly number[];
  readonly outputs?: number;
}

/** f32 tensor of the given shape. */
export const tensor = (shape: readonly number[], values: readonly number[], dtype: DType = "f32"): TensorData =>
  tensorFrom(dtype, shape, values);

/** 0, 1, 2, … scaled: a tensor whose elements differ. */
export function ramp(shape: readonly number[], scale = 1, offset = 0, dtype: DType = "f32"): TensorData {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return tensorFrom(
    dtype,
    shape,
    Array.from({ length: count }, (_, i) => i * scale + offset),
  );
}

const letters = "abcdefgh";
const nameOf = (index: number): string => letters[index] ?? `in${index}`;

/** The type that a test model declares for a tensor. */
const typeOf = ({ dtype, shape }: TensorData): OnnxType => ({ kind: "tensor", dtype, dims: shape });

/** The graph of a model with this one node; it must satisfy the verifier. */
export async function lowered(spec: NodeCase): Promise<Graph> {
  const present = spec.inputs.flatMap((value, i) => (value === null ? [] : [[i, value] as const]));
  const isConstant = (index: number): boolean => spec.constants?.includes(index) ?? false;
  const entries = <T>(which: boolean, of: (value: TensorData) => T): Record<string, T> =>
    Object.fromEntries(present.filter(([i]) => isConstant(i) === which).map(([i, value]) => [nameOf(i), of(value)]));
  const outputs = Array.from({ length: spec.outputs ?? 1 }, (_, i) => `y${i === 0 ? "" : i}`);
  const names = spec.inputs.map((value, i) => (value === null ? "" : nameOf(i)));
  const domain = spec.domain ?? "";
  const { graph } = lowerModel(
    await model({
      opset: domain === "" ? spec.opset : 17,
      ...(domain === "" ? {} : { opsets: { [domain]: spec.opset } }),
      inputs: entries(false, typeOf),
      initializers: entries(true, (value) => value),
      outputs: Object.fromEntries(outputs.map((name) => [name, null])),
      nodes: [node(spec.op, names, outputs, spec.attributes, { domain })],
    }),
  );
  const problems = verifyGraph(graph);
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join("\n"));
  return graph;
}

/** Text of the lowered graph, under a line that says what it is of. */
export async function loweredText(spec: NodeCase): Promise<string> {
  const attributes = JSON.stringify(spec.attributes ?? {}, (_, value: unknown) =>
    typeof value === "bigint" ? Number(value) : value,
  );
  return `# ${spec.op}-${spec.opset} ${attributes}\n${printGraph(await lowered(spec))}`;
}

/** Texts of several cases, one after the other. */
export async function loweredTexts(specs: readonly NodeCase[]): Promise<string> {
  return (await Promise.all(specs.map(loweredText))).join("\n");
}

/** Outputs of the node, by the reference. */
export async function run(spec: NodeCase): Promise<readonly TensorData[]> {
  const graph = await lowered(spec);
  const feeds = new Map(spec.inputs.flatMap((value, i) => (value === null ? [] : [[nameOf(i), value] as const])));
  const results = interpretGraph(graph, feeds);
  return graph.outputs.map(({ name }) => {
    const value = results.get(name);
    if (value === undefined || !isTensor(value)) throw new Error(`no tensor ${name}`);
    return value;
  });
}

/** The only output's elements as numbers. */
export async function values(spec: NodeCase): Promise<number[]> {
  const [first] = await run(spec);
  if (first === undefined) throw new Error("no output");
  return numbers(first);
}

export const numbers = (value: TensorData): number[] =>
  Array.from(value.elements as ArrayLike<number | bigint>, (element) => Number(element));

/** The largest difference of two lists, relative to max(1, |expected|); infinite when their lengths or NaNs differ. */
export function distance(actual: readonly number[], expected: readonly number[]): number {
  if (actual.length !== expected.length) return Infinity;
  return actual.reduce((worst, value, i) => {
    const want = expected[i] ?? NaN;
    if (Object.is(value, want) || value === want || (Number.isNaN(value) && Number.isNaN(want))) return worst;
    const off = Math.abs(value - want) / Math.max(1, Math.abs(want));
    return Number.isNaN(off) ? Infinity : Math.max(worst, off);
  }, 0);
}

/** The message that a case is refused with. */
export async function refusal(spec: NodeCase): Promise<string> {
  try {
    await lowered(spec);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "it is accepted";
}
