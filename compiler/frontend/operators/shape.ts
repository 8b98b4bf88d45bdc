/** Operators that change a tensor's shape and keep its elements, or repeat them. */
import type { ValueId } from "../../../ir/graph.ts";
import { broadcastShapes, elementCount } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { axesOf, checkedShape, distinctAxes, range } from "./support.ts";
import { operator } from "./table.ts";

/** The dim that stands for -1: what is left of the elements. */
function inferredDim(node: NodeContext, from: readonly number[], to: readonly number[]): number {
  const known = elementCount(to.filter((dim) => dim !== -1));
  const count = elementCount(from);
  const message = `[${from.join(", ")}] cannot be reshaped to [${to.join(", ")}]`;
  if (known === 0) throw node.shapeError(`${message}: -1 beside a dim 0 could be anything`);
  if (count % known !== 0) throw node.shapeError(`${message}: ${count} elements are no multiple of ${known}`);
  return count / known;
}

/** ONNX's Reshape rules: 0 copies the input's dim (unless `allowZero`), one -1 takes what is left. */
function reshapedTo(
  node: NodeContext,
  from: readonly number[],
  asked: readonly number[],
  allowZero: boolean,
): number[] {
  const wanted = asked.map((dim, axis) => {
    if (dim < -1) throw node.shapeError(`the shape [${asked.join(", ")}] has the dim ${dim}`);
    if (dim !== 0 || allowZero) return dim;
    const copied = from[axis];
    if (copied === undefined)
      throw node.shapeError(`dim ${axis} is to be copied, but the input has rank ${from.length}`);
    return copied;
  });
  if (wanted.filter((dim) => dim === -1).length > 1) {
    throw node.shapeError(`the shape [${asked.join(", ")}] leaves more than one dim open`);
  }
  return wanted.map((dim) => (dim === -1 ? inferredDim(node, from, wanted) : dim));
}

/** Opset 4 and older: the shape is an attribute. */
const reshapeByAttribute = (node: NodeContext): ValueId[] => [
  node.reshape(node.input(0), reshapedTo(node, node.shape(0), node.ints("shape") ?? [], false)),
];

function reshape(node: NodeContext): ValueId[] {
  const asked = node.integers(1);
  const allowZero = node.int("allowzero", 0) !== 0;
  if (allowZero && asked.includes(0) && asked.includes(-1)) {
    throw node.shapeError("with allowzero a shape may not hold both 0 and -1");
  }
  const shape = reshapedTo(node, node.shape(0), asked, allowZero);
  return [node.reshape(node.input(0), shape)];
}

function flatten(node: NodeContext): ValueId[] {
  const shape = node.shape(0);
  const axis = node.axis(node.int("axis", 1), shape.length, true);
  return [node.reshape(node.input(0), [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis))])];
}

/** Without axes, or with an empty list of them, every dim of 1 goes. */
function squeeze(node: NodeContext): ValueId[] {
  const shape = node.shape(0);
  const axes = axesOf(node, 1) ?? [];
  const dropped = new Set(axes.map((axis) => node.axis(axis, shape.length)));
  const wide = [...dropped].find((axis) => shape[axis] !== 1);
  if (wide !== undefined)
    throw node.shapeError(`axis ${wide} of [${shape.join(", ")}] is not 1 and cannot be squeezed`);
  const goes = (dim: number, axis: number): boolean => (axes.length === 0 ? dim === 1 : dropped.has(axis));
  return [
    node.reshape(
      node.input(0),
      shape.filter((dim, axis) => !goes(dim, axis)),
    ),
  ];
}

function unsqueeze(node: NodeContext): ValueId[] {
  const shape = node.shape(0);
  const given = axesOf(node, 1) ?? [];
  const rank = shape.length + given.length;
  const axes = new Set(distinctAxes(node, given, rank));
  let next = 0;
  const result = range(rank).map((axis) => (axes.has(axis) ? 1 : (shape[next++] ?? 1)));
  return [node.reshape(node.input(0), result)];
}

function transpose(node: NodeContext): ValueId[] {
  const rank = node.rank(0);
  const perm = node.ints("perm") ?? range(rank).reverse();
  const isPermutation =
    perm.length === rank && new Set(perm).size === rank && perm.every((axis) => axis >= 0 && axis < rank);
  if (!isPermutation) throw node.attributeError(`perm [${perm.join(", ")}] does not permute ${rank} axes`);
  return [node.transpose(node.input(0), perm)];
}

function expand(node: NodeContext): ValueId[] {
  const { dtype, shape } = node.type(0);
  const asked = node.integers(1);
  const result = broadcastShapes([shape, asked]);
  if (result === null) throw node.shapeError(`[${shape.join(", ")}] does not broadcast with [${asked.join(", ")}]`);
  return [node.broadcastTo(node.input(0), checkedShape(node, dtype, result))];
}

/** Repetition of an axis is a broadcast over a new axis before it, folded into it afterwards. */
function tile(node: NodeContext): ValueId[] {
  const { dtype, shape } = node.type(0);
  const repeats = node.integers(1);
  if (repeats.length !== shape.length) {
    throw node.shapeError(`${repeats.length} repeats for a tensor of rank ${shape.length}`);
  }
  const result = checkedShape(
    node,
    dtype,
    shape.map((dim, axis) => dim * (repeats[axis] ?? 1)),
  );
  if (repeats.every((count) => count === 1)) return [node.input(0)];
  const apart = shape.flatMap((dim, axis) => (repeats[axis] === 1 ? [dim] : [1, dim]));
  const repeated = shape.flatMap((dim, axis) => (repeats[axis] === 1 ? [dim] : [repeats[axis] ?? 1, dim]));
  return [node.reshape(node.broadcastTo(node.reshape(node.input(0), apart), repeated), result)];
}

/** Operators of this family. */
export const shapeOperators: readonly OperatorDef[] = [
  operator("Reshape", reshape, [
    { since: 1, attributes: { shape: "ints" }, lower: reshapeByAttribute },
    { since: [5, 13], inputs: [2, 2], attributes: {}, lower: reshape },
    { since: [14, 19, 21, 23, 24, 25], attributes: { allowzero: "int" } },
  ]),
  operator("Flatten", flatten, [{ since: [1, 9, 11, 13, 21, 23, 24, 25], attributes: { axis: "int" } }]),
  operator("Squeeze", squeeze, [
    { since: [1, 11], attributes: { axes: "ints" } },
    { since: [13, 21, 23, 24, 25], inputs: [1, 2], attributes: {} },
  ]),
  operator("Unsqueeze", unsqueeze, [
    { since: [1, 11], attributes: { axes: "ints!" } },
    { since: [13, 21, 23, 24, 25], inputs: [2, 2], attributes: {} },
  ]),
  operator("Transpose", transpose, [{ since: [1, 13, 21, 23, 24, 25], attributes: { perm: "ints" } }]),
  operator("Expand", expand, [{ since: [8, 13], inputs: [2, 2] }]),
  operator("Tile", tile, [{ since: [6, 13], inputs: [2, 2] }]),
];
