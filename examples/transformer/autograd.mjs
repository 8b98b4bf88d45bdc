// Matrices that remember how they were made, so that gradients can be had: just what a transformer block needs.
// A matrix is { rows, columns, data, grad }; `back` of a tape runs its steps in reverse order.

export const matrix = (rows, columns, data = new Float32Array(rows * columns)) => ({
  rows,
  columns,
  data,
  grad: new Float32Array(rows * columns),
});

/** Operations whose gradients are recorded. */
export function newTape() {
  const steps = [];
  const record = (result, back) => {
    steps.push(() => back(result));
    return result;
  };
  return {
    back: () => {
      for (const step of steps.toReversed()) step();
    },
    add: (a, b) => record(sum(a, b), (r) => addBack(r, a, b)),
    addRow: (a, row) => record(sum(a, row), (r) => addBack(r, a, row)),
    gather: (table, ids) => record(gather(table, ids), (r) => gatherBack(r, table, ids)),
    gelu: (a) => record(map(a, gelu), (r) => mapBack(r, a, geluSlope)),
    layerNorm: (a, scale, bias) => layerNorm(a, scale, bias, record),
    multiply: (a, b) => record(product(a, b), (r) => productBack(r, a, b)),
    attention: (q, k, v, heads, length) => attention(q, k, v, heads, length, record),
    crossEntropy: (logits, targets) => crossEntropy(logits, targets, record),
  };
}

/** a + b, where b may be one row for all. */
function sum(a, b) {
  return matrix(
    a.rows,
    a.columns,
    a.data.map((value, i) => value + b.data[i % b.data.length]),
  );
}

function addBack(r, a, b) {
  for (let i = 0; i < r.grad.length; i++) {
    a.grad[i] += r.grad[i];
    b.grad[i % b.grad.length] += r.grad[i];
  }
}

function gather(table, ids) {
  const r = matrix(ids.length, table.columns);
  ids.forEach((id, row) => r.data.set(table.data.subarray(id * r.columns, (id + 1) * r.columns), row * r.columns));
  return r;
}

function gatherBack(r, table, ids) {
  ids.forEach((id, row) => {
    for (let i = 0; i < r.columns; i++) table.grad[id * r.columns + i] += r.grad[row * r.columns + i];
  });
}

const map = (a, f) => matrix(a.rows, a.columns, a.data.map(f));

function mapBack(r, a, slope) {
  for (let i = 0; i < r.grad.length; i++) a.grad[i] += r.grad[i] * slope(a.data[i]);
}

/** The error function, to 1.5e-7 (Abramowitz and Stegun 7.1.26). */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - tail * Math.exp(-x * x));
}

const gelu = (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));
const geluSlope = (x) => 0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);

function product(a, b) {
  const r = matrix(a.rows, b.columns);
  for (let i = 0; i < a.rows; i++) {
    for (let k = 0; k < a.columns; k++) {
      const factor = a.data[i * a.columns + k];
      for (let j = 0, at = i * r.columns, from = k * r.columns; j < r.columns; j++)
        r.data[at + j] += factor * b.data[from + j];
    }
  }
  return r;
}

function productBack(r, a, b) {
  for (let i = 0; i < a.rows; i++) {
    for (let k = 0; k < a.columns; k++) {
      const factor = a.data[i * a.columns + k];
      let slope = 0;
      for (let j = 0, at = i * r.columns, from = k * r.columns; j < r.columns; j++) {
        slope += r.grad[at + j] * b.data[from + j];
        b.grad[from + j] += factor * r.grad[at + j];
      }
      a.grad[i * a.columns + k] += slope;
    }
  }
}

export const epsilon = 1e-5;

function layerNorm(a, scale, bias, record) {
  const n = a.columns;
  const normal = matrix(a.rows, n);
  const inverse = new Float32Array(a.rows);
  for (let row = 0; row < a.rows; row++) {
    const values = a.data.subarray(row * n, (row + 1) * n);
    const mean = values.reduce((x, y) => x + y, 0) / n;
    inverse[row] = 1 / Math.sqrt(values.reduce((x, y) => x + (y - mean) ** 2, 0) / n + epsilon);
    normal.data.set(
      values.map((value) => (value - mean) * inverse[row]),
      row * n,
    );
  }
  const result = map(normal, (value, i) => value * scale.data[i % n] + bias.data[i % n]);
  return record(result, (r) => {
    for (let row = 0; row < a.rows; row++) layerNormBack(r, normal, scale, bias, a, row, inverse[row]);
  });
}

