/**
 * Rotary position embedding: pairs of coordinates of each head are planes, turned by angles that depend on the position. Plane i is made of
 * coordinates 2i and 2i + 1 (interleaved), or of i in each half.
 */
import type { DType } from "../../../ir/dtype.ts";
import { arg } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { headsCut } from "./attend.ts";
import { commonDType } from "./elementwise.ts";
import { computeDType, toDType, widen } from "./precision.ts";
import { add, mul, sub } from "./scalar.ts";
import { concatOf, countFrom, sliceOf } from "./support.ts";
import { type Attributes, operator, operatorOf } from "./table.ts";

/** Which axis of [batch, ., ., size] the sequence is: 1 where heads follow it, 2 where they stand before it. */
type SequenceAxis = 1 | 2;

/** Cosines and sines of the angles, each [batch, sequence, half] with the batch on demand 1; WSC3004 when they are not. */
export interface Angles {
  readonly cos: ValueId;
  readonly sin: ValueId;
}

export interface Rotation {
  readonly angles: Angles;
  /** coordinates that are turned, twice as many as angles; the others stay as they are */
  readonly turned: number;
  readonly sequenceAxis: SequenceAxis;
  readonly interleaved: boolean;
}

/** Rows of a cache [positions, half] at positions [batch, sequence]. */
export const anglesAt = (node: NodeContext, cache: ValueId, positions: ValueId): ValueId =>
  node.emitOne({ kind: "gather", inputs: [cache, positions], axis: 0 });

/** x of rank 4 turned; WSC3006 when it has fewer coordinates than are to be turned. */
export function rotated(node: NodeContext, x: ValueId, rotation: Rotation): ValueId {
  const { angles, turned, sequenceAxis, interleaved } = rotation;
  const { dtype, shape } = node.typeOf(x);
  const size = shape[3] ?? 0;
  if (turned > size || turned % 2 !== 0) throw node.attributeError(`rotary_embedding_dim ${turned} of ${size}`);
  const compute = computeDType(dtype);
  const laid = [angles.cos, angles.sin].map((value) => laidAlong(node, value, compute, turned / 2, sequenceAxis));
  const [cos = 0, sin = 0] = laid;
  const coordinates = widen(node, sliceOf(node, x, 3, 0, turned));
  const result = toDType(node, dtype, (interleaved ? turnNeighbours : turnHalves)(node, coordinates, cos, sin));
  const rest = turned === size ? [] : [sliceOf(node, x, 3, turned, size - turned)];
  return concatOf(node, [result, ...rest], 3);
}

function laidAlong(node: NodeContext, angles: ValueId, compute: DType, half: number, axis: SequenceAxis): ValueId {
  const { shape } = node.typeOf(angles);
  if (shape.length !== 3 || shape[2] !== half) {
    throw node.shapeError(`angles of shape [${shape.join(",")}], needed are ${half} for each position`);
  }
  const [batch = 0, sequence = 0] = shape;
  const laid = axis === 2 ? [batch, 1, sequence, half] : [batch, sequence, 1, half];
  return node.reshape(toDType(node, compute, angles), laid);
}

/** Planes are pairs of neighbours. */
function turnNeighbours(node: NodeContext, x: ValueId, cos: ValueId, sin: ValueId): ValueId {
  const half = (node.typeOf(x).shape.at(-1) ?? 0) / 2;
  const [first, second] = [sliceOf(node, x, 3, 0, half, 2), sliceOf(node, x, 3, 1, half, 2)];
  const [a, b, c, s] = [arg(0), arg(1), arg(2), arg(3)];
  const real = node.map(sub(mul(c, a), mul(s, b)), first, second, cos, sin);
  const imaginary = node.map(add(mul(s, a), mul(c, b)), first, second, cos, sin);
  const { shape } = node.typeOf(real);
  const pair = [real, imaginary].map((part) => node.reshape(part, [...shape, 1]));
  return node.reshape(concatOf(node, pair, 4), shape.with(-1, half * 2));
}

