import { describe, expect, it } from "@jest/globals";
import { dtypeInfo, type DType } from "../../ir/dtype.ts";
import { float } from "../helpers/onnx-builder.ts";
import { distance, loweredTexts, type NodeCase, numbers, ramp, refusal, run, tensor, values } from "./node-case.ts";

const to = (dtype: DType): NonNullable<NodeCase["attributes"]> => ({ to: dtypeInfo(dtype).onnxId });

describe("Cast", () => {
  const x = tensor([4], [1.9, -1.9, 300.5, 0]);
  it.each([
    ["i32", [1, -1, 300, 0]],
    ["u8", [1, 255, 44, 0]],
    ["bool", [1, 1, 1, 0]],
    ["i64", [1, -1, 300, 0]],
    ["f16", [0x3f9a, 0xbf9a, 0x5cb2, 0]],
  ] as const)("to %s truncates, wraps or rounds", async (dtype, expected) => {
    const [result] = await run({ op: "Cast", opset: 13, attributes: to(dtype), inputs: [x] });
    expect(result?.dtype).toBe(dtype);
    expect(result && numbers(result)).toEqual(expected);
  });

  it("saturates 8-bit floats unless told otherwise", async () => {
    const large = [tensor([1], [1e6])];
    const attributes = to("f8e4m3fn");
    expect(await values({ op: "Cast", opset: 19, attributes, inputs: large })).toEqual([0x7e]);
    expect(await values({ op: "Cast", opset: 19, attributes: { ...attributes, saturate: 0 }, inputs: large })).toEqual([0x7f]); // prettier-ignore
  });

  it("follows the type of another value in CastLike, whose value it does not read", async () => {
    const [result] = await run({ op: "CastLike", opset: 19, inputs: [x, tensor([0], [], "i16")] });
    expect(result?.dtype).toBe("i16");
  });

  it("refuses types that do not exist", async () => {
    expect(await refusal({ op: "Cast", opset: 13, attributes: { to: 99 }, inputs: [x] })).toContain("WSC3006");
    expect(await refusal({ op: "Cast", opset: 13, inputs: [x] })).toContain("WSC3002");
    expect(await refusal({ op: "BitCast", opset: 26, attributes: to("i64"), inputs: [x] })).toContain("WSC3005");
  });
});

describe("Dropout", () => {
  const x = tensor([2], [3, 4]);
  it("passes its input on, with a mask of the version's type", async () => {
    const masks = [7, 10, 13].map(async (opset) => {
      const [y, mask] = await run({ op: "Dropout", opset, outputs: 2, inputs: [x] });
      expect(y && numbers(y)).toEqual([3, 4]);
      // false before opset 12, as in onnxruntime
      expect(mask && numbers(mask)).toEqual(opset < 12 ? [0, 0] : [1, 1]);
      return mask?.dtype;
    });
    expect(await Promise.all(masks)).toEqual(["f32", "bool", "bool"]);
  });

  it("drops and scales in training only", async () => {
    const many = ramp([1000], 0, 1);
    const inputs = [many, tensor([], [0.75]), tensor([], [1], "bool")];
    const spec: NodeCase = { op: "Dropout", opset: 13, attributes: { seed: 1 }, outputs: 2, inputs, constants: [1, 2] };
    const [y, mask] = await run(spec);
    expect(y && numbers(y)).toEqual(mask && numbers(mask).map((kept) => kept * 4));
    const kept = numbers(mask ?? many).reduce((a, b) => a + b, 0);
    expect(kept).toBeGreaterThan(150);
    expect(kept).toBeLessThan(350);
    // numpy: (numpy.random.RandomState(1).uniform(size=1000) >= 0.75).nonzero()[0][:8]
    const first = numbers(mask ?? many).flatMap((isKept, i) => (isKept === 1 ? [i] : [])).slice(0, 8); // prettier-ignore
    expect(first).toEqual([13, 20, 21, 24, 25, 29, 32, 37]);
    expect(await values({ ...spec, outputs: 1, inputs: [many, tensor([], [0]), inputs[2] ?? null] })).toEqual(numbers(many)); // prettier-ignore
  });
});

describe("optimizers", () => {
  const domain = "ai.onnx.preview.training";
  const [rate, first, later] = [tensor([], [0.1]), tensor([], [0], "i64"), tensor([], [2], "i64")];
  const [x, gradient] = [tensor([2], [1, 2]), tensor([2], [0.5, -1])];

  it("Momentum updates the velocity before the value", async () => {
    const attributes = { alpha: float(0.9), beta: float(0.5), mode: "standard", norm_coefficient: float(0) };
    const inputs = [rate, later, x, gradient, tensor([2], [1, 1])];
    const spec: NodeCase = { op: "Momentum", domain, opset: 1, outputs: 2, attributes, inputs };
    const [value, velocity] = (await run(spec)).map(numbers);
    expect(distance(velocity ?? [], [1.15, 0.4])).toBeLessThan(1e-6);
    expect(distance(value ?? [], [1 - 0.115, 2 - 0.04])).toBeLessThan(1e-6);
    const [, fresh] = (await run({ ...spec, inputs: [rate, first, ...inputs.slice(2)] })).map(numbers);
    expect(distance(fresh ?? [], [1.4, -0.1])).toBeLessThan(1e-6);
  });

  it("Adagrad and Adam take the tensors in groups: values, gradients, states", async () => {
    const twice = (...tensors: readonly (typeof x)[]): (typeof x)[] => tensors.flatMap((t) => [t, t]);
    const zero = tensor([2], [0, 0]);
    const adagrad = await run({ op: "Adagrad", domain, opset: 1, outputs: 4, inputs: [rate, first, ...twice(x, gradient, zero)] }); // prettier-ignore
    expect(adagrad.map(numbers).map((list) => distance(list, [0.9, 2.1]) < 1e-6)).toEqual([true, true, false, false]);
    const adam = await run({
      op: "Adam",
      domain,
      opset: 1,
      outputs: 3,
      inputs: [rate, later, x, gradient, zero, zero],
    });
    const speed = (0.1 * Math.sqrt(1 - 0.999 ** 2)) / (1 - 0.9 ** 2);
    const step = [0.5, -1].map((g) => (speed * 0.1 * g) / Math.sqrt(0.001 * g * g));
    expect(distance(numbers(adam[0] ?? x), [1 - (step[0] ?? 0), 2 - (step[1] ?? 0)])).toBeLessThan(1e-5);
  });
});

it("lowers conversions to casts, or to nothing", async () => {
  const cases: readonly NodeCase[] = [
    { op: "Identity", opset: 14, inputs: [ramp([2])] },
    { op: "Cast", opset: 13, attributes: to("f32"), inputs: [ramp([2])] },
    { op: "Cast", opset: 24, attributes: to("f8e5m2"), inputs: [ramp([2])] },
    { op: "CastLike", opset: 15, inputs: [ramp([2]), tensor([], [0], "u8")] },
    { op: "BitCast", opset: 26, attributes: to("i32"), inputs: [ramp([2])] },
    { op: "Dropout", opset: 13, outputs: 2, inputs: [ramp([2])] },
  ];
  expect(await loweredTexts(cases)).toMatchGolden("operators/conversions.txt");
});
