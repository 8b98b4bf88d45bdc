// Small models with seeded weights, in the layout that @huggingface/transformers reads from a local folder, and two that stand for those that
// openwakeword-js fetches. `await writeModels(FOLDER, encodeModel)`.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

const hidden = 32;
const heads = 4;
const layers = 2;
const size = hidden / heads;
const words =
  "[PAD] [UNK] [CLS] [SEP] the wafer core has memory and a router each layer gets rectangle of cores hello world this is test".split(
    " ",
  );

const attributeOf = (value) => {
  if (Array.isArray(value)) return { kind: "ints", value: value.map(BigInt) };
  if (typeof value === "string") return { kind: "string", value };
  if (typeof value === "bigint") return { kind: "int", value };
  return { kind: "float", value };
};

/** A graph under construction: each node's result has a name of its own. Integers of attributes are bigints. */
function sketch(seed) {
  let state = seed;
  const nodes = [];
  const initializers = new Map();
  const initializer = (tensor) => {
    const name = `w${initializers.size}`;
    initializers.set(name, tensor);
    return name;
  };
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const op = (opType, inputs, attributes = {}, output = `v${nodes.length}`) => {
    const outputs = Array.isArray(output) ? output : [output];
    nodes.push({
      name: `${opType}_${nodes.length}`,
      index: nodes.length,
      domain: "",
      opType,
      overload: "",
      inputs,
      outputs,
      attributes: new Map(Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)])),
    });
    return outputs[0];
  };
  return {
    op,
    weight: (shape, scale = 0.3) => {
      const count = shape.reduce((a, b) => a * b, 1);
      return initializer({
        dtype: "f32",
        shape,
        elements: Float32Array.from({ length: count }, () => random() * scale),
      });
    },
    ones: (shape) => initializer({ dtype: "f32", shape, elements: new Float32Array(shape[0]).fill(1) }),
    ints: (...values) =>
      initializer({ dtype: "i64", shape: [values.length], elements: BigInt64Array.from(values.map(BigInt)) }),
    int: (value) => initializer({ dtype: "i64", shape: [], elements: BigInt64Array.of(BigInt(value)) }),
    float: (value) => initializer({ dtype: "f32", shape: [], elements: Float32Array.of(value) }),
    /** the model; ports are [name, dtype, dims] */
    model: (inputs, outputs) => {
      const ports = (list) => list.map(([name, dtype, dims]) => ({ name, type: { kind: "tensor", dtype, dims } }));
      const graph = { name: "small", nodes, inputs: ports(inputs), outputs: ports(outputs), initializers };
      return { source: "small", irVersion: 8, opsets: new Map([["", 17]]), graph, functions: [] };
    },
  };
}

const linear = (s, x, from, to) => s.op("Add", [s.op("MatMul", [x, s.weight([from, to])]), s.weight([to])]);
const norm = (s, x) => s.op("LayerNormalization", [x, s.ones([hidden]), s.weight([hidden])], { axis: -1n });

/** [batch, seq, hidden] as [batch, heads, seq, size]. */
const split = (s, x) => s.op("Transpose", [s.op("Reshape", [x, s.ints(0, 0, heads, size)])], { perm: [0, 2, 1, 3] });

/** An attention; `mask` is added to the scores, `extend` puts keys and values behind a cache. */
function attention(s, x, mask, extend = (part) => part) {
  const q = split(s, linear(s, x, hidden, hidden));
  const k = extend(split(s, linear(s, x, hidden, hidden)), "key");
  const v = extend(split(s, linear(s, x, hidden, hidden)), "value");
  const scores = s.op("Div", [
    s.op("MatMul", [q, s.op("Transpose", [k], { perm: [0, 1, 3, 2] })]),
    s.float(Math.sqrt(size)),
  ]);
  const weights = s.op("Softmax", [mask === null ? scores : s.op("Add", [scores, mask])], { axis: -1n });
  const joined = s.op("Transpose", [s.op("MatMul", [weights, v])], { perm: [0, 2, 1, 3] });
  return linear(s, s.op("Reshape", [joined, s.ints(0, 0, hidden)]), hidden, hidden);
}

function feedForward(s, x) {
  const wide = linear(s, x, hidden, 4 * hidden);
  const half = s.op("Mul", [wide, s.float(0.5)]);
  const gelu = s.op("Mul", [half, s.op("Add", [s.op("Erf", [s.op("Div", [wide, s.float(Math.SQRT2)])]), s.float(1)])]);
  return linear(s, gelu, 4 * hidden, hidden);
}

