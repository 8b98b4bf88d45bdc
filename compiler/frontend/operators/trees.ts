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
import { toDType } from "./precision.ts";
import { range } from "./support.ts";
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

function expectNoTransform(node: NodeContext, given: string | number): void {
  if (given !== "NONE" && given !== 0)
    throw node.unsupported(`post_transform ${given}`, "leave it out and transform the scores afterwards");
}

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

/**
 * Nodes of a TreeEnsemble. Interior nodes keep their numbers, leaves come behind them. A test for membership becomes a chain of tests for
 * equality whose later links come last.
 */
function ensembleForest(node: NodeContext): Forest {
  const list = (name: string): number[] => node.ints(name) ?? [];
  const [features, trueIds, falseIds] = [
    list("nodes_featureids"),
    list("nodes_truenodeids"),
    list("nodes_falsenodeids"),
  ];
  const [trueLeafs, falseLeafs, targetIds] = [
    list("nodes_trueleafs"),
    list("nodes_falseleafs"),
    list("leaf_targetids"),
  ];
  const missing = node.ints("nodes_missing_value_tracks_true");
  const [splits, modes] = [numbers(node.tensor("nodes_splits")) ?? [], numbers(node.tensor("nodes_modes")) ?? []];
  const weights = numbers(node.tensor("leaf_weights")) ?? [];
  const sets = memberSets(numbers(node.tensor("membership_values")) ?? []);
  const leafAt = features.length;
  const nodes: TreeNode[] = [];
  const chains: Branch[] = [];
  const lastLeaf = leafAt + targetIds.length;
  for (const [i, feature] of features.entries()) {
    const target = (leafs: readonly number[], ids: readonly number[]): number =>
      (leafs[i] === 0 ? 0 : leafAt) + columnAt(node, "a list of child nodes", ids, i);
    const ways = { onTrue: target(trueLeafs, trueIds), onFalse: target(falseLeafs, falseIds) };
    const common = { feature, missingIsTrue: missing?.[i] === 1 };
    const mode = columnAt(node, "nodes_modes", modes, i);
    if (mode !== memberMode) {
      const named = columnAt(node, "the list of modes", branchModes, mode);
      nodes.push({ ...common, ...ways, mode: named, split: columnAt(node, "nodes_splits", splits, i) });
      continue;
    }
    const [first, ...others] = sets.shift() ?? [];
    if (first === undefined) {
      nodes.push({ ...common, mode: "neq", split: 0, onTrue: ways.onFalse, onFalse: ways.onFalse });
      continue;
    }
    const head: Branch = { ...common, ...ways, mode: "eq", split: first };
    nodes.push(head);
    let link = head;
    for (const split of others) {
      const next: Branch = { ...head, split, onFalse: ways.onFalse };
      link.onFalse = lastLeaf + chains.length;
      chains.push(next);
      link = next;
    }
  }
  for (const [i, target] of targetIds.entries())
    nodes.push({ votes: [[target, columnAt(node, "leaf_weights", weights, i)]] });
  // a root whose both ways are one leaf stands for a tree that is only that leaf
  return { nodes: [...nodes, ...chains], roots: list("tree_roots"), targets: node.int("n_targets", 1) };
}

/** x as [N, C]; a vector is one row. */
function rowsOf(node: NodeContext): ValueId {
  const shape = node.shape(0);
  return shape.length === 1 ? node.reshape(node.input(0), [1, ...shape]) : node.input(0);
}

function treeEnsemble(node: NodeContext): ValueId[] {
  expectNoTransform(node, node.int("post_transform", 0));
  const aggregate = columnAt(node, "the list of aggregate functions", aggregates, node.int("aggregate_function", 1));
  return [toDType(node, node.dtype(0), runForest(node, rowsOf(node), ensembleForest(node), aggregate))];
}

const modeNames: ReadonlyMap<string, BranchMode> = new Map([
  ["BRANCH_LEQ", "leq"],
  ["BRANCH_LT", "lt"],
  ["BRANCH_GTE", "gte"],
  ["BRANCH_GT", "gt"],
  ["BRANCH_EQ", "eq"],
  ["BRANCH_NEQ", "neq"],
]);

/** Nodes of a TreeEnsembleRegressor: named by (tree, node), a tree's root is its first node. */
function regressorForest(node: NodeContext): Forest {
  const list = (name: string): number[] => node.ints(name) ?? [];
  const floats = (name: string): number[] => numbers(node.tensor(`${name}_as_tensor`)) ?? node.floats(name) ?? [];
  const [trees, ids] = [list("nodes_treeids"), list("nodes_nodeids")];
  const places = new Map(trees.map((tree, i) => [`${tree}/${ids[i] ?? 0}`, i]));
  const place = (tree: number, id: number): number => {
    const found = places.get(`${tree}/${id}`);
    if (found === undefined) throw node.attributeError(`there is no node ${id} in tree ${tree}`);
    return found;
  };
  const votes = new Map<number, (readonly [number, number])[]>();
  const [voteTrees, voteNodes, targets] = [list("target_treeids"), list("target_nodeids"), list("target_ids")];
  for (const [i, weight] of floats("target_weights").entries()) {
    const at = place(columnAt(node, "target_treeids", voteTrees, i), columnAt(node, "target_nodeids", voteNodes, i));
    votes.set(at, [...(votes.get(at) ?? []), [columnAt(node, "target_ids", targets, i), weight]]);
  }
  const modes = node.strings("nodes_modes") ?? [];
  const [features, trueIds, falseIds] = [
    list("nodes_featureids"),
    list("nodes_truenodeids"),
    list("nodes_falsenodeids"),
  ];
  const [splits, missing] = [floats("nodes_values"), node.ints("nodes_missing_value_tracks_true")];
  const nodes = range(trees.length).map((i): TreeNode => {
    const name = columnAt(node, "nodes_modes", modes, i);
    if (name === "LEAF") return { votes: votes.get(i) ?? [] };
    const mode = modeNames.get(name);
    if (mode === undefined) throw node.attributeError(`there is no mode ${JSON.stringify(name)}`);
    const tree = trees[i] ?? 0;
    return {
      mode,
      feature: columnAt(node, "nodes_featureids", features, i),
      split: columnAt(node, "nodes_values", splits, i),
      missingIsTrue: missing?.[i] === 1,
      onTrue: place(tree, columnAt(node, "nodes_truenodeids", trueIds, i)),
      onFalse: place(tree, columnAt(node, "nodes_falsenodeids", falseIds, i)),
    };
  });
  const firsts = new Map<number, number>();
  for (const [i, tree] of trees.entries()) if (!firsts.has(tree)) firsts.set(tree, i);
  return { nodes, roots: [...firsts.values()], targets: node.int("n_targets", 1) };
}

function treeEnsembleRegressor(node: NodeContext): ValueId[] {
  expectNoTransform(node, node.string("post_transform", "NONE"));
  const name = node.string("aggregate_function", "SUM");
  const aggregate = aggregates.find((candidate) => candidate === name);
  if (aggregate === undefined) throw node.attributeError(`there is no aggregate_function ${JSON.stringify(name)}`);
  const x = node.dtype(0) === "f64" ? rowsOf(node) : node.castTo("f32", rowsOf(node));
  const scores = node.castTo("f32", runForest(node, x, regressorForest(node), aggregate));
  const base = node.floats("base_values") ?? numbers(node.tensor("base_values_as_tensor"));
  if (base === undefined || base.length === 0) return [scores];
  return [node.map(binary("add", arg(0), arg(1)), scores, node.constantValue(tensorFrom("f32", [base.length], base)))];
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
