/**
 * share-joined: a concat whose inputs begin with, or hold side by side, all inputs of an earlier concat reads that one's result instead.
 *
 *     concat(a, b) ; concat(a, b, c)   ->   j = concat(a, b) ; concat(j, c)
 *
 * Densely connected layers each join all that came before them. So each of their values is moved once, to the join behind it, and not to every
 * later layer; what a join copies stays the same, and a value is not needed any more once it is joined.
 */
import type { ConcatOp, ValueId } from "../../ir/graph.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph, type Rule } from "./rewrite.ts";

export const shareJoined: Pass = {
  name: "share-joined",
  summary: "join what is joined already with the rest",
  run: (graph) => rewriteGraph(graph, joinOnce()),
};

/** A concat that was seen: what it joins, down to values that no such concat makes, and its result. */
interface Joined {
  readonly parts: readonly ValueId[];
  readonly value: ValueId;
}

/** Concats of one builder and axis, by the first value that they join; the longest first. */
type Known = Map<string, Joined[]>;

/** Concats are told apart per builder: a region does not see the values of the graph around it. */
function joinOnce(): Rule {
  const knownIn = new WeakMap<object, Known>();
  return (rewrite) => {
    const { op, builder, inputs } = rewrite;
    if (op.kind !== "concat" || inputs.length < 2) return null;
    const known = knownIn.get(builder) ?? new Map<string, Joined[]>();
    knownIn.set(builder, known);
    const shorter = sharedInputs(known, op, inputs);
    const results = shorter === null ? rewrite.keep() : joinRest(rewrite, op, shorter);
    remember(known, op, inputs, results);
    return results;
  };
}

const joinRest = (rewrite: Rewrite, { axis }: ConcatOp, inputs: readonly ValueId[]): readonly ValueId[] => [
  rewrite.emitOne({ kind: "concat", inputs, axis }),
];

/** The inputs with earlier results in place of what they join; null where there are none. */
function sharedInputs(known: Known, op: ConcatOp, inputs: readonly ValueId[]): readonly ValueId[] | null {
  const shared: ValueId[] = [];
  for (let at = 0; at < inputs.length;) {
    const candidates = known.get(keyOf(op, inputs[at])) ?? [];
    const found = candidates.find(
      ({ parts }) => parts.length < inputs.length && parts.every((part, index) => part === inputs[at + index]),
    );
    const value = found?.value ?? inputs[at];
    if (value === undefined) throw new Error("internal: a concat lacks an input");
    shared.push(value);
    at += found?.parts.length ?? 1;
  }
  return shared.length < inputs.length ? shared : null;
}

function remember(known: Known, op: ConcatOp, parts: readonly ValueId[], results: readonly ValueId[]): void {
  const [value] = results;
  if (value === undefined) throw new Error("internal: a concat has no result");
  const key = keyOf(op, parts[0]);
  const list = [...(known.get(key) ?? []), { parts, value }];
  known.set(
    key,
    list.sort((a, b) => b.parts.length - a.parts.length),
  );
}

const keyOf = ({ axis }: ConcatOp, first: ValueId | undefined): string => `${axis} ${first ?? "none"}`;
