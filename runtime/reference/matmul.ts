/** Batched matrix product. */
import { epilogueOperands } from "../../ir/graph.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import { broadcastStrides, forEachPosition } from "./axes.ts";
import { factorsOf, makeProducts } from "./dots.ts";
import { applyEpilogue } from "./elementwise.ts";
import type { Evaluate } from "./evaluate.ts";
import { swapLastAxes } from "./movement.ts";

export const evaluateMatmul: Evaluate<"matmul"> = (op, inputs, [result]) => {
  const a = op.transposeA ? swapLastAxes(inputs[0]) : inputs[0];
  const product = multiplyMatrices(a, inputs[1], op.transposeB, result.shape);
  return [applyEpilogue(op.epilogue, product, inputs.slice(epilogueOperands.matmul))];
};

/** Rows of a below which b stays as it is. */
const fewRows = 8;

function multiplyMatrices(a: TensorData, b: TensorData, hasRows: boolean, shape: readonly number[]): TensorData {
  const size = { rows: nth(shape, -2), columns: nth(shape, -1), length: nth(a.shape, -1) };
  const products = makeProducts(a, elementCount(shape));
  const multiplyPlain = !hasRows && size.rows < fewRows ? products.multiplyPlain : null;
  // rows of a against rows of b: the inner dim lies together in both
  const factors = factorsOf(hasRows || multiplyPlain !== null ? b : swapLastAxes(b));
  const multiply = multiplyPlain ?? products.multiply;
  const batch = shape.slice(0, -2);
  const strides = [batchStrides(a, batch), batchStrides(b, batch)];
  let out = 0;
  forEachPosition(batch, strides, (atA, atB) => {
    multiply(factors, { ...size, a: atA, b: atB, out, outStride: size.columns });
    out += size.rows * size.columns;
  });
  return products.finish(shape);
}

const batchStrides = (x: TensorData, batch: readonly number[]): number[] => {
  const matrix = elementCount(x.shape.slice(-2));
  return broadcastStrides(x.shape.slice(0, -2), batch).map((stride) => stride * matrix);
};
