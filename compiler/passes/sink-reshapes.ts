/**
 * sink-reshapes: exporters flatten the image of a product and restore its shape behind it, which keeps bias, activation and residual away from the
 * product. A map over such a reshape is computed in the product's own shape instead; its other operands are viewed in that shape.
 *
 *     reshape(matmul) ; map(reshaped, residual)    ==>    map(matmul, reshape(residual)) ; reshape
 */
import type { Op, OpOf, ValueId } from "../../ir/graph.ts";
import { elementCount } from "../../ir/tensor.ts";
import { sameShape } from "../../ir/types.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";

export const sinkReshapes: Pass = {
  name: "sink-reshapes",
  summary: "compute maps behind a product in the product's own shape",
  run: (graph) =>
    rewriteGraph(graph, (rewrite) => (rewrite.op.kind === "map" ? sinkReshape(rewrite, rewrite.op) : null)),
};

function sinkReshape(rewrite: Rewrite, op: OpOf<"map">): readonly ValueId[] | null {
  const shape = rewrite.resultShape();
  for (const id of rewrite.inputs) {
    const source = reshapedProduct(rewrite, id, shape);
    if (source === null) continue;
    const inner = rewrite.builder.tensorTypeOf(source).shape;
    const inputs = rewrite.inputs.map((operand) =>
      operand === id ? source : viewedAs(rewrite, operand, shape, inner),
    );
    if (inputs.some((operand) => operand === null)) continue;
    const result = rewrite.emitOne({ ...op, inputs: inputs as readonly ValueId[] });
    return [rewrite.emitOne({ kind: "reshape", inputs: [result], shape })];
  }
  return null;
}

/** What a value of the map's full shape is the reshape of, if that is a product's result with no other reader. */
function reshapedProduct(rewrite: Rewrite, value: ValueId, shape: readonly number[]): ValueId | null {
  const reshape = rewrite.producer(value);
  if (reshape?.kind !== "reshape" || !sameShape(reshape.shape, shape)) return null;
  const source = reshape.inputs[0] as ValueId;
  const isOnlyReader = rewrite.uses(value) === 1 && rewrite.uses(source) <= 1;
  return isOnlyReader && leadsToProduct(rewrite, rewrite.producer(source)) ? source : null;
}

/** A product, or a map over one that an earlier rewrite of this sweep put there. */
function leadsToProduct(rewrite: Rewrite, op: Op | undefined): boolean {
  if (op?.kind !== "map") return isMatrixProduct(op) || op?.kind === "conv";
  return op.inputs.some((id) => isMatrixProduct(rewrite.producer(id)));
}

const isMatrixProduct = (op: Op | undefined): boolean => op?.kind === "matmul" || op?.kind === "quantizedMatmul";

/** An operand in the inner shape: as it is (scalars, rows), or as a view; null when neither does. */
function viewedAs(
  rewrite: Rewrite,
  operand: ValueId,
  outer: readonly number[],
  inner: readonly number[],
): ValueId | null {
  const { shape } = rewrite.builder.tensorTypeOf(operand);
  const count = elementCount(shape);
  if (sameShape(shape, outer)) return rewrite.emitOne({ kind: "reshape", inputs: [operand], shape: inner });
  const isRow = shape.at(-1) === count && outer.at(-1) === count && inner.at(-1) === count;
  if (!isRow && count !== 1) return null;
  return shape.length <= inner.length
    ? operand
    : rewrite.emitOne({ kind: "reshape", inputs: [operand], shape: count === 1 ? [] : [count] });
}
