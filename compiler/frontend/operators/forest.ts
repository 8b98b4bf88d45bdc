/**
 * Decision trees as tables. All trees of an ensemble are one list of nodes; a leaf is a node whose both ways lead to itself. Every row of
 * the input starts at each root, and after as many steps as the deepest tree has levels it stands at a leaf of each tree.
 */
import type { DType } from "../../../ir/dtype.ts";
import { arg, binary, type Expr, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount, tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext } from "../operator.ts";
import { computeDType, toDType } from "./precision.ts";
import { div } from "./scalar.ts";
import { checkedConstant, indexTensor } from "./support.ts";

export const branchModes = ["leq", "lt", "gte", "gt", "eq", "neq"] as const;
export type BranchMode = (typeof branchModes)[number];

export interface Branch {
  readonly feature: number;
  readonly mode: BranchMode;
  readonly split: number;
  readonly missingIsTrue: boolean;
  readonly onTrue: number;
  readonly onFalse: number;
}
export interface Leaf {
  /** (target, weight) pairs */
  readonly votes: readonly (readonly [target: number, weight: number])[];
}
export type TreeNode = Branch | Leaf;

export type Aggregate = "AVERAGE" | "SUM" | "MIN" | "MAX";

export interface Forest {
  readonly nodes: readonly TreeNode[];
  readonly roots: readonly number[];
  readonly targets: number;
}

const isLeaf = (node: TreeNode): node is Leaf => "votes" in node;

/** Levels of the deepest tree; WSC3006 when the nodes do not form trees. */
function depthOf(context: NodeContext, { nodes, roots }: Forest): number {
  let level = new Set(roots);
  for (let depth = 0; depth <= nodes.length; depth++) {
    const next = new Set<number>();
    for (const index of level) {
      const node = nodes[index];
      if (node === undefined) throw context.attributeError(`there is no tree node ${index}`);
      if (!isLeaf(node)) next.add(node.onTrue).add(node.onFalse);
    }
    if (next.size === 0) return depth;
    level = next;
  }
  throw context.attributeError("the tree nodes form a cycle");
}

/** A value per node as a constant vector. */
const column = (
  context: NodeContext,
  dtype: DType,
  forest: Forest,
  of: (node: TreeNode, index: number) => number,
): ValueId => context.constantValue(tensorFrom(dtype, [forest.nodes.length], forest.nodes.map(of)));

const comparisons = { leq: "le", lt: "lt", gte: "ge", gt: "gt", eq: "eq", neq: "ne" } as const;

/** Whether $0 (feature) stands in the node's relation to $1 (split); $2 is the mode's number where nodes differ. */
function decision(modes: readonly BranchMode[]): Expr {
  const [first = "leq", ...others] = modes;
  const test = (mode: BranchMode): Expr => binary(comparisons[mode], arg(0), arg(1));
  return others.reduce<Expr>(
    (otherwise, mode) => select(binary("eq", arg(2), lit("i32", branchModes.indexOf(mode))), test(mode), otherwise),
    test(first),
  );
}

/** The leaf that each row of x [N, C] reaches in each tree: i64 [N, trees]. */
function leaves(context: NodeContext, x: ValueId, forest: Forest): ValueId {
  const { dtype, shape } = context.typeOf(x);
  const [rows = 0, columns = 0] = shape;
  const branch = (node: TreeNode): Branch | null => (isLeaf(node) ? null : node);
  const modes = [...new Set(forest.nodes.map((node) => branch(node)?.mode).filter((mode) => mode !== undefined))];
  const tables = {
    feature: column(context, "i64", forest, (node) => branch(node)?.feature ?? 0),
    split: column(context, dtype, forest, (node) => branch(node)?.split ?? 0),
    mode: column(context, "i32", forest, (node) => branchModes.indexOf(branch(node)?.mode ?? "leq")),
    missing: column(context, "bool", forest, (node) => Number(branch(node)?.missingIsTrue ?? false)),
    onTrue: column(context, "i64", forest, (node, index) => branch(node)?.onTrue ?? index),
    onFalse: column(context, "i64", forest, (node, index) => branch(node)?.onFalse ?? index),
  };
  const tracksMissing = forest.nodes.some((node) => branch(node)?.missingIsTrue === true);
  const isTrue = tracksMissing
    ? binary("or", decision(modes), binary("and", arg(3), binary("ne", arg(0), arg(0))))
    : decision(modes);
  const most = forest.nodes.reduce((highest, node) => Math.max(highest, branch(node)?.feature ?? 0), 0);
  if (most >= columns) throw context.shapeError(`the trees ask for feature ${most}, the input has ${columns}`);
  const trees = forest.roots.length;
  let at = context.constantValue(indexTensor([rows, trees], (i) => forest.roots[i % trees] ?? 0));
  const depth = depthOf(context, forest);
  for (let level = 0; level < depth; level++) {
    const lookUp = (table: ValueId): ValueId => context.emitOne({ kind: "gather", inputs: [table, at], axis: 0 });
    const feature = context.emitOne({ kind: "gatherElements", inputs: [x, lookUp(tables.feature)], axis: 1 });
    const goes = context.map(isTrue, feature, lookUp(tables.split), lookUp(tables.mode), lookUp(tables.missing));
    at = context.map(select(arg(0), arg(1), arg(2)), goes, lookUp(tables.onTrue), lookUp(tables.onFalse));
  }
  return at;
}

/** Table [nodes, targets] of what each leaf adds to each target; `absent` where it adds nothing. */
function voteTable(context: NodeContext, dtype: DType, { nodes, targets }: Forest, absent: number): ValueId {
  const shape = checkedConstant(context, dtype, [nodes.length, targets]);
  const table = new Array<number>(elementCount(shape)).fill(absent);
  for (const [index, node] of nodes.entries()) {
    if (!isLeaf(node)) continue;
    for (const [target, weight] of node.votes) {
      if (target < 0 || target >= targets) throw context.attributeError(`there is no target ${target} of ${targets}`);
      const at = index * targets + target;
      table[at] = absent === 0 ? (table[at] ?? 0) + weight : weight;
    }
  }
  return context.constantValue(tensorFrom(dtype, shape, table));
}

/** Runs x [N, C] through the forest; [N, targets] in x's compute type. A target that no leaf voted for gets 0. */
export function runForest(context: NodeContext, x: ValueId, forest: Forest, aggregate: Aggregate): ValueId {
  const compute = computeDType(context.typeOf(x).dtype);
  const wide = toDType(context, compute, x);
  const leaf = leaves(context, wide, forest);
  const extreme = aggregate === "MIN" || aggregate === "MAX";
  const absent = !extreme ? 0 : aggregate === "MIN" ? Infinity : -Infinity;
  const votes = context.emitOne({
    kind: "gather",
    inputs: [voteTable(context, compute, forest, absent), leaf],
    axis: 0,
  });
  const fn = !extreme ? "sum" : aggregate === "MIN" ? "min" : "max";
  const total = context.emitOne({ kind: "reduce", inputs: [votes], fn, axes: [1], keepDims: false });
  if (aggregate === "AVERAGE") return context.map(div(arg(0), lit(compute, forest.roots.length)), total);
  if (!extreme) return total;
  return context.map(select(binary("eq", arg(0), lit(compute, absent)), lit(compute, 0), arg(0)), total);
}
