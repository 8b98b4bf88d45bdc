/** Models with symbolic dims, as exporters write them: shape arithmetic by Shape, Gather, Concat and Slice. Weights are made up. */
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { f32, i64, ints, type ModelSpec, node, type NodeSpec } from "../helpers/onnx-builder.ts";

/** Numbers between -scale and scale, the same for the same seed. */
export function madeUp(seed: number, shape: readonly number[], scale = 0.5): TensorData {
  let state = seed * 7919 + 1;
  const count = shape.reduce((product, dim) => product * dim, 1);
  const values = Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return (state / 1073741824 - 1) * scale;
  });
  return tensorFrom("f32", shape, values);
}

const scalar = (value: number): TensorData => tensorFrom("i64", [], [value]);

/** Two layers and a softmax over rows of an open batch. */
export const perceptron: ModelSpec = {
  opset: 13,
  inputs: { x: f32("batch", 12) },
  outputs: { y: f32("batch", 10) },
  initializers: { w1: madeUp(1, [12, 20]), b1: madeUp(2, [20]), w2: madeUp(3, [10, 20]), b2: madeUp(4, [10]) },
  nodes: [
    node("MatMul", ["x", "w1"], ["m1"]),
    node("Add", ["m1", "b1"], ["a1"]),
    node("Relu", ["a1"], ["r1"]),
    node("Gemm", ["r1", "w2", "b2"], ["g"], { transB: 1 }),
    node("Softmax", ["g"], ["y"], { axis: -1 }),
  ],
};

const width = 16;
const heads = 2;
const headWidth = width / heads;

/** [batch, seq, width] -> [batch, heads, seq, headWidth], the dims read off the value itself. */
const splitHeads = (from: string, to: string): NodeSpec[] => [
  node("Shape", [from], [`${to}.shape`]),
  node("Gather", [`${to}.shape`, "zero"], [`${to}.batch`], { axis: 0 }),
  node("Gather", [`${to}.shape`, "one"], [`${to}.seq`], { axis: 0 }),
  node("Unsqueeze", [`${to}.batch`, "axis0"], [`${to}.b1`]),
  node("Unsqueeze", [`${to}.seq`, "axis0"], [`${to}.s1`]),
  node("Concat", [`${to}.b1`, `${to}.s1`, "heads1", "headWidth1"], [`${to}.split`], { axis: 0 }),
  node("Reshape", [from, `${to}.split`], [`${to}.apart`]),
  node("Transpose", [`${to}.apart`], [to], { perm: [0, 2, 1, 3] }),
];

const dense = (from: string, weights: string, to: string): NodeSpec[] => [
  node("MatMul", [from, `${weights}.w`], [`${to}.product`]),
  node("Add", [`${to}.product`, `${weights}.b`], [to]),
];

/** Layer normalisation as exporters below opset 17 write it. */
const norm = (from: string, weights: string, to: string): NodeSpec[] => [
  node("ReduceMean", [from], [`${to}.mean`], { axes: [-1], keepdims: 1 }),
  node("Sub", [from, `${to}.mean`], [`${to}.centred`]),
  node("Pow", [`${to}.centred`, "two"], [`${to}.square`]),
  node("ReduceMean", [`${to}.square`], [`${to}.variance`], { axes: [-1], keepdims: 1 }),
  node("Add", [`${to}.variance`, "epsilon"], [`${to}.shifted`]),
  node("Sqrt", [`${to}.shifted`], [`${to}.deviation`]),
  node("Div", [`${to}.centred`, `${to}.deviation`], [`${to}.unit`]),
  node("Mul", [`${to}.unit`, `${weights}.w`], [`${to}.scaled`]),
  node("Add", [`${to}.scaled`, `${weights}.b`], [to]),
];

/** Scores, mask, softmax, values, and the heads side by side again: [batch, seq, width]. */
const attention = (q: string, k: string, v: string, mask: NodeSpec[], to: string): NodeSpec[] => [
  node("Transpose", [k], [`${to}.kt`], { perm: [0, 1, 3, 2] }),
  node("MatMul", [q, `${to}.kt`], [`${to}.raw`]),
  node("Div", [`${to}.raw`, "root"], [`${to}.scores`]),
  ...mask,
  node("Softmax", [`${to}.masked`], [`${to}.weights`], { axis: 3 }),
  node("MatMul", [`${to}.weights`, v], [`${to}.heads`]),
  node("Transpose", [`${to}.heads`], [`${to}.rows`], { perm: [0, 2, 1, 3] }),
  node("Reshape", [`${to}.rows`, "joinHeads"], [to]),
];

