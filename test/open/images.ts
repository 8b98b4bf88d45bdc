/** Image models with an open batch and open sizes: convolutions of all kinds, pools, feature pyramids. Weights are made up. */
import { tensorFrom } from "../../ir/tensor.ts";
import { f32, ints, type ModelSpec, node } from "../helpers/onnx-builder.ts";
import { madeUp } from "./models.ts";

const floats = (...values: number[]): ReturnType<typeof tensorFrom> => tensorFrom("f32", [values.length], values);

const bias = (name: string, seed: number, channels: number): Record<string, ReturnType<typeof tensorFrom>> => ({
  [name]: madeUp(seed, [channels]),
});

/** A stem with a pool, residual blocks of which one halves the image, and a classifier over the mean of all pixels. */
export const residual: ModelSpec = {
  opset: 13,
  inputs: { x: f32("batch", 3, "height", "width") },
  outputs: { y: f32("batch", 5) },
  initializers: {
    stem: madeUp(1, [8, 3, 7, 7], 0.2),
    ...bias("stem.scale", 2, 8),
    ...bias("stem.bias", 3, 8),
    ...bias("stem.mean", 4, 8),
    "stem.variance": floats(1, 2, 1, 3, 1, 2, 1, 1),
    a: madeUp(5, [8, 8, 3, 3], 0.2),
    ...bias("a.bias", 6, 8),
    b: madeUp(7, [12, 8, 3, 3], 0.2),
    ...bias("b.bias", 8, 12),
    c: madeUp(9, [12, 12, 3, 3], 0.2),
    shortcut: madeUp(10, [12, 8, 1, 1], 0.2),
    weights: madeUp(11, [12, 5]),
    ...bias("weights.bias", 12, 5),
  },
  nodes: [
    node("Conv", ["x", "stem"], ["s0"], { strides: [2, 2], pads: [3, 3, 3, 3] }),
    node("BatchNormalization", ["s0", "stem.scale", "stem.bias", "stem.mean", "stem.variance"], ["s1"]),
    node("Relu", ["s1"], ["s2"]),
    node("MaxPool", ["s2"], ["s3"], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
    node("Conv", ["s3", "a", "a.bias"], ["a0"], { pads: [1, 1, 1, 1] }),
    node("Add", ["a0", "s3"], ["a1"]),
    node("Relu", ["a1"], ["a2"]),
    node("Conv", ["a2", "b", "b.bias"], ["b0"], { strides: [2, 2], pads: [1, 1, 1, 1] }),
    node("Relu", ["b0"], ["b1"]),
    node("Conv", ["b1", "c"], ["b2"], { pads: [1, 1, 1, 1] }),
    node("Conv", ["a2", "shortcut"], ["b3"], { strides: [2, 2] }),
    node("Add", ["b2", "b3"], ["b4"]),
    node("GlobalAveragePool", ["b4"], ["mean"]),
    node("Flatten", ["mean"], ["flat"]),
    node("Gemm", ["flat", "weights", "weights.bias"], ["y"]),
  ],
};

/** Depthwise convolutions with squeeze and excitation, pools that count padding or not, groups, dilations, uneven pads. */
export const mobile: ModelSpec = {
  opset: 14,
  inputs: { x: f32("batch", 6, "height", "width") },
  outputs: { y: f32("batch", 6, null, null), z: f32("batch", 12, null, null), peak: f32("batch", 6) },
  initializers: {
    wide: madeUp(1, [6, 1, 5, 5], 0.2),
    narrow: madeUp(2, [6, 1, 3, 2], 0.2),
    squeeze: madeUp(3, [3, 6, 1, 1]),
    excite: madeUp(4, [6, 3, 1, 1]),
    grouped: madeUp(5, [12, 2, 3, 3], 0.2),
    dilated: madeUp(6, [6, 6, 3, 3], 0.2),
    ...bias("wide.bias", 7, 6),
  },
  nodes: [
    node("Conv", ["x", "wide", "wide.bias"], ["d0"], { group: 6, pads: [2, 2, 2, 2] }),
    node("HardSwish", ["d0"], ["d1"]),
    node("GlobalAveragePool", ["d1"], ["m"]),
    node("Conv", ["m", "squeeze"], ["q"]),
    node("Relu", ["q"], ["q1"]),
    node("Conv", ["q1", "excite"], ["e"]),
    node("HardSigmoid", ["e"], ["e1"]),
    node("Mul", ["d1", "e1"], ["d2"]),
    node("Conv", ["d2", "narrow"], ["d3"], { group: 6, strides: [2, 1], pads: [1, 0, 1, 1] }),
    node("AveragePool", ["d3"], ["p0"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    node("AveragePool", ["p0"], ["p1"], { kernel_shape: [2, 3], pads: [1, 1, 0, 1], count_include_pad: 1 }),
    node("MaxPool", ["p1"], ["p2"], { kernel_shape: [5, 5], pads: [2, 2, 2, 2] }),
    node("Conv", ["p2", "dilated"], ["y"], { dilations: [2, 1], pads: [2, 1, 2, 1] }),
    node("Conv", ["d2", "grouped"], ["z"], { group: 3, strides: [1, 2], pads: [0, 1, 1, 0] }),
    node("ReduceMax", ["y"], ["peak"], { axes: [2, 3], keepdims: 0 }),
  ],
};

/** A pyramid as detectors have it: halved twice, grown back, joined, cut apart by channels, with a transposed convolution at the end. */
export const pyramid: ModelSpec = {
  opset: 13,
  inputs: { x: f32(1, 4, "height", "width") },
  outputs: { y: f32(1, 2, null, null), rows: f32(1, null, 8) },
  initializers: {
    one: madeUp(1, [8, 4, 3, 3], 0.3),
    two: madeUp(2, [8, 8, 3, 3], 0.3),
    join: madeUp(3, [8, 16, 1, 1], 0.3),
    grow: madeUp(4, [4, 2, 2, 2], 0.5),
    overlap: madeUp(5, [2, 2, 3, 3], 0.5),
    two_: tensorFrom("f32", [], [2]),
    images: ints(1, 8),
    axis2: ints(2),
    axis4: ints(4),
    scales: floats(1, 1, 2, 2),
    front: ints(0),
    half: ints(4),
    all: ints(8),
    channels: ints(1),
    flat: ints(1, 8, -1),
    around: ints(0, 0, 1, 0, 0, 0, 2, 1),
  },
  nodes: [
    node("Conv", ["x", "one"], ["a"], { strides: [2, 2], pads: [1, 1, 1, 1] }),
    node("Sigmoid", ["a"], ["as"]),
    node("Mul", ["a", "as"], ["a1"]),
    node("Conv", ["a1", "two"], ["b"], { strides: [2, 2], auto_pad: "SAME_UPPER" }),
    node("Resize", ["b", "", "scales"], ["b1"], {
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    }),
    // as exporters write a scale that is no constant to them: by way of the sizes, in floats
    node("Shape", ["b1"], ["b1.shape"]),
    node("Slice", ["b1.shape", "axis2", "axis4", "front"], ["b1.size"]),
    node("Cast", ["b1.size"], ["b1.float"], { to: 1 }),
    node("Mul", ["b1.float", "two_"], ["b1.twice"]),
    node("Floor", ["b1.twice"], ["b1.whole"]),
    node("Cast", ["b1.whole"], ["b1.sizes"], { to: 7 }),
    node("Concat", ["images", "b1.sizes"], ["b1.all"], { axis: 0 }),
    node("Resize", ["b1", "", "", "b1.all"], ["b2"], { mode: "nearest" }),
    node("MaxPool", ["b2"], ["b3"], { kernel_shape: [2, 2], strides: [2, 2] }),
    node("Concat", ["a1", "b3"], ["j"], { axis: 1 }),
    node("Conv", ["j", "join"], ["j1"]),
    node("Slice", ["j1", "front", "half", "channels"], ["left"]),
    node("Slice", ["j1", "half", "all", "channels"], ["right"]),
    node("Add", ["left", "right"], ["sum"]),
    node("ConvTranspose", ["sum", "grow"], ["g"], { strides: [2, 2] }),
    node("Pad", ["g", "around"], ["g1"]),
    node("ConvTranspose", ["g1", "overlap"], ["g2"], { strides: [2, 1], pads: [1, 1, 1, 1], output_padding: [1, 0] }),
    node("Relu", ["g2"], ["y"]),
    node("Reshape", ["j1", "flat"], ["f"]),
    node("Transpose", ["f"], ["rows"], { perm: [0, 2, 1] }),
  ],
};

/** Convolutions of many channels, of which few pixels are summed directly and many by minimal filtering. */
export const deep: ModelSpec = {
  opset: 13,
  inputs: { x: f32("batch", 24, "height", "width") },
  outputs: { y: f32("batch", 40, null, null) },
  initializers: {
    one: madeUp(1, [32, 24, 3, 3], 0.2),
    ...bias("one.bias", 2, 32),
    two: madeUp(3, [32, 32, 3, 3], 0.2),
    halved: madeUp(4, [40, 32, 3, 3], 0.2),
    flat: madeUp(5, [40, 40, 1, 3], 0.2),
  },
  nodes: [
    node("Conv", ["x", "one", "one.bias"], ["a"], { pads: [1, 1, 1, 1] }),
    node("Relu", ["a"], ["a1"]),
    node("Conv", ["a1", "two"], ["b"], { pads: [1, 1, 1, 1] }),
    node("Add", ["b", "a1"], ["b1"]),
    node("Relu", ["b1"], ["b2"]),
    node("Conv", ["b2", "halved"], ["c"], { strides: [2, 2], pads: [1, 1, 1, 1] }),
    node("Conv", ["c", "flat"], ["y"], { pads: [0, 1, 0, 1] }),
  ],
};
