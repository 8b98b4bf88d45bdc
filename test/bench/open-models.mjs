// Models with symbolic dims for bench:open, with weights made up: decoders in GPT-2's form (with a cache), encoders in BERT's, a perceptron.
import onnxProto from "onnx-proto";

const { ModelProto, AttributeProto, TensorProto } = onnxProto.onnx;
const { DataType } = TensorProto;

/** Numbers of about the scale that a trained model has; the same in every run. */
function madeUp(count, scale) {
  let state = 12345;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state / 0x40000000 - 1) * scale;
  });
}

const attributeOf = ([name, value]) =>
  Array.isArray(value)
    ? { name, type: AttributeProto.AttributeType.INTS, ints: value }
    : { name, type: AttributeProto.AttributeType.INT, i: value };

const port = (type) => (name, dims) => ({
  name,
  type: {
    tensorType: {
      elemType: type,
      shape: { dim: dims.map((dim) => (typeof dim === "string" ? { dimParam: dim } : { dimValue: dim })) },
    },
  },
});
const f32 = port(DataType.FLOAT);
const i64 = port(DataType.INT64);

class Model {
  nodes = [];
  constants = [];
  #names = 0;

  /** An op; gives the name of its result. */
  op(opType, input, attributes = {}, result = `v${this.#names++}`) {
    this.nodes.push({ opType, input, output: [result], attribute: Object.entries(attributes).map(attributeOf) });
    return result;
  }

  #constant(dataType, dims, data) {
    const name = `c${this.#names++}`;
    this.constants.push({
      name,
      dataType,
      dims,
      rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    });
    return name;
  }

  weights(dims, scale = 0.02) {
    return this.#constant(
      DataType.FLOAT,
      dims,
      madeUp(
        dims.reduce((product, dim) => product * dim, 1),
        scale,
      ),
    );
  }

  floats(dims, values) {
    return this.#constant(DataType.FLOAT, dims, Float32Array.from(values));
  }

  ints(...values) {
    return this.#constant(DataType.INT64, [values.length], BigInt64Array.from(values, BigInt));
  }

  flags(dims, of) {
    const count = dims.reduce((product, dim) => product * dim, 1);
    return this.#constant(
      DataType.BOOL,
      dims,
      Uint8Array.from({ length: count }, (_, i) => Number(of(i))),
    );
  }

  dense(x, from, to) {
    return this.op("Add", [this.op("MatMul", [x, this.weights([from, to])]), this.weights([to])]);
  }

  norm(x, width) {
    return this.op("LayerNormalization", [x, this.weights([width], 1), this.weights([width])], { axis: -1 });
  }

  /** [batch, seq, width] -> [batch, heads, seq, width / heads] */
  heads(x, heads, width) {
    const apart = this.op("Reshape", [x, this.ints(0, 0, heads, width / heads)]);
    return this.op("Transpose", [apart], { perm: [0, 2, 1, 3] });
  }

  /** softmax(mask(Q Kᵀ / √depth)) V, the heads side by side */
  attention(q, k, v, { width, heads, mask }) {
    const keys = this.op("Transpose", [k], { perm: [0, 1, 3, 2] });
    const scores = this.op("Div", [this.op("MatMul", [q, keys]), this.floats([], [Math.sqrt(width / heads)])]);
    const weights = this.op("Softmax", [mask(scores)], { axis: -1 });
    const rows = this.op("Transpose", [this.op("MatMul", [weights, v])], { perm: [0, 2, 1, 3] });
    return this.op("Reshape", [rows, this.ints(0, 0, width)]);
  }

  /** Two layers with GELU by Erf between them. */
  feedForward(x, width, inner) {
    const wide = this.dense(x, width, inner);
    const erf = this.op("Erf", [this.op("Div", [wide, this.floats([], [Math.SQRT2])])]);
    const half = this.op("Mul", [wide, this.floats([], [0.5])]);
    return this.dense(this.op("Mul", [half, this.op("Add", [erf, this.floats([], [1])])]), inner, width);
  }

  bytes(name, input, output) {
    const graph = { name, node: this.nodes, input, output, initializer: this.constants };
    return ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: "", version: 17 }], graph }).finish();
  }
}

const positions = 1024;

