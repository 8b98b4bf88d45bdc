// The network of the digits example, with its gradients written out: two convolutions with ReLU and max-pooling, then a dense layer.
// Weights are in ONNX's order: convolutions [out, in, 3, 3], dense [in, out].
import { normalNumbers, randomNumbers } from "../common/random.mjs";
import { imageSize } from "./digits.mjs";

const half = imageSize / 2;
const quarter = half / 2;
export const channels = [1, 8, 16];
export const features = channels[2] * quarter * quarter;
export const classes = 10;

/** He-initialised parameters. */
export function newParameters(seed) {
  const normal = normalNumbers(randomNumbers(seed));
  const weights = (count, fanIn) => Float32Array.from({ length: count }, () => normal() * Math.sqrt(2 / fanIn));
  return {
    conv1: weights(channels[1] * channels[0] * 9, channels[0] * 9),
    bias1: new Float32Array(channels[1]),
    conv2: weights(channels[2] * channels[1] * 9, channels[1] * 9),
    bias2: new Float32Array(channels[2]),
    dense: weights(features * classes, features),
    bias3: new Float32Array(classes),
  };
}

/** 3 x 3 convolution with padding 1 over square images, then ReLU. */
function convolve(input, inputs, weights, bias, outputs, size) {
  const result = new Float32Array(outputs * size * size);
  for (let o = 0; o < outputs; o++) {
    const base = o * size * size;
    result.fill(bias[o], base, base + size * size);
    forEachTap(inputs, size, (c, dy, dx, rows, columns, tap) => {
      const weight = weights[(o * inputs + c) * 9 + tap];
      for (let y = rows[0]; y < rows[1]; y++) {
        const from = (c * size + y + dy) * size + dx;
        for (let x = columns[0]; x < columns[1]; x++) result[base + y * size + x] += weight * input[from + x];
      }
    });
  }
  for (let i = 0; i < result.length; i++) if (result[i] < 0) result[i] = 0;
  return result;
}

function forEachTap(inputs, size, visit) {
  for (let c = 0; c < inputs; c++) {
    for (let tap = 0; tap < 9; tap++) {
      const [dy, dx] = [Math.floor(tap / 3) - 1, (tap % 3) - 1];
      visit(c, dy, dx, [Math.max(0, -dy), size - Math.max(0, dy)], [Math.max(0, -dx), size - Math.max(0, dx)], tap);
    }
  }
}

/** Gradients of a convolution whose result had the gradient `up` (zero where ReLU cut). */
function convolveBack(input, inputs, weights, up, outputs, size, gradient, biasGradient, inputGradient) {
  for (let o = 0; o < outputs; o++) {
    const base = o * size * size;
    for (let i = 0; i < size * size; i++) biasGradient[o] += up[base + i];
    forEachTap(inputs, size, (c, dy, dx, rows, columns, tap) => {
      const at = (o * inputs + c) * 9 + tap;
      const weight = weights[at];
      let sum = 0;
      for (let y = rows[0]; y < rows[1]; y++) {
        const from = (c * size + y + dy) * size + dx;
        for (let x = columns[0]; x < columns[1]; x++) {
          const g = up[base + y * size + x];
          sum += g * input[from + x];
          if (inputGradient) inputGradient[from + x] += g * weight;
        }
      }
      gradient[at] += sum;
    });
  }
}

/** 2 x 2 max-pooling; `winners` says where each maximum was. */
function pool(input, count, size) {
  const small = size / 2;
  const result = new Float32Array(count * small * small);
  const winners = new Int32Array(result.length);
  for (let c = 0, i = 0; c < count; c++) {
    for (let y = 0; y < small; y++) {
      for (let x = 0; x < small; x++, i++) {
        const at = (c * size + 2 * y) * size + 2 * x;
        let best = at;
        for (const other of [at + 1, at + size, at + size + 1]) if (input[other] > input[best]) best = other;
        result[i] = input[best];
        winners[i] = best;
      }
    }
  }
  return { result, winners };
}

export function forward(p, image) {
  const a1 = convolve(image, channels[0], p.conv1, p.bias1, channels[1], imageSize);
  const p1 = pool(a1, channels[1], imageSize);
  const a2 = convolve(p1.result, channels[1], p.conv2, p.bias2, channels[2], half);
  const p2 = pool(a2, channels[2], half);
  const logits = Float32Array.from(p.bias3);
  for (let i = 0; i < features; i++)
    for (let k = 0; k < classes; k++) logits[k] += p2.result[i] * p.dense[i * classes + k];
  const most = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return { a1, p1, a2, p2, probabilities: powers.map((value) => value / sum) };
}

/** Adds the gradients of the cross-entropy of one image to `g`; returns the loss. */
export function backward(p, g, image, digit) {
  const { a1, p1, a2, p2, probabilities } = forward(p, image);
  const up = probabilities.map((value, k) => value - (k === digit ? 1 : 0));
  const upPool2 = new Float32Array(features);
  for (let k = 0; k < classes; k++) g.bias3[k] += up[k];
  for (let i = 0; i < features; i++) {
    for (let k = 0; k < classes; k++) {
      g.dense[i * classes + k] += p2.result[i] * up[k];
      upPool2[i] += p.dense[i * classes + k] * up[k];
    }
  }
  const upConv2 = unpool(upPool2, p2.winners, a2);
  const upPool1 = new Float32Array(p1.result.length);
  convolveBack(p1.result, channels[1], p.conv2, upConv2, channels[2], half, g.conv2, g.bias2, upPool1);
  const upConv1 = unpool(upPool1, p1.winners, a1);
  convolveBack(image, channels[0], p.conv1, upConv1, channels[1], imageSize, g.conv1, g.bias1, null);
  return -Math.log(Math.max(1e-12, probabilities[digit]));
}

/** Gradient before pooling and ReLU. */
function unpool(up, winners, activated) {
  const gradient = new Float32Array(activated.length);
  for (let i = 0; i < up.length; i++) if (activated[winners[i]] > 0) gradient[winners[i]] += up[i];
  return gradient;
}