/** -1e9 where a mask of [batch, total] has zeros, as [batch, 1, 1, total]. */
function padding(s, mask) {
  const open = s.op("Unsqueeze", [s.op("Cast", [mask], { to: 1n }), s.ints(1, 2)]);
  return s.op("Mul", [s.op("Sub", [s.float(1), open]), s.float(-1e9)]);
}

/** 0, 1, … as many as axis 1 of a value has. */
const places = (s, x, start = 0) => {
  const length = s.op("Gather", [s.op("Shape", [x]), s.int(1)]);
  return s.op("Range", [s.int(start), length, s.int(1)]);
};

function textModel() {
  const s = sketch(1);
  const dims = ["batch", "seq"];
  const table = (ids, rows) => s.op("Gather", [s.weight([rows, hidden]), ids]);
  const sum = s.op("Add", [table("input_ids", words.length), table("token_type_ids", 2)]);
  let x = norm(s, s.op("Add", [sum, table(places(s, "input_ids"), 64)]));
  const mask = padding(s, "attention_mask");
  for (let layer = 0; layer < layers; layer++) {
    x = norm(s, s.op("Add", [x, attention(s, x, mask)]));
    const fed = s.op("Add", [x, feedForward(s, x)]);
    x =
      layer === layers - 1
        ? s.op("LayerNormalization", [fed, s.ones([hidden]), s.weight([hidden])], { axis: -1n }, "last_hidden_state")
        : norm(s, fed);
  }
  return s.model(
    ["input_ids", "attention_mask", "token_type_ids"].map((name) => [name, "i64", dims]),
    [["last_hidden_state", "f32", [...dims, hidden]]],
  );
}

function generationModel() {
  const s = sketch(2);
  const table = s.weight([words.length, hidden], 1);
  let x = s.op("Add", [
    s.op("Gather", [table, "input_ids"]),
    s.op("Gather", [s.weight([128, hidden], 0.5), "position_ids"]),
  ]);
  // a place sees those up to its own
  const total = s.op("Unsqueeze", [places(s, "attention_mask"), s.ints(0, 1, 2)]);
  const own = s.op("Unsqueeze", ["position_ids", s.ints(1, 3)]);
  const later = s.op("Where", [s.op("Greater", [total, own]), s.float(-1e9), s.float(0)]);
  const mask = s.op("Add", [later, padding(s, "attention_mask")]);
  const caches = [];
  for (let layer = 0; layer < layers; layer++) {
    const extend = (part, role) => {
      caches.push(`${layer}.${role}`);
      return s.op("Concat", [`past_key_values.${layer}.${role}`, part], { axis: 2n }, `present.${layer}.${role}`);
    };
    x = s.op("Add", [x, attention(s, norm(s, x), mask, extend)]);
    x = s.op("Add", [x, feedForward(s, norm(s, x))]);
  }
  s.op("MatMul", [norm(s, x), s.op("Transpose", [table], { perm: [1, 0] })], {}, "logits");
  const cache = (prefix, length) => caches.map((name) => [`${prefix}.${name}`, "f32", ["batch", heads, length, size]]);
  return s.model(
    [
      ["input_ids", "i64", ["batch", "seq"]],
      ["attention_mask", "i64", ["batch", "total"]],
      ["position_ids", "i64", ["batch", "seq"]],
      ...cache("past_key_values", "past"),
    ],
    [["logits", "f32", ["batch", "seq", words.length]], ...cache("present", "total")],
  );
}

function visionModel() {
  const s = sketch(3);
  const conv = (x, from, to, stride) =>
    s.op("Relu", [
      s.op("Conv", [x, s.weight([to, from, 3, 3]), s.weight([to])], { strides: [stride, stride], pads: [1, 1, 1, 1] }),
    ]);
  let x = conv("pixel_values", 3, 8, 2);
  x = s.op("Add", [x, conv(x, 8, 8, 1)]);
  x = s.op("MaxPool", [conv(x, 8, 16, 1)], { kernel_shape: [2, 2], strides: [2, 2] });
  const pooled = s.op("Flatten", [s.op("GlobalAveragePool", [x])]);
  s.op("Gemm", [pooled, s.weight([16, 4]), s.weight([4])], {}, "logits");
  return s.model([["pixel_values", "f32", ["batch", 3, "height", "width"]]], [["logits", "f32", ["batch", 4]]]);
}

