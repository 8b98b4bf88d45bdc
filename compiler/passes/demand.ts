/**
 * Which part of its operands an op reads when only a part of its result is wanted. Parts are boxes: a range along every axis. An op can be
 * trimmed along the axes in which it works on each index by itself; along the others it is done whole.
 */
import { epilogueOperands, type Op, type OpOf } from "../../ir/graph.ts";
import { elementCount } from "../../ir/tensor.ts";

/** Indices from `start` up to, but not with, `stop`. */
export interface Range {
  readonly start: number;
  readonly stop: number;
}

/** By axis. */
export type Box = readonly Range[];

type Shape = readonly number[];

export const wholeBox = (shape: Shape): Box => shape.map((size) => ({ start: 0, stop: size }));

export const boxShape = (box: Box): Shape => box.map(({ start, stop }) => stop - start);

export const sameBox = (a: Box, b: Box): boolean =>
  a.length === b.length && a.every(({ start, stop }, axis) => start === b[axis]?.start && stop === b[axis].stop);

/** The least box around two. */
export const hullOf = (a: Box, b: Box): Box =>
  a.map(({ start, stop }, axis) => ({
    start: Math.min(start, b[axis]?.start ?? start),
    stop: Math.max(stop, b[axis]?.stop ?? stop),
  }));

/** An op with static tensors: shapes of its operands and of its one result. */
export interface Shaped<O extends Op = Op> {
  readonly op: O;
  readonly inputs: readonly Shape[];
  readonly output: Shape;
  /** indices that a gather reads, where they are constant; not negative */
  readonly indices: readonly number[] | null;
}

/** Boxes of the operands from which an op makes a box of its result; null for an operand that is read whole. */
type Reads = (box: Box) => readonly (Box | null)[];

interface Trim {
  /** axes of the result along which a part can be made by itself */
  readonly axes: readonly number[];
  /** for boxes that are whole along all other axes */
  readonly reads: Reads;
}

/** How an op can be trimmed; null if it cannot. */
export function trimOf(shaped: Shaped): Trim | null {
  const { op, inputs, output } = shaped;
  const every = output.map((_, axis) => axis);
  const but = (...axes: readonly number[]): readonly number[] => every.filter((axis) => !axes.includes(axis));
  switch (op.kind) {
    case "map":
      return { axes: every, reads: (box) => inputs.map((shape) => broadcastBox(shape, box)) };
    case "softmax":
    case "cumulative":
      return { axes: but(op.axis), reads: (box) => [box, ...inputs.slice(1).map(() => null)] };
    case "normalize":
      return { axes: but(...op.axes), reads: (box) => inputs.map((shape) => broadcastBox(shape, box)) };
    case "reduce":
      return trimReduction(shaped, op.axes, op.keepDims);
    case "argReduce":
      return trimReduction(shaped, [op.axis], op.keepDims);
    case "matmul":
      return trimMatmul({ ...shaped, op });
    case "quantizedMatmul":
      return { axes: but(output.length - 1), reads: (box) => withEpilogue(shaped, box, [rowsOf(shaped, box), null, null, null]) };
    case "conv":
    case "convTranspose":
      return { axes: [0], reads: (box) => withEpilogue(shaped, box, [firstAxis(inputs[0] ?? [], box), null]) };
    case "pool":
      return { axes: [0], reads: (box) => [firstAxis(inputs[0] ?? [], box)] };
    case "reshape":
      return trimReshape(shaped);
    case "transpose":
      return { axes: every, reads: (box) => [transposedBox(op.perm, box)] };
    case "slice":
      return { axes: every, reads: (box) => [slicedBox(op, box)] };
    case "pad":
      return {
        axes: every.filter((axis) => op.before[axis] === 0 && op.after[axis] === 0),
        reads: (box) => [unpaddedBox(inputs[0] ?? [], op, box), ...inputs.slice(1).map(() => null)],
      };
    case "concat":
      return { axes: but(op.axis), reads: (box) => inputs.map((shape) => withAxis(box, op.axis, { start: 0, stop: shape[op.axis] ?? 0 })) };
    case "gather":
      return trimGather({ ...shaped, op });
    case "gatherElements":
    case "gatherND":
    case "scatterElements":
    case "scatterND":
    case "topK":
    case "recurrent":
    case "forest":
    case "host":
    case "if":
    case "loop":
    case "scan":
    case "deferred":
      return null;
  }
} // prettier-ignore

/** Of an operand that is broadcast to the result. */
function broadcastBox(shape: Shape, box: Box): Box {
  const skip = box.length - shape.length;
  return shape.map((size, axis) => (size === 1 ? { start: 0, stop: 1 } : (box[axis + skip] ?? { start: 0, stop: size })));
} // prettier-ignore

const withAxis = (box: Box, axis: number, range: Range): Box => box.map((own, i) => (i === axis ? range : own));

/** Whole but for the first axis. */
const firstAxis = (shape: Shape, box: Box): Box => withAxis(wholeBox(shape), 0, box[0] ?? { start: 0, stop: 1 });

