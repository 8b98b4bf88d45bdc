/**
 * Decision trees. Rows are taken in blocks, and each tree leads all rows of a block to their leaves before the next: a tree then stays in
 * the cache, and every row's votes still come in the order of the trees.
 */
import { nth } from "../../../ir/access.ts";
import { fail } from "../../../ir/diagnostic.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import { forestFault, leafMark, nodeFields, outcomes } from "../../../ir/forest.ts";
import type { ForestOp } from "../../../ir/graph.ts";
import { elementCount, type TensorData } from "../../../ir/tensor.ts";
import {
  type KernelArg,
  type KernelCode,
  type KernelEmitter,
  kernelKey,
  kernelType,
  type Operands,
} from "../kernel.ts";
import { type FunctionBuilder, increment, type Local, loopRange, mulConst } from "../wasm/index.ts";

const tableInputs = [1, 2, 3, 4, 5] as const;

/** True when a kernel can be made: nothing but the rows is left to run time, so that the ways through the trees can be checked now. */
export const hasConstantTables = ({ constants }: Operands): boolean =>
  tableInputs.every((index) => constants[index] !== undefined);

type Float = "f32" | "f64";
type Comparison = "lt" | "le" | "gt" | "ge" | "eq" | "ne";

/** Outcomes that one instruction tells, for numbers; NaN is `ne` to everything. */
const comparisons: ReadonlyMap<number, Comparison> = new Map([
  [outcomes.less, "lt"],
  [outcomes.less | outcomes.equal, "le"],
  [outcomes.greater, "gt"],
  [outcomes.greater | outcomes.equal, "ge"],
  [outcomes.equal, "eq"],
  [outcomes.less | outcomes.greater, "ne"],
]);

/** How the nodes of a forest decide. */
interface Decision {
  /** the comparison of all nodes; null where they differ */
  readonly comparison: Comparison | null;
  /** some nodes treat NaN in another way than the comparison does */
  readonly asksForNaN: boolean;
}

function decisionOf(nodes: ArrayLike<number>): Decision {
  const marks = new Set<number>();
  for (let at = 0; at < nodes.length; at += nodeFields) marks.add(nodes[at] as number);
  marks.delete(leafMark);
  const ofNumbers = new Set([...marks].map((mark) => mark & ~outcomes.unordered));
  const [only = outcomes.less] = ofNumbers;
  const comparison = ofNumbers.size > 1 ? null : (comparisons.get(only) ?? null);
  const usual = comparison === "ne" ? outcomes.unordered : 0;
  return { comparison, asksForNaN: [...marks].some((mark) => (mark & outcomes.unordered) !== usual) };
}

/** What the function is made for. */
interface Plan {
  readonly fn: ForestOp["fn"];
  readonly float: Float;
  readonly decision: Decision;
  readonly features: number;
  readonly targets: number;
  readonly trees: number;
}

/** Rows that one tree is walked with before the next. */
const blockRows = 64;

export const emitForest: KernelEmitter<ForestOp> = (op, { inputs, constants }) => {
  const [x, roots, nodes, , targets] = inputs;
  const [rows = 0, features = 0] = x?.shape ?? [];
  const list = (index: number): Int32Array => (nth(constants, index) as TensorData).elements as Int32Array;
  const fault = forestFault({ roots: list(1), nodes: list(2), targets: list(4) }, features, op.targets);
  if (fault !== null) throw fail("WSC3006", fault);
  const trees = roots?.shape[0] ?? 0;
  const plan: Plan = {
    fn: op.fn,
    float: x?.dtype === "f64" ? "f64" : "f32",
    decision: decisionOf(list(2)),
    features,
    targets: op.targets,
    trees,
  };
  const depth = Math.ceil(Math.log2(elementCount(nodes?.shape ?? []) / nodeFields / Math.max(1, trees) + 1));
  const stage: KernelCode = {
    key: kernelKey("forest", plan, targets?.shape[0] ?? 0),
    units: rows,
    args: [
      ...[0, ...tableInputs].map((index): KernelArg => ({ kind: "input", index })),
      { kind: "output", index: 0 },
      { kind: "output", index: 1 },
    ],
    work: rows * trees * (depth * 8 + 4),
    emit: (module) =>
      module.function("forest", kernelType(8), (f) => {
        emitRows(f, plan);
      }),
  };
  return [stage];
};

