/** Ops that only say where elements go: what they do to the elements' numbers is what they do to the elements. */
import type { Graph, Op, OpKind } from "../../ir/graph.ts";
import { elementCount, makeTensor } from "../../ir/tensor.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";

/** Ops whose result is made of elements of their operands. */
export const movements: ReadonlySet<OpKind> = new Set<OpKind>(["transpose", "slice", "concat"]);

/**
 * For each operand the element of it that stands at each element of the result, -1 where another operand's does. A slice of what another layer makes
 * is sent its own part (`isPart`), and changes nothing.
 */
export function movedFrom(graph: Graph, op: Op, isPart: boolean): Int32Array[] {
  const shapeOf = (value: number | undefined): readonly number[] => {
    const type = value === undefined ? undefined : graph.values[value]?.type;
    if (type?.kind !== "tensor") throw new Error("internal: a movement of what is no tensor");
    return type.shape;
  };
  if (op.kind === "slice" && isPart)
    return [Int32Array.from({ length: elementCount(shapeOf(op.outputs[0])) }, (_, index) => index)];
  const shapes = op.inputs.map(shapeOf);
  const begins: number[] = [];
  let total = 0;
  for (const shape of shapes) {
    begins.push(total);
    total += elementCount(shape);
  }
  const numbered = shapes.map((shape, input) =>
    makeTensor(
      "i32",
      shape,
      Int32Array.from({ length: elementCount(shape) }, (_, index) => (begins[input] as number) + index),
    ),
  );
  const [moved] = evaluateOp(op, numbered);
  const numbers = Int32Array.from(moved?.elements ?? [], Number);
  return begins.map((begin, input) => {
    const end = begins[input + 1] ?? total;
    return numbers.map((number) => (number >= begin && number < end ? number - begin : -1));
  });
}
