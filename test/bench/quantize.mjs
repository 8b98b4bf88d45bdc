// node test/bench/quantize.mjs model.onnx quantized.onnx INPUT.pb…: a QDQ model by the simplest calibration, for benchmarks. Activations that convolutions,
// products, sums and poolings read become u8 by the range that they have on the given inputs, weights i8 with a scale per filter, biases i32. It
// needs opset 13 and weights in the file.
import { readFileSync, writeFileSync } from "node:fs";
import onnxProto from "onnx-proto";
import { InferenceSession } from "../../dist/runtime/index.js";
import { readValue } from "../../dist/compiler/cli/tensor-files.js";

const { ModelProto } = onnxProto.onnx;
const [source, target, ...inputs] = process.argv.slice(2);
if (target === undefined || inputs.length === 0) throw new Error("quantize.mjs model.onnx quantized.onnx INPUT.pb…");

const types = { float: 1, uint8: 2, int8: 3, int32: 6 };
const quantized = new Set(["Conv", "Gemm", "MatMul", "Add", "MaxPool", "GlobalAveragePool", "AveragePool"]);
const weighted = new Set(["Conv", "Gemm", "MatMul"]);

const bytes = readFileSync(source);
const { graph } = ModelProto.decode(bytes);
const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
const isActivation = (name) => name !== "" && !initializers.has(name);
const readers = new Map();
for (const node of graph.node) for (const name of node.input) readers.set(name, [...(readers.get(name) ?? []), node]);

/** What is read by a quantized node: an activation behind which a ReLU stands alone is quantized behind the ReLU. */
const wanted = new Set(
  graph.node.filter((node) => quantized.has(node.opType)).flatMap((node) => node.input.filter(isActivation)),
);

async function ranges() {
  const observed = ModelProto.decode(bytes);
  const known = new Set(graph.input.map(({ name }) => name));
  observed.graph.output = [...wanted].filter((name) => !known.has(name)).map((name) => ({ name }));
  const session = await InferenceSession.create(ModelProto.encode(observed).finish());
  const found = new Map([...wanted].map((name) => [name, [0, 0]]));
  const widen = (name, { data }) => {
    const range = found.get(name);
    if (range === undefined) return;
    for (const value of data) {
      range[0] = Math.min(range[0], value);
      range[1] = Math.max(range[1], value);
    }
  };
  const feed = {};
  for (const [i, file] of inputs.entries()) feed[session.inputNames[i]] = await readValue(file);
  for (const [name, tensor] of Object.entries(feed)) widen(name, tensor);
  for (const [name, tensor] of Object.entries(await session.run(feed))) widen(name, tensor);
  return found;
}

const added = [];
const constant = (name, dataType, dims, array) => {
  graph.initializer.push({ name, dataType, dims, rawData: new Uint8Array(array.buffer) });
  return name;
};
const linear = (opType, input, scale, zero, output, attribute = []) =>
  added.push({ opType, name: `${output}/${opType}`, input: [input, scale, zero], output: [output], attribute });

const floats = (tensor) => {
  if (tensor.floatData.length > 0) return Float32Array.from(tensor.floatData);
  return new Float32Array(Uint8Array.from(tensor.rawData).buffer);
};

/** Activation scales by name; Q and DQ stand behind the producer, or the input. */
const scales = new Map();
function quantizeActivation(name, [low, high]) {
  const scale = Math.fround((high - low || 1) / 255);
  const zero = Math.max(0, Math.min(255, Math.round(-low / scale)));
  const [s, z] = [
    constant(`${name}/scale`, types.float, [], Float32Array.of(scale)),
    constant(`${name}/zero`, types.uint8, [], Uint8Array.of(zero)),
  ];
  linear("QuantizeLinear", name, s, z, `${name}/quantized`);
  linear("DequantizeLinear", `${name}/quantized`, s, z, `${name}/dequantized`);
  scales.set(name, scale);
}

