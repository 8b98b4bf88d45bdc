/** TreeEnsemble (ai.onnx.ml 5) and its forerunner TreeEnsembleRegressor: how each writes its trees down. */
import type { ValueId } from "../../../ir/graph.ts";
import type { TensorData } from "../../../ir/tensor.ts";
import { decodeSmallFloat, isSmallFloat } from "../../../ir/small-float.ts";
import { arg, binary } from "../../../ir/expr.ts";
import { tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import {
  type Aggregate,
  type Branch,
  type BranchMode,
  branchModes,
  type Forest,
  runForest,
  type TreeNode,
} from "./forest.ts";
import { postTransformOf, transformed } from "./post-transform.ts";
import { toDType } from "./precision.ts";
import { type Attributes, operatorOf } from "./table.ts";

function numbers(tensor: TensorData | undefined): number[] | undefined {
  if (tensor === undefined) return undefined;
  const { dtype, elements } = tensor;
  return Array.from(elements as ArrayLike<number | bigint>, (value) =>
    isSmallFloat(dtype) ? decodeSmallFloat(dtype, Number(value)) : Number(value),
  );
}

function columnAt<T>(node: NodeContext, name: string, list: readonly T[], index: number): T {
  const value = list[index];
  if (value === undefined) throw node.attributeError(`${name} has ${list.length} entries, entry ${index} is asked for`);
  return value;
}

const aggregates: readonly Aggregate[] = ["AVERAGE", "SUM", "MIN", "MAX"];

/** Number of the mode that tests for membership in a set. */
const memberMode = 6;

/** The sets of the member nodes, in order: runs of values, each ended by a NaN. */
function memberSets(values: readonly number[]): number[][] {
  const sets: number[][] = [[]];
  for (const value of values) {
    if (Number.isNaN(value)) sets.push([]);
    else sets.at(-1)?.push(value);
  }
  return sets;
}

/** A TreeEnsemble's attributes as columns, one entry per interior node or per leaf. */
interface Ensemble {
  readonly features: readonly number[];
  readonly modes: readonly number[];
  readonly splits: readonly number[];
  readonly missing: readonly number[];
  readonly targets: readonly number[];
  readonly weights: readonly number[];
  /** where the nodes lead: interior nodes keep their numbers, leaves come behind them */
  readonly onTrue: readonly number[];
  readonly onFalse: readonly number[];
}

function ensembleOf(node: NodeContext): Ensemble {
  const list = (name: string): number[] => node.ints(name) ?? [];
  const features = list("nodes_featureids");
  const ways = (ids: readonly number[], isLeaf: readonly number[]): number[] =>
    features.map((_, i) => columnAt(node, "a list of child nodes", ids, i) + (isLeaf[i] === 0 ? 0 : features.length));
  return {
    features,
    modes: numbers(node.tensor("nodes_modes")) ?? [],
    splits: numbers(node.tensor("nodes_splits")) ?? [],
    missing: list("nodes_missing_value_tracks_true"),
    targets: list("leaf_targetids"),
    weights: numbers(node.tensor("leaf_weights")) ?? [],
    onTrue: ways(list("nodes_truenodeids"), list("nodes_trueleafs")),
    onFalse: ways(list("nodes_falsenodeids"), list("nodes_falseleafs")),
  };
}

/** A test for membership in a set as a chain of tests for equality; all but the first get numbers from `next` on. */
function memberChain(branch: Omit<Branch, "mode" | "split">, set: readonly number[], next: number): Branch[] {
  if (set.length === 0) return [{ ...branch, mode: "neq", split: 0, onTrue: branch.onFalse }];
  return set.map((split, i) => ({
    ...branch,
    mode: "eq",
    split,
    onFalse: i === set.length - 1 ? branch.onFalse : next + i,
  }));
}

/** Nodes of a TreeEnsemble: the interior ones, the leaves, then what the tests for membership need beside their own nodes. */
function ensembleForest(node: NodeContext): Forest {
  const ensemble = ensembleOf(node);
  const { features, targets } = ensemble;
  const sets = memberSets(numbers(node.tensor("membership_values")) ?? []);
  const links: Branch[] = [];
  const branches = features.map((feature, i): Branch => {
    const mode = columnAt(node, "nodes_modes", ensemble.modes, i);
    const [onTrue = 0, onFalse = 0] = [ensemble.onTrue[i], ensemble.onFalse[i]];
    const common = { feature, missingIsTrue: ensemble.missing[i] === 1, onTrue, onFalse };
    if (mode !== memberMode) {
      const named = columnAt(node, "the list of modes", branchModes, mode);
      return { ...common, mode: named, split: columnAt(node, "nodes_splits", ensemble.splits, i) };
    }
    const chain = memberChain(common, sets.shift() ?? [], features.length + targets.length + links.length);
    links.push(...chain.slice(1));
    return chain[0] as Branch;
  });
  const leaves = targets.map((target, i): TreeNode => ({
    votes: [[target, columnAt(node, "leaf_weights", ensemble.weights, i)]],
  }));
  return {
    nodes: [...branches, ...leaves, ...links],
    roots: node.ints("tree_roots") ?? [],
    targets: node.int("n_targets", 1),
  };
}

/** x as [N, C]; a vector is one row. */
function rowsOf(node: NodeContext): ValueId {
  const shape = node.shape(0);
  return shape.length === 1 ? node.reshape(node.input(0), [1, ...shape]) : node.input(0);
}

function treeEnsemble(node: NodeContext): ValueId[] {
  const transform = postTransformOf(node);
  const aggregate = columnAt(node, "the list of aggregate functions", aggregates, node.int("aggregate_function", 1));
  const scores = runForest(node, rowsOf(node), ensembleForest(node), aggregate);
  return [toDType(node, node.dtype(0), transformed(node, transform, scores))];
}

const modeNames: ReadonlyMap<string, BranchMode> = new Map([
  ["BRANCH_LEQ", "leq"],
  ["BRANCH_LT", "lt"],
  ["BRANCH_GTE", "gte"],
  ["BRANCH_GT", "gt"],
  ["BRANCH_EQ", "eq"],
  ["BRANCH_NEQ", "neq"],
]);

type Place = (tree: number, id: number) => number;

/** What every leaf of a TreeEnsembleRegressor adds, by the leaf's place. */
function regressorVotes(node: NodeContext, place: Place): ReadonlyMap<number, (readonly [number, number])[]> {
  const list = (name: string): number[] => node.ints(name) ?? [];
  const [trees, ids, targets] = [list("target_treeids"), list("target_nodeids"), list("target_ids")];
  const votes = new Map<number, (readonly [number, number])[]>();
  for (const [i, weight] of floatsOf(node, "target_weights").entries()) {
    const at = place(columnAt(node, "target_treeids", trees, i), columnAt(node, "target_nodeids", ids, i));
    const vote = [columnAt(node, "target_ids", targets, i), weight] as const;
    votes.set(at, [...(votes.get(at) ?? []), vote]);
  }
  return votes;
}

/** A list that is given as floats or, from version 3 on, as a tensor. */
const floatsOf = (node: NodeContext, name: string): number[] =>
  numbers(node.tensor(`${name}_as_tensor`)) ?? node.floats(name) ?? [];

/** Finds the place of a node that is named by its tree and its number there. */
function placesOf(node: NodeContext, trees: readonly number[]): Place {
  const ids = node.ints("nodes_nodeids") ?? [];
  const places = new Map(trees.map((tree, i) => [`${tree}/${ids[i] ?? 0}`, i]));
  return (tree, id) => {
    const found = places.get(`${tree}/${id}`);
    if (found === undefined) throw node.attributeError(`there is no node ${id} in tree ${tree}`);
    return found;
  };
}

/** Nodes of a TreeEnsembleRegressor; a tree's root is the first of its nodes. */
function regressorForest(node: NodeContext): Forest {
  const list = (name: string): number[] => node.ints(name) ?? [];
  const trees = list("nodes_treeids");
  const place = placesOf(node, trees);
  const votes = regressorVotes(node, place);
  const modes = node.strings("nodes_modes") ?? [];
  const [features, trueIds, falseIds] = [
    list("nodes_featureids"),
    list("nodes_truenodeids"),
    list("nodes_falsenodeids"),
  ];
  const [splits, missing] = [floatsOf(node, "nodes_values"), list("nodes_missing_value_tracks_true")];
  const nodes = trees.map((tree, i): TreeNode => {
    const name = columnAt(node, "nodes_modes", modes, i);
    if (name === "LEAF") return { votes: votes.get(i) ?? [] };
    const mode = modeNames.get(name);
    if (mode === undefined) throw node.attributeError(`there is no mode ${JSON.stringify(name)}`);
    const feature = columnAt(node, "nodes_featureids", features, i);
    const onTrue = place(tree, columnAt(node, "nodes_truenodeids", trueIds, i));
    const onFalse = place(tree, columnAt(node, "nodes_falsenodeids", falseIds, i));
    return {
      mode,
      feature,
      split: columnAt(node, "nodes_values", splits, i),
      missingIsTrue: missing[i] === 1,
      onTrue,
      onFalse,
    };
  });
  const firsts = new Map<number, number>();
  for (const [i, tree] of trees.entries()) if (!firsts.has(tree)) firsts.set(tree, i);
  return { nodes, roots: [...firsts.values()], targets: node.int("n_targets", 1) };
}

function treeEnsembleRegressor(node: NodeContext): ValueId[] {
  const transform = postTransformOf(node);
  const name = node.string("aggregate_function", "SUM");
  const aggregate = aggregates.find((candidate) => candidate === name);
  if (aggregate === undefined) throw node.attributeError(`there is no aggregate_function ${JSON.stringify(name)}`);
  const x = node.dtype(0) === "f64" ? rowsOf(node) : node.castTo("f32", rowsOf(node));
  const scores = node.castTo("f32", runForest(node, x, regressorForest(node), aggregate));
  const base = floatsOf(node, "base_values");
  if (base.length === 0) return [transformed(node, transform, scores)];
  const bases = node.constantValue(tensorFrom("f32", [base.length], base));
  return [transformed(node, transform, node.map(binary("add", arg(0), arg(1)), scores, bases))];
}

const ensembleAttributes: Attributes = {
  aggregate_function: "int",
  leaf_targetids: "ints!",
  leaf_weights: "tensor!",
  membership_values: "tensor",
  n_targets: "int",
  nodes_falseleafs: "ints!",
  nodes_falsenodeids: "ints!",
  nodes_featureids: "ints!",
  nodes_hitrates: "tensor",
  nodes_missing_value_tracks_true: "ints",
  nodes_modes: "tensor!",
  nodes_splits: "tensor!",
  nodes_trueleafs: "ints!",
  nodes_truenodeids: "ints!",
  post_transform: "int",
  tree_roots: "ints!",
};
const regressorAttributes: Attributes = {
  aggregate_function: "string",
  base_values: "floats",
  n_targets: "int",
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
  target_ids: "ints",
  target_nodeids: "ints",
  target_treeids: "ints",
  target_weights: "floats",
};
const regressorTensors: Attributes = {
  base_values_as_tensor: "tensor",
  nodes_hitrates_as_tensor: "tensor",
  nodes_values_as_tensor: "tensor",
  target_weights_as_tensor: "tensor",
};

/** Operators of this family. */
export const treeOperators: readonly OperatorDef[] = [
  operatorOf("ai.onnx.ml", "TreeEnsemble", treeEnsemble, [{ since: 5, attributes: ensembleAttributes }]),
  operatorOf("ai.onnx.ml", "TreeEnsembleRegressor", treeEnsembleRegressor, [
    { since: 1, attributes: regressorAttributes },
    { since: 3, attributes: { ...regressorAttributes, ...regressorTensors } },
  ]),
];
