/** Normalisation: the cores of a row agree on its mean, then on the squares around it; scale and bias go with the last pass. */
import { nth } from "../../../ir/access.ts";
import { arg, binary, type Expr, lit, unary } from "../../../ir/expr.ts";
import type { OpOf } from "../../../ir/graph.ts";
import type { StageWriter } from "../phases.ts";
import { shareOf } from "./accumulate.ts";
import { rowsOf } from "./rows.ts";

export function writeNormalize(writer: StageWriter, op: OpOf<"normalize">): void {
  const { made } = writer;
  const x = nth(writer.reads, 0);
  const [, ...others] = writer.reads;
  const { along, axes, variables } = rowsOf(writer);
  const type = writer.graph.values[nth(op.inputs, 0)]?.type;
  const shape = type?.kind === "tensor" ? type.shape : [];
  const count = op.axes.reduce((product, axis) => product * nth(shape, axis), 1);
  const share = (value: Expr): Expr => shareOf(value, count);
  if (op.centered) {
    const mean = writer.buffer("mean", axes);
    writer.work({ operation: { kind: "combine", with: "add" }, out: mean, args: [x], begins: true });
    writer.sum(mean, "add", along, true);
    writer.map(share(arg(0)), mean, [mean], variables);
    writer.map(binary("sub", arg(0), arg(1)), made, [x, mean]);
  }
  const centered = op.centered ? made : x;
  const scale = writer.buffer("scale", axes);
  writer.work({ operation: { kind: "multiplyAdd" }, out: scale, args: [centered, centered], begins: true });
  writer.sum(scale, "add", along, true);
  const deviation = unary("sqrt", binary("add", share(arg(0)), lit("f32", op.epsilon)));
  writer.map(binary("div", lit("f32", 1), deviation), scale, [scale], variables);
  // inputs 1 and 2 of the op are a scale and a bias for all rows
  const scaled = binary("mul", arg(0), arg(1));
  const own = others.length > 0 ? binary("mul", scaled, arg(2)) : scaled;
  const shifted = others.length > 1 ? binary("add", own, arg(3)) : own;
  writer.map(shifted, made, [centered, scale, ...others]);
}
