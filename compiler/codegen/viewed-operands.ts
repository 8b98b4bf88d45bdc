/** Operands of maps and movements that could be read where they lie: parts of others, through slices and transposes. */
import { nth } from "../../ir/access.ts";
import type { Graph, Op, ValueId } from "../../ir/graph.ts";
import { rowMajorStrides } from "../../ir/tensor.ts";
import { sameShape } from "../../ir/types.ts";
import { type View, viewOf } from "./views.ts";

export interface OperandView {
  readonly view: View;
  /** what need not be made if all its readers look through it: the last slice or transpose in front of the operand */
  readonly movement: ValueId;
}

type Producers = ReadonlyMap<ValueId, Op>;

/** Rows shorter than two vectors are gathered as well by a copy. */
const shortestRow = 8;

/** By input of an op; null where it can only be read as it is. A movement's view is that of its result. */
export function viewedOperands(graph: Graph, producers: Producers, op: Op): readonly (OperandView | null)[] {
  // a map that only copies has kernels of its own
  if (op.kind === "map" && op.expr.op !== "arg") {
    return op.inputs.map((value) => viewThrough(graph, producers, value, value));
  }
  if (op.kind !== "slice" && op.kind !== "transpose") return [];
  return [viewThrough(graph, producers, nth(op.inputs, 0), nth(op.outputs, 0))];
}

/** Where a value lies behind the last movement that an operand went through. */
function viewThrough(graph: Graph, producers: Producers, operand: ValueId, value: ValueId): OperandView | null {
  const passed = valuesToMovement(producers, operand);
  const movement = passed?.at(-1);
  if (passed === null || movement === undefined || !isStatic(graph, value)) return null;
  const view = viewOf(graph, producers, value, false);
  const isBehind = passed.includes(view.value) || view.value === value;
  if (isBehind || !isStatic(graph, view.value) || nth(graph.values, view.value).constant !== undefined) return null;
  const isCopy = view.offset === 0 && sameShape(view.strides, rowMajorStrides(view.shape));
  const inner = view.shape.findLastIndex((size) => size > 1);
  const isRow = inner >= 0 && view.strides[inner] === 1 && nth(view.shape, inner) >= shortestRow;
  return isRow && !isCopy ? { view, movement } : null;
}

const isStatic = (graph: Graph, value: ValueId): boolean => {
  const { type } = nth(graph.values, value);
  return type.kind === "tensor" && type.dtype !== "string" && !type.shape.includes(0);
};

/** A value and what it reshapes, back to the result of a slice or transpose; null if there is none. */
function valuesToMovement(producers: Producers, value: ValueId): readonly ValueId[] | null {
  const passed: ValueId[] = [];
  for (let at = value; ;) {
    passed.push(at);
    const op = producers.get(at);
    if (op?.kind === "slice" || op?.kind === "transpose") return passed;
    if (op?.kind !== "reshape") return null;
    at = nth(op.inputs, 0);
  }
}
