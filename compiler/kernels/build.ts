/**
 * Graph -> kernel graph, in one pass over the ops. Every op of static shape becomes a kernel; a reshape is only another name for the value it
 * views; what must stay on the host is listed with the reason, and values that it exchanges with kernels cross the edge of the wafer.
 */
import type { DType } from "../../ir/dtype.ts";
import type { Graph, Op, TensorType, ValueId } from "../../ir/graph.ts";
import type { HostKernel, Kernel, KernelEdge, KernelGraph, KernelId, KernelPort } from "../../ir/kernel-graph.ts";
import { bytesOfTensor, classify, type Operands, type PlaceableOp, wordsOf } from "./classify.ts";

/** Where a value comes from, seen through views. */
type Source =
  | { readonly kind: "constant" }
  | { readonly kind: "kernel"; readonly kernel: KernelId; readonly value: ValueId }
  /** a model input, or the result of a host op */
  | { readonly kind: "outside"; readonly name: string };

interface State {
  readonly graph: Graph;
  /** by value; holes are constants */
  readonly sources: (Source | undefined)[];
  readonly kernels: Kernel[];
  readonly edges: KernelEdge[];
  readonly inputs: KernelPort[];
  readonly outputs: KernelPort[];
  readonly host: HostKernel[];
  /** values already listed under `outputs`, so that two host ops do not fetch one twice */
  readonly sent: Set<string>;
}

/** Builds the kernel graph of a lowered graph. */
export function buildKernelGraph(graph: Graph): KernelGraph {
  const state: State = {
    graph,
    sources: new Array<Source | undefined>(graph.values.length),
    kernels: [],
    edges: [],
    inputs: [],
    outputs: [],
    host: [],
    sent: new Set(),
  };
  for (const { name, value } of graph.inputs) state.sources[value] = { kind: "outside", name };
  for (const [index, op] of graph.ops.entries()) addOp(state, op, index);
  for (const { name, value } of graph.outputs) send(state, value, name);
  const { edges, inputs, outputs, host } = state;
  return { name: graph.name, kernels: withFanOut(state), edges, inputs, outputs, host };
}

/** Kernels with how often the result of each leaves it; readers of parts share one time. */
function withFanOut({ kernels, edges, outputs }: State): Kernel[] {
  const sent = new Float64Array(kernels.length);
  for (const { from, words } of edges) sent[from] = (sent[from] ?? 0) + words;
  for (const { kernel, words } of outputs) sent[kernel] = (sent[kernel] ?? 0) + words;
  return kernels.map((kernel) => {
    const times = Math.ceil((sent[kernel.id] ?? 0) / Math.max(1, kernel.wordsOut));
    return { ...kernel, fanOut: Math.max(1, times) };
  });
}

function addOp(state: State, op: Op, index: number): void {
  if (op.kind === "reshape") {
    const source = sourceOf(state, op.inputs[0]);
    for (const output of op.outputs) state.sources[output] = source;
    return;
  }
  const stay = reasonToStay(state, op);
  if (stay !== null) addHost(state, op, index, stay);
  else addKernel(state, op as PlaceableOp, index);
}

/** Why an op cannot be a kernel, or null. */
function reasonToStay(state: State, op: Op): string | null {
  switch (op.kind) {
    case "host":
    case "deferred":
      return op.reason;
    case "if":
    case "loop":
    case "scan":
      return "control flow is decided while the model runs";
    default: {
      const dynamic = [...op.inputs, ...op.outputs].find((id) => staticType(state, id) === null);
      return dynamic === undefined ? null : "its shape is known only while the model runs";
    }
  }
}

function addHost(state: State, op: Op, index: number, reason: string): void {
  state.host.push({ op: index, kind: op.kind, reason, origin: op.origin });
  for (const input of new Set(op.inputs)) send(state, input, valueName(state, input));
  for (const output of op.outputs) {
    state.sources[output] = { kind: "outside", name: valueName(state, output) };
  }
}

