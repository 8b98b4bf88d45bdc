/**
 * Slices that are their operand's elements in one piece, such as parts of a single row: they need no copy, the part lies where it is. What they are
 * taken from then lives as long as they do, so they must make up much of it.
 */
import { nth } from "../../ir/access.ts";
import { storageBytes } from "../../ir/dtype.ts";
import type { Graph, Op, SliceOp, TensorType, ValueId } from "../../ir/graph.ts";
import { elementCount, rowMajorStrides } from "../../ir/tensor.ts";

/** The parts of a value that are read must be so much of it together. */
const leastShare = 0.5;

/** Elements before the part that a slice takes of a dense tensor, if they follow one another; else null. */
export function contiguousStart(shape: readonly number[], { starts, sizes, steps }: SliceOp): number | null {
  const cut = shape.findLastIndex((size, axis) => sizes[axis] !== size);
  const isOnePiece = sizes.every((size, axis) => axis === cut || (axis < cut ? size === 1 : true));
  const isForward = steps.every((step, axis) => step === 1 || sizes[axis] === 1);
  if (!isOnePiece || !isForward || sizes.includes(0)) return null;
  const strides = rowMajorStrides(shape);
  return starts.reduce((sum, start, axis) => sum + start * nth(strides, axis), 0);
}

/** Bytes from the start of their operand, for slices of a graph that need no copy. */
export function contiguousSlices(graph: Graph): ReadonlyMap<Op, number> {
  const starts = new Map<Op, number>();
  const taken = new Map<ValueId, number>();
  for (const op of graph.ops) {
    const start = op.kind === "slice" ? startOf(graph, op) : null;
    if (op.kind !== "slice" || start === null) continue;
    const source = nth(op.inputs, 0);
    starts.set(op, start);
    taken.set(source, (taken.get(source) ?? 0) + elementCount(op.sizes));
  }
  const isMuch = (source: ValueId): boolean => {
    const { shape } = nth(graph.values, source).type as TensorType;
    return (taken.get(source) ?? 0) >= leastShare * elementCount(shape);
  };
  return new Map([...starts].filter(([op]) => isMuch(nth(op.inputs, 0))));
}

function startOf(graph: Graph, op: SliceOp): number | null {
  const { type } = nth(graph.values, nth(op.inputs, 0));
  if (type.kind !== "tensor" || type.dtype === "string") return null;
  const start = contiguousStart(type.shape, op);
  return start === null ? null : start * storageBytes(type.dtype);
}
