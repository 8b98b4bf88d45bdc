/**
 * Movement that disappears: a transpose becomes the way in which its readers read a value, or in which its producer makes it; a slice becomes the part
 * of a value that an edge carries; a dim that is repeated becomes one that its readers do not go through. Words go from core to core anyway,
 * and where a word goes is said by the mappings at both ends.
 */
import { nth } from "../../../ir/access.ts";
import type { Graph, OpOf, ValueId } from "../../../ir/graph.ts";
import type { Axis, Kernel, KernelId, KernelInput, Operand, ValuePart } from "../../../ir/kernel-graph.ts";
import type { Draft, DraftEdge } from "../draft.ts";
import { align, type Atom } from "./align.ts";
import { type Body, splitLoop } from "./loops.ts";

/** Takes out the kernels of a draft that only move words, where kernels next to them can do without. */
export function foldLayouts(draft: Draft, graph: Graph): void {
  for (const id of draft.ids) {
    const [stage, ...others] = draft.at(id).kernel.stages;
    const op = stage === undefined || others.length > 0 ? undefined : graph.ops[stage.op];
    if (op === undefined) continue;
    if (op.kind === "slice") foldSlice(draft, id);
    if (op.kind !== "transpose" && op.kind !== "pad") continue;
    const move = op.kind === "transpose" ? transposeOf(graph, op) : repeatOf(graph, op);
    if (move === null) continue;
    // without splitting loops first: more loops are cut more coarsely
    if (!intoReaders(draft, id, move, false) && !intoProducer(draft, id, move)) intoReaders(draft, id, move, true);
  }
}

/** What becomes of the dims of a value. */
interface Move {
  /** sizes of the dims that come out */
  readonly out: readonly number[];
  /** for each dim that goes in the dim that comes out of it */
  readonly order: readonly number[];
  /** dims that come out, all of whose positions are the same */
  readonly repeated: ReadonlySet<number>;
}

const shapeOf = (graph: Graph, value: ValueId | undefined): readonly number[] | null => {
  const type = value === undefined ? undefined : graph.values[value]?.type;
  return type?.kind === "tensor" ? type.shape : null;
};

function transposeOf(graph: Graph, { outputs, perm }: OpOf<"transpose">): Move | null {
  const out = shapeOf(graph, outputs[0]);
  return out === null ? null : { out, order: perm.map((_, dim) => perm.indexOf(dim)), repeated: new Set() };
}

/** A pad that repeats the only position of a dim. */
function repeatOf(graph: Graph, { inputs, outputs, mode }: OpOf<"pad">): Move | null {
  const [from, out] = [shapeOf(graph, inputs[0]), shapeOf(graph, outputs[0])];
  if (mode !== "edge" || from === null || out === null) return null;
  const repeated = new Set(out.flatMap((size, dim) => (size === from[dim] ? [] : [dim])));
  return [...repeated].every((dim) => from[dim] === 1) ? { out, order: out.map((_, dim) => dim), repeated } : null;
}

const axisOfAtom = (atom: Atom): Axis => {
  switch (atom.kind) {
    case "loop":
      return { kind: "index", size: atom.size, terms: [{ loop: atom.loop, factor: 1 }], offset: 0 };
    case "whole":
      return { kind: "whole", size: atom.size };
    case "window":
      return atom.axis;
  }
};

const dimName = (dim: number): string => `dim${dim}`;

/** The axes by which a body reads the dims that come out, each dim's own; null where it does not read them one by one. */
export function axesByDim(
  body: Body,
  name: string,
  { out }: Pick<Move, "out">,
  maySplit: boolean,
): { readonly body: Body; readonly dims: readonly (readonly Axis[])[] } | null {
  let now = body;
  let names = out.map((size, dim) => [{ name: dimName(dim), size }]);
  for (let splits = 0; splits < 8; splits++) {
    const axes = now.operands.find((operand) => operand.name === name)?.axes ?? [];
    const all = names.flat();
    const made = all.map(({ name: loop, size }): Axis => ({
      kind: "index",
      size,
      terms: [{ loop, factor: 1 }],
      offset: 0,
    }));
    const alignment = align(made, all, axes, now.loops);
    if (alignment === null) return null;
    if (alignment.kind === "pairs") {
      const dims = names.map((parts) =>
        alignment.pairs.flatMap(([own, read]) =>
          own.kind === "loop" && parts.some(({ name: loop }) => loop === own.loop) ? [axisOfAtom(read)] : [],
        ),
      );
      return { body: now, dims };
    }
    const { side, loop, outer } = alignment;
    if (side === "made") {
      names = names.map((parts) =>
        parts.flatMap((part) =>
          part.name === loop
            ? [
                { name: `${loop}_`, size: outer },
                { name: loop, size: part.size / outer },
              ]
            : [part],
        ),
      );
      continue;
    }
    const split = maySplit ? splitLoop(now, loop, outer) : null;
    if (split === null) return null;
    now = split;
  }
  return null;
}

