/** Batched matrix product. */
import { epilogueOperands } from "../../ir/graph.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import { broadcastStrides, forEachPosition } from "./axes.ts";
import { factorsOf, makeProducts } from "./dots.ts";
import { applyEpilogue } from "./elementwise.ts";
import type { Evaluate } from "./evaluate.ts";
import { swapLastAxes } from "./movement.ts";
import { type NumberArray, numbersOf } from "./numbers.ts";

export const evaluateMatmul: Evaluate<"matmul"> = (op, inputs, [result]) => {
  const a = op.transposeA ? swapLastAxes(inputs[0]) : inputs[0];
  const product = multiplyMatrices(a, inputs[1], op.transposeB, result.shape);
  return [applyEpilogue(op.epilogue, product, inputs.slice(epilogueOperands.matmul))];
};

export const evaluateQuantizedMatmul: Evaluate<"quantizedMatmul"> = (op, inputs, [result]) => {
  const [a, weights, scales, zeros, ...extras] = inputs;
  const columns = nth(result.shape, -1);
  const products = makeProducts(a, elementCount(result.shape));
  const length = nth(a.shape, -1);
  const rows = elementCount(a.shape.slice(0, -1));
  const factors = dequantized(weights, scales, zeros, op.blockSize);
  products.multiply(factors, { rows, columns, length, a: 0, b: 0, out: 0, outStride: columns });
  return [applyEpilogue(op.epilogue, products.finish(result.shape), extras)];
};

/** (weights - zeros) * scales, not rounded. */
function dequantized(weights: TensorData, scales: TensorData, zeros: TensorData, blockSize: number): Float64Array {
  const [columns = 0, length = 0] = weights.shape;
  const shape = [columns, Math.ceil(length / blockSize)];
  const [values, scale, zero] = [weights, scales, zeros].map(numbersOf) as [NumberArray, NumberArray, NumberArray];
  const [[scaleRow = 0, scaleBlock = 0], [zeroRow = 0, zeroBlock = 0]] = [
    broadcastStrides(scales.shape, shape),
    broadcastStrides(zeros.shape, shape),
  ];
  const out = new Float64Array(columns * length);
  for (let n = 0, at = 0; n < columns; n++) {
    for (let k = 0; k < length; k++, at++) {
      const block = Math.floor(k / blockSize);
      const shifted = (values[at] as number) - (zero[n * zeroRow + block * zeroBlock] as number);
      out[at] = shifted * (scale[n * scaleRow + block * scaleBlock] as number);
    }
  }
  return out;
}

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
