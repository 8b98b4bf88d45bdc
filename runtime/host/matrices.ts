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

/** Columns that are eliminated together, so that an element is read and written once for them all. */
const panel = 4;

/** From so many rows on that takes less time. */
const leastPanelled = 12;

/** Gaussian elimination with the largest pivot of the column; `a` is used up. Elements are subtracted from in the same order, column by column, however many go together. */
function determinant(a: Float64Array, n: number): number {
  const width = n < leastPanelled ? 1 : panel;
  let product = 1;
  for (let begin = 0; begin < n; begin += width) {
    const end = Math.min(n, begin + width);
    for (let k = begin; k < end; k++) {
      const pivot = largestBelow(a, n, k);
      if (pivot !== k) {
        swapRows(a, n, k, pivot);
        product = -product;
      }
      const head = a[k * n + k] as number;
      product *= head;
      if (head === 0) return 0;
      if (width === 1) takeOff(a, n, k, 1 / head);
      else takeOffInPanel(a, n, k, 1 / head, end);
    }
    if (width > 1 && end < n) takeOffPanel(a, n, begin);
  }
  return product;
}

/** Takes row k off all others behind column k, which is not read again, two at a time. */
function takeOff(a: Float64Array, n: number, k: number, inverse: number): void {
  let row = k + 1;
  for (; row + 1 < n; row += 2) takeOffTwo(a, n, k, row, inverse);
  if (row < n) takeOffOne(a, n, k, row, inverse);
}

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

/** Takes row k off those below in the columns of the panel, and leaves the factors where zeros would stand. */
function takeOffInPanel(a: Float64Array, n: number, k: number, inverse: number, end: number): void {
  for (let at = (k + 1) * n; at < n * n; at += n) {
    const factor = (a[at + k] as number) * inverse;
    a[at + k] = factor;
    for (let j = k + 1; j < end; j++) a[at + j] = (a[at + j] as number) - factor * (a[k * n + j] as number);
  }
}

/** Takes the rows of a whole panel off one another, then off those below, in the columns behind it. */
function takeOffPanel(a: Float64Array, n: number, k: number): void {
  const end = k + panel;
  for (let row = k + 1; row < end; row++) {
    for (let from = k; from < row; from++) {
      const factor = a[row * n + from] as number;
      for (let j = end; j < n; j++) a[row * n + j] = (a[row * n + j] as number) - factor * (a[from * n + j] as number);
    }
  }
  let row = end;
  for (; row + 1 < n; row += 2) takePanelOffTwo(a, n, k, row);
  if (row < n) takePanelOffOne(a, n, k, row);
}

function takePanelOffTwo(a: Float64Array, n: number, k: number, row: number): void {
  const x = row * n;
  const y = x + n;
  const [x0, x1, x2, x3] = [a[x + k] as number, a[x + k + 1] as number, a[x + k + 2] as number, a[x + k + 3] as number];
  const [y0, y1, y2, y3] = [a[y + k] as number, a[y + k + 1] as number, a[y + k + 2] as number, a[y + k + 3] as number];
  let at = x + k + panel;
  for (let from = k * n + k + panel, end = (k + 1) * n; from < end; from++, at++) {
    const u0 = a[from] as number;
    const u1 = a[from + n] as number;
    const u2 = a[from + 2 * n] as number;
    const u3 = a[from + 3 * n] as number;
    a[at] = (a[at] as number) - x0 * u0 - x1 * u1 - x2 * u2 - x3 * u3;
    a[at + n] = (a[at + n] as number) - y0 * u0 - y1 * u1 - y2 * u2 - y3 * u3;
  }
}

function takePanelOffOne(a: Float64Array, n: number, k: number, row: number): void {
  const x = row * n;
  const [x0, x1, x2, x3] = [a[x + k] as number, a[x + k + 1] as number, a[x + k + 2] as number, a[x + k + 3] as number];
  let at = x + k + panel;
  for (let from = k * n + k + panel, end = (k + 1) * n; from < end; from++, at++)
    a[at] =
      (a[at] as number) -
      x0 * (a[from] as number) -
      x1 * (a[from + n] as number) -
      x2 * (a[from + 2 * n] as number) -
      x3 * (a[from + 3 * n] as number);
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