/** A decoder of GPT-2's sizes; inputs ids, past_k.i, past_v.i, outputs logits, present_k.i, present_v.i. */
export function decoder(layers, { width = 768, heads = 12, vocabulary = 50257 } = {}) {
  const m = new Model();
  const sizeOf = (x, axis) => m.op("Gather", [m.op("Shape", [x]), m.ints(axis)], { axis: 0 });
  const past = sizeOf("past_k.0", 2);
  const total = m.op("Add", [past, sizeOf("ids", 1)]);
  const one = m.ints(1);
  const scalar = (x) => m.op("Squeeze", [x]);
  const places = m.op("Range", [scalar(past), scalar(total), scalar(one)]);
  const table = m.flags([1, 1, positions, positions], (i) => i % positions <= Math.floor(i / positions));
  const lines = m.op("Slice", [table, past, total, m.ints(2)]);
  const causal = m.op("Slice", [lines, m.ints(0), total, m.ints(3)]);
  const far = m.floats([], [-3.4e38]);
  const tokens = m.weights([vocabulary, width]);
  let x = m.op("Add", [
    m.op("Gather", [tokens, "ids"], { axis: 0 }),
    m.op("Gather", [m.weights([positions, width]), places], { axis: 0 }),
  ]);
  const caches = [];
  for (let layer = 0; layer < layers; layer++) {
    const normed = m.norm(x, width);
    const joined = m.dense(normed, width, 3 * width);
    const [q, k, v] = [0, 1, 2].map((part) => {
      const range = [m.ints(part * width), m.ints((part + 1) * width), m.ints(2)];
      return m.heads(m.op("Slice", [joined, ...range]), heads, width);
    });
    const [keys, values] = [
      [k, "k"],
      [v, "v"],
    ].map(([own, name]) => m.op("Concat", [`past_${name}.${layer}`, own], { axis: 2 }, `present_${name}.${layer}`));
    const mask = (scores) => m.op("Where", [causal, scores, far]);
    const attended = m.attention(q, keys, values, { width, heads, mask });
    x = m.op("Add", [x, m.dense(attended, width, width)]);
    x = m.op("Add", [x, m.feedForward(m.norm(x, width), width, 4 * width)]);
    caches.push(`k.${layer}`, `v.${layer}`);
  }
  m.op("MatMul", [m.norm(x, width), m.op("Transpose", [tokens], { perm: [1, 0] })], {}, "logits");
  const cache = (name, length) => f32(name, ["batch", heads, length, width / heads]);
  const inputs = [i64("ids", ["batch", "seq"]), ...caches.map((name) => cache(`past_${name}`, "past"))];
  const outputs = [
    f32("logits", ["batch", "seq", vocabulary]),
    ...caches.map((name) => cache(`present_${name}`, "total")),
  ];
  return m.bytes(`decoder_${layers}`, inputs, outputs);
}

/** An encoder of BERT-base's sizes; inputs ids and a mask of ones and zeros. */
export function encoder(layers, { width = 768, heads = 12, vocabulary = 30522 } = {}) {
  const m = new Model();
  const length = m.op("Gather", [m.op("Shape", ["ids"]), m.ints(1)], { axis: 0 });
  const places = m.op("Slice", [m.weights([1, 512, width]), m.ints(0), length, m.ints(1)]);
  const shown = m.op("Cast", [m.op("Unsqueeze", ["mask", m.ints(1, 2)])], { to: DataType.FLOAT });
  const hidden = m.op("Mul", [m.op("Sub", [m.floats([], [1]), shown]), m.floats([], [-1e4])]);
  let x = m.op("Add", [m.op("Gather", [m.weights([vocabulary, width]), "ids"], { axis: 0 }), places]);
  x = m.norm(x, width);
  for (let layer = 0; layer < layers; layer++) {
    const [q, k, v] = [0, 1, 2].map(() => m.heads(m.dense(x, width, width), heads, width));
    const mask = (scores) => m.op("Add", [scores, hidden]);
    const attended = m.dense(m.attention(q, k, v, { width, heads, mask }), width, width);
    x = m.norm(m.op("Add", [x, attended]), width);
    x = m.norm(m.op("Add", [x, m.feedForward(x, width, 4 * width)]), width);
  }
  m.op("Identity", [x], {}, "y");
  const inputs = [i64("ids", ["batch", "seq"]), i64("mask", ["batch", "seq"])];
  return m.bytes(`encoder_${layers}`, inputs, [f32("y", ["batch", "seq", width])]);
}

/** Three layers with ReLU between them, over an open number of rows. */
export function perceptron() {
  const m = new Model();
  const sizes = [784, 512, 512];
  const last = sizes.reduce((x, size, i) => (i === 0 ? x : m.op("Relu", [m.dense(x, sizes[i - 1], size)])), "x");
  m.op("Add", [m.op("MatMul", [last, m.weights([512, 10])]), m.weights([10])], {}, "y");
  return m.bytes("perceptron", [f32("x", ["rows", 784])], [f32("y", ["rows", 10])]);
}
