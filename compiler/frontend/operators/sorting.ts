/** TopK. */
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { computeDType, toDType } from "./precision.ts";
import { constantScalar } from "./support.ts";
import { operator } from "./table.ts";

/** The first k in order; the result is sorted even where `sorted` = 0 would allow any order. */
const topK = (count: (node: NodeContext) => number) => (node: NodeContext) => {
  const { dtype, shape } = node.type(0);
  const axis = node.axis(node.int("axis", -1), shape.length);
  const k = count(node);
  const size = shape[axis] ?? 0;
  if (k < 0 || k > size) throw node.attributeError(`k is ${k}, axis ${axis} has ${size} elements`);
  const x = toDType(node, computeDType(dtype), node.input(0));
  const largest = node.int("largest", 1) !== 0;
  const [values, indices] = node.emit({ kind: "topK", inputs: [x], axis, k, largest }) as [ValueId, ValueId];
  return [toDType(node, dtype, values), indices];
};

const attributeCount = topK((node) => node.int("k", 0));
const inputCount = topK((node) => Number(constantScalar(node, 1)));

/** Operators of this family. */
export const sortingOperators: readonly OperatorDef[] = [
  operator("TopK", attributeCount, [
    { since: 1, outputs: [2, 2], attributes: { axis: "int", k: "int!" } },
    { since: 10, inputs: [2, 2], attributes: { axis: "int" }, lower: inputCount },
    { since: [11, 24], attributes: { axis: "int", largest: "int", sorted: "int" } },
  ]),
];
