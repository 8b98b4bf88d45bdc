/** Batched matrix product. */
import { epilogueOperands } from "../../ir/graph.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { nth } from "./access.ts";
import { type Accumulator, accumulatorType, makeAccumulator } from "./accumulate.ts";
import { broadcastStrides, forEachPosition } from "./axes.ts";
import { applyEpilogue } from "./elementwise.ts";
import type { Evaluate } from "./evaluate.ts";
import { swapLastAxes } from "./movement.ts";

export const evaluateMatmul: Evaluate<"matmul"> = (op, inputs, [result]) => {
  const a = op.transposeA ? swapLastAxes(nth(inputs, 0)) : nth(inputs, 0);
  const b = op.transposeB ? swapLastAxes(nth(inputs, 1)) : nth(inputs, 1);
  const product = multiply(a, b, result.shape);
  return [applyEpilogue(op.epilogue, product, inputs.slice(epilogueOperands.matmul))];
};

function multiply(a: TensorData, b: TensorData, shape: readonly number[]): TensorData {
  const size = { m: nth(shape, -2), n: nth(shape, -1), k: nth(a.shape, -1) };
  const accumulator = makeAccumulator(accumulatorType(a.dtype), elementCount(shape), a, b);
  const batch = shape.slice(0, -2);
  const matrix = { a: size.m * size.k, b: size.k * size.n, c: size.m * size.n };
  const strides = [batchStrides(a, batch, matrix.a), batchStrides(b, batch, matrix.b)];
  let c = 0;
  forEachPosition(batch, strides, (atA, atB) => {
    multiplyMatrices(accumulator, size, atA, atB, c);
    c += matrix.c;
  });
  return accumulator.finish(shape);
}

const batchStrides = (x: TensorData, batch: readonly number[], matrix: number): number[] =>
  broadcastStrides(x.shape.slice(0, -2), batch).map((stride) => stride * matrix);

interface Size {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** c[i, :] += a[i, l] * b[l, :] for the matrices at the given offsets. */
function multiplyMatrices(accumulator: Accumulator, { m, n, k }: Size, a: number, b: number, c: number): void {
  const row = { count: n, accumulator: 0, accumulatorStride: 1, x: 0, xStride: 1 };
  for (let i = 0; i < m; i++) {
    for (let l = 0; l < k; l++) accumulator.add(a + i * k + l, row, c + i * n, b + l * n);
  }
}
