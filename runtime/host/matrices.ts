/** Determinants and inverses of matrices that are too large to be eliminated by ops. */
import { elementCount } from "../../ir/tensor.ts";
import { nth } from "../reference/access.ts";
import { numbersOf, tensorOfNumbers } from "../reference/numbers.ts";
import { type HostFamily, tensorAt } from "./arguments.ts";
import type { HostFunction } from "./value.ts";

const det: HostFunction = (inputs) => {
  const x = tensorAt(inputs, 0);
  const n = nth(x.shape, -1);
  const shape = x.shape.slice(0, -2);
  const values = numbersOf(x);
  const results = new Float64Array(elementCount(shape));
  const work = new Float64Array(n * n);
  for (let i = 0; i < results.length; i++) {
    work.set(values.subarray(i * n * n, (i + 1) * n * n));
    results[i] = determinant(work, n);
  }
  return [tensorOfNumbers(x.dtype, shape, results)];
};

/** Gaussian elimination with the largest pivot of the column, two rows at a time; `a` is used up. */
function determinant(a: Float64Array, n: number): number {
  let product = 1;
  for (let k = 0; k < n; k++) {
    const pivot = largestBelow(a, n, k);
    if (pivot !== k) {
      swapRows(a, n, k, pivot);
      product = -product;
    }
    const head = a[k * n + k] as number;
    product *= head;
    if (head === 0) return 0;
    let row = k + 1;
    for (; row + 1 < n; row += 2) takeOffTwo(a, n, k, row, 1 / head);
    if (row < n) takeOffOne(a, n, k, row, 1 / head);
  }
  return product;
}

/** Takes row k off two others behind column k, which is not read again. */
function takeOffTwo(a: Float64Array, n: number, k: number, row: number, inverse: number): void {
  const first = (a[row * n + k] as number) * inverse;
  const second = (a[row * n + n + k] as number) * inverse;
  let at = row * n + k + 1;
  for (let from = k * n + k + 1, end = (k + 1) * n; from < end; from++, at++) {
    const value = a[from] as number;
    a[at] = (a[at] as number) - first * value;
    a[at + n] = (a[at + n] as number) - second * value;
  }
}

function takeOffOne(a: Float64Array, n: number, k: number, row: number, inverse: number): void {
  const factor = (a[row * n + k] as number) * inverse;
  let at = row * n + k + 1;
  for (let from = k * n + k + 1, end = (k + 1) * n; from < end; from++, at++)
    a[at] = (a[at] as number) - factor * (a[from] as number);
}

function largestBelow(a: Float64Array, n: number, k: number): number {
  let best = k;
  let most = Math.abs(a[k * n + k] as number);
  for (let row = k + 1; row < n; row++) {
    const size = Math.abs(a[row * n + k] as number);
    if (!(size > most)) continue;
    best = row;
    most = size;
  }
  return best;
}

function swapRows(a: Float64Array, n: number, i: number, j: number): void {
  for (let x = i * n, y = j * n, end = x + n; x < end; x++, y++) {
    const value = a[x] as number;
    a[x] = a[y] as number;
    a[y] = value;
  }
}

const inverse: HostFunction = (inputs) => {
  const x = tensorAt(inputs, 0);
  const n = nth(x.shape, -1);
  const values = numbersOf(x);
  const results = new Float64Array(values.length);
  for (let at = 0; at < results.length; at += n * n)
    results.set(inverted(new Float64Array(values.subarray(at, at + n * n)), n), at);
  return [tensorOfNumbers(x.dtype, x.shape, results)];
};

/** Gauss-Jordan elimination with the largest pivot of the column; `a` is used up. What has no inverse gives no finite one. */
function inverted(a: Float64Array, n: number): Float64Array {
  const result = new Float64Array(n * n);
  for (let k = 0; k < n; k++) result[k * n + k] = 1;
  for (let k = 0; k < n; k++) {
    const pivot = largestBelow(a, n, k);
    for (const matrix of [a, result]) if (pivot !== k) swapRows(matrix, n, k, pivot);
    const head = a[k * n + k] as number;
    for (const matrix of [a, result])
      for (let i = k * n; i < (k + 1) * n; i++) matrix[i] = (matrix[i] as number) / head;
    for (let row = 0; row < n; row++) {
      const factor = row === k ? 0 : (a[row * n + k] as number);
      if (factor === 0) continue;
      for (const matrix of [a, result]) takeOffRow(matrix, n, row, factor, k);
    }
  }
  return result;
}

function takeOffRow(a: Float64Array, n: number, row: number, factor: number, from: number): void {
  for (let i = 0; i < n; i++) a[row * n + i] = (a[row * n + i] as number) - factor * (a[from * n + i] as number);
}

export const matrixFunctions: HostFamily = [
  ["det", det],
  ["inverse", inverse],
];
