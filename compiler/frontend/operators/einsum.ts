/**
 * Einsum as transposes, reshapes, reductions and matrix products. Operands are taken in pairs from the left; for each pair
 *
 *     1. labels that only one of the two has, and that nothing later needs, are summed away at once;
 *     2. the rest falls into batch (both have it, needed later), inner (both, not needed), and free ones of either side;
 *     3. [batch, left, inner] x [batch, inner, right] is a matrix product, or an elementwise one where nothing is inner.
 */
import { arg } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { elementCount } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { type Label, parseEquation } from "./einsum-equation.ts";
import { allInputs, commonDType } from "./elementwise.ts";
import { reduceOf } from "./norm.ts";
import { toDType, widen } from "./precision.ts";
import { mul } from "./scalar.ts";
import { operator, variadic } from "./table.ts";

/** A value whose axes have labels, each label once. */
interface Labelled {
  readonly value: ValueId;
  readonly labels: readonly Label[];
}

const shapeOf = (node: NodeContext, { value }: Labelled): readonly number[] => node.typeOf(value).shape;

const sizeOf = (node: NodeContext, x: Labelled, label: Label): number => {
  const axis = x.labels.indexOf(label);
  return axis < 0 ? 1 : (shapeOf(node, x)[axis] ?? 1);
};

/** Brings the axes into the order of `labels`, which are all of x's. */
function arranged(node: NodeContext, x: Labelled, labels: readonly Label[]): Labelled {
  const perm = labels.map((label) => x.labels.indexOf(label));
  return { value: node.transpose(x.value, perm), labels };
}

/** Sums over some of the labels. */
function summed(node: NodeContext, x: Labelled, drop: (label: Label) => boolean): Labelled {
  const axes = x.labels.flatMap((label, axis) => (drop(label) ? [axis] : []));
  return { value: reduceOf(node, "sum", x.value, axes, false), labels: x.labels.filter((label) => !drop(label)) };
}

/** Takes the diagonal while a label occurs twice: with both axes last, every (n + 1)-th element of the flattened pair. */
function diagonal(node: NodeContext, value: ValueId, labels: readonly Label[]): Labelled {
  const second = labels.findIndex((label, axis) => labels.indexOf(label) < axis);
  if (second < 0) return { value, labels };
  const first = labels.indexOf(labels[second] ?? "");
  const others = labels.map((_, axis) => axis).filter((axis) => axis !== first && axis !== second);
  const moved = node.transpose(value, [...others, first, second]);
  const { shape } = node.typeOf(moved);
  const [outer, n] = [shape.slice(0, -2), shape.at(-1) ?? 0];
  if (shape.at(-2) !== n) throw node.shapeError(`a repeated label stands for ${shape.at(-2) ?? 0} and ${n}`);
  const flat = node.reshape(moved, [...outer, n * n]);
  const picked = node.emitOne({
    kind: "slice",
    inputs: [flat],
    starts: [...outer.map(() => 0), 0],
    sizes: [...outer, n],
    steps: [...outer.map(() => 1), n + 1],
  });
  return diagonal(node, picked, [...others.map((axis) => labels[axis] ?? ""), labels[first] ?? ""]);
}

/** Drops axes of size 1 where the other operand has more to say: they broadcast. */
function squeezed(node: NodeContext, x: Labelled, other: Labelled): Labelled {
  const kept = x.labels.filter((label) => sizeOf(node, x, label) !== 1 || sizeOf(node, other, label) === 1);
  if (kept.length === x.labels.length) return x;
  return { value: node.reshape(x.value, kept.map((label) => sizeOf(node, x, label))), labels: kept }; // prettier-ignore
}

function checkSizes(node: NodeContext, a: Labelled, b: Labelled): void {
  for (const label of a.labels) {
    const [m, n] = [sizeOf(node, a, label), sizeOf(node, b, label)];
    if (b.labels.includes(label) && m !== n) throw node.shapeError(`label ${label} stands for ${m} and ${n}`);
  }
}