/** Addresses and numbers that the walk goes by. */
interface Walk {
  readonly nodes: Local;
  readonly splits: Local;
  readonly targets: Local;
  readonly weights: Local;
  /** the row's features, scores and marks of votes */
  readonly row: Local;
  readonly scores: Local;
  readonly cast: Local;
  /** number of the node at hand, and its address */
  readonly node: Local;
  readonly at: Local;
}

function emitRows(f: FunctionBuilder, plan: Plan): void {
  const [x, roots, nodes, splits, targets, weights, scores, cast, begin, end] = f.params as readonly [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  const bytes = storageBytes(plan.float);
  const [first, stop, tree, index] = f.localArray("i32", 4) as [Local, Local, Local, Local];
  const [row, rowScores, rowCast, node, at] = f.localArray("i32", 5) as [Local, Local, Local, Local, Local];
  const walk: Walk = { nodes, splits, targets, weights, row, scores: rowScores, cast: rowCast, node, at };
  clearRows(f, scores, begin, end, plan.targets * bytes);
  clearRows(f, cast, begin, end, plan.targets);
  loopRange(f, first, begin, end, blockRows, () => {
    pushBlockEnd(f, first, end);
    f.set(stop);
    loopRange(f, tree, 0, plan.trees * 4, 4, () => {
      setRow(f, row, x, first, plan.features * bytes);
      setRow(f, rowScores, scores, first, plan.targets * bytes);
      setRow(f, rowCast, cast, first, plan.targets);
      loopRange(f, index, first, stop, 1, () => {
        f.get(roots);
        f.get(tree);
        f.op("i32.add");
        f.load("i32.load");
        f.set(node);
        emitDescent(f, plan, walk);
        emitVotes(f, plan, walk);
        increment(f, row, plan.features * bytes);
        increment(f, rowScores, plan.targets * bytes);
        increment(f, rowCast, plan.targets);
      });
    });
  });
}

/** Zeros for the rows of one result. */
function clearRows(f: FunctionBuilder, base: Local, begin: Local, end: Local, rowBytes: number): void {
  setRow(f, null, base, begin, rowBytes);
  f.i32(0);
  f.get(end);
  f.get(begin);
  f.op("i32.sub");
  mulConst(f, rowBytes);
  f.memoryFill();
}

/** target = base + row * rowBytes; left on the stack without a target. */
function setRow(f: FunctionBuilder, target: Local | null, base: Local, row: Local, rowBytes: number): void {
  f.get(base);
  f.get(row);
  mulConst(f, rowBytes);
  f.op("i32.add");
  if (target !== null) f.set(target);
}

function pushBlockEnd(f: FunctionBuilder, first: Local, end: Local): void {
  const size = f.local("i32");
  f.i32(blockRows);
  f.get(end);
  f.get(first);
  f.op("i32.sub");
  f.tee(size);
  f.get(size);
  f.i32(blockRows);
  f.op("i32.gt_u");
  f.select("i32");
  f.get(first);
  f.op("i32.add");
  f.release(size);
}

/** From the root `walk.node` to a leaf, whose address `walk.at` then is. */
function emitDescent(f: FunctionBuilder, plan: Plan, walk: Walk): void {
  const { float, decision } = plan;
  const bytes = storageBytes(float);
  const mark = f.local("i32");
  const [value, split] = [f.local(float), f.local(float)];
  f.block((done) => {
    f.loop((again) => {
      f.get(walk.nodes);
      f.get(walk.node);
      mulConst(f, nodeFields * 4);
      f.op("i32.add");
      f.tee(walk.at);
      f.load("i32.load");
      f.tee(mark);
      f.i32(leafMark);
      f.op("i32.eq");
      f.brIf(done);
      f.get(walk.row);
      f.get(walk.at);
      f.load("i32.load", 4);
      mulConst(f, bytes);
      f.op("i32.add");
      f.load(`${float}.load`);
      f.set(value);
      f.get(walk.splits);
      f.get(walk.node);
      mulConst(f, bytes);
      f.op("i32.add");
      f.load(`${float}.load`);
      f.set(split);
      // the true node stands in front of the false one
      f.get(walk.at);
      pushDecision(f, float, decision, mark, value, split);
      f.op("i32.eqz");
      mulConst(f, 4);
      f.op("i32.add");
      f.load("i32.load", 8);
      f.set(walk.node);
      f.br(again);
    });
  });
  f.release(mark, value, split);
}

/** Pushes 1 where the way is the true one, else 0. */
function pushDecision(
  f: FunctionBuilder,
  float: Float,
  { comparison, asksForNaN }: Decision,
  mark: Local,
  value: Local,
  split: Local,
): void {
  const compare = (how: Comparison, x: Local, y: Local): void => {
    f.get(x);
    f.get(y);
    f.op(`${float}.${how}`);
  };
  if (comparison !== null && (!asksForNaN || comparison !== "ne")) {
    compare(comparison, value, split);
    if (!asksForNaN) return;
    compare("ne", value, value);
    f.get(mark);
    f.i32(3);
    f.op("i32.shr_u");
    f.op("i32.and");
    f.op("i32.or");
    return;
  }
  const outcome = f.local("i32");
  compare("lt", value, split);
  compare("eq", value, split);
  mulConst(f, outcomes.equal);
  f.op("i32.or");
  compare("gt", value, split);
  mulConst(f, outcomes.greater);
  f.op("i32.or");
  f.tee(outcome);
  f.i32(outcomes.unordered);
  f.get(outcome);
  f.select("i32");
  f.get(mark);
  f.op("i32.and");
  f.i32(0);
  f.op("i32.ne");
  f.release(outcome);
}

/** Gives the votes of the leaf at `walk.at` to the row. */
function emitVotes(f: FunctionBuilder, { fn, float }: Plan, walk: Walk): void {
  const bytes = storageBytes(float);
  const [vote, until, target, score, mark] = f.localArray("i32", 5) as [Local, Local, Local, Local, Local];
  const [weight, sum] = [f.local(float), f.local(float)];
  const field = (offset: number, local: Local): void => {
    f.get(walk.at);
    f.load("i32.load", offset);
    f.set(local);
  };
  const push = (base: Local, index: Local, size: number): void => {
    f.get(base);
    f.get(index);
    mulConst(f, size);
    f.op("i32.add");
  };
  const first = f.local("i32");
  field(8, first);
  field(12, until);
  loopRange(f, vote, first, until, 1, () => {
    push(walk.targets, vote, 4);
    f.load("i32.load");
    f.set(target);
    push(walk.weights, vote, bytes);
    f.load(`${float}.load`);
    f.set(weight);
    push(walk.scores, target, bytes);
    f.tee(score);
    f.load(`${float}.load`);
    f.set(sum);
    push(walk.cast, target, 1);
    f.set(mark);
    f.get(score);
    pushJoined(f, fn, float, sum, weight, mark);
    f.store(`${float}.store`);
    f.get(mark);
    f.i32(1);
    f.store("i32.store8");
  });
  f.release(vote, until, target, score, mark, weight, sum, first);
}

/** Pushes what a score becomes by a vote; a sum starts from 0, for an extreme the first vote stands for itself. */
function pushJoined(
  f: FunctionBuilder,
  fn: ForestOp["fn"],
  float: Float,
  sum: Local,
  weight: Local,
  mark: Local,
): void {
  if (fn === "sum") {
    f.get(sum);
    f.get(weight);
    f.op(`${float}.add`);
    return;
  }
  f.get(weight);
  f.get(sum);
  f.get(weight);
  f.get(sum);
  f.op(`${float}.${fn === "min" ? "lt" : "gt"}`);
  f.get(mark);
  f.load("i32.load8_u");
  f.op("i32.eqz");
  f.op("i32.or");
  f.select(float);
}