function layerNormBack(r, normal, scale, bias, a, row, inverse) {
  const n = a.columns;
  const at = row * n;
  let [mean, meanProduct] = [0, 0];
  for (let i = 0; i < n; i++) {
    const slope = r.grad[at + i] * scale.data[i];
    mean += slope / n;
    meanProduct += (slope * normal.data[at + i]) / n;
    scale.grad[i] += r.grad[at + i] * normal.data[at + i];
    bias.grad[i] += r.grad[at + i];
  }
  for (let i = 0; i < n; i++) {
    a.grad[at + i] += inverse * (r.grad[at + i] * scale.data[i] - mean - normal.data[at + i] * meanProduct);
  }
}

/** Causal attention over rows that hold sequences of `length` one after the other; heads lie side by side in the columns. */
function attention(q, k, v, heads, length, record) {
  const result = matrix(q.rows, q.columns);
  const size = q.columns / heads;
  const scale = 1 / Math.sqrt(size);
  const weights = new Float32Array(q.rows * heads * length);
  const places = [];
  for (let start = 0; start < q.rows; start += length)
    for (let head = 0; head < heads; head++)
      for (let row = 0; row < length; row++)
        places.push({ start, row, column: head * size, at: ((start + row) * heads + head) * length });
  for (const { start, row, column, at } of places) {
    const scores = weights.subarray(at, at + row + 1);
    const mine = (start + row) * q.columns + column;
    for (let other = 0; other <= row; other++)
      scores[other] = scale * dot(q.data, mine, k.data, (start + other) * q.columns + column, size);
    softmaxInPlace(scores);
    for (let other = 0; other <= row; other++)
      addScaled(result.data, mine, v.data, (start + other) * q.columns + column, size, scores[other]);
  }
  return record(result, (r) => {
    const slopes = new Float32Array(length);
    for (const { start, row, column, at } of places) {
      const mine = (start + row) * q.columns + column;
      let mean = 0;
      for (let other = 0; other <= row; other++) {
        const theirs = (start + other) * q.columns + column;
        slopes[other] = dot(r.grad, mine, v.data, theirs, size);
        mean += slopes[other] * weights[at + other];
        addScaled(v.grad, theirs, r.grad, mine, size, weights[at + other]);
      }
      for (let other = 0; other <= row; other++) {
        const theirs = (start + other) * q.columns + column;
        const slope = scale * weights[at + other] * (slopes[other] - mean);
        addScaled(q.grad, mine, k.data, theirs, size, slope);
        addScaled(k.grad, theirs, q.data, mine, size, slope);
      }
    }
  });
}

function dot(a, at, b, from, count) {
  let result = 0;
  for (let i = 0; i < count; i++) result += a[at + i] * b[from + i];
  return result;
}

function addScaled(target, at, source, from, count, factor) {
  for (let i = 0; i < count; i++) target[at + i] += factor * source[from + i];
}

function softmaxInPlace(values) {
  const most = Math.max(...values);
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] = Math.exp(values[i] - most);
  for (let i = 0; i < values.length; i++) values[i] /= total;
}

/** Mean loss over the rows whose target is not -1. */
function crossEntropy(logits, targets, record) {
  const n = logits.columns;
  const counted = targets.filter((target) => target >= 0).length;
  const odds = logits.data.slice();
  const loss = matrix(1, 1);
  targets.forEach((target, row) => {
    const mine = odds.subarray(row * n, (row + 1) * n);
    softmaxInPlace(mine);
    if (target >= 0) loss.data[0] -= Math.log(Math.max(1e-12, mine[target])) / counted;
  });
  return record(loss, () => {
    targets.forEach((target, row) => {
      if (target < 0) return;
      for (let i = 0; i < n; i++) logits.grad[row * n + i] += (odds[row * n + i] - (i === target ? 1 : 0)) / counted;
    });
  });
}
