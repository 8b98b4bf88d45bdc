// Trains the digits network with Adam on generated images and writes digits.onnx beside this file. Takes about a minute.
//   npm run build && node examples/digits/train.mjs
import { writeFileSync } from "node:fs";
import { encodeModel } from "wsc";
import { adam, zerosLike } from "../common/adam.mjs";
import { floats, model, node, port } from "../common/onnx.mjs";
import { imageSize, makeDigits } from "./digits.mjs";
import { backward, channels, classes, features, forward, newParameters } from "./network.mjs";

const epochs = 3;
const batch = 20;
const learningRate = 0.002;

const training = makeDigits(6000, 1);
const held = makeDigits(1000, 2);
const p = newParameters(3);
const update = adam(p);

const accuracy = (set) =>
  set.filter(({ digit, image }) => {
    const { probabilities } = forward(p, image);
    return probabilities.indexOf(Math.max(...probabilities)) === digit;
  }).length / set.length;

for (let epoch = 1; epoch <= epochs; epoch++) {
  let loss = 0;
  for (let at = 0; at < training.length; at += batch) {
    const gradients = zerosLike(p);
    for (const { digit, image } of training.slice(at, at + batch)) loss += backward(p, gradients, image, digit);
    for (const array of Object.values(gradients)) for (let i = 0; i < array.length; i++) array[i] /= batch;
    update(gradients, learningRate);
  }
  console.log(`epoch ${epoch}: loss ${(loss / training.length).toFixed(4)}, held-out accuracy ${accuracy(held)}`);
}

const padded = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
const halved = { kernel_shape: [2, 2], strides: [2, 2] };
const digits = model("digits", 13, {
  nodes: [
    node("Conv", ["image", "conv1", "bias1"], ["features1"], padded),
    node("Relu", ["features1"], ["active1"]),
    node("MaxPool", ["active1"], ["pooled1"], halved),
    node("Conv", ["pooled1", "conv2", "bias2"], ["features2"], padded),
    node("Relu", ["features2"], ["active2"]),
    node("MaxPool", ["active2"], ["pooled2"], halved),
    node("Flatten", ["pooled2"], ["flat"]),
    node("Gemm", ["flat", "dense", "bias3"], ["logits"]),
    node("Softmax", ["logits"], ["probabilities"]),
  ],
  inputs: [port("image", "f32", [1, 1, imageSize, imageSize])],
  outputs: [port("probabilities", "f32", [1, classes])],
  initializers: {
    conv1: floats(p.conv1, [channels[1], channels[0], 3, 3]),
    bias1: floats(p.bias1, [channels[1]]),
    conv2: floats(p.conv2, [channels[2], channels[1], 3, 3]),
    bias2: floats(p.bias2, [channels[2]]),
    dense: floats(p.dense, [features, classes]),
    bias3: floats(p.bias3, [classes]),
  },
});
writeFileSync(new URL("digits.onnx", import.meta.url), await encodeModel(digits));
console.log("wrote digits.onnx");