const denseWeights = (name: string, seed: number, from: number, to: number): Record<string, TensorData> => ({
  [`${name}.w`]: madeUp(seed, [from, to]),
  [`${name}.b`]: madeUp(seed + 1, [to]),
});
const normWeights = (name: string, seed: number): Record<string, TensorData> => ({
  [`${name}.w`]: madeUp(seed, [width], 1),
  [`${name}.b`]: madeUp(seed + 1, [width]),
});

const shared: Record<string, TensorData> = {
  zero: scalar(0),
  one: scalar(1),
  two_: scalar(2),
  one1: ints(1),
  axis0: ints(0),
  heads1: ints(heads),
  headWidth1: ints(headWidth),
  joinHeads: ints(0, 0, width),
  two: tensorFrom("f32", [], [2]),
  epsilon: tensorFrom("f32", [], [1e-5]),
  root: tensorFrom("f32", [], [Math.sqrt(headWidth)]),
  half: tensorFrom("f32", [], [0.5]),
  unit: tensorFrom("f32", [], [1]),
  sqrt2: tensorFrom("f32", [], [Math.SQRT2]),
};

const gelu = (from: string, to: string): NodeSpec[] => [
  node("Div", [from, "sqrt2"], [`${to}.over`]),
  node("Erf", [`${to}.over`], [`${to}.erf`]),
  node("Add", [`${to}.erf`, "unit"], [`${to}.plus`]),
  node("Mul", [from, `${to}.plus`], [`${to}.times`]),
  node("Mul", [`${to}.times`, "half"], [to]),
];

/** One layer of an encoder, from `x` to `to`. */
function encoderLayer(x: string, to: string): NodeSpec[] {
  const name = (part: string): string => `${to}.${part}`;
  return [
    ...["q", "k", "v"].flatMap((part) => [
      ...dense(x, name(part), name(`${part}.rows`)),
      ...splitHeads(name(`${part}.rows`), name(`${part}.heads`)),
    ]),
    ...attention(
      name("q.heads"),
      name("k.heads"),
      name("v.heads"),
      [node("Add", [`${name("joined")}.scores`, "bias"], [`${name("joined")}.masked`])],
      name("joined"),
    ),
    ...dense(name("joined"), name("o"), name("out")),
    node("Add", [name("out"), x], [name("sum")]),
    ...norm(name("sum"), name("n1"), name("normed")),
    ...dense(name("normed"), name("up"), name("wide")),
    ...gelu(name("wide"), name("active")),
    ...dense(name("active"), name("down"), name("narrow")),
    node("Add", [name("narrow"), name("normed")], [name("sum2")]),
    ...norm(name("sum2"), name("n2"), to),
  ];
}

function layerWeights(to: string, seed: number): Record<string, TensorData> {
  const name = (part: string): string => `${to}.${part}`;
  return {
    ...denseWeights(name("q"), seed, width, width),
    ...denseWeights(name("k"), seed + 2, width, width),
    ...denseWeights(name("v"), seed + 4, width, width),
    ...denseWeights(name("o"), seed + 6, width, width),
    ...normWeights(name("n1"), seed + 8),
    ...denseWeights(name("up"), seed + 10, width, 2 * width),
    ...denseWeights(name("down"), seed + 12, 2 * width, width),
    ...normWeights(name("n2"), seed + 14),
  };
}

/** An encoder of two layers in BERT's form: token ids, positions sliced off a table, a mask of ones and zeros. */
export const encoder: ModelSpec = {
  opset: 13,
  inputs: { ids: i64("batch", "seq"), mask: i64("batch", "seq") },
  outputs: { y: f32("batch", "seq", width) },
  initializers: {
    ...shared,
    tokens: madeUp(50, [30, width]),
    positions: madeUp(51, [1, 40, width]),
    far: tensorFrom("f32", [], [-10000]),
    maskAxes: ints(1, 2),
    ...layerWeights("l1", 100),
    ...layerWeights("l2", 200),
    ...normWeights("start", 300),
  },
  nodes: [
    node("Shape", ["ids"], ["ids.shape"]),
    node("Gather", ["ids.shape", "one"], ["seq"], { axis: 0 }),
    node("Unsqueeze", ["seq", "axis0"], ["seq1"]),
    node("Gather", ["tokens", "ids"], ["embedded"], { axis: 0 }),
    node("Slice", ["positions", "axis0", "seq1", "one1"], ["places"]),
    node("Add", ["embedded", "places"], ["placed"]),
    ...norm("placed", "start", "x"),
    node("Unsqueeze", ["mask", "maskAxes"], ["mask4"]),
    node("Cast", ["mask4"], ["maskFloat"], { to: 1 }),
    node("Sub", ["unit", "maskFloat"], ["hidden"]),
    node("Mul", ["hidden", "far"], ["bias"]),
    ...encoderLayer("x", "l1"),
    ...encoderLayer("l1", "l2"),
    node("Identity", ["l2"], ["y"]),
  ],
};

