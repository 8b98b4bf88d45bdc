/**
 * Inputs that only one concat reads, such as the past keys and values of a decoder: the caller writes them where the concat's result has them,
 * and the concat has nothing left to do for them.
 */
import { nth } from "../../ir/access.ts";
import { storageBytes } from "../../ir/dtype.ts";
import { type ConcatOp, type Graph, type Op, type TensorType, type ValueId, type ValueType } from "../../ir/graph.ts";
import { elementCount } from "../../ir/tensor.ts";

/** Where an input lies in a concat's result, in bytes. */
export interface InputPart {
  readonly whole: ValueId;
  readonly at: number;
  readonly pieceBytes: number;
  readonly stride: number;
}

/** Shorter pieces are gathered faster by a kernel than by the caller, one by one. */
const fewestPieceBytes = 1024;
/** The result takes memory from the start of a run on: an input must make up so much of it. */
const leastShare = 0.5;

const isNumeric = (type: ValueType): type is TensorType => type.kind === "tensor" && type.dtype !== "string";

/** The inputs of a graph that lie in the result of a concat. */
export function inputParts(graph: Graph): ReadonlyMap<ValueId, InputPart> {
  const readers = new Map<ValueId, Op[]>(graph.inputs.map(({ value }) => [value, []]));
  for (const op of graph.ops) for (const input of op.inputs) readers.get(input)?.push(op);
  const given = new Set(graph.outputs.map(({ value }) => value));
  const parts = new Map<ValueId, InputPart>();
  for (const [value, ops] of readers) {
    const [reader] = ops;
    if (ops.length !== 1 || reader?.kind !== "concat" || given.has(value)) continue;
    const part = partOf(graph, reader, value);
    if (part !== null) parts.set(value, part);
  }
  return parts;
}

function partOf(graph: Graph, { axis, inputs, outputs }: ConcatOp, value: ValueId): InputPart | null {
  const whole = nth(outputs, 0);
  const type = nth(graph.values, whole).type;
  const types = inputs.map((input) => nth(graph.values, input).type);
  if (!isNumeric(type) || !types.every(isNumeric)) return null;
  const innerBytes = storageBytes(type.dtype) * elementCount(type.shape.slice(axis + 1));
  const sizes = types.map(({ shape }) => nth(shape, axis));
  const index = inputs.indexOf(value);
  const before = sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
  const pieceBytes = nth(sizes, index) * innerBytes;
  const stride = nth(type.shape, axis) * innerBytes;
  const isOnePiece = elementCount(type.shape.slice(0, axis)) === 1;
  if (pieceBytes === 0 || pieceBytes < leastShare * stride || !(isOnePiece || pieceBytes >= fewestPieceBytes)) return null;
  return { whole, at: before * innerBytes, pieceBytes, stride };
} // prettier-ignore
