import { describe, expect, it } from "@jest/globals";
import { float } from "../helpers/onnx-builder.ts";
import { distance, loweredTexts, type NodeCase, refusal, run, tensor, values } from "./node-case.ts";

const points = [-20, -3, -1.5, -0.5, 0, 0.25, 0.5, 1, 2.5, 3, 20];
const x = tensor([points.length], points);
const expectedOf = (reference: (v: number) => number): number[] => points.map((v) => reference(Math.fround(v)));

/** erf by its Taylor series, in double precision: converges for every x, used here for |x| < 4 only. */
function erf(v: number): number {
  if (Math.abs(v) > 4) return Math.sign(v);
  let [term, sum] = [v, v];
  for (let n = 1; n < 120; n++) {
    term *= (-v * v) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
const softplus = (v: number): number => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
const elu = (v: number, alpha: number): number => (v < 0 ? alpha * Math.expm1(v) : v);
const clamp = (v: number, low: number, high: number): number => Math.min(Math.max(v, low), high);

/** Operator, opset, attributes, and what it computes. */
const unary: readonly (readonly [string, number, NonNullable<NodeCase["attributes"]>, (v: number) => number])[] = [
  ["Abs", 13, {}, Math.abs],
  ["Neg", 13, {}, (v) => -v],
  ["Exp", 13, {}, Math.exp],
  ["Floor", 13, {}, Math.floor],
  ["Ceil", 13, {}, Math.ceil],
  ["Round", 22, {}, (v) => (Math.abs(v % 1) === 0.5 ? 2 * Math.round(v / 2) : Math.round(v))],
  ["Sign", 13, {}, Math.sign],
  ["Erf", 13, {}, erf],
  ["Sin", 7, {}, Math.sin],
  ["Atan", 22, {}, Math.atan],
  ["Asinh", 9, {}, Math.asinh],
  ["Tanh", 13, {}, Math.tanh],
  ["Relu", 7, {}, (v) => Math.max(v, 0)],
  ["LeakyRelu", 16, { alpha: float(0.1) }, (v) => (v < 0 ? 0.1 * v : v)],
  ["LeakyRelu", 7, {}, (v) => (v < 0 ? 0.01 * v : v)],
  ["Elu", 7, { alpha: float(2) }, (v) => elu(v, 2)],
  ["Selu", 22, {}, (v) => 1.0507009873554805 * elu(v, 1.6732632423543772)],
  ["Celu", 12, { alpha: float(2) }, (v) => Math.max(0, v) + Math.min(0, 2 * Math.expm1(v / 2))],
  ["Sigmoid", 13, {}, sigmoid],
  ["HardSigmoid", 7, {}, (v) => clamp(0.2 * v + 0.5, 0, 1)],
  ["HardSwish", 14, {}, (v) => v * clamp(v / 6 + 0.5, 0, 1)],
  ["Softplus", 7, {}, softplus],
  ["Softsign", 22, {}, (v) => v / (1 + Math.abs(v))],
  ["ThresholdedRelu", 10, { alpha: float(2) }, (v) => (v > 2 ? v : 0)],
  ["Gelu", 20, {}, (v) => 0.5 * v * (1 + erf(v / Math.SQRT2))],
  ["Gelu", 20, { approximate: "tanh" }, (v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))], // prettier-ignore
  ["Mish", 18, {}, (v) => v * Math.tanh(softplus(v))],
  ["Swish", 24, { alpha: float(1.5) }, (v) => v * sigmoid(1.5 * v)],
  ["Shrink", 9, { lambd: float(1), bias: float(0.25) }, (v) => (v < -1 ? v + 0.25 : v > 1 ? v - 0.25 : 0)],
  ["Shrink", 9, { lambd: float(-1), bias: float(0.25) }, (v) => (v < 1 ? v + 0.25 : v > -1 ? v - 0.25 : 0)],
  ["IsNaN", 20, {}, () => 0],
  ["IsInf", 20, {}, () => 0],
];

describe("elementwise operators of one input", () => {
  it.each(unary)("%s-%i %j computes what its definition says", async (op, opset, attributes, reference) => {
    const actual = await values({ op, opset, attributes, inputs: [x] });
    expect(distance(actual, expectedOf(reference))).toBeLessThan(2e-6);
  });

  it("keeps softplus and mish finite and exact for large inputs", async () => {
    const large = tensor([4], [-1000, -100, 100, 1000]);
    expect(await values({ op: "Softplus", opset: 7, inputs: [large] })).toEqual([0, 0, 100, 1000]);
    expect(await values({ op: "Mish", opset: 18, inputs: [large] })).toEqual([-0, -0, 100, 1000]);
  });

  it("computes f16 in f32 and rounds once", async () => {
    // 1 + 2^-10 is the f16 after 1: the square root of a sum in f16 would lose it.
    const spec: NodeCase = { op: "Exp", opset: 13, inputs: [tensor([2], [0x3c00, 0x4900], "f16")] };
    const [result] = await run(spec);
    expect(result?.dtype).toBe("f16");
    expect(result && [...result.elements]).toEqual([0x4170, 0x7561]); // e and e^10 as numpy rounds them
  });

  it("finds infinities of the signs that are asked for", async () => {
    const inputs = [tensor([3], [Infinity, -Infinity, 1])];
    const of = (attributes: NonNullable<NodeCase["attributes"]>): Promise<number[]> =>
      values({ op: "IsInf", opset: 10, attributes, inputs });
    expect(await of({})).toEqual([1, 1, 0]);
    expect(await of({ detect_negative: 0 })).toEqual([1, 0, 0]);
    expect(await of({ detect_positive: 0 })).toEqual([0, 1, 0]);
    expect(await of({ detect_positive: 0, detect_negative: 0 })).toEqual([0, 0, 0]);
  });
});

describe("elementwise operators of two inputs", () => {
  const a = tensor([2, 1], [7, -7]);
  const b = tensor([3], [2, -3, 4]);
  const pairs: readonly (readonly [string, number, readonly number[]])[] = [
    ["Add", 14, [9, 4, 11, -5, -10, -3]],
    ["Sub", 14, [5, 10, 3, -9, -4, -11]],
    ["Mul", 14, [14, -21, 28, -14, 21, -28]],
    ["Div", 14, [3.5, -7 / 3, 1.75, -3.5, 7 / 3, -1.75]],
    ["Greater", 13, [1, 1, 1, 0, 0, 0]],
    ["LessOrEqual", 16, [0, 0, 0, 1, 1, 1]],
    ["PRelu", 16, [7, 7, 7, -14, 21, -28]],
    ["Max", 13, [7, 7, 7, 2, -3, 4]],
    ["Min", 13, [2, -3, 4, -7, -7, -7]],
    ["Mean", 13, [4.5, 2, 5.5, -2.5, -5, -1.5]],
  ];

  it.each(pairs.filter(([op]) => op !== "PRelu"))("%s-%i broadcasts", async (op, opset, expected) => {
    expect(distance(await values({ op, opset, inputs: [a, b] }), expected)).toBeLessThan(1e-6);
  });

  it("broadcasts a slope to the input, but not the input to a slope", async () => {
    const square = tensor([2, 3], [7, 7, 7, -7, -7, -7]);
    expect(await values({ op: "PRelu", opset: 16, inputs: [square, b] })).toEqual([7, 7, 7, -14, 21, -28]);
    expect(await refusal({ op: "PRelu", opset: 16, inputs: [b, square] })).toContain("WSC3004");
  });

  it("divides integers toward zero and takes the remainder's sign from the divisor, or from the dividend", async () => {
    const [m, n] = [tensor([4], [7, -7, 7, -7], "i32"), tensor([4], [3, 3, -3, -3], "i32")];
    expect(await values({ op: "Div", opset: 14, inputs: [m, n] })).toEqual([2, -2, -2, 2]);
    expect(await values({ op: "Mod", opset: 13, inputs: [m, n] })).toEqual([1, 2, -2, -1]);
    expect(await values({ op: "Mod", opset: 13, attributes: { fmod: 1 }, inputs: [m, n] })).toEqual([1, -1, 1, -1]);
  });

  it("takes remainders of floats by floor since opset 28, with the divisor's sign", async () => {
    expect(await refusal({ op: "Mod", opset: 13, inputs: [a, b] })).toContain("WSC3006");
    expect(await values({ op: "Mod", opset: 28, inputs: [a, b] })).toEqual([1, -2, 3, 1, -1, 1]);
    const infinite = tensor([2], [Infinity, -Infinity]);
    expect(await values({ op: "Mod", opset: 28, inputs: [a, infinite] })).toEqual([7, -Infinity, Infinity, -7]);
    expect(await values({ op: "Mod", opset: 28, inputs: [infinite, b].slice(0, 1).concat(tensor([], [2])) })).toEqual([
      NaN,
      NaN,
    ]);
    expect(await values({ op: "Mod", opset: 28, inputs: [a, tensor([], [0])] })).toEqual([NaN, NaN]);
  });

  it("raises integers to fractional powers in floating point", async () => {
    const base = tensor([3], [4, 9, 2], "i32");
    expect(await values({ op: "Pow", opset: 15, inputs: [base, tensor([], [0.5])] })).toEqual([2, 3, 1]);
    expect(await values({ op: "Pow", opset: 15, inputs: [base, tensor([], [3], "i64")] })).toEqual([64, 729, 8]);
  });

  it("shifts unsigned integers either way", async () => {
    const inputs = [tensor([2], [1, 16], "u8"), tensor([2], [3, 2], "u8")];
    expect(await values({ op: "BitShift", opset: 11, attributes: { direction: "LEFT" }, inputs })).toEqual([8, 64]);
    expect(await values({ op: "BitShift", opset: 11, attributes: { direction: "RIGHT" }, inputs })).toEqual([0, 4]);
    expect(await refusal({ op: "BitShift", opset: 11, attributes: { direction: "UP" }, inputs })).toContain("WSC3006");
  });

  it("shifts signed integers since opset 28, to the right with copies of the sign", async () => {
    const inputs = [tensor([5], [-128, -1, 65, 64, -3], "i8"), tensor([5], [1, 9, 1, 2, -1], "i8")];
    const shifted = (direction: string, opset = 28): NodeCase => ({
      op: "BitShift",
      opset,
      attributes: { direction },
      inputs,
    });
    expect(await values(shifted("RIGHT"))).toEqual([-64, -1, 32, 16, -1]);
    expect(await values(shifted("LEFT"))).toEqual([0, 0, -126, 0, 0]);
    expect(await refusal(shifted("LEFT", 27))).toContain("unsigned before opset 28");
  });

  it("refuses operands of different types", async () => {
    expect(await refusal({ op: "Add", opset: 14, inputs: [a, tensor([1], [1], "f64")] })).toContain("WSC3005");
    expect(await refusal({ op: "Add", opset: 14, inputs: [tensor([1], [1], "bool"), tensor([1], [1], "bool")] })).toContain("WSC3005"); // prettier-ignore
  });
});

describe("Clip", () => {
  it("takes bounds from attributes before opset 11, from inputs after that", async () => {
    const attributes = { min: float(-1), max: float(2) };
    const expected = points.map((v) => clamp(v, -1, 2));
    expect(await values({ op: "Clip", opset: 7, attributes, inputs: [x] })).toEqual(expected);
    const bounds = [tensor([], [-1]), tensor([], [2])] as const;
    expect(await values({ op: "Clip", opset: 13, inputs: [x, ...bounds] })).toEqual(expected);
    expect(await values({ op: "Clip", opset: 13, inputs: [x, null, bounds[1]] })).toEqual(points.map((v) => Math.min(v, 2))); // prettier-ignore
    expect(await refusal({ op: "Clip", opset: 13, attributes, inputs: [x] })).toContain("WSC3002");
  });

  it("gives the upper bound where the bounds cross", async () => {
    const crossed = [tensor([2], [0, 5]), tensor([], [3]), tensor([], [1])];
    expect(await values({ op: "Clip", opset: 13, inputs: crossed })).toEqual([1, 1]);
  });
});

describe("operators of any number of inputs", () => {
  it("combines many inputs in groups", async () => {
    const inputs = Array.from({ length: 100 }, (_, i) => tensor([], [i]));
    const spec: NodeCase = { op: "Sum", opset: 13, inputs };
    expect(await values(spec)).toEqual([4950]);
    expect(await values({ ...spec, op: "Mean" })).toEqual([49.5]);
    expect(await values({ ...spec, op: "Max" })).toEqual([99]);
  });
});

describe("Where", () => {
  it("chooses between values of any numeric type", async () => {
    const condition = tensor([2, 1], [1, 0], "bool");
    const choices = [tensor([2], [1, 2], "i4"), tensor([], [-3], "i4")];
    expect(await values({ op: "Where", opset: 16, inputs: [condition, ...choices] })).toEqual([1, 2, -3, -3]);
  });
});

it("lowers every elementwise operator to one map", async () => {
  const f16 = tensor([2], [0x3c00, 0], "f16");
  const cases: readonly NodeCase[] = [
    ...unary.map(([op, opset, attributes]): NodeCase => ({ op, opset, attributes, inputs: [tensor([2], [1, 2])] })),
    { op: "Tanh", opset: 13, inputs: [f16] },
    { op: "Add", opset: 14, inputs: [f16, f16] },
    { op: "Pow", opset: 15, inputs: [tensor([2], [1, 2], "i32"), tensor([2], [1, 2])] },
    { op: "Clip", opset: 13, inputs: [tensor([2], [1, 2]), tensor([], [0]), tensor([], [6])], constants: [1, 2] },
    { op: "SwiGLU", opset: 28, inputs: [tensor([2], [1, 2]), tensor([2], [1, 2])] },
    { op: "Equal", opset: 19, inputs: [tensor([2], [1, 0], "bool"), tensor([2], [1, 1], "bool")] },
  ];
  expect(await loweredTexts(cases)).toMatchGolden("operators/elementwise.txt");
});
