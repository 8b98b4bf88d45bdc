/** Running sums and products. */
import type { CumulativeOp } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { computeDType, toDType } from "./precision.ts";
import { constantScalar } from "./support.ts";
import { operator } from "./table.ts";

const cumulative = (fn: CumulativeOp["fn"]) => (node: NodeContext) => {
  const { dtype, shape } = node.type(0);
  const axis = node.axis(Number(constantScalar(node, 1)), shape.length);
  const x = toDType(node, computeDType(dtype), node.input(0));
  const exclusive = node.int("exclusive", 0) !== 0;
  const reverse = node.int("reverse", 0) !== 0;
  return [toDType(node, dtype, node.emitOne({ kind: "cumulative", inputs: [x], fn, axis, exclusive, reverse }))];
};

const attributes = { exclusive: "int", reverse: "int" } as const;

/** Operators of this family. */
export const cumulativeOperators: readonly OperatorDef[] = [
  operator("CumSum", cumulative("sum"), [{ since: [11, 14], inputs: [2, 2], attributes }]),
  operator("CumProd", cumulative("prod"), [{ since: 26, inputs: [2, 2], attributes }]),
];