/** Weights by filter: axis 0 of a convolution and of a transposed B, axis 1 of B. */
function quantizeWeights(node, tensor) {
  const dims = tensor.dims.map(Number);
  const isTransposed = node.attribute.some(({ name, i }) => name === "transB" && Number(i) === 1);
  const axis = node.opType === "Conv" || isTransposed ? 0 : dims.length - 1;
  const [filters, inner] = [dims[axis], dims.slice(axis + 1).reduce((a, b) => a * b, 1)];
  const values = floats(tensor);
  const most = new Float32Array(filters);
  const filterOf = (i) => Math.floor(i / inner) % filters;
  for (const [i, value] of values.entries()) most[filterOf(i)] = Math.max(most[filterOf(i)], Math.abs(value));
  const scale = most.map((value) => (value || 1) / 127);
  const integers = Int8Array.from(values, (value, i) => Math.round(value / scale[filterOf(i)]));
  const { name } = tensor;
  const parts = [
    constant(`${name}/quantized`, types.int8, dims, integers),
    constant(`${name}/scale`, types.float, [filters], scale),
    constant(`${name}/zero`, types.int8, [filters], new Int8Array(filters)),
  ];
  linear("DequantizeLinear", ...parts, `${name}/dequantized`, [{ name: "axis", type: 2, i: axis }]);
  return scale;
}

function quantizeBias(tensor, inputScale, weightScale) {
  const scale = weightScale.map((value) => Math.fround(value * inputScale));
  const integers = Int32Array.from(floats(tensor), (value, i) => Math.round(value / scale[i]));
  const { name } = tensor;
  const parts = [
    constant(`${name}/quantized`, types.int32, [integers.length], integers),
    constant(`${name}/scale`, types.float, [integers.length], scale),
    constant(`${name}/zero`, types.int32, [integers.length], new Int32Array(integers.length)),
  ];
  linear("DequantizeLinear", ...parts, `${name}/dequantized`, [{ name: "axis", type: 2, i: 0 }]);
}

for (const [name, range] of await ranges()) quantizeActivation(name, range);
for (const node of graph.node) {
  if (!quantized.has(node.opType)) continue;
  const [x, w, bias] = node.input;
  if (weighted.has(node.opType) && initializers.has(w)) {
    const scale = quantizeWeights(node, initializers.get(w));
    if (bias !== undefined && initializers.has(bias) && scales.has(x))
      quantizeBias(initializers.get(bias), scales.get(x), scale);
  }
  const names = new Set(added.flatMap(({ output }) => output));
  node.input = node.input.map((name) => (names.has(`${name}/dequantized`) ? `${name}/dequantized` : name));
}

/** Producers before readers. */
function sorted(nodes) {
  const ready = new Set(["", ...graph.input.map(({ name }) => name), ...graph.initializer.map(({ name }) => name)]);
  const [order, left] = [[], new Set(nodes)];
  while (left.size > 0) {
    const before = left.size;
    for (const node of left) {
      if (!node.input.every((name) => ready.has(name))) continue;
      order.push(node);
      left.delete(node);
      for (const name of node.output) ready.add(name);
    }
    if (left.size === before) throw new Error(`nobody makes ${[...left][0].input.filter((name) => !ready.has(name))}`);
  }
  return order;
}

const model = ModelProto.decode(bytes);
model.graph = { ...graph, node: sorted([...graph.node, ...added]) };
const replaced = new Set(
  added.flatMap(({ output: [name] }) => (name.endsWith("/dequantized") ? [name.slice(0, -12)] : [])),
);
const used = new Set(model.graph.node.flatMap(({ input }) => input));
model.graph.initializer = graph.initializer.filter(({ name }) => used.has(name) || !replaced.has(name));
writeFileSync(target, ModelProto.encode(model).finish());
console.log(`${target}: ${scales.size} activations, ${added.length} nodes added`);