/** Planes have one coordinate in each half: one map over the halves as they are and backwards. */
function turnHalves(node: NodeContext, x: ValueId, cos: ValueId, sin: ValueId): ValueId {
  const { dtype, shape } = node.typeOf(x);
  const sizes = [...shape.slice(0, -1), 2, (shape.at(-1) ?? 0) / 2];
  const halves = node.reshape(x, sizes);
  const slice = { kind: "slice", starts: [0, 0, 0, 1, 0], sizes, steps: [1, 1, 1, -1, 1] } as const;
  const backwards = node.emitOne({ ...slice, inputs: [halves] });
  const signs = node.constantValue(tensorFrom(dtype, [2, 1], [-1, 1]));
  const angles = [cos, sin].map((value) => node.reshape(value, node.typeOf(value).shape.toSpliced(3, 0, 1)));
  const turned = add(mul(arg(0), arg(3)), mul(mul(arg(1), arg(2)), arg(4)));
  return node.reshape(node.map(turned, halves, backwards, signs, ...angles), shape);
}

/** The node's x with heads apart, in place: three dims are [batch, sequence, heads * size]. */
const withHeads = (node: NodeContext, heads: number): ValueId =>
  node.rank(0) === 4 ? node.input(0) : headsCut(node, node.input(0), heads, "num_heads");

/** The node's x turned, in its own shape again. */
function rotatedInput(node: NodeContext, x: ValueId, turned: number, angles: Angles): ValueId {
  const sequenceAxis = node.rank(0) === 4 ? 2 : 1;
  const interleaved = node.int("interleaved", 0) !== 0;
  return node.reshape(rotated(node, x, { angles, turned, sequenceAxis, interleaved }), node.shape(0));
}

/** Inputs: x, cos, sin, and position ids [batch, sequence]; without these cos and sin have a row for each position of x. */
function rotaryEmbedding(node: NodeContext): readonly ValueId[] {
  commonDType(node, "float", 3);
  const x = withHeads(node, node.int("num_heads", 0));
  const turned = node.int("rotary_embedding_dim", 0) || (node.typeOf(x).shape[3] ?? 0);
  const at = (index: number): ValueId =>
    node.hasInput(3) ? anglesAt(node, node.input(index), node.input(3)) : node.input(index);
  return [rotatedInput(node, x, turned, { cos: at(1), sin: at(2) })];
}

/**
 * onnxruntime's own: inputs x, position ids ([batch, sequence], or the first position [1]), cos and sin caches [positions, half].
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.RotaryEmbedding
 */
function contribRotaryEmbedding(node: NodeContext): readonly ValueId[] {
  if (node.float("scale", 1) !== 1) throw node.unsupported("scale");
  const [, half] = node.shape(2);
  if (half === undefined || node.rank(2) !== 2) throw node.shapeError(`cos_cache has rank ${node.rank(2)}, not 2`);
  const hidden = node.shape(0).at(-1) ?? 0;
  const turned = node.int("rotary_embedding_dim", 0) || 2 * half;
  const x = withHeads(node, node.int("num_heads", 0) || hidden / (2 * half));
  const sequence = node.shape(0)[node.rank(0) === 4 ? 2 : 1] ?? 0;
  const positions = positionsOf(node, sequence);
  const at = (index: number): ValueId => anglesAt(node, node.input(index), positions);
  return [rotatedInput(node, x, turned, { cos: at(2), sin: at(3) })];
}

/** Position ids as [batch, sequence] or [1, sequence]. */
function positionsOf(node: NodeContext, sequence: number): ValueId {
  const ids = node.input(1);
  if (node.rank(1) === 2) return ids;
  const first = node.reshape(ids, [1, 1]);
  return node.map(add(arg(0), arg(1)), first, node.reshape(countFrom(node, sequence), [1, sequence]));
}

const attributes: Attributes = { interleaved: "int", num_heads: "int", rotary_embedding_dim: "int" };

export const rotaryOperators: readonly OperatorDef[] = [
  operator("RotaryEmbedding", rotaryEmbedding, [{ since: 23, inputs: [3, 4], attributes, optionalInputs: [3] }]),
  operatorOf("com.microsoft", "RotaryEmbedding", contribRotaryEmbedding, [
    { since: 1, inputs: [4, 4], attributes: { ...attributes, is_packed_batching: "int", scale: "float" } },
  ]),
];
