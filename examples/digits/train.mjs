// Trains the digits network with Adam on generated images and writes digits.onnx beside this file. Takes about a minute.
//   npm run build && node examples/digits/train.mjs
import { writeFileSync } from "node:fs";
import { encodeModel } from "wsc";
import { imageSize, makeDigits } from "./digits.mjs";
import { backward, channels, classes, features, forward, newParameters } from "./network.mjs";

const epochs = 3;
const batch = 20;
const learningRate = 0.002;

const training = makeDigits(6000, 1);
const held = makeDigits(1000, 2);
const p = newParameters(3);
const names = Object.keys(p);
const zeros = () => Object.fromEntries(names.map((name) => [name, new Float32Array(p[name].length)]));
const [mean, square] = [zeros(), zeros()];
let step = 0;

function update(g) {
  step++;
  const correction = Math.sqrt(1 - 0.999 ** step) / (1 - 0.9 ** step);
  for (const name of names) {
    for (let i = 0; i < p[name].length; i++) {
      const gradient = g[name][i] / batch;
      mean[name][i] += 0.1 * (gradient - mean[name][i]);
      square[name][i] += 0.001 * (gradient * gradient - square[name][i]);
      p[name][i] -= (learningRate * correction * mean[name][i]) / (Math.sqrt(square[name][i]) + 1e-8);
    }
  }
}

const accuracy = (set) =>
  set.filter(({ digit, image }) => {
    const { probabilities } = forward(p, image);
    return probabilities.indexOf(Math.max(...probabilities)) === digit;
  }).length / set.length;

for (let epoch = 1; epoch <= epochs; epoch++) {
  let loss = 0;
  for (let at = 0; at < training.length; at += batch) {
    const g = zeros();
    for (const { digit, image } of training.slice(at, at + batch)) loss += backward(p, g, image, digit);
    update(g);
  }
  console.log(`epoch ${epoch}: loss ${(loss / training.length).toFixed(4)}, held-out accuracy ${accuracy(held)}`);
}

const float = (name, shape) => [name, { dtype: "f32", shape, elements: p[name] }];
const node = (opType, inputs, outputs, attributes = {}) => ({
  name: outputs[0],
  index: 0,
  domain: "",
  opType,
  overload: "",
  inputs,
  outputs,
  attributes: new Map(
    Object.entries(attributes).map(([name, value]) => [name, { kind: "ints", value: value.map(BigInt) }]),
  ),
});
const tensor = (name, dims) => ({ name, type: { kind: "tensor", dtype: "f32", dims } });

const graph = {
  name: "digits",
  nodes: [
    node("Conv", ["image", "conv1", "bias1"], ["features1"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    node("Relu", ["features1"], ["active1"]),
    node("MaxPool", ["active1"], ["pooled1"], { kernel_shape: [2, 2], strides: [2, 2] }),
    node("Conv", ["pooled1", "conv2", "bias2"], ["features2"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    node("Relu", ["features2"], ["active2"]),
    node("MaxPool", ["active2"], ["pooled2"], { kernel_shape: [2, 2], strides: [2, 2] }),
    node("Flatten", ["pooled2"], ["flat"]),
    node("Gemm", ["flat", "dense", "bias3"], ["logits"]),
    node("Softmax", ["logits"], ["probabilities"]),
  ],
  inputs: [tensor("image", [1, 1, imageSize, imageSize])],
  outputs: [tensor("probabilities", [1, classes])],
  initializers: new Map([
    float("conv1", [channels[1], channels[0], 3, 3]),
    float("bias1", [channels[1]]),
    float("conv2", [channels[2], channels[1], 3, 3]),
    float("bias2", [channels[2]]),
    float("dense", [features, classes]),
    float("bias3", [classes]),
  ]),
};
const model = { source: "digits", irVersion: 8, opsets: new Map([["", 13]]), graph, functions: [] };
const file = new URL("digits.onnx", import.meta.url);
writeFileSync(file, await encodeModel(model));
console.log(`wrote ${file.pathname}`);
