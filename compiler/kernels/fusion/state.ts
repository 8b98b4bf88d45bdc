/**
 * Caches stay on the wafer. A model that takes `past...` and gives `present...`, the same with some positions more, is called again and again with what it
 * gave: so the cache is state of the kernel that reads it, only the new positions arrive, and neither name crosses the edge.
 */
import type { Graph, OpOf } from "../../../ir/graph.ts";
import type { Axis, Kernel, KernelId, KernelInput, KernelState, Operand } from "../../../ir/kernel-graph.ts";
import type { Draft, DraftOutput } from "../draft.ts";
import { axesByDim, standsFor } from "./layout.ts";
import { freshName } from "./loops.ts";

/** Finds the caches of a draft and lets them stay where they are read. */
export function keepStates(draft: Draft, graph: Graph): void {
  for (const id of draft.ids) {
    const [stage, ...others] = draft.at(id).kernel.stages;
    const op = stage === undefined || others.length > 0 ? undefined : graph.ops[stage.op];
    if (op?.kind !== "concat") continue;
    const { inputs, outputs } = draft.around(id);
    const [past, ...more] = inputs;
    const present = outputs.find((port) => past !== undefined && isCache(past.name, port.name));
    if (past === undefined || present === undefined || more.length > 0 || isReadElsewhere(draft, id, past)) continue;
    if (past.operands.length === 1) keep(draft, graph, id, op, past, present);
  }
}

/** `past_key_values.0.key` becomes `present.0.key`, `cache_k_in` becomes `cache_k_out`. */
const marks: readonly (readonly [given: RegExp, made: RegExp])[] = [
  [/past(_key_values|_values|_keys)?|prev(ious)?/i, /present(_key_values|_values|_keys)?|new|next/i],
  [/_in\b|_in$/i, /_out\b|_out$/i],
];

const isCache = (given: string, made: string): boolean =>
  marks.some(([from, to]) => from.test(given) && to.test(made) && given.replace(from, "") === made.replace(to, ""));

/** True where a kernel other than the one that makes it longer takes the cache from outside. */
function isReadElsewhere(draft: Draft, id: KernelId, past: KernelInput): boolean {
  return draft.ids.some((other) => other !== id && draft.around(other).inputs.some(({ name }) => name === past.name));
}

function keep(
  draft: Draft,
  graph: Graph,
  id: KernelId,
  op: OpOf<"concat">,
  past: KernelInput,
  present: DraftOutput,
): void {
  draft.mapInputs((port) => (port === past ? null : port));
  draft.mapOutputs((port) => (port === present ? null : port));
  if (intoReader(draft, graph, id, op, past)) return;
  const { kernel, made } = draft.at(id);
  const operands = kernel.operands.map((operand): Operand =>
    past.operands.includes(operand.name) ? { ...operand, role: "state" } : operand,
  );
  const states = past.operands.map((operand): KernelState => ({ operand, past: past.name, append: null }));
  draft.set(id, { kernel: { ...kernel, operands, states: [...kernel.states, ...states] }, made });
}

/** Makes the cache state of its only reader; false where there are several, or where one does not go through it position by position. */
function intoReader(
  draft: Draft,
  graph: Graph,
  id: KernelId,
  { axis, outputs }: OpOf<"concat">,
  past: KernelInput,
): boolean {
  const { kernel } = draft.at(id);
  const { into, outOf, outputs: ports } = draft.around(id);
  const [edge, ...more] = outOf;
  const type = outputs[0] === undefined ? undefined : graph.values[outputs[0]]?.type;
  const [name, ...others] = edge?.operands ?? [];
  if (edge === undefined || name === undefined || type?.kind !== "tensor" || edge.part !== null) return false;
  if (more.length + others.length + ports.length > 0) return false;
  const reader = draft.at(edge.to);
  const found = axesByDim(reader.kernel, name, { out: type.shape }, false);
  if (found === null) return false;
  let now: Kernel = {
    ...standsFor(reader.kernel, kernel),
    operands: reader.kernel.operands.map((operand) =>
      operand.name === name ? { ...operand, role: "state" } : operand,
    ),
  };
  const stage = kernel.stages[0];
  if (stage === undefined) throw new Error("internal: a concat without a stage");
  /** operands of the reader by those of the concat */
  const kept = new Map<string, string>();
  for (const { operands: own, ...sent } of into) {
    const names = own.map((operand) => {
      const fresh = freshName(now.operands, "x");
      const size = sizeOfPart(graph, sent.value, type.shape, axis);
      // every core may be the one that keeps the new positions
      const axes = found.dims.flatMap((dims, dim): readonly Axis[] =>
        dim === axis ? [{ kind: "whole", size }] : dims,
      );
      const added: Operand = { name: fresh, role: "activation", dtype: typeOf(kernel, operand), axes };
      now = { ...now, operands: [...now.operands, added] };
      kept.set(operand, fresh);
      return fresh;
    });
    draft.connect({ ...sent, to: edge.to, operands: names });
  }
  const reads = stage.reads.map(({ operand }) => kept.get(operand) ?? null);
  const states = [...now.states, { operand: name, past: past.name, append: { op: stage.op, reads } }];
  draft.set(edge.to, { kernel: { ...now, states }, made: reader.made });
  draft.remove(id);
  return true;
}

/** Positions along an axis of one of the values that are joined, from the number of its elements. */
function sizeOfPart(graph: Graph, value: number, shape: readonly number[], axis: number): number {
  const type = graph.values[value]?.type;
  if (type?.kind !== "tensor") throw new Error(`internal: %${value} is no tensor`);
  const count = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);
  return count(type.shape) / count(shape.filter((_, dim) => dim !== axis));
}

function typeOf({ operands }: Kernel, name: string): Operand["dtype"] {
  const operand = operands.find((other) => other.name === name);
  if (operand === undefined) throw new Error(`internal: no operand ${name}`);
  return operand.dtype;
}
