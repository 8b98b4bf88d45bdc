/** Maps that read operands where they lie: through slices and transposes that nothing else reads, which then need not be made. */
import { nth } from "./access.ts";
import type { Graph, MapOp, Op, ValueId } from "../../ir/graph.ts";
import { sameShape } from "../../ir/types.ts";
import { rowMajor, type View, viewOf } from "./views.ts";

export interface ViewedMap {
  /** with the tensors that the views are of as its inputs */
  readonly op: MapOp;
  /** by input; null reads the input as it is */
  readonly views: readonly (View | null)[];
}

/** Rows shorter than two vectors are gathered as well by a copy. */
const shortestRow = 8;

/** The map with those operands viewed that can be; null if there are none. */
export function viewedMap(
  graph: Graph,
  producers: ReadonlyMap<ValueId, Op>,
  onlyReader: (value: ValueId) => Op | null,
  op: MapOp,
): ViewedMap | null {
  // a map that only copies has kernels of its own
  if (op.expr.op === "arg") return null;
  const views = op.inputs.map((value) => operandView(graph, producers, onlyReader, value));
  if (views.every((view) => view === null)) return null;
  return { op: { ...op, inputs: op.inputs.map((value, i) => views[i]?.value ?? value) }, views };
}

function operandView(
  graph: Graph,
  producers: ReadonlyMap<ValueId, Op>,
  onlyReader: (value: ValueId) => Op | null,
  value: ValueId,
): View | null {
  if (!isReadOnce(producers, onlyReader, value) || !isStatic(graph, value)) return null;
  const view = viewOf(graph, producers, value, false);
  if (view.value === value || !isStatic(graph, view.value) || nth(graph.values, view.value).constant !== undefined) {
    return null;
  }
  const isCopy = view.offset === 0 && sameShape(view.strides, rowMajor(view.shape));
  const inner = view.shape.findLastIndex((size) => size > 1);
  const isRow = inner >= 0 && view.strides[inner] === 1 && nth(view.shape, inner) >= shortestRow;
  return isRow && !isCopy ? view : null;
}

const isStatic = (graph: Graph, value: ValueId): boolean => {
  const { type } = nth(graph.values, value);
  return type.kind === "tensor" && type.dtype !== "string" && !type.shape.includes(0);
};

/** Nothing else reads what the last movement in front of a value would make, nor what reshapes make of that. */
function isReadOnce(
  producers: ReadonlyMap<ValueId, Op>,
  onlyReader: (value: ValueId) => Op | null,
  value: ValueId,
): boolean {
  for (let at = value; ;) {
    const op = producers.get(at);
    if (op === undefined || onlyReader(at) === null) return false;
    if (op.kind === "slice" || op.kind === "transpose") return true;
    if (op.kind !== "reshape") return false;
    at = nth(op.inputs, 0);
  }
}
