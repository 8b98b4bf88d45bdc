/** Reductions over axes. */
import { nth } from "../../../ir/access.ts";
import { arg } from "../../../ir/expr.ts";
import type { OpOf } from "../../../ir/graph.ts";
import type { Combiner } from "../../../ir/fabric/program.ts";
import type { StageWriter } from "../phases.ts";
import { accumulate, shareOf } from "./accumulate.ts";

const combiners = { sum: "add", mean: "add", max: "max", min: "min" } as const satisfies Partial<
  Record<OpOf<"reduce">["fn"], Combiner>
>;

export function writeReduce(writer: StageWriter, { fn, axes, inputs }: OpOf<"reduce">): void {
  if (fn === "prod") return writer.refuse("a product over an axis has no fabric program");
  const type = writer.graph.values[nth(inputs, 0)]?.type;
  const shape = type?.kind === "tensor" ? type.shape : [];
  const count = axes.reduce((product, axis) => product * nth(shape, axis), 1);
  const combiner = combiners[fn];
  accumulate(writer, {
    combiner,
    operation: { kind: "combine", with: combiner },
    args: [nth(writer.reads, 0)],
    finish: fn === "mean" ? { expr: shareOf(arg(0), count), others: [] } : null,
  });
}