function contracted(node: NodeContext, left: Labelled, right: Labelled, needed: ReadonlySet<Label>): Labelled {
  const [a0, b0] = [squeezed(node, left, right), squeezed(node, right, left)];
  const a = summed(node, a0, (label) => !needed.has(label) && !b0.labels.includes(label));
  const b = summed(node, b0, (label) => !needed.has(label) && !a0.labels.includes(label));
  checkSizes(node, a, b);
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const [batch, inner] = [shared.filter((label) => needed.has(label)), shared.filter((label) => !needed.has(label))];
  const [mine, theirs] = [a, b].map((x) => x.labels.filter((label) => !shared.includes(label))) as [Label[], Label[]];
  const parts = { batch, inner, mine, theirs };
  return inner.length === 0 ? outerProduct(node, a, b, parts) : matrixProduct(node, a, b, parts);
}

interface Parts {
  readonly batch: readonly Label[];
  readonly inner: readonly Label[];
  readonly mine: readonly Label[];
  readonly theirs: readonly Label[];
}

function outerProduct(node: NodeContext, a: Labelled, b: Labelled, { batch, mine, theirs }: Parts): Labelled {
  const x = arranged(node, a, [...batch, ...mine]);
  const y = arranged(node, b, [...batch, ...theirs]);
  const spread = node.reshape(x.value, [...shapeOf(node, x), ...theirs.map(() => 1)]);
  const sizes = shapeOf(node, y);
  const others = node.reshape(y.value, [
    ...sizes.slice(0, batch.length),
    ...mine.map(() => 1),
    ...sizes.slice(batch.length),
  ]);
  return { value: node.map(mul(arg(0), arg(1)), spread, others), labels: [...batch, ...mine, ...theirs] };
}

function matrixProduct(node: NodeContext, a: Labelled, b: Labelled, { batch, inner, mine, theirs }: Parts): Labelled {
  const count = (x: Labelled, labels: readonly Label[]): number =>
    elementCount(labels.map((label) => sizeOf(node, x, label)));
  const x = arranged(node, a, [...batch, ...mine, ...inner]);
  const y = arranged(node, b, [...batch, ...inner, ...theirs]);
  const [batches, rows, depth, columns] = [count(x, batch), count(x, mine), count(x, inner), count(y, theirs)];
  const product = node.emitOne({
    kind: "matmul",
    inputs: [node.reshape(x.value, [batches, rows, depth]), node.reshape(y.value, [batches, depth, columns])],
    transposeA: false,
    transposeB: false,
    epilogue: null,
  });
  const { dtype } = node.typeOf(x.value);
  const sizes = [...batch, ...mine].map((label) => sizeOf(node, x, label));
  const shape = [...sizes, ...theirs.map((label) => sizeOf(node, y, label))];
  return { value: node.reshape(toDType(node, dtype, product), shape), labels: [...batch, ...mine, ...theirs] };
}

function einsum(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "numeric");
  const text = node.string("equation", "");
  const inputs = allInputs(node);
  const equation = parseEquation(text, inputs.map((_, i) => node.rank(i))); // prettier-ignore
  if (typeof equation === "string") throw node.attributeError(`equation ${JSON.stringify(text)}: ${equation}`);
  const { operands, result } = equation;
  const labelled = inputs.map((input, i) => diagonal(node, widen(node, input), operands[i] ?? []));
  const product = labelled.reduce((left, right, i) => {
    const later = labelled.slice(i + 1).flatMap(({ labels }) => labels);
    return contracted(node, left, right, new Set([...later, ...result]));
  });
  const total = summed(node, product, (label) => !result.includes(label));
  return [toDType(node, dtype, arranged(node, total, result).value)];
}

export const einsumOperators: readonly OperatorDef[] = [
  operator("Einsum", einsum, [{ since: 12, inputs: [1, variadic], attributes: { equation: "string!" } }]),
];
