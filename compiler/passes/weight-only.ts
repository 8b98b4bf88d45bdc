/**
 * weight-only: a matrix product with constant weights that are dequantized for it reads the integers themselves.
 *
 *     matmul(a, map (cast $0 - cast $1) * $2 over constants)    ==>    quantizedMatmul(a, integers, scales, zero points)
 *
 * Between the two there may be reshapes, transposes and casts to small floats. Scales may be one for all, for each column, or for each block
 * of a column; where they vary within fewer than eight elements, they take as much as the weights, and the product stays as it is.
 *
 * Runs before constants are folded, and after integer-products, which wants both operands as integers.
 */
import type { MatmulOp, ValueId } from "../../ir/graph.ts";
import { sameShape } from "../../ir/types.ts";
import { blockedWeights, matrixAxes } from "./blocked-weights.ts";
import { dequantizedConstant } from "./dequantized-constant.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";

export const weightOnly: Pass = {
  name: "weight-only",
  summary: "multiply by quantized weights as they are",
  run: (graph) => rewriteGraph(graph, (rewrite) => (rewrite.op.kind === "matmul" ? rewritten(rewrite, rewrite.op) : null)),
}; // prettier-ignore

function rewritten(rewrite: Rewrite, op: MatmulOp): readonly ValueId[] | null {
  const { builder, inputs } = rewrite;
  const [a, b, ...extras] = inputs as readonly [ValueId, ValueId, ...ValueId[]];
  const [aType, bType] = [builder.tensorTypeOf(a), builder.tensorTypeOf(b)];
  if (aType.dtype !== "f32" || bType.dtype !== "f32" || op.epilogue !== null) return null;
  const found = dequantizedConstant(rewrite, b);
  const matrix = found === null ? null : matrixAxes(found.axes, op.transposeB);
  if (found === null || matrix === null) return null;
  const weights = blockedWeights(matrix, found);
  if (weights === null) return null;
  const operands = [weights.integers, weights.scales, weights.zeros].map((tensor) => builder.constant(tensor));
  const left = op.transposeA ? transposed(rewrite, a) : a;
  const spec = { inputs: [left, ...operands, ...extras], blockSize: weights.blockSize, epilogue: null };
  const product = rewrite.emitOne({ kind: "quantizedMatmul", ...spec }, ...found.ops);
  const shape = rewrite.resultShape();
  if (sameShape(builder.tensorTypeOf(product).shape, shape)) return [product];
  return [rewrite.emitOne({ kind: "reshape", inputs: [product], shape })];
}

function transposed(rewrite: Rewrite, value: ValueId): ValueId {
  const perm = [...rewrite.builder.tensorTypeOf(value).shape.keys()];
  const rank = perm.length;
  return rewrite.emitOne({
    kind: "transpose",
    inputs: [value],
    perm: [...perm.slice(0, rank - 2), rank - 1, rank - 2],
  });
}