/** Fixed operands, then those of the epilogue. */
function withEpilogue({ op, inputs }: Shaped, box: Box, fixed: readonly (Box | null)[]): readonly (Box | null)[] {
  const count = epilogueOperands[op.kind as keyof typeof epilogueOperands];
  return [...fixed, ...inputs.slice(count).map((shape) => broadcastBox(shape, box))];
}

/** Of a product's first operand: batch and rows as in the result, the run whole. */
function rowsOf({ inputs: [a = []] }: Shaped, box: Box): Box {
  const rank = a.length;
  const leading = broadcastBox(a.slice(0, -1), box.slice(0, -1));
  return [...leading, { start: 0, stop: a[rank - 1] ?? 0 }];
}

function trimMatmul(shaped: Shaped<OpOf<"matmul">>): Trim {
  const { op, inputs, output } = shaped;
  const b = inputs[1] ?? [];
  return {
    axes: output.map((_, axis) => axis).slice(0, -1),
    reads: (box) => {
      const a = op.transposeA ? columnsAsRows(shaped, box) : rowsOf(shaped, box);
      const matrix = wholeBox(b.slice(-2));
      return withEpilogue(shaped, box, [a, [...broadcastBox(b.slice(0, -2), box.slice(0, -2)), ...matrix]]);
    },
  };
}

/** The same for an operand that is stored transposed. */
function columnsAsRows({ inputs: [a = []] }: Shaped, box: Box): Box {
  const rows = box[box.length - 2] ?? { start: 0, stop: 1 };
  const batch = broadcastBox(a.slice(0, -2), box.slice(0, -2));
  return [...batch, { start: 0, stop: a[a.length - 2] ?? 0 }, rows];
}

function trimReduction({ inputs: [x = []], output }: Shaped, reduced: readonly number[], keepDims: boolean): Trim {
  const kept = x.map((_, axis) => axis).filter((axis) => !reduced.includes(axis));
  const place = (axis: number): number => (keepDims ? axis : kept.indexOf(axis));
  return {
    axes: output.map((_, axis) => axis).filter((axis) => kept.some((from) => place(from) === axis)),
    reads: (box) => [x.map((size, axis) => (kept.includes(axis) ? box[place(axis)] : undefined) ?? { start: 0, stop: size })],
  };
} // prettier-ignore

/** Axes of a reshape that are the same on both sides: as long, and behind as many elements. */
function trimReshape({ inputs: [from = []], output: to }: Shaped): Trim | null {
  if (elementCount(from) === 0) return null;
  const twins = to.map((size, axis) => {
    const before = elementCount(to.slice(0, axis));
    return from.findIndex((other, i) => other === size && elementCount(from.slice(0, i)) === before);
  });
  return {
    axes: to.map((_, axis) => axis).filter((axis) => (twins[axis] ?? -1) >= 0 && (to[axis] ?? 1) > 1),
    reads: (box) => [
      from.map((size, axis) => (size > 1 ? box[twins.indexOf(axis)] : undefined) ?? { start: 0, stop: size }),
    ],
  };
}

function transposedBox(perm: readonly number[], box: Box): Box {
  return perm.map((_, axis) => box[perm.indexOf(axis)] ?? { start: 0, stop: 0 });
}

/** From the first to the last element that a slice takes. */
function slicedBox({ starts, steps }: OpOf<"slice">, box: Box): Box {
  return box.map(({ start, stop }, axis) => {
    const at = (index: number): number => (starts[axis] ?? 0) + index * (steps[axis] ?? 1);
    return { start: Math.min(at(start), at(stop - 1)), stop: Math.max(at(start), at(stop - 1)) + 1 };
  });
}

const unpaddedBox = (shape: Shape, { before, after }: OpOf<"pad">, box: Box): Box =>
  shape.map((size, axis) => (before[axis] === 0 && after[axis] === 0 && box[axis]) || { start: 0, stop: size });

/** From the least to the largest of some indices. */
function spanOf(indices: readonly number[] | null): Range | null {
  const [first, ...others] = indices ?? [];
  if (first === undefined) return null;
  let [least, largest] = [first, first];
  for (const index of others) {
    least = Math.min(least, index);
    largest = Math.max(largest, index);
  }
  return { start: least, stop: largest + 1 };
}

/** Along the axis that is indexed: from the least to the largest index. */
function trimGather({ op, inputs: [x = [], indexShape = []], output, indices }: Shaped<OpOf<"gather">>): Trim | null {
  const { axis } = op;
  const range = spanOf(indices) ?? { start: 0, stop: x[axis] ?? 0 };
  const place = (from: number): number => (from < axis ? from : from + indexShape.length - 1);
  const own = x.map((_, from) => from).filter((from) => from !== axis);
  return {
    axes: output.map((_, to) => to).filter((to) => own.some((from) => place(from) === to)),
    reads: (box) => [
      x.map((size, from) => (from === axis ? range : (box[place(from)] ?? { start: 0, stop: size }))),
      null,
    ],
  };
}