const withAxes = (operands: readonly Operand[], name: string, axes: readonly Axis[]): readonly Operand[] =>
  operands.map((operand) => (operand.name === name ? { ...operand, axes } : operand));

/** A kernel that also stands for the op of another, which only moved words. */
export const standsFor = (kernel: Kernel, moved: Kernel): Kernel => ({
  ...kernel,
  moves: [...new Set([...kernel.moves, ...moved.moves, ...moved.stages.map(({ op }) => op)])],
  origin: [...new Set([...kernel.origin, ...moved.origin])],
});

/** Lets the readers of a kernel read what it reads, in their own order. */
function intoReaders(draft: Draft, id: KernelId, move: Move, maySplit: boolean): boolean {
  const { kernel } = draft.at(id);
  const { into, outOf, inputs, outputs } = draft.around(id);
  const [source, ...more] = [...into, ...inputs];
  if (source === undefined || more.length > 0 || outputs.length > 0 || outOf.length === 0) return false;
  const changed = new Map<KernelId, Kernel>();
  for (const edge of outOf) {
    if (edge.part !== null) return false;
    let now = changed.get(edge.to) ?? draft.at(edge.to).kernel;
    for (const name of edge.operands) {
      const found = axesByDim(now, name, move, maySplit);
      if (found === null) return false;
      const { body, dims } = found;
      const kept = move.order.flatMap((dim) => (move.repeated.has(dim) ? [] : nth(dims, dim)));
      now = { ...now, ...body, operands: withAxes(body.operands, name, kept) };
    }
    changed.set(edge.to, now);
  }
  for (const [reader, now] of changed) draft.set(reader, { ...draft.at(reader), kernel: standsFor(now, kernel) });
  for (const { to, operands } of outOf) feed(draft, source, to, operands);
  draft.remove(id);
  return true;
}

/** Sends what one kernel was sent to another. */
function feed(draft: Draft, source: DraftEdge | KernelInput, to: KernelId, operands: readonly string[]): void {
  if ("from" in source) draft.connect({ ...source, to, operands });
  else draft.addInput({ ...source, kernel: to, operands });
}

/** Lets the producer of what a kernel moves make it in the order that comes out. */
function intoProducer(draft: Draft, id: KernelId, move: Move): boolean {
  if (move.repeated.size > 0) return false;
  const { kernel, made } = draft.at(id);
  const { into, outOf, inputs, outputs } = draft.around(id);
  const [edge, ...more] = into;
  const [[value] = []] = made;
  if (edge === undefined || value === undefined || more.length + inputs.length > 0 || edge.part !== null) return false;
  const producer = draft.at(edge.from);
  const around = draft.around(edge.from);
  const isOnly =
    around.outOf.every((other) => other === edge || other.value !== edge.value) &&
    around.outputs.every((port) => port.value !== edge.value);
  const name = producer.made.get(edge.value);
  if (!isOnly || name === undefined) return false;
  const from = move.order.map((dim) => move.out[dim] as number);
  const found = axesByDim(producer.kernel, name, { out: from }, false);
  if (found === null || found.dims.flat().some(({ kind }) => kind !== "index")) return false;
  const axes = move.out.flatMap((_, dim) => nth(found.dims, move.order.indexOf(dim)));
  const operands = withAxes(producer.kernel.operands, name, axes);
  const renamed = new Map(
    [...producer.made].map(([known, own]) => [known === edge.value ? value : known, own] as const),
  );
  draft.set(edge.from, { kernel: standsFor({ ...producer.kernel, operands }, kernel), made: renamed });
  draft.remove(id);
  for (const out of outOf) draft.connect({ ...out, from: edge.from });
  for (const port of outputs) draft.addOutput({ ...port, kernel: edge.from });
  return true;
}

/** Lets the readers of a slice read the part of the value itself. */
function foldSlice(draft: Draft, id: KernelId): void {
  const { kernel } = draft.at(id);
  const { into, outOf, inputs, outputs } = draft.around(id);
  const [source, ...more] = into;
  if (source === undefined || more.length + inputs.length + outputs.length > 0 || source.part === null) return;
  const [whole] = [source.part];
  if (outOf.some(({ part }) => part !== null && part.starts.length !== whole.starts.length)) return;
  for (const { to, operands, words, part, stream } of outOf) {
    draft.connect({
      ...source,
      to,
      operands,
      words,
      stream: part === null ? source.stream : stream,
      part: partOfPart(whole, part),
    });
    const reader = draft.at(to);
    draft.set(to, { ...reader, kernel: standsFor(reader.kernel, kernel) });
  }
  draft.remove(id);
}

/** Positions of a part of a part. */
function partOfPart(outer: ValuePart, inner: ValuePart | null): ValuePart {
  if (inner === null) return outer;
  const at = (list: readonly number[], dim: number): number => list[dim] as number;
  return {
    starts: outer.starts.map((start, dim) => start + at(inner.starts, dim) * at(outer.steps, dim)),
    sizes: inner.sizes,
    steps: outer.steps.map((step, dim) => step * at(inner.steps, dim)),
  };
}
