/**
 * What operands of 16 bits do to a model's numbers, on the host: every f32 value that a layer of the wafer reads or makes is rounded to the narrow type
 * and back, constants included, and so are inputs and outputs of the model. Inside a layer arithmetic stays f32, as sums do on the wafer. No pass of
 * the pipeline: a graph is rounded after all passes, when its ops are the layers.
 *
 *     conv(x, w)    ==>    y = conv(cast<f32>(cast<f16>(x)), w');  cast<f32>(cast<f16>(y))
 */
import { arg, cast } from "../../ir/expr.ts";
import { type Graph, type Op, regionsOf, type ValueId } from "../../ir/graph.ts";
import type { Precision } from "../../ir/kernel-graph.ts";
import { evaluateConstants } from "../evaluate-constants.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";

/** The graph with operands of layers rounded; the graph itself for f32. */
export function roundOperands(graph: Graph, precision: Precision): Graph {
  if (precision === "f32") return graph;
  const rounded = new Map<ValueId, ValueId>();
  const round = (rewrite: Rewrite, value: ValueId): ValueId => {
    const type = rewrite.builder.typeOf(value);
    if (type.kind !== "tensor" || type.dtype !== "f32") return value;
    const known = rounded.get(value);
    if (known !== undefined) return known;
    const expr = cast("f32", cast(precision, arg(0)));
    const [result = value] = rewrite.emit({ kind: "map", inputs: [value], expr });
    rounded.set(value, result);
    rounded.set(result, result);
    return result;
  };
  const ops = new Set(graph.ops);
  return rewriteGraph(
    graph,
    (rewrite) => {
      const { op, inputs } = rewrite;
      // what stands in regions runs on the host
      if (!ops.has(op) || !isLayer(op)) return null;
      const read = inputs.map((input) => round(rewrite, input));
      return rewrite.emit({ ...op, inputs: read }).map((result) => round(rewrite, result));
    },
    (op, operands) => evaluateConstants(op, operands),
  );
}

/** Ops that become layers of the wafer (compiler/kernels/build.ts). */
function isLayer(op: Op): boolean {
  return op.kind !== "reshape" && op.kind !== "host" && op.kind !== "deferred" && regionsOf(op).length === 0;
}
