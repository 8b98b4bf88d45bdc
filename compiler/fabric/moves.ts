/** Ops that only say where elements go: what they do to the elements' numbers is what they do to the elements. */
import type { Graph, Op } from "../../ir/graph.ts";
import { makeTensor } from "../../ir/tensor.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";

/** The element of the operand that stands at each element of the result. A slice is sent its own part, and changes nothing. */
export function movedFrom(graph: Graph, op: Op): Int32Array {
  const type = graph.values[(op.kind === "slice" ? op.outputs[0] : op.inputs[0]) ?? -1]?.type;
  const shape = type?.kind === "tensor" ? type.shape : [];
  const count = shape.reduce((product, size) => product * size, 1);
  const numbers = Int32Array.from({ length: count }, (_, index) => index);
  if (op.kind === "slice") return numbers;
  const [moved] = evaluateOp(op, [makeTensor("i32", shape, numbers)]);
  return Int32Array.from(moved?.elements ?? [], Number);
}
