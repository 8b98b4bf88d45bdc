/**
 * What of a graph becomes steps: attentions are one, and maps and movements read their operands where they lie, so that slices and transposes
 * in front of them need not be made. One of these is left out only if all that read it can do without: else it is made, and read by all.
 */
import type { Graph, Op, ValueId } from "../../ir/graph.ts";
import { type Attention, AttentionFinder } from "./attention.ts";
import { type OperandView, viewedOperands } from "./viewed-operands.ts";
import { producersOf, type View } from "./views.ts";

/** An op to lower; an attention stands for several ops, at the place of the last one. */
export interface PlannedOp {
  /** of the op in the graph */
  readonly index: number;
  readonly op: Op;
  readonly attention: Attention | null;
  /** operands where they lie, by input; `op` has what they are views of as its inputs */
  readonly views: readonly (View | null)[] | null;
}

/** An op with the operands that it could read where they lie. */
interface Candidate {
  readonly index: number;
  readonly op: Op;
  readonly attention: Attention | null;
  readonly views: readonly (OperandView | null)[];
}

/** The ops of a graph in order: attentions merged, operands of maps and movements read where they lie. */
export function planOps(graph: Graph): readonly PlannedOp[] {
  const finder = new AttentionFinder(graph);
  const producers = producersOf(graph);
  const candidates = graph.ops.map((op, index): Candidate => {
    return { index, op, attention: finder.endingAt(op), views: viewedOperands(graph, producers, op) };
  });
  const made = liveValues(graph, candidates.map((candidate) => planned(candidate, () => true))); // prettier-ignore
  const plan = candidates.map((candidate) => planned(candidate, ({ movement }) => !made.has(movement)));
  const live = liveValues(graph, plan);
  return plan.filter((one) => resultsOf(one).some((value) => live.has(value)));
}

function planned({ index, op, attention, views }: Candidate, isTaken: (view: OperandView) => boolean): PlannedOp {
  const taken = views.map((view) => (view !== null && isTaken(view) ? view.view : null));
  if (taken.every((view) => view === null)) return { index, op, attention, views: null };
  return { index, op: { ...op, inputs: op.inputs.map((value, i) => taken[i]?.value ?? value) }, attention, views: taken };
} // prettier-ignore

const resultsOf = ({ op, attention }: PlannedOp): readonly ValueId[] =>
  attention === null ? op.outputs : [attention.output];

/** The values that somebody reads: one sweep backwards. */
function liveValues(graph: Graph, plan: readonly PlannedOp[]): ReadonlySet<ValueId> {
  const live = new Set(graph.outputs.map(({ value }) => value));
  for (const one of plan.toReversed()) {
    if (!resultsOf(one).some((value) => live.has(value))) continue;
    for (const input of one.attention?.inputs ?? one.op.inputs) live.add(input);
  }
  return live;
}
