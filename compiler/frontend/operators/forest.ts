/** Decision trees as the tables of a `forest` op: whatever way an operator writes its trees down, they get here as columns, one entry per node. */
import { forestFault, leafMark, nodeFields } from "../../../ir/forest.ts";
import type { ForestOp, ValueId } from "../../../ir/graph.ts";
import { tensorFrom, type TensorData } from "../../../ir/tensor.ts";
import type { OnnxNode } from "../onnx.ts";
import type { NodeContext } from "../operator.ts";

/** Trees as columns; nodes stand in any order. */
export interface Forest {
  readonly roots: readonly number[];
  /** outcomes that lead to the true node; `leafMark` in a leaf */
  readonly marks: readonly number[];
  readonly features: readonly number[];
  readonly splits: readonly number[];
  /** true node; in a leaf its first vote */
  readonly firsts: readonly number[];
  /** false node; in a leaf where its votes end */
  readonly seconds: readonly number[];
  /** what the votes are for, and what they count */
  readonly targets: readonly number[];
  readonly weights: readonly number[];
}

/** Type in which trees compare and add. */
export type ForestFloat = "f32" | "f64";

/** The operands of a `forest` op behind the rows. */
interface ForestOperands {
  readonly roots: TensorData;
  readonly nodes: TensorData;
  readonly splits: TensorData;
  readonly targets: TensorData;
  readonly weights: TensorData;
}

/** Nodes in an order in which each stands behind all that lead to it, trees one after the other; WSC3006 where there is none. */
function walkOrder(context: NodeContext, { roots, marks, firsts, seconds }: Forest): number[] {
  const [untouched, open, done] = [0, 1, 2];
  const states = new Uint8Array(marks.length);
  const order: number[] = [];
  const stack: number[] = [];
  const enter = (node: number | undefined): void => {
    if (node === undefined || marks[node] === undefined) throw context.attributeError(`there is no tree node ${node}`);
    if (states[node] === open) throw context.attributeError("the tree nodes form a cycle");
    if (states[node] === untouched) stack.push(node);
  };
  // what is put down last comes first when the order is turned round
  for (const root of roots.toReversed()) {
    enter(root);
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      if (states[node] !== untouched || marks[node] === leafMark) {
        if (states[node] !== done) order.push(node);
        states[node] = done;
        stack.pop();
        continue;
      }
      states[node] = open;
      enter(firsts[node]);
      enter(seconds[node]);
    }
  }
  return order.reverse();
}

/** Integers as the tables hold them. */
function int32s(context: NodeContext, values: readonly number[]): Int32Array {
  const list = Int32Array.from(values);
  const wrong = values.find((value, i) => list[i] !== value);
  if (wrong === undefined) return list;
  throw context.attributeError(`${wrong} is no number of a feature or target`);
}

function operandsOf(context: NodeContext, float: ForestFloat, forest: Forest): ForestOperands {
  const order = walkOrder(context, forest);
  const places = new Int32Array(forest.marks.length);
  for (const [place, node] of order.entries()) places[node] = place;
  const features = int32s(context, forest.features);
  const nodes = new Int32Array(order.length * nodeFields);
  for (const [place, node] of order.entries()) {
    const mark = forest.marks[node] as number;
    const [first, second] = [forest.firsts[node] as number, forest.seconds[node] as number];
    const isLeaf = mark === leafMark;
    const ways = isLeaf ? [first, second] : [places[first] as number, places[second] as number];
    nodes.set([mark, isLeaf ? 0 : (features[node] as number), ...ways], place * nodeFields);
  }
  const roots = Int32Array.from(forest.roots, (root) => places[root] as number);
  return {
    roots: { dtype: "i32", shape: [roots.length], elements: roots },
    nodes: { dtype: "i32", shape: [order.length, nodeFields], elements: nodes },
    splits: tensorFrom(
      float,
      [order.length],
      order.map((node) => forest.splits[node] as number),
    ),
    targets: { dtype: "i32", shape: [forest.targets.length], elements: int32s(context, forest.targets) },
    weights: tensorFrom(float, [forest.weights.length], forest.weights),
  };
}

/** Tables of nodes that were lowered before: a model with open dims is lowered for each shape, and its trees stay the same. */
const known = new WeakMap<OnnxNode, Map<ForestFloat, ForestOperands>>();

function knownOperands(context: NodeContext, float: ForestFloat, read: () => Forest): ForestOperands {
  const ofNode = known.get(context.node) ?? new Map<ForestFloat, ForestOperands>();
  const operands = ofNode.get(float) ?? operandsOf(context, float, read());
  known.set(context.node, ofNode.set(float, operands));
  return operands;
}

export interface Votes {
  /** [rows, targets], 0 where nothing was voted */
  readonly scores: ValueId;
  /** [rows, targets], whether something was */
  readonly cast: ValueId;
  readonly trees: number;
}

/** Leads the rows of x ([rows, features] of f32 or f64) through the trees that `read` reads of the node. */
export function runForest(
  context: NodeContext,
  x: ValueId,
  fn: ForestOp["fn"],
  targets: number,
  read: () => Forest,
): Votes {
  const { dtype, shape } = context.typeOf(x);
  const tables = knownOperands(context, dtype === "f64" ? "f64" : "f32", read);
  const list = ({ elements }: TensorData): Int32Array => elements as Int32Array;
  const lists = { roots: list(tables.roots), nodes: list(tables.nodes), targets: list(tables.targets) };
  const fault = forestFault(lists, shape[1] ?? 0, targets);
  if (fault !== null) throw context.attributeError(fault);
  const { roots, nodes, splits, weights } = tables;
  const inputs = [x, ...[roots, nodes, splits, tables.targets, weights].map((table) => context.constantValue(table))];
  const [scores, cast] = context.emit({ kind: "forest", fn, targets, inputs }) as [ValueId, ValueId];
  return { scores, cast, trees: lists.roots.length };
}
