// node test/bench/few-bits.mjs model.onnx quantized.onnx [--bits 4] [--block 32] [--form MatMulNBits | DequantizeLinear]: weights of matrix products in few
// bits, rounded to the nearest, for benchmarks. Weights must be in the file and be f32.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import onnxProto from "onnx-proto";

const { ModelProto } = onnxProto.onnx;
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bits: { type: "string", default: "4" },
    block: { type: "string", default: "32" },
    form: { type: "string", default: "MatMulNBits" },
  },
});
const [source, target] = positionals;
const [bits, block] = [Number(options.bits), Number(options.block)];
if (target === undefined || (bits !== 4 && bits !== 8)) throw new Error("few-bits.mjs model.onnx quantized.onnx");

const model = ModelProto.decode(readFileSync(source));
const { graph } = model;
const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
/** Its DequantizeLinear has blocks in every opset. */
const domain = "com.microsoft";
const types = { float: 1, uint8: 2, int8: 3, int4: 22 };

const floats = (tensor) => {
  if (tensor.floatData.length > 0) return Float32Array.from(tensor.floatData);
  return new Float32Array(Uint8Array.from(tensor.rawData).buffer);
};

/** Integers by column, signed, and a scale for each block of a column. */
function quantize(weights, k, n, isTransposed) {
  const blocks = Math.ceil(k / block);
  const [integers, scales] = [new Int8Array(n * blocks * block), new Float32Array(n * blocks)];
  const at = (row, column) => weights[isTransposed ? column * k + row : row * n + column];
  const most = 2 ** (bits - 1) - 1;
  for (let column = 0; column < n; column++) {
    for (let b = 0; b < blocks; b++) {
      const end = Math.min(k, (b + 1) * block);
      let largest = 0;
      for (let row = b * block; row < end; row++) largest = Math.max(largest, Math.abs(at(row, column)));
      const scale = (largest || 1) / most;
      scales[column * blocks + b] = scale;
      for (let row = b * block; row < end; row++)
        integers[column * blocks * block + row] = Math.round(at(row, column) / scale);
    }
  }
  return { integers, scales, blocks };
}

const bytesOf = (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const packed = (integers) =>
  Uint8Array.from(
    { length: integers.length / 2 },
    (_, i) => (integers[2 * i] & 15) | ((integers[2 * i + 1] & 15) << 4),
  );
const constant = (name, dataType, dims, bytes) => {
  graph.initializer.push({ name, dataType, dims, rawData: bytes });
  return name;
};
const integer = (name, i) => ({ name, type: 2, i });

/** The node as MatMulNBits; what is stored is unsigned, with the middle of the range as zero point. */
function asNBits(node, name, k, n, { integers, scales, blocks }) {
  const shifted = Uint8Array.from(integers, (value) => value + 2 ** (bits - 1));
  const stored = bits === 8 ? shifted : packed(shifted);
  const b = constant(`${name}/bits`, types.uint8, [n, blocks, (block * bits) / 8], stored);
  const scale = constant(`${name}/scales`, types.float, [n, blocks], bytesOf(scales));
  node.opType = "MatMulNBits";
  node.domain = domain;
  node.input = [node.input[0], b, scale];
  node.attribute = [integer("K", k), integer("N", n), integer("bits", bits), integer("block_size", block)];
  return [node];
}

/** DequantizeLinear and Transpose before the node as it was. */
function asDequantized(node, name, k, n, { integers, scales, blocks }) {
  const rows = Array.from({ length: n }, (_, i) => integers.subarray(i * blocks * block, i * blocks * block + k));
  const dense = Int8Array.from(rows.flatMap((row) => [...row]));
  const stored = bits === 8 ? bytesOf(dense) : packed(dense);
  const b = constant(`${name}/bits`, bits === 8 ? types.int8 : types.int4, [n, k], stored);
  const scale = constant(`${name}/scales`, types.float, [n, blocks], bytesOf(scales));
  const attribute = [integer("axis", 1), integer("block_size", block)];
  const dequantize = { opType: "DequantizeLinear", domain, input: [b, scale], output: [`${name}/float`], attribute };
  const turn = { opType: "Transpose", input: [`${name}/float`], output: [`${name}/turned`], attribute: [{ name: "perm", type: 7, ints: [1, 0] }] }; // prettier-ignore
  node.opType = "MatMul";
  node.attribute = [];
  node.input = [node.input[0], `${name}/turned`];
  return [dequantize, turn, node];
}

let count = 0;
graph.node = graph.node.flatMap((node) => {
  const tensor = initializers.get(node.input[1]);
  const flag = (name) => node.attribute.some((a) => a.name === name && Number(a.i) === 1);
  const isProduct = node.opType === "MatMul" || (node.opType === "Gemm" && !flag("transA") && node.input.length === 2);
  if (!isProduct || tensor?.dims.length !== 2 || tensor.dataType !== types.float) return [node];
  const isTransposed = flag("transB");
  const [k, n] = (isTransposed ? tensor.dims.toReversed() : tensor.dims).map(Number);
  const quantized = quantize(floats(tensor), k, n, isTransposed);
  const name = `${tensor.name}/${count++}`;
  return options.form === "MatMulNBits" ? asNBits(node, name, k, n, quantized) : asDequantized(node, name, k, n, quantized); // prettier-ignore
});
const used = new Set(graph.node.flatMap(({ input }) => input));
graph.initializer = graph.initializer.filter(({ name }) => used.has(name));
if (!model.opsetImport.some((entry) => entry.domain === domain)) model.opsetImport.push({ domain, version: 1 });
model.irVersion = Math.max(Number(model.irVersion), 10);
writeFileSync(target, ModelProto.encode(model).finish());
console.log(`${target}: ${count} products in ${bits} bits, blocks of ${block}`);
