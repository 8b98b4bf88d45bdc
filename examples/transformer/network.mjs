// One transformer block: embedding and positions, causal attention, a GELU layer, logits. The same twice: with gradients for training, and
// as an ONNX model in the form that exporters give it.
import { floats, integers, model, node, port } from "../common/onnx.mjs";
import { normalNumbers, randomNumbers } from "../common/random.mjs";
import { epsilon, matrix } from "./autograd.mjs";
import { length, vocabulary } from "./task.mjs";

const width = 32;
const heads = 4;
const hidden = 128;

const shapes = {
  tokens: [vocabulary, width],
  positions: [length, width],
  norm1_scale: [1, width],
  norm1_bias: [1, width],
  query: [width, width],
  key: [width, width],
  value: [width, width],
  project: [width, width],
  norm2_scale: [1, width],
  norm2_bias: [1, width],
  widen: [width, hidden],
  widen_bias: [1, hidden],
  narrow: [hidden, width],
  narrow_bias: [1, width],
  norm3_scale: [1, width],
  norm3_bias: [1, width],
  unembed: [width, vocabulary],
};

/** Parameters as matrices by name: scales 1, biases 0, the rest random. */
export function newParameters(seed) {
  const normal = normalNumbers(randomNumbers(seed));
  const start = (name, rows) => {
    if (name.endsWith("scale")) return () => 1;
    return name.endsWith("bias")
      ? () => 0
      : () => normal() / Math.sqrt(name === "tokens" || name === "positions" ? 1 : rows);
  };
  return Object.fromEntries(
    Object.entries(shapes).map(([name, [rows, columns]]) => [
      name,
      matrix(rows, columns, Float32Array.from({ length: rows * columns }, start(name, rows))),
    ]),
  );
}

/** Logits [sequences * length, vocabulary] of sequences. */
export function forward(tape, p, sequences) {
  const positions = sequences.flatMap((sequence) => sequence.map((_, i) => i));
  const embedded = tape.add(tape.gather(p.tokens, sequences.flat()), tape.gather(p.positions, positions));
  const normal = tape.layerNorm(embedded, p.norm1_scale, p.norm1_bias);
  const [q, k, v] = [p.query, p.key, p.value].map((weights) => tape.multiply(normal, weights));
  const mixed = tape.multiply(tape.attention(q, k, v, heads, length), p.project);
  const attended = tape.add(embedded, mixed);
  const wide = tape.multiply(tape.layerNorm(attended, p.norm2_scale, p.norm2_bias), p.widen);
  const active = tape.gelu(tape.addRow(wide, p.widen_bias));
  const block = tape.add(attended, tape.addRow(tape.multiply(active, p.narrow), p.narrow_bias));
  return tape.multiply(tape.layerNorm(block, p.norm3_scale, p.norm3_bias), p.unembed);
}

/** 0 where a position may look, far below where it may not. */
const mask = () =>
  Float32Array.from({ length: length * length }, (_, i) => (i % length <= Math.floor(i / length) ? 0 : -1e9));

const layerNorm = (input, name, output) =>
  node("LayerNormalization", [input, `${name}_scale`, `${name}_bias`], [output], {
    axis: -1,
    epsilon: { float: epsilon },
  });

/** [1, length, width] -> [1, heads, length, width / heads], or with the last two the other way round. */
const splitHeads = (name, perm) => [
  node("MatMul", ["normal1", name], [`${name}_flat`]),
  node("Reshape", [`${name}_flat`, "split"], [`${name}_split`]),
  node("Transpose", [`${name}_split`], [`${name}_heads`], { perm }),
];

/** GELU as exporters write it before opset 20. */
const gelu = (input, output) => [
  node("Div", [input, "sqrt2"], ["gelu_scaled"]),
  node("Erf", ["gelu_scaled"], ["gelu_erf"]),
  node("Add", ["gelu_erf", "one"], ["gelu_factor"]),
  node("Mul", [input, "gelu_factor"], ["gelu_double"]),
  node("Mul", ["gelu_double", "half"], [output]),
];

/** The model of trained parameters. */
export function onnxModel(p) {
  const weights = Object.entries(shapes).map(([name, [rows, columns]]) => [
    name,
    floats(p[name].data, rows === 1 ? [columns] : [rows, columns]),
  ]);
  const scalar = (value) => floats(Float32Array.of(value), []);
  return model("transformer", 17, {
    nodes: [
      node("Gather", ["tokens", "ids"], ["embedded_tokens"], { axis: 0 }),
      node("Add", ["embedded_tokens", "positions"], ["embedded"]),
      layerNorm("embedded", "norm1", "normal1"),
      ...splitHeads("query", [0, 2, 1, 3]),
      ...splitHeads("key", [0, 2, 3, 1]),
      ...splitHeads("value", [0, 2, 1, 3]),
      node("MatMul", ["query_heads", "key_heads"], ["scores"]),
      node("Div", ["scores", "root"], ["scaled"]),
      node("Add", ["scaled", "mask"], ["masked"]),
      node("Softmax", ["masked"], ["attention"], { axis: -1 }),
      node("MatMul", ["attention", "value_heads"], ["mixed_heads"]),
      node("Transpose", ["mixed_heads"], ["mixed_split"], { perm: [0, 2, 1, 3] }),
      node("Reshape", ["mixed_split", "join"], ["mixed"]),
      node("MatMul", ["mixed", "project"], ["projected"]),
      node("Add", ["embedded", "projected"], ["attended"]),
      layerNorm("attended", "norm2", "normal2"),
      node("MatMul", ["normal2", "widen"], ["wide_product"]),
      node("Add", ["wide_product", "widen_bias"], ["wide"]),
      ...gelu("wide", "active"),
      node("MatMul", ["active", "narrow"], ["narrow_product"]),
      node("Add", ["narrow_product", "narrow_bias"], ["narrowed"]),
      node("Add", ["attended", "narrowed"], ["block"]),
      layerNorm("block", "norm3", "normal3"),
      node("MatMul", ["normal3", "unembed"], ["logits"]),
    ],
    inputs: [port("ids", "i64", [1, length])],
    outputs: [port("logits", "f32", [1, length, vocabulary])],
    initializers: {
      ...Object.fromEntries(weights),
      mask: floats(mask(), [1, 1, length, length]),
      root: scalar(Math.sqrt(width / heads)),
      sqrt2: scalar(Math.SQRT2),
      one: scalar(1),
      half: scalar(0.5),
      split: integers(1, length, heads, width / heads),
      join: integers(1, length, width),
    },
  });
}
