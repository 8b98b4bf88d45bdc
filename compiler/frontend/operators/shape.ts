/** Operators that change a tensor's shape and keep its elements, or repeat them. */
import { nth } from "../../../ir/access.ts";
import { areStatic, countOf, type Dim, divideExactly, showDim, showDims } from "../../../ir/dim.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { axesOf, checkedShape, distinctAxes, range } from "./support.ts";
import { operator } from "./table.ts";

/** The dim that stands for -1: what is left of the elements. */
function inferredDim(node: NodeContext, from: readonly Dim[], to: readonly Dim[]): Dim {
  const known = countOf(to.filter((dim) => dim !== -1));
  const count = countOf(from);
  const message = `${showDims(from)} cannot be reshaped to ${showDims(to)}`;
  if (known === 0) throw node.shapeError(`${message}: -1 beside a dim 0 could be anything`);
  const left = divideExactly(count, known);
  if (left === null)
    throw node.shapeError(`${message}: ${showDim(count)} elements are no multiple of ${showDim(known)}`);
  return left;
}

/** ONNX's Reshape rules: 0 copies the input's dim (unless `allowZero`), one -1 takes what is left. */
function reshapedTo(
  node: NodeContext,
  from: readonly Dim[],
  asked: readonly Dim[],
  allowZero: boolean,
): readonly Dim[] {
  const wanted = asked.map((dim, axis) => {
    if (node.decide(dim, "<", -1)) throw node.shapeError(`the shape ${showDims(asked)} has the dim ${showDim(dim)}`);
    if (dim !== 0 || allowZero) return dim;
    const copied = from[axis];
    if (copied === undefined)
      throw node.shapeError(`dim ${axis} is to be copied, but the input has rank ${from.length}`);
    return copied;
  });
  if (wanted.filter((dim) => dim === -1).length > 1) {
    throw node.shapeError(`the shape ${showDims(asked)} leaves more than one dim open`);
  }
  return wanted.map((dim) => (dim === -1 ? inferredDim(node, from, wanted) : dim));
}

/** Opset 4 and older: the shape is an attribute. */
const reshapeByAttribute = (node: NodeContext): ValueId[] => [
  node.reshape(node.input(0), reshapedTo(node, node.dims(0), node.ints("shape") ?? [], false)),
];

function reshape(node: NodeContext): ValueId[] {
  const asked = node.sizes(1);
  const allowZero = node.int("allowzero", 0) !== 0;
  if (allowZero && asked.includes(0) && asked.includes(-1)) {
    throw node.shapeError("with allowzero a shape may not hold both 0 and -1");
  }
  const shape = reshapedTo(node, node.dims(0), asked, allowZero);
  return [node.reshape(node.input(0), shape)];
}

function flatten(node: NodeContext): ValueId[] {
  const shape = node.dims(0);
  const axis = node.axis(node.int("axis", 1), shape.length, true);
  return [node.reshape(node.input(0), [countOf(shape.slice(0, axis)), countOf(shape.slice(axis))])];
}

/** Without axes, or with an empty list of them, every dim of 1 goes. */
function squeeze(node: NodeContext): ValueId[] {
  const shape = node.dims(0);
  const axes = axesOf(node, 1) ?? [];
  const dropped = new Set(axes.map((axis) => node.axis(axis, shape.length)));
  const isOne = (dim: Dim): boolean => node.decide(dim, "==", 1);
  const wide = [...dropped].find((axis) => !isOne(nth(shape, axis)));
  if (wide !== undefined) throw node.shapeError(`axis ${wide} of ${showDims(shape)} is not 1 and cannot be squeezed`);
  const goes = (dim: Dim, axis: number): boolean => (axes.length === 0 ? isOne(dim) : dropped.has(axis));
  return [
    node.reshape(
      node.input(0),
      shape.filter((dim, axis) => !goes(dim, axis)),
    ),
  ];
}

function unsqueeze(node: NodeContext): ValueId[] {
  const shape = node.dims(0);
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
  const [shape, asked] = [node.dims(0), node.sizes(1)];
  const result = broadcastOf(node, shape, asked);
  if (result === null) throw node.shapeError(`${showDims(shape)} does not broadcast with ${showDims(asked)}`);
  const checked = areStatic(result) ? checkedShape(node, node.dtype(0), result) : result;
  return [node.broadcastTo(node.input(0), checked)];
}

/** The numpy broadcast of two shapes; null where they do not fit. */
function broadcastOf(node: NodeContext, a: readonly Dim[], b: readonly Dim[]): readonly Dim[] | null {
  const rank = Math.max(a.length, b.length);
  const at = (dims: readonly Dim[], axis: number): Dim => {
    const own = axis - (rank - dims.length);
    return own < 0 ? 1 : nth(dims, own);
  };
  const result: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const [x, y] = [at(a, axis), at(b, axis)];
    if (x === 1 || (y !== 1 && node.decide(x, "==", y))) result.push(y);
    else if (y === 1) result.push(x);
    else return null;
  }
  return result;
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
