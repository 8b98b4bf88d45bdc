/** TreeEnsemble (ai.onnx.ml 5) and its forerunner TreeEnsembleRegressor. */
import { leafMark, outcomes } from "../../../ir/forest.ts";
import { arg, lit, select } from "../../../ir/expr.ts";
import type { ForestOp, ValueId } from "../../../ir/graph.ts";
import { tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { type Forest, runForest, type Votes } from "./forest.ts";
import { rowsOf } from "./ml-rows.ts";
import { postTransformOf, transformed } from "./post-transform.ts";
import { toDType } from "./precision.ts";
import { add, div } from "./scalar.ts";
import { type Attributes, operatorOf } from "./table.ts";
import {
  columnOf,
  floatsOf,
  integersOf,
  listAttributes,
  listedForest,
  listTensors,
  modeOutcomes,
  numbers,
  withMissing,
} from "./tree-lists.ts";

const aggregates = ["AVERAGE", "SUM", "MIN", "MAX"] as const;
type Aggregate = (typeof aggregates)[number];

const combinations: Readonly<Record<Aggregate, ForestOp["fn"]>> = {
  AVERAGE: "sum",
  SUM: "sum",
  MIN: "min",
  MAX: "max",
};

/** Rows of x through trees, the votes put together as `aggregate` says: [rows, targets] in x's type, and which targets were voted for. */
function aggregated(
  node: NodeContext,
  x: ValueId,
  aggregate: Aggregate,
  targets: number,
  read: () => Forest,
): Pick<Votes, "scores" | "cast"> {
  const { scores, cast, trees } = runForest(node, x, combinations[aggregate], targets, read);
  const { dtype } = node.typeOf(scores);
  return { scores: aggregate === "AVERAGE" ? node.map(div(arg(0), lit(dtype, trees)), scores) : scores, cast };
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

/** The columns of a forest, while nodes are still added. */
type Columns = { readonly [K in "marks" | "features" | "splits" | "firsts" | "seconds"]: number[] };

interface Split {
  readonly feature: number;
  readonly onTrue: number;
  readonly onFalse: number;
  readonly missingIsTrue: boolean;
}

/** Writes a node at a place. */
function setNode(columns: Columns, at: number, mark: number, split: number, { feature, onTrue, onFalse }: Split): void {
  columns.marks[at] = mark;
  columns.features[at] = feature;
  columns.splits[at] = split;
  columns.firsts[at] = onTrue;
  columns.seconds[at] = onFalse;
}

/** A test for membership in a set at a place: a chain of tests for equality, all but the first behind the nodes so far. */
function addMemberChain(columns: Columns, at: number, set: readonly number[], split: Split): void {
  const mark = withMissing(outcomes.equal, split.missingIsTrue);
  // nothing is a member of the empty set
  if (set.length === 0) setNode(columns, at, mark, 0, { ...split, onTrue: split.onFalse });
  let place = at;
  for (const [i, member] of set.entries()) {
    const isLast = i === set.length - 1;
    const next = Math.max(columns.marks.length, place + 1);
    setNode(columns, place, mark, member, isLast ? split : { ...split, onFalse: next });
    place = next;
  }
}

/** Nodes of a TreeEnsemble: the interior ones, the leaves, then what the tests for membership need beside their own nodes. */
function ensembleForest(node: NodeContext): Forest {
  const features = integersOf(node, "nodes_featureids");
  const count = features.length;
  const list = (name: string): readonly number[] => columnOf(node, name, integersOf(node, name), count);
  const table = (name: string): readonly number[] => columnOf(node, name, numbers(node.tensor(name)) ?? [], count);
  const [modes, splits] = [table("nodes_modes"), table("nodes_splits")];
  const ways = (ids: readonly number[], isLeaf: readonly number[]): number[] =>
    features.map((_, at) => (ids[at] as number) + (isLeaf[at] === 0 ? 0 : count));
  const onTrue = ways(list("nodes_truenodeids"), list("nodes_trueleafs"));
  const onFalse = ways(list("nodes_falsenodeids"), list("nodes_falseleafs"));
  const missing = integersOf(node, "nodes_missing_value_tracks_true");
  const targets = integersOf(node, "leaf_targetids");
  const weights = columnOf(node, "leaf_weights", numbers(node.tensor("leaf_weights")) ?? [], targets.length);
  const leaves = targets.map((_, leaf) => leaf);
  const unused = (): number[] => [...features.map(() => 0), ...leaves.map(() => 0)];
  const columns: Columns = {
    marks: [...features.map(() => 0), ...leaves.map(() => leafMark)],
    features: unused(),
    splits: unused(),
    firsts: [...features.map(() => 0), ...leaves],
    seconds: [...features.map(() => 0), ...leaves.map((leaf) => leaf + 1)],
  };
  const sets = memberSets(numbers(node.tensor("membership_values")) ?? []);
  for (const [at, feature] of features.entries()) {
    const split: Split = {
      feature,
      onTrue: onTrue[at] as number,
      onFalse: onFalse[at] as number,
      missingIsTrue: missing[at] === 1,
    };
    const mode = modes[at] as number;
    const found = modeOutcomes[mode];
    if (mode === memberMode) addMemberChain(columns, at, sets.shift() ?? [], split);
    else if (found === undefined) throw node.attributeError(`there is no mode ${mode}`);
    else setNode(columns, at, withMissing(found[1], split.missingIsTrue), splits[at] as number, split);
  }
  return { ...columns, roots: integersOf(node, "tree_roots"), targets, weights: weights.slice(0, targets.length) };
}

function treeEnsemble(node: NodeContext): ValueId[] {
  const transform = postTransformOf(node);
  const aggregate = aggregates[node.int("aggregate_function", 1)];
  if (aggregate === undefined) throw node.attributeError("there is no such aggregate_function");
  const { scores } = aggregated(node, rowsOf(node), aggregate, node.int("n_targets", 1), () => ensembleForest(node));
  return [toDType(node, node.dtype(0), transformed(node, transform, scores))];
}

function treeEnsembleRegressor(node: NodeContext): ValueId[] {
  const transform = postTransformOf(node);
  const name = node.string("aggregate_function", "SUM");
  const aggregate = aggregates.find((candidate) => candidate === name);
  if (aggregate === undefined) throw node.attributeError(`there is no aggregate_function ${JSON.stringify(name)}`);
  const targets = node.int("n_targets", 1);
  const read = (): Forest => listedForest(node, "target", targets);
  const { scores, cast } = aggregated(node, rowsOf(node), aggregate, targets, read);
  const base = floatsOf(node, "base_values");
  if (base.length !== 0 && base.length !== targets)
    throw node.attributeError(`${base.length} base_values for ${targets} targets`);
  if (base.length === 0) return [transformed(node, transform, node.castTo("f32", scores))];
  const { dtype } = node.typeOf(scores);
  const bases = node.constantValue(tensorFrom(dtype, [base.length], base));
  // of several targets, one that no leaf voted for has 0, as in onnxruntime
  const based = targets === 1 ? add(arg(0), arg(1)) : select(arg(2), add(arg(0), arg(1)), lit(dtype, 0));
  return [transformed(node, transform, node.castTo("f32", node.map(based, scores, bases, cast)))];
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
  ...listAttributes("target"),
  aggregate_function: "string",
  n_targets: "int",
};

/** Operators of this family. */
export const treeOperators: readonly OperatorDef[] = [
  operatorOf("ai.onnx.ml", "TreeEnsemble", treeEnsemble, [{ since: 5, attributes: ensembleAttributes }]),
  operatorOf("ai.onnx.ml", "TreeEnsembleRegressor", treeEnsembleRegressor, [
    { since: 1, attributes: regressorAttributes },
    { since: 3, attributes: { ...regressorAttributes, ...listTensors("target") } },
  ]),
];
