/** The trees of TreeEnsembleRegressor and TreeEnsembleClassifier, whose nodes and votes are lists of (tree, node) names. */
import { leafMark, outcomes } from "../../../ir/forest.ts";
import { decodeSmallFloat, isSmallFloat } from "../../../ir/small-float.ts";
import type { TensorData } from "../../../ir/tensor.ts";
import type { NodeContext } from "../operator.ts";
import type { Forest } from "./forest.ts";
import type { Attributes } from "./table.ts";

const { less, equal, greater, unordered } = outcomes;

/** Outcomes that lead the true way, by the number that a TreeEnsemble gives a mode. */
export const modeOutcomes: readonly (readonly [name: string, outcomes: number])[] = [
  ["BRANCH_LEQ", less | equal],
  ["BRANCH_LT", less],
  ["BRANCH_GTE", greater | equal],
  ["BRANCH_GT", greater],
  ["BRANCH_EQ", equal],
  ["BRANCH_NEQ", less | greater | unordered],
];

const outcomesByName: ReadonlyMap<string, number> = new Map(modeOutcomes);

/** Outcomes of a node that also sends NaN the true way, if it does. */
export const withMissing = (mark: number, isTrue: boolean): number => (isTrue ? mark | unordered : mark);

export function numbers(tensor: TensorData | undefined): number[] | undefined {
  if (tensor === undefined) return undefined;
  const { dtype, elements } = tensor;
  return Array.from(elements as ArrayLike<number | bigint>, (value) =>
    isSmallFloat(dtype) ? decodeSmallFloat(dtype, Number(value)) : Number(value),
  );
}

/** A list that is given as floats or, from version 3 on, as a tensor. */
export const floatsOf = (node: NodeContext, name: string): number[] =>
  numbers(node.tensor(`${name}_as_tensor`)) ?? node.floats(name) ?? [];

/** Integers of an attribute; no entry where it is left out. */
export const integersOf = (node: NodeContext, name: string): number[] => node.ints(name) ?? [];

/** A list of the node that must have an entry for each of `count`. */
export function columnOf<T>(node: NodeContext, name: string, list: readonly T[], count: number): readonly T[] {
  if (list.length >= count) return list;
  throw node.attributeError(`${name} has ${list.length} entries, entry ${list.length} is asked for`);
}

type Place = (tree: number, id: number) => number;

/** Finds the place of a node that is named by its tree and its number there. */
function placesOf(node: NodeContext, trees: readonly number[]): Place {
  const ids = columnOf(node, "nodes_nodeids", integersOf(node, "nodes_nodeids"), trees.length);
  const places = new Map<number, Map<number, number>>();
  for (const [place, tree] of trees.entries()) {
    const ofTree = places.get(tree) ?? new Map<number, number>();
    places.set(tree, ofTree);
    const id = ids[place] as number;
    if (ofTree.has(id)) throw node.attributeError(`there are two nodes ${id} in tree ${tree}`);
    ofTree.set(id, place);
  }
  return (tree, id) => {
    const found = places.get(tree)?.get(id);
    if (found === undefined) throw node.attributeError(`there is no node ${id} in tree ${tree}`);
    return found;
  };
}

/** What votes are for: a regressor's `target_ids`…, a classifier's `class_ids`… */
export type VoteKind = "target" | "class";

interface VoteList {
  /** by the node's place: its first vote and where its votes end */
  readonly firsts: Int32Array;
  readonly ends: Int32Array;
  readonly targets: number[];
  readonly weights: number[];
}