/** How a decoder's scores are masked. */
interface Masking {
  readonly inputs: ModelSpec["inputs"];
  readonly nodes: readonly NodeSpec[];
}

/** The causal mask alone. */
const causalOnly: Masking = {
  inputs: {},
  nodes: [node("Where", ["causal", "joined.scores", "far"], ["joined.masked"])],
};

/** And a mask of ones and zeros over all keys, whose length the caller gives as a dim of its own. */
const causalAndFed: Masking = {
  inputs: { mask: i64("batch", "total") },
  nodes: [
    node("Where", ["causal", "joined.scores", "far"], ["joined.causal"]),
    node("Unsqueeze", ["mask", "maskAxes"], ["mask4"]),
    node("Cast", ["mask4"], ["maskFloat"], { to: 1 }),
    node("Sub", ["unit", "maskFloat"], ["hidden"]),
    node("Mul", ["hidden", "far"], ["bias"]),
    node("Add", ["joined.causal", "bias"], ["joined.masked"]),
  ],
};

/** One layer of a decoder with a cache: past keys and values come in, present ones go out; positions by Range, a causal mask by Slice. */
const decoderOf = (masking: Masking): ModelSpec => ({
  opset: 13,
  inputs: {
    ids: i64("batch", "seq"),
    pastK: f32("batch", heads, "past", headWidth),
    pastV: f32("batch", heads, "past", headWidth),
    ...masking.inputs,
  },
  outputs: {
    y: f32("batch", "seq", width),
    presentK: f32("batch", heads, "total", headWidth),
    presentV: f32("batch", heads, "total", headWidth),
  },
  initializers: {
    ...shared,
    tokens: madeUp(60, [30, width]),
    positions: madeUp(61, [64, width]),
    triangle: tensorFrom(
      "bool",
      [1, 1, 64, 64],
      Array.from({ length: 4096 }, (_, i) => i % 64 <= i / 64),
    ),
    far: tensorFrom("f32", [], [-10000]),
    maskAxes: ints(1, 2),
    axis2: ints(2),
    axis3: ints(3),
    ...denseWeights("q", 400, width, width),
    ...denseWeights("k", 402, width, width),
    ...denseWeights("v", 404, width, width),
    ...denseWeights("o", 406, width, width),
    ...normWeights("n", 408),
  },
  nodes: [
    node("Shape", ["ids"], ["ids.shape"]),
    node("Gather", ["ids.shape", "one"], ["seq"], { axis: 0 }),
    node("Shape", ["pastK"], ["past.shape"]),
    node("Gather", ["past.shape", "two_"], ["past"], { axis: 0 }),
    node("Add", ["past", "seq"], ["total"]),
    node("Range", ["past", "total", "one"], ["range"]),
    node("Unsqueeze", ["range", "axis0"], ["place"]),
    node("Gather", ["tokens", "ids"], ["embedded"], { axis: 0 }),
    node("Gather", ["positions", "place"], ["places"], { axis: 0 }),
    node("Add", ["embedded", "places"], ["x"]),
    ...norm("x", "n", "h"),
    ...["q", "k", "v"].flatMap((part) => [
      ...dense("h", part, `${part}.rows`),
      ...splitHeads(`${part}.rows`, `${part}.heads`),
    ]),
    node("Concat", ["pastK", "k.heads"], ["presentK"], { axis: 2 }),
    node("Concat", ["pastV", "v.heads"], ["presentV"], { axis: 2 }),
    node("Unsqueeze", ["past", "axis0"], ["past1"]),
    node("Unsqueeze", ["total", "axis0"], ["total1"]),
    node("Slice", ["triangle", "past1", "total1", "axis2"], ["triangleRows"]),
    node("Slice", ["triangleRows", "axis0", "total1", "axis3"], ["causal"]),
    ...attention("q.heads", "presentK", "presentV", [...masking.nodes], "joined"),
    ...dense("joined", "o", "out"),
    node("Add", ["out", "x"], ["y"]),
  ],
});

export const decoder: ModelSpec = decoderOf(causalOnly);
export const maskedDecoder: ModelSpec = decoderOf(causalAndFed);
