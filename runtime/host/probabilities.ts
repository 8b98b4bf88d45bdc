/** Probabilities of classes out of those of pairs of classes. */
import { makeTensor } from "../../ir/tensor.ts";
import { type HostFamily, tensorAt } from "./arguments.ts";
import type { HostFunction } from "./value.ts";

const { fround, exp, abs, max, min } = Math;

/** Platt's: 1 / (1 + e^(a s + b)), kept off 0 and 1. */
function pairProbability(score: number, a: number, b: number): number {
  const x = fround(fround(score * a) + b);
  const upper = fround(1 / (1 + fround(exp(-abs(x)))));
  const probability = fround(1 - (x < 0 ? fround(1 - upper) : upper));
  return min(max(probability, fround(1e-7)), fround(1 - fround(1e-7)));
}

/** Probability of class i against class j at [i, j], of the scores of pairs (0, 1), (0, 2) … (1, 2) … */
function pairTable(classes: number, scores: Float32Array, a: Float32Array, b: Float32Array): Float32Array {
  const table = new Float32Array(classes * classes);
  let pair = 0;
  for (let i = 0; i < classes; i++) {
    for (let j = i + 1; j < classes; j++, pair++) {
      const probability = pairProbability(scores[pair] as number, a[pair] as number, b[pair] as number);
      table[i * classes + j] = probability;
      table[j * classes + i] = fround(1 - probability);
    }
  }
  return table;
}

/** The quadratic form whose minimum on the simplex is wanted. */
function couplingMatrix(classes: number, table: Float32Array): Float32Array {
  const q = new Float32Array(classes * classes);
  for (let i = 0; i < classes; i++) {
    for (let j = 0; j < classes; j++) {
      if (i === j) continue;
      const against = table[j * classes + i] as number;
      const diagonal = i * classes + i;
      q[diagonal] = fround((q[diagonal] as number) + fround(against * against));
      q[i * classes + j] = fround(-against * (table[i * classes + j] as number));
    }
  }
  return q;
}

const mostRounds = 100;

/**
 * The second method of Wu, Lin and Weng, "Probability estimates for multi-class classification by pairwise coupling" (2004), in f32 and with the
 * bounds that libsvm has: one coordinate after the other is set to its best value, until the condition of the optimum holds nearly.
 */
function coupled(classes: number, q: Float32Array, p: Float32Array): void {
  const qp = new Float32Array(classes);
  const tolerance = fround(fround(0.005) / classes);
  p.fill(1 / classes);
  for (let round = 0; round < mostRounds; round++) {
    let total = 0;
    for (let i = 0; i < classes; i++) {
      let sum = 0;
      for (let j = 0; j < classes; j++) sum = fround(sum + fround((q[i * classes + j] as number) * (p[j] as number)));
      qp[i] = sum;
      total = fround(total + fround((p[i] as number) * sum));
    }
    const error = qp.reduce((worst, value) => max(worst, abs(fround(value - total))), 0);
    if (error < tolerance) return;
    for (let i = 0; i < classes; i++) total = improve(classes, q, p, qp, i, total);
  }
}

/** Sets coordinate i to its best value and scales all back to a sum of 1; gives the form's new value. */
function improve(
  classes: number,
  q: Float32Array,
  p: Float32Array,
  qp: Float32Array,
  i: number,
  total: number,
): number {
  const own = q[i * classes + i] as number;
  const change = fround(fround(total - (qp[i] as number)) / own);
  const scale = fround(1 + change);
  p[i] = fround((p[i] as number) + change);
  const raised = fround(total + fround(change * fround(fround(change * own) + fround(2 * (qp[i] as number)))));
  for (let j = 0; j < classes; j++) {
    const moved = fround((qp[j] as number) + fround(change * (q[i * classes + j] as number)));
    qp[j] = moved / scale;
    p[j] = (p[j] as number) / scale;
  }
  return fround(fround(raised / scale) / scale);
}

const coupledProbabilities: HostFunction = (inputs) => {
  const [scores, a, b] = [tensorAt(inputs, 0), tensorAt(inputs, 1), tensorAt(inputs, 2)];
  const [rows = 0, pairs = 0] = scores.shape;
  const classes = Math.round((1 + Math.sqrt(1 + 8 * pairs)) / 2);
  const [values, slopes, offsets] = [scores.elements, a.elements, b.elements] as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const result = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) {
    const table = pairTable(classes, values.subarray(row * pairs, (row + 1) * pairs), slopes, offsets);
    coupled(classes, couplingMatrix(classes, table), result.subarray(row * classes, (row + 1) * classes));
  }
  return [makeTensor("f32", [rows, classes], result)];
};

export const probabilityFunctions: HostFamily = [["coupledProbabilities", coupledProbabilities]];