/** [1, samples] as [1, 1, frames, 32]: a strided filter bank. */
function melModel() {
  const s = sketch(4);
  const wave = s.op("Unsqueeze", [s.op("Mul", ["input", s.float(1 / 32_768)]), s.ints(1)]);
  const bank = s.op("Conv", [wave, s.weight([32, 1, 400], 0.1)], { strides: [160] });
  const power = s.op("Log", [s.op("Add", [s.op("Mul", [bank, bank]), s.float(1e-6)])]);
  s.op("Unsqueeze", [s.op("Transpose", [power], { perm: [0, 2, 1] }), s.ints(1)], {}, "output");
  return s.model([["input", "f32", ["batch", "samples"]]], [["output", "f32", ["batch", 1, "frames", 32]]]);
}

/** [batch, 76, 32, 1] as [batch, 1, 1, 96]. */
function embeddingModel() {
  const s = sketch(5);
  const image = s.op("Transpose", ["input_1"], { perm: [0, 3, 1, 2] });
  const conv = s.op("Relu", [s.op("Conv", [image, s.weight([8, 1, 3, 3])], { strides: [2, 2] })]);
  const pooled = s.op("Reshape", [
    s.op("AveragePool", [conv], { kernel_shape: [9, 5], strides: [9, 5] }),
    s.ints(0, -1),
  ]);
  const flat = s.op("Tanh", [s.op("MatMul", [pooled, s.weight([8 * 4 * 3, 96])])]);
  s.op("Reshape", [flat, s.ints(0, 1, 1, 96)], {}, "conv2d_19");
  return s.model([["input_1", "f32", ["batch", 76, 32, 1]]], [["conv2d_19", "f32", ["batch", 1, 1, 96]]]);
}

const tokenizer = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: words.slice(0, 4).map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: { type: "Lowercase" },
  pre_tokenizer: { type: "Whitespace" },
  post_processor: null,
  decoder: null,
  model: { type: "WordLevel", vocab: Object.fromEntries(words.map((word, id) => [word, id])), unk_token: "[UNK]" },
};

const tokens = {
  "tokenizer.json": tokenizer,
  "tokenizer_config.json": {
    tokenizer_class: "PreTrainedTokenizerFast",
    pad_token: "[PAD]",
    unk_token: "[UNK]",
    cls_token: "[CLS]",
    sep_token: "[SEP]",
    model_max_length: 64,
  },
};

const folders = {
  text: {
    ...tokens,
    "config.json": {
      model_type: "bert",
      architectures: ["BertModel"],
      hidden_size: hidden,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      vocab_size: words.length,
    },
  },
  generation: {
    ...tokens,
    "config.json": {
      model_type: "gpt2",
      architectures: ["GPT2LMHeadModel"],
      n_embd: hidden,
      n_layer: layers,
      n_head: heads,
      vocab_size: words.length,
      eos_token_id: 3,
      bos_token_id: 2,
      pad_token_id: 0,
    },
    "generation_config.json": { eos_token_id: 3, pad_token_id: 0, max_length: 30 },
  },
  vision: {
    "config.json": {
      model_type: "resnet",
      architectures: ["ResNetForImageClassification"],
      id2label: { 0: "core", 1: "router", 2: "link", 3: "edge" },
    },
    "preprocessor_config.json": {
      image_processor_type: "ViTImageProcessor",
      do_resize: true,
      size: { height: 32, width: 40 },
      do_rescale: true,
      rescale_factor: 1 / 255,
      do_normalize: true,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
      resample: 2,
    },
  },
};

export async function writeModels(folder, encodeModel) {
  const models = { text: textModel(), generation: generationModel(), vision: visionModel() };
  for (const [name, files] of Object.entries(folders)) {
    mkdirSync(path.join(folder, name, "onnx"), { recursive: true });
    writeFileSync(path.join(folder, name, "onnx", "model.onnx"), await encodeModel(models[name]));
    for (const [file, content] of Object.entries(files))
      writeFileSync(path.join(folder, name, file), JSON.stringify(content));
  }
  writeFileSync(path.join(folder, "mel.onnx"), await encodeModel(melModel()));
  writeFileSync(path.join(folder, "embedding.onnx"), await encodeModel(embeddingModel()));
}
