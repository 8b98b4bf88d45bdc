/**
 * trim-unread: only those parts of values are computed that somebody reads. A classifier over the first token needs one row of its last layer: keys
 * and values of all tokens, but one query, and one row of all products behind the attention.
 *
 *     y = map f(x) : [197,768] ; slice(y, row 0)        ==>    map f(slice(x, row 0)) : [1,768]
 *
 * Wanted parts go backwards through the graph (demand.ts); where readers want different parts, their hull is computed, and each takes its own.
 */
import type { Graph, Op, OpOf, OpSpec, ValueId } from "../../ir/graph.ts";
import { elementCount, tensorFrom } from "../../ir/tensor.ts";
import { type Box, boxShape, hullOf, sameBox, type Shaped, trimOf, wholeBox } from "./demand.ts";
import { foldOp } from "./fold-constants.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";

export const trimUnread: Pass = {
  name: "trim-unread",
  summary: "compute only the parts of values that somebody reads",
  run: (graph) => {
    const plan = planTrims(graph);
    if (![...plan.values()].some(({ isTrimmed }) => isTrimmed)) return graph;
    const site: Site = { plan, made: new Map(), slices: new Map() };
    return rewriteGraph(graph, (rewrite) => trimmed(rewrite, site), foldOp);
  },
};

/** A part is worth a slice of its operands if it has at most this share of the elements. */
const largestShare = 1 / 2;

/** What is made of an op's result. */
interface Part {
  readonly shaped: Shaped;
  readonly box: Box;
  readonly isTrimmed: boolean;
  /** boxes of the operands that it is made from; null for whole ones */
  readonly reads: readonly (Box | null)[];
}

function planTrims(graph: Graph): ReadonlyMap<Op, Part> {
  const wanted = new Map<ValueId, Box>();
  const want = (id: ValueId, box: Box | null): void => {
    const shape = shapeOf(graph, id);
    if (shape === null) return;
    const known = wanted.get(id);
    const added = box ?? wholeBox(shape);
    wanted.set(id, known === undefined ? added : hullOf(known, added));
  };
  for (const { value } of graph.outputs) want(value, null);
  const plan = new Map<Op, Part>();
  for (const op of graph.ops.toReversed()) {
    const part = partOf(graph, op, wanted.get(op.outputs[0] ?? -1));
    for (const [i, id] of op.inputs.entries()) want(id, part?.reads[i] ?? null);
    if (part !== null) plan.set(op, part);
  }
  return plan;
}

function shapeOf(graph: Graph, id: ValueId): readonly number[] | null {
  const type = graph.values[id]?.type;
  return type?.kind === "tensor" ? type.shape : null;
}

/** Null for ops that are done whole, whatever is read of them. */
function partOf(graph: Graph, op: Op, wanted: Box | undefined): Part | null {
  const [result, ...more] = op.outputs;
  const inputs = op.inputs.map((id) => shapeOf(graph, id));
  const output = result === undefined || more.length > 0 ? null : shapeOf(graph, result);
  if (output === null || elementCount(output) === 0 || inputs.includes(null)) return null;
  const shaped = { op, inputs: inputs as readonly (readonly number[])[], output, indices: constantIndices(graph, op) };
  const trim = trimOf(shaped);
  if (trim === null) return null;
  const whole = wholeBox(output);
  const possible = whole.map((range, axis) => (trim.axes.includes(axis) ? (wanted?.[axis] ?? range) : range));
  const isTrimmed = elementCount(boxShape(possible)) <= largestShare * elementCount(output);
  const box = isTrimmed ? possible : whole;
  return { shaped, box, isTrimmed, reads: trim.reads(box) };
}

/** A gather's indices, counted from the first element. */
function constantIndices(graph: Graph, op: Op): readonly number[] | null {
  const constant = op.kind === "gather" ? graph.values[op.inputs[1] ?? -1]?.constant : undefined;
  if (op.kind !== "gather" || constant === undefined) return null;
  const size = shapeOf(graph, op.inputs[0] ?? -1)?.[op.axis] ?? 0;
  const indices = Array.from(constant.elements as ArrayLike<number | bigint>, Number);
  return indices.map((index) => (index < 0 ? index + size : index));
}

