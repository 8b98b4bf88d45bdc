/**
 * Graph -> kernel graph, in one pass over the ops. Every op of static shape becomes a kernel; a reshape is only another name for the value it
 * views; what must stay on the host is listed with the reason, and values that it exchanges with kernels cross the edge of the wafer.
 */
import type { Graph, Op, TensorType, ValueId } from "../../ir/graph.ts";
import {
  type HostKernel,
  type Kernel,
  type KernelGraph,
  type KernelId,
  type Operand,
  type StageRead,
  type ValuePart,
} from "../../ir/kernel-graph.ts";
import { Draft } from "./draft.ts";
import type { PlaceableOp, Sources } from "./nest.ts";
import { wordsOf } from "./nest.ts";
import { computeType, opNest } from "./op-nest.ts";

/** Where a value comes from, seen through views. */
type Source =
  | { readonly kind: "constant" }
  | { readonly kind: "kernel"; readonly kernel: KernelId; readonly value: ValueId }
  /** a model input, or the result of a host op */
  | { readonly kind: "outside"; readonly name: string };

interface State {
  readonly graph: Graph;
  readonly draft: Draft;
  /** by value; holes are constants */
  readonly sources: (Source | undefined)[];
  /** numbers of streams, by value and part */
  readonly streams: Map<string, number>;
  readonly host: HostKernel[];
  /** values already listed as outputs, so that two host ops do not fetch one twice */
  readonly sent: Set<string>;
}

/** Builds the kernel graph of a lowered graph, one kernel for each op. */
export const buildKernelGraph = (graph: Graph): KernelGraph => draftKernels(graph).finish();

/** The same, with what fusing needs to know. */
export function draftKernels(graph: Graph): Draft {
  const host: HostKernel[] = [];
  const state: State = {
    graph,
    draft: new Draft(graph.name, host),
    sources: new Array<Source | undefined>(graph.values.length),
    streams: new Map(),
    host,
    sent: new Set(),
  };
  for (const { name, value } of graph.inputs) state.sources[value] = { kind: "outside", name };
  for (const [index, op] of graph.ops.entries()) addOp(state, op, index);
  for (const { name, value } of graph.outputs) send(state, value, name);
  return state.draft;
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
  const id = state.draft.next;
  const part = op.kind === "slice" ? { starts: op.starts, sizes: op.sizes, steps: op.steps } : null;
  const sources = sourcesOf(state, op, part);
  const nest = opNest(op, sources);
  const operands: Operand[] = [];
  const { named, reads } = readOperands(state, { op, part, id }, sources, nest.reads, operands);
  const made = new Map<ValueId, string>();
  for (const [position, output] of op.outputs.entries()) {
    const { dtype } = tensorOf(state, output);
    const name = `y${position}`;
    operands.push({ name, role: "result", dtype, axes: nest.makes[position] ?? [] });
    made.set(output, name);
  }
  const kernel: Kernel = {
    id,
    name: op.origin[0] ?? `${op.kind}_${index}`,
    family: nest.family,
    dtype: computeType(sources),
    loops: nest.loops,
    operands,
    stages: [{ op: index, kind: op.kind, makes: "y0", reads, ...nest.stage }],
    states: [],
    moves: [],
    flops: nest.flops,
    arriving: 0,
    leaving: 0,
    origin: op.origin,
  };
  state.draft.add({ kernel, made });
  connect(state, id, part, named);
  for (const output of op.outputs) state.sources[output] = { kind: "kernel", kernel: id, value: output };
}

/** A kernel that is being made. */
interface Reader {
  readonly op: PlaceableOp;
  /** what it is sent of its operand; null: all */
  readonly part: ValuePart | null;
  readonly id: KernelId;
}

/** Where operands come from, and their names; a value that is read in one way is one operand, however often. */
type NamedSources = ReadonlyMap<
  string,
  { readonly source: Source; readonly words: number; readonly names: readonly string[] }
>;

/** Adds the operands that an op reads; gives the one behind each of its inputs. */
function readOperands(
  state: State,
  { op }: Reader,
  sources: Sources,
  reads: readonly Operand["axes"][],
  operands: Operand[],
): { readonly named: NamedSources; readonly reads: readonly StageRead[] } {
  const seen = new Map<string, string>();
  const stageReads: StageRead[] = [];
  const named = new Map<string, { source: Source; words: number; names: string[] }>();
  for (const [position, input] of op.inputs.entries()) {
    const source = sourceOf(state, input);
    const axes = reads[position] ?? [];
    const key =
      source.kind === "kernel" ? `%${source.value}` : source.kind === "outside" ? source.name : `constant ${input}`;
    const way = `${key} ${JSON.stringify(axes)}`;
    const twin = seen.get(way);
    const name = twin ?? `${source.kind === "constant" ? "w" : "x"}${position}`;
    stageReads.push({ operand: name, axes: null });
    if (twin !== undefined) continue;
    seen.set(way, name);
    const type = sources.inputs[position]?.type ?? tensorOf(state, input);
    operands.push({ name, role: source.kind === "constant" ? "weight" : "activation", dtype: type.dtype, axes });
    const known = named.get(key);
    if (known === undefined) named.set(key, { source, words: wordsOf(type), names: [name] });
    else known.names.push(name);
  }
  return { named, reads: stageReads };
}

/** Draws the edges and ports of what a kernel reads. */
function connect(state: State, id: KernelId, part: ValuePart | null, named: NamedSources): void {
  for (const { source, words, names } of named.values()) {
    if (source.kind === "outside") state.draft.addInput({ name: source.name, kernel: id, words, operands: names });
    if (source.kind !== "kernel") continue;
    const key = JSON.stringify([source.value, part]);
    const stream = state.streams.get(key) ?? state.streams.size;
    state.streams.set(key, stream);
    state.draft.connect({ from: source.kernel, to: id, operands: names, words, stream, value: source.value, part });
  }
}

/** Lists a value as leaving the wafer, if a kernel makes it. */
function send(state: State, value: ValueId, name: string): void {
  const source = sourceOf(state, value);
  const key = JSON.stringify([name, value]);
  if (source.kind !== "kernel" || state.sent.has(key)) return;
  state.sent.add(key);
  const words = wordsOf(tensorOf(state, source.value));
  state.draft.addOutput({ name, kernel: source.kernel, words, value: source.value });
}

function sourceOf(state: State, value: ValueId | undefined): Source {
  if (value === undefined) throw new Error("internal: an op lacks an operand");
  return state.sources[value] ?? { kind: "constant" };
}

/** A slice is sent its own part of a value, and no more. */
function sourcesOf(state: State, op: Op, part: ValuePart | null): Sources {
  const outputs = op.outputs.map((id) => tensorOf(state, id));
  return {
    inputs: op.inputs.map((id) => {
      const source = sourceOf(state, id);
      const type =
        part === null || source.kind !== "kernel" ? tensorOf(state, id) : (outputs[0] ?? tensorOf(state, id));
      return { type, resident: source.kind === "constant" };
    }),
    outputs,
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