function addKernel(state: State, op: PlaceableOp, index: number): void {
  const id = state.kernels.length;
  const operands = operandsOf(state, op);
  const read = readOperands(state, op, id);
  const classified = classify(op, operands);
  state.kernels.push({
    id,
    name: op.origin[0] ?? `${op.kind}_${index}`,
    ...classified,
    dtype: computeType(operands),
    weightBytes: read.weightBytes,
    wordsIn: read.wordsIn,
    wordsOut: operands.outputs.reduce((sum, type) => sum + wordsOf(type), 0),
    fanOut: 1,
    op: index,
    origin: op.origin,
  });
  for (const output of op.outputs) state.sources[output] = { kind: "kernel", kernel: id, value: output };
}

/** Connects a kernel with what it reads; one value read twice arrives once. */
function readOperands(state: State, op: Op, id: KernelId): { readonly weightBytes: number; readonly wordsIn: number } {
  let weightBytes = 0;
  let wordsIn = 0;
  const seen = new Set<ValueId | string>();
  for (const input of op.inputs) {
    const source = sourceOf(state, input);
    const key = source.kind === "kernel" ? source.value : source.kind === "outside" ? source.name : input;
    if (seen.has(key)) continue;
    seen.add(key);
    const type = tensorOf(state, input);
    if (source.kind === "constant") {
      weightBytes += bytesOfTensor(type);
      continue;
    }
    if (source.kind === "outside") {
      wordsIn += wordsOf(type);
      state.inputs.push({ name: source.name, kernel: id, words: wordsOf(type) });
      continue;
    }
    const sent = op.kind === "slice" ? partSent(state, op) : { words: wordsOf(type), value: source.value };
    wordsIn += sent.words;
    state.edges.push({ from: source.kernel, to: id, ...sent });
  }
  return { weightBytes, wordsIn };
}

/** What a slice is sent: only its own part of a value, which has a number of its own behind those of the values. */
function partSent(state: State, op: Op): Pick<KernelEdge, "words" | "value"> {
  const [result = -1] = op.outputs;
  return { words: wordsOf(tensorOf(state, result)), value: state.graph.values.length + result };
}

/** Lists a value as leaving the wafer, if a kernel makes it. */
function send(state: State, value: ValueId, name: string): void {
  const source = sourceOf(state, value);
  const key = JSON.stringify([name, value]);
  if (source.kind !== "kernel" || state.sent.has(key)) return;
  state.sent.add(key);
  state.outputs.push({ name, kernel: source.kernel, words: wordsOf(tensorOf(state, source.value)) });
}

function sourceOf(state: State, value: ValueId | undefined): Source {
  if (value === undefined) throw new Error("internal: an op lacks an operand");
  return state.sources[value] ?? { kind: "constant" };
}

function operandsOf(state: State, op: Op): Operands {
  return {
    inputs: op.inputs.map((id) => ({
      type: tensorOf(state, id),
      resident: sourceOf(state, id).kind === "constant",
    })),
    outputs: op.outputs.map((id) => tensorOf(state, id)),
  };
}

function staticType(state: State, value: ValueId): TensorType | null {
  const type = state.graph.values[value]?.type;
  return type?.kind === "tensor" && type.dtype !== "string" ? type : null;
}

function tensorOf(state: State, value: ValueId): TensorType {
  const type = staticType(state, value);
  if (type === null) throw new Error(`internal: %${value} is no static tensor`);
  return type;
}

function valueName(state: State, value: ValueId): string {
  const name = state.graph.values[value]?.name ?? "";
  return name === "" ? `%${value}` : name;
}

/** What arithmetic runs in: the first operand that is not a truth value, else the result. */
function computeType(operands: Operands): DType {
  const operand = operands.inputs.find(({ type }) => type.dtype !== "bool");
  return operand?.type.dtype ?? operands.outputs[0]?.dtype ?? "f32";
}