interface Site {
  readonly plan: ReadonlyMap<Op, Part>;
  /** by value of the old graph, what there is of it in the new one, where that is not all */
  readonly made: Map<ValueId, Box>;
  /** slices that were taken already */
  readonly slices: Map<string, ValueId>;
}

function trimmed(rewrite: Rewrite, site: Site): readonly ValueId[] | null {
  const part = site.plan.get(rewrite.op);
  if (part === undefined) return null;
  const { op, inputs } = part.shaped;
  const available = op.inputs.map((id, i) => site.made.get(id) ?? wholeBox(inputs[i] ?? []));
  const areWhole = op.inputs.every((id) => !site.made.has(id));
  if (!part.isTrimmed && areWhole && !readsParts(part, available)) return null;
  if (part.isTrimmed) site.made.set(op.outputs[0] as ValueId, part.box);
  return [rewrite.emitOne(trimmedOp(rewrite, site, part, available))];
}

/** Some operand, of an op that picks no elements by itself, has more than is read. */
const readsParts = ({ shaped: { op }, reads }: Part, available: readonly Box[]): boolean =>
  op.kind !== "slice" &&
  op.kind !== "gather" &&
  reads.some((box, i) => box !== null && !sameBox(box, available[i] ?? box));

function trimmedOp(rewrite: Rewrite, site: Site, part: Part, available: readonly Box[]): OpSpec {
  const { op } = part.shaped;
  if (op.kind === "slice") return trimmedSlice(rewrite, op, part.box, available[0] ?? []);
  if (op.kind === "gather") return trimmedGather(rewrite, site, { ...part, op }, available[0] ?? []);
  const inputs = part.reads.map((box, i) => takePart(rewrite, site, rewrite.inputs[i] as ValueId, available[i] ?? [], box));
  return op.kind === "reshape" ? { ...op, inputs, shape: boxShape(part.box) } : { ...op, inputs };
} // prettier-ignore

/** A box of a value of which `available` is there. */
function takePart(rewrite: Rewrite, { slices }: Site, id: ValueId, available: Box, box: Box | null): ValueId {
  if (box === null || sameBox(box, available)) return id;
  const starts = box.map(({ start }, axis) => start - (available[axis]?.start ?? 0));
  const sizes = boxShape(box);
  const key = [id, ...starts, ...sizes].join();
  const slice = slices.get(key) ?? rewrite.emitOne({ kind: "slice", inputs: [id], starts, sizes, steps: box.map(() => 1) });
  slices.set(key, slice);
  return slice;
} // prettier-ignore

function trimmedSlice(rewrite: Rewrite, op: OpOf<"slice">, box: Box, available: Box): OpSpec {
  const starts = box.map(({ start }, axis) => {
    const first = (op.starts[axis] ?? 0) + start * (op.steps[axis] ?? 1);
    return first - (available[axis]?.start ?? 0);
  });
  return { ...op, inputs: rewrite.inputs, starts, sizes: boxShape(box) };
}

function trimmedGather(
  rewrite: Rewrite,
  site: Site,
  { op, shaped, box, reads }: Part & { readonly op: OpOf<"gather"> },
  available: Box,
): OpSpec {
  const [x, index] = rewrite.inputs as readonly [ValueId, ValueId];
  const along = available[op.axis] ?? { start: 0, stop: 1 };
  const wanted = reads[0]?.map((range, axis) => (axis === op.axis ? along : range)) ?? null;
  const source = takePart(rewrite, site, x, available, wanted);
  if (shaped.indices === null) return { ...op, inputs: [source, index] };
  // the one index there is of the one element there is
  if (shaped.indices.length === 1 && along.stop - along.start === 1) {
    return { kind: "reshape", inputs: [source], shape: boxShape(box) };
  }
  const shifted = shaped.indices.map((i) => i - along.start);
  return { ...op, inputs: [source, rewrite.builder.constant(tensorFrom("i64", shaped.inputs[1] ?? [], shifted))] };
}
