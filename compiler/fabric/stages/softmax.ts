/** Softmax: the cores of a row agree on its maximum, then on the sum of its exponentials; one division a row. */
import { nth } from "../../../ir/access.ts";
import { arg, binary, lit, unary } from "../../../ir/expr.ts";
import type { OpOf } from "../../../ir/graph.ts";
import type { StageWriter } from "../phases.ts";
import { rowsOf } from "./rows.ts";

export function writeSoftmax(writer: StageWriter, { log }: OpOf<"softmax">): void {
  const { made } = writer;
  const x = nth(writer.reads, 0);
  const { along, axes, variables } = rowsOf(writer);
  const most = writer.buffer("max", axes);
  const sum = writer.buffer("sum", axes);
  writer.work({ operation: { kind: "combine", with: "max" }, out: most, args: [x], begins: true });
  writer.sum(most, "max", along, true);
  writer.map(unary("exp", binary("sub", arg(0), arg(1))), made, [x, most]);
  writer.work({ operation: { kind: "combine", with: "add" }, out: sum, args: [made], begins: true });
  writer.sum(sum, "add", along, true);
  if (log) {
    writer.map(binary("add", arg(1), unary("log", arg(0))), sum, [sum, most], variables);
    writer.map(binary("sub", arg(0), arg(1)), made, [x, sum]);
    return;
  }
  writer.map(binary("div", lit("f32", 1), arg(0)), sum, [sum], variables);
  writer.map(binary("mul", arg(0), arg(1)), made, [made, sum]);
}