/** The votes in the order of the nodes that cast them; those of one node stay in the order of the list. */
function votesOf(node: NodeContext, kind: VoteKind, place: Place, count: number): VoteList {
  const weights = floatsOf(node, `${kind}_weights`);
  const list = (name: string): readonly number[] => columnOf(node, name, integersOf(node, name), weights.length);
  const [trees, ids, targets] = [list(`${kind}_treeids`), list(`${kind}_nodeids`), list(`${kind}_ids`)];
  const places = weights.map((_, vote) => place(trees[vote] as number, ids[vote] as number));
  const ends = new Int32Array(count);
  for (const at of places) ends[at] = (ends[at] ?? 0) + 1;
  for (let at = 1; at < count; at++) ends[at] = (ends[at] ?? 0) + (ends[at - 1] ?? 0);
  const firsts = Int32Array.from(ends, (_, at) => (at === 0 ? 0 : (ends[at - 1] ?? 0)));
  const next = firsts.slice();
  const votes = {
    firsts,
    ends,
    targets: new Array<number>(weights.length),
    weights: new Array<number>(weights.length),
  };
  for (const [vote, at] of places.entries()) {
    const to = next[at] as number;
    next[at] = to + 1;
    votes.targets[to] = targets[vote] as number;
    votes.weights[to] = weights[vote] as number;
  }
  return votes;
}

/** The trees of a node, whose roots are the first of their nodes; with one target a leaf's first vote alone counts, as in onnxruntime. */
export function listedForest(node: NodeContext, kind: VoteKind, targets: number): Forest {
  const trees = integersOf(node, "nodes_treeids");
  const place = placesOf(node, trees);
  const votes = votesOf(node, kind, place, trees.length);
  const list = (name: string): readonly number[] => columnOf(node, name, integersOf(node, name), trees.length);
  const modes = columnOf(node, "nodes_modes", node.strings("nodes_modes") ?? [], trees.length);
  const features = list("nodes_featureids");
  const [onTrue, onFalse] = [list("nodes_truenodeids"), list("nodes_falsenodeids")];
  const missing = integersOf(node, "nodes_missing_value_tracks_true");
  const marks = trees.map((_, at) => markOf(node, modes[at] as string, missing[at] === 1));
  const leads = (ids: readonly number[], at: number): number => place(trees[at] as number, ids[at] as number);
  const first = (at: number): number => votes.firsts[at] as number;
  const end = (at: number): number => {
    const stop = votes.ends[at] as number;
    return targets === 1 ? Math.min(first(at) + 1, stop) : stop;
  };
  const firstNodes = new Map<number, number>();
  for (const [at, tree] of trees.entries()) if (!firstNodes.has(tree)) firstNodes.set(tree, at);
  return {
    roots: [...firstNodes.values()],
    marks,
    features,
    splits: columnOf(node, "nodes_values", floatsOf(node, "nodes_values"), trees.length),
    firsts: marks.map((mark, at) => (mark === leafMark ? first(at) : leads(onTrue, at))),
    seconds: marks.map((mark, at) => (mark === leafMark ? end(at) : leads(onFalse, at))),
    targets: votes.targets,
    weights: votes.weights,
  };
}

function markOf(node: NodeContext, mode: string, missingIsTrue: boolean): number {
  if (mode === "LEAF") return leafMark;
  const mark = outcomesByName.get(mode);
  if (mark === undefined) throw node.attributeError(`there is no mode ${JSON.stringify(mode)}`);
  return withMissing(mark, missingIsTrue);
}

/** Attributes that list the nodes and the votes, as of version 1. */
export const listAttributes = (kind: VoteKind): Attributes => ({
  base_values: "floats",
  nodes_falsenodeids: "ints",
  nodes_featureids: "ints",
  nodes_hitrates: "floats",
  nodes_missing_value_tracks_true: "ints",
  nodes_modes: "strings",
  nodes_nodeids: "ints",
  nodes_treeids: "ints",
  nodes_truenodeids: "ints",
  nodes_values: "floats",
  post_transform: "string",
  [`${kind}_ids`]: "ints",
  [`${kind}_nodeids`]: "ints",
  [`${kind}_treeids`]: "ints",
  [`${kind}_weights`]: "floats",
});

/** Lists that version 3 also takes as tensors. */
export const listTensors = (kind: VoteKind): Attributes => ({
  base_values_as_tensor: "tensor",
  nodes_hitrates_as_tensor: "tensor",
  nodes_values_as_tensor: "tensor",
  [`${kind}_weights_as_tensor`]: "tensor",
});
