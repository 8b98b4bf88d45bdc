import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { elementCount } from "../../ir/tensor.ts";
import { float } from "../helpers/onnx-builder.ts";
import { distance, loweredTexts, type NodeCase, numbers, ramp, refusal, run, tensor, values } from "./node-case.ts";

const shapeOf = async (spec: NodeCase): Promise<readonly number[] | undefined> => (await run(spec))[0]?.shape;

interface Line {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
}

/** Windows in one dim, with padding at least as the kernel allows it. */
const lines: fc.Arbitrary<Line> = fc
  .record({
    size: fc.integer({ min: 1, max: 9 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 4 }),
    dilation: fc.integer({ min: 1, max: 3 }),
    begin: fc.integer({ min: 0, max: 3 }),
    end: fc.integer({ min: 0, max: 3 }),
  })
  .filter(({ size, kernel, dilation, begin, end }) => {
    const span = (kernel - 1) * dilation + 1;
    return size + begin + end >= span && begin < kernel && end < kernel;
  });

const attributesOf = ({ kernel, stride, dilation, begin, end }: Line): NonNullable<NodeCase["attributes"]> => ({
  kernel_shape: [kernel],
  strides: [stride],
  dilations: [dilation],
  pads: [begin, end],
});

/** Positions of the taps of every window, by the definition. */
function windowsOf({ size, kernel, stride, dilation, begin, end }: Line, ceil: boolean): number[][] {
  const windows: number[][] = [];
  const span = (kernel - 1) * dilation + 1;
  for (let start = -begin; ; start += stride) {
    const fits = start + span <= size + end;
    const starts = start < size && start + span < size + end + stride;
    if (!(ceil ? fits || starts : fits)) return windows;
    windows.push(Array.from({ length: kernel }, (_, tap) => start + tap * dilation));
  }
}

describe("windows", () => {
  it("lie where the definition has them, in convolutions and pools", async () => {
    await fc.assert(
      fc.asyncProperty(lines, async (line) => {
        const x = ramp([1, 1, line.size], 1, 1);
        const at = (position: number): number => (position >= 0 && position < line.size ? position + 1 : 0);
        const sums = windowsOf(line, false).map((taps) => taps.reduce((sum, tap) => sum + at(tap), 0));
        const ones = tensor([1, 1, line.kernel], new Array<number>(line.kernel).fill(1));
        const attributes = attributesOf(line);
        expect(await values({ op: "Conv", opset: 11, attributes, inputs: [x, ones] })).toEqual(sums);
        const largest = windowsOf(line, false).map((taps) => Math.max(...taps.map(at)));
        const pooled = await values({ op: "MaxPool", opset: 12, attributes, inputs: [x] });
        expect(pooled.filter((value) => value > 0)).toEqual(largest.filter((value) => value > 0));
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it("hang over the end with ceil_mode only when they start inside", async () => {
    await fc.assert(
      fc.asyncProperty(lines, async (line) => {
        const attributes = { ...attributesOf(line), ceil_mode: 1, count_include_pad: 1 };
        const x = ramp([1, 1, line.size], 1, 1);
        const at = (position: number): number => (position >= 0 && position < line.size ? position + 1 : 0);
        const expected = windowsOf(line, true).map((taps) => {
          const counted = taps.filter((tap) => tap < line.size + line.end);
          return counted.reduce((sum, tap) => sum + at(tap), 0) / counted.length;
        });
        const actual = await values({ op: "AveragePool", opset: 19, attributes, inputs: [x] });
        expect(distance(actual, expected)).toBeLessThan(1e-6);
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  it.each<[string, number, number, readonly number[]]>([
    ["a window that hangs over by less than a stride", 4, 2, [3]],
    ["one that hangs over by a stride", 5, 2, []],
    ["one that fits", 3, 2, [3]],
  ])("of a pool larger than the padded input: %s", async (_, kernel, stride, expected) => {
    const attributes = { kernel_shape: [kernel], strides: [stride] };
    const x = ramp([1, 1, 3], 1, 1);
    expect(await values({ op: "MaxPool", opset: 12, attributes, inputs: [x] })).toEqual(expected);
    const average = expected.map(() => 2);
    expect(await values({ op: "AveragePool", opset: 12, attributes, inputs: [x] })).toEqual(average);
    const counting = { ...attributes, count_include_pad: 1 };
    expect(await values({ op: "AveragePool", opset: 19, attributes: counting, inputs: [x] })).toEqual(average);
    const all = distance(
      await values({ op: "AveragePool", opset: 12, attributes: counting, inputs: [x] }),
      expected.map(() => 6 / kernel),
    );
    expect(all).toBeLessThan(1e-6);
  });

  it("are refused where none is left", async () => {
    const attributes = { kernel_shape: [6], strides: [1] };
    expect(await refusal({ op: "MaxPool", opset: 12, attributes, inputs: [ramp([1, 1, 3])] })).toContain("WSC3004");
  });

  it.each(["SAME_UPPER", "SAME_LOWER"])("%s pads to ceil(size / stride) outputs", async (auto_pad) => {
    for (const [size, kernel, stride] of [[5, 3, 2], [6, 3, 2], [7, 2, 3], [4, 1, 3], [5, 4, 1]] as const) {
      const attributes = { kernel_shape: [kernel], strides: [stride], auto_pad };
      const pool: NodeCase = { op: "MaxPool", opset: 11, attributes, inputs: [ramp([1, 1, size])] };
      expect(await shapeOf(pool)).toEqual([1, 1, Math.ceil(size / stride)]);
      const conv: NodeCase = { op: "Conv", opset: 11, attributes, inputs: [ramp([1, 1, size]), ramp([2, 1, kernel])] };
      expect(await shapeOf(conv)).toEqual([1, 2, Math.ceil(size / stride)]);
    }
  }); // prettier-ignore

  it("puts the odd element of padding at the end for SAME_UPPER and at the begin for SAME_LOWER", async () => {
    const inputs = [tensor([1, 1, 3], [1, 2, 4]), tensor([1, 1, 2], [1, 1])];
    expect(await values({ op: "Conv", opset: 11, attributes: { auto_pad: "SAME_UPPER" }, inputs })).toEqual([3, 6, 4]);
    expect(await values({ op: "Conv", opset: 11, attributes: { auto_pad: "SAME_LOWER" }, inputs })).toEqual([1, 3, 6]);
  });
});

describe("Conv", () => {
  it("adds a bias and keeps groups apart", async () => {
    const x = tensor([1, 2, 1, 2], [1, 2, 3, 4]);
    const w = tensor([2, 1, 1, 1], [10, 100]);
    const spec = { op: "Conv", opset: 22, attributes: { group: 2 }, inputs: [x, w, tensor([2], [1, 2])] };
    expect(await values(spec)).toEqual([11, 21, 302, 402]);
  });

  it.each([
    ["weights of another rank", [ramp([1, 1, 3, 3]), ramp([1, 1, 3])], {}, "WSC3004"],
    ["a kernel_shape that lies", [ramp([1, 1, 3, 3]), ramp([1, 1, 2, 2])], { kernel_shape: [3, 3] }, "WSC3004"],
    ["a kernel larger than the input", [ramp([1, 1, 3, 3]), ramp([1, 1, 4, 4])], {}, "WSC3004"],
    ["channels that do not fit the groups", [ramp([1, 3, 3, 3]), ramp([2, 2, 2, 2])], { group: 2 }, "WSC3004"],
    ["no spatial dims", [ramp([1, 3]), ramp([2, 3])], {}, "WSC3004"],
    ["a bias of the wrong length", [ramp([1, 1, 3]), ramp([2, 1, 2]), ramp([3])], {}, "WSC3004"],
    ["a stride of zero", [ramp([1, 1, 3]), ramp([1, 1, 2])], { strides: [0] }, "WSC3006"],
    ["too many pads", [ramp([1, 1, 3]), ramp([1, 1, 2])], { pads: [1, 1, 1] }, "WSC3006"],
    ["an unknown auto_pad", [ramp([1, 1, 3]), ramp([1, 1, 2])], { auto_pad: "SAME" }, "WSC3006"],
    ["integers", [ramp([1, 1, 3], 1, 0, "i32"), ramp([1, 1, 2], 1, 0, "i32")], {}, "WSC3005"],
  ])("refuses %s", async (_, inputs, attributes, code) => {
    expect(await refusal({ op: "Conv", opset: 22, attributes, inputs })).toContain(code);
  });
});

describe("ConvTranspose", () => {
  const [x, w] = [ramp([1, 1, 3, 3]), tensor([1, 1, 3, 3], new Array<number>(9).fill(1))];
  const transposed = (attributes: NonNullable<NodeCase["attributes"]>): NodeCase => ({
    op: "ConvTranspose",
    opset: 22,
    attributes,
    inputs: [x, w],
  });

  it("spreads each element over the kernel", async () => {
    const expected = [0, 1, 3, 3, 2, 3, 8, 15, 12, 7, 9, 21, 36, 27, 15, 9, 20, 33, 24, 13, 6, 13, 21, 15, 8];
    expect(await values(transposed({}))).toEqual(expected);
  });

  it.each([
    ["output_shape", { strides: [3, 2], output_shape: [10, 8] }, [10, 8]],
    ["output_shape with batch and channels", { strides: [3, 2], output_shape: [1, 1, 10, 8] }, [10, 8]],
    ["output_padding", { strides: [3, 2], output_padding: [1, 1] }, [10, 8]],
    ["SAME_UPPER", { strides: [2, 2], auto_pad: "SAME_UPPER" }, [6, 6]],
    ["SAME_LOWER", { strides: [2, 2], auto_pad: "SAME_LOWER" }, [6, 6]],
    ["VALID", { strides: [2, 2], auto_pad: "VALID" }, [7, 7]],
    ["SAME beyond the kernel's reach", { strides: [5, 4], auto_pad: "SAME_UPPER" }, [13, 11]],
    ["dilations", { dilations: [2, 2] }, [7, 7]],
    ["pads", { strides: [3, 2], pads: [1, 2, 1, 2] }, [7, 3]],
  ])("gives the size that %s asks for", async (_, attributes, spatial) => {
    expect(await shapeOf(transposed(attributes))).toEqual([1, 1, ...spatial]);
  });
});

describe("windows that touch nothing but padding", () => {
  it("have the lowest finite number for their maximum, as in onnxruntime", async () => {
    const attributes = { kernel_shape: [2], dilations: [3], pads: [1, 1] };
    const of = (dtype: "f32" | "f64" | "i8" | "u8"): Promise<number[]> =>
      values({ op: "MaxPool", opset: 12, attributes, inputs: [tensor([1, 1, 2], [5, 7], dtype)] });
    expect(await of("f32")).toEqual([-3.4028234663852886e38]);
    expect(await of("f64")).toEqual([-Number.MAX_VALUE]);
    expect(await of("i8")).toEqual([-128]);
    expect(await of("u8")).toEqual([0]);
    const partly = { kernel_shape: [2], dilations: [3], pads: [1, 1], strides: [1] };
    const wide: NodeCase = {
      op: "MaxPool",
      opset: 12,
      attributes: partly,
      inputs: [tensor([1, 1, 3], [5, 7, -Infinity])],
    };
    expect(await values(wide)).toEqual([-Infinity, 5]);
  });
});

describe("MaxPool's indices", () => {
  it("count rows first, or columns first on demand, over all images", async () => {
    const x = tensor([1, 2, 3, 3], [...Array(9).keys(), ...[8, 7, 6, 5, 4, 3, 2, 1, 0]]);
    const spec: NodeCase = { op: "MaxPool", opset: 22, outputs: 2, attributes: { kernel_shape: [2, 2] }, inputs: [x] };
    const indices = async (storage_order: number): Promise<number[]> => {
      const [, second] = await run({ ...spec, attributes: { ...spec.attributes, storage_order } });
      return second === undefined ? [] : numbers(second);
    };
    expect(await indices(0)).toEqual([4, 5, 7, 8, 9, 10, 12, 13]);
    expect(await indices(1)).toEqual([4, 7, 5, 8, 9, 12, 10, 13]);
  });

  it("lie at -1 along every dim where a window has nothing but padding, as in onnxruntime", async () => {
    const indices = async (
      shape: readonly number[],
      attributes: NonNullable<NodeCase["attributes"]>,
    ): Promise<number[]> => {
      const spec: NodeCase = { op: "MaxPool", opset: 12, outputs: 2, attributes, inputs: [ramp(shape)] };
      const [, second] = await run(spec);
      return second === undefined ? [] : numbers(second);
    };
    const plane = { kernel_shape: [2, 2], dilations: [6, 7], pads: [1, 1, 1, 1] };
    expect(await indices([1, 2, 5, 6], plane)).toEqual([-7, 23]);
    expect(await indices([1, 2, 5, 6], { ...plane, storage_order: 1 })).toEqual([-6, 24]);
    expect(await indices([2, 2, 9], { kernel_shape: [2], dilations: [10], pads: [1, 1] })).toEqual([-1, 8, 17, 26]);
    const space = { kernel_shape: [2, 2, 2], dilations: [4, 3, 4], pads: [1, 0, 0, 1, 0, 0] };
    expect(await indices([1, 1, 3, 4, 5], space)).toEqual([-26]);
    expect(await indices([1, 1, 3, 4, 5], { ...space, storage_order: 1 })).toEqual([-16]);
  });

  it("pass over NaN unless a window begins with it, as in onnxruntime", async () => {
    const x = tensor([1, 1, 6], [NaN, 1, NaN, -Infinity, NaN, NaN]);
    const spec: NodeCase = { op: "MaxPool", opset: 12, outputs: 2, attributes: { kernel_shape: [2] }, inputs: [x] };
    const results = (await run(spec)).map(numbers);
    expect(results).toEqual([
      [NaN, 1, NaN, -Infinity, NaN],
      [0, 1, 2, 3, 4],
    ]);
  });

  it("name the element that the first output has, whatever the padding", async () => {
    await fc.assert(
      fc.asyncProperty(lines, fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 18, maxLength: 18 }), async (line, data) => {
        const x = tensor([1, 2, line.size], data.slice(0, 2 * line.size));
        const [largest, indices] = await run({ op: "MaxPool", opset: 12, outputs: 2, attributes: attributesOf(line), inputs: [x] });
        const [found, at] = [numbers(largest ?? x), numbers(indices ?? x)];
        for (const [i, value] of found.entries()) if (Number.isFinite(value)) expect(x.elements[at[i] ?? -1]).toBe(value);
        expect(at).toHaveLength(elementCount(largest?.shape ?? []));
      }),
      { numRuns: 40, seed: 11 },
    );
  }); // prettier-ignore

  it("are undone by MaxUnpool", async () => {
    const pooled = [tensor([1, 1, 2, 2], [1, 2, 3, 4]), tensor([1, 1, 2, 2], [5, 7, 13, 15], "i64")];
    const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
    const expected = [0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4];
    expect(await values({ op: "MaxUnpool", opset: 11, attributes, inputs: pooled })).toEqual(expected);
    const larger = [...pooled, tensor([4], [1, 1, 5, 5], "i64")];
    const unpooled = await values({ op: "MaxUnpool", opset: 11, attributes, inputs: larger, constants: [2] });
    expect(unpooled).toHaveLength(25);
    expect([6, 8, 16, 18].map((i) => unpooled[i])).toEqual([1, 2, 3, 4]);
  });
});

describe("pools over the whole image", () => {
  it("reduce all spatial dims", async () => {
    const inputs = [tensor([1, 2, 2, 2], [1, 2, 3, 4, -3, 0, 4, 0])];
    expect(await values({ op: "GlobalAveragePool", opset: 22, inputs })).toEqual([2.5, 0.25]);
    expect(await values({ op: "GlobalMaxPool", opset: 22, inputs })).toEqual([4, 4]);
    const norm = await values({ op: "GlobalLpPool", opset: 22, inputs });
    expect(distance(norm, [Math.sqrt(30), 5])).toBeLessThan(1e-6);
    expect(await values({ op: "GlobalLpPool", opset: 22, attributes: { p: 1 }, inputs })).toEqual([10, 7]);
  });

  it("take the p-norm of each window in LpPool", async () => {
    const spec = {
      op: "LpPool",
      opset: 18,
      attributes: { kernel_shape: [2] },
      inputs: [tensor([1, 1, 3], [3, -4, 0])],
    };
    expect(distance(await values(spec), [5, 4])).toBeLessThan(1e-6);
  });
});

describe("DeformConv", () => {
  const [x, w] = [ramp([1, 1, 3, 3]), tensor([1, 1, 2, 2], [1, 10, 100, 1000])];
  const still = tensor([1, 8, 2, 2], new Array<number>(32).fill(0));
  it("is a convolution when nothing is moved", async () => {
    const deformed = await values({ op: "DeformConv", opset: 22, inputs: [x, w, still] });
    expect(deformed).toEqual(await values({ op: "Conv", opset: 22, inputs: [x, w] }));
  });

  it("interpolates between elements, weighs by the mask, and reads zero outside", async () => {
    const moved = new Array<number>(32).fill(0);
    moved[0] = 0.5; // first tap of the first output half a row down: (0 + 3) / 2
    moved[4 + 1] = -5; // and of the second far to the left
    const mask = tensor([1, 4, 2, 2], new Array<number>(16).fill(2));
    const inputs = [x, w, tensor([1, 8, 2, 2], moved), null, mask];
    const plain = await values({ op: "Conv", opset: 22, inputs: [x, w] });
    const expected = plain.map((value, i) => 2 * (value + (i === 0 ? 1.5 : i === 1 ? -1 : 0)));
    expect(distance(await values({ op: "DeformConv", opset: 22, inputs }), expected)).toBeLessThan(1e-6);
  });
});

describe("CausalConvWithState", () => {
  it("continues where the state was left", async () => {
    const [x, w] = [ramp([1, 2, 4], 1, 1), ramp([2, 1, 3], 1, 1)];
    const attributes = { activation: "silu" };
    const spec: NodeCase = { op: "CausalConvWithState", opset: 27, outputs: 2, attributes, inputs: [x, w] };
    const [whole, last] = await run(spec);
    const half = (from: number): ReturnType<typeof tensor> =>
      tensor(
        [1, 2, 2],
        [from, from + 1, from + 4, from + 5].map((v) => v + 1),
      );
    const [first, state] = await run({ ...spec, inputs: [half(0), w] });
    const [second, next] = await run({ ...spec, inputs: [half(2), w, null, state ?? null] });
    const rows = (value: typeof whole, row: number): number[] => numbers(value ?? x).slice(row * 2, row * 2 + 2);
    const joined = [0, 1].flatMap((row) => [...rows(first, row), ...rows(second, row)]);
    expect(distance(joined, numbers(whole ?? x))).toBeLessThan(1e-6);
    expect(next && numbers(next)).toEqual(last && numbers(last));
  });
});

it("lowers windows to conv, convTranspose, pool and reduce", async () => {
  const x = ramp([1, 2, 4, 4]);
  const cases: readonly NodeCase[] = [
    { op: "Conv", opset: 11, attributes: { auto_pad: "SAME_LOWER", strides: [2, 2] }, inputs: [x, ramp([2, 2, 3, 3]), ramp([2])], constants: [1, 2] },
    { op: "ConvTranspose", opset: 11, attributes: { strides: [2, 2], output_shape: [8, 8] }, inputs: [x, ramp([2, 1, 3, 3])], constants: [1] },
    { op: "ConvInteger", opset: 10, inputs: [ramp([1, 1, 2, 2], 1, 0, "u8"), ramp([1, 1, 1, 1], 1, 0, "u8"), tensor([], [1], "u8")] },
    { op: "MaxPool", opset: 7, attributes: { kernel_shape: [2, 2], strides: [2, 2] }, inputs: [x] },
    { op: "MaxPool", opset: 12, outputs: 2, attributes: { kernel_shape: [2], pads: [1, 0] }, inputs: [ramp([1, 1, 3])] },
    { op: "AveragePool", opset: 10, attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }, inputs: [x] },
    { op: "LpPool", opset: 18, attributes: { kernel_shape: [2, 2], p: 3 }, inputs: [x] },
    { op: "GlobalAveragePool", opset: 22, inputs: [tensor([1, 1, 2], [1, 2], "f16")] },
    { op: "CausalConvWithState", opset: 27, outputs: 2, attributes: { activation: "swish" }, inputs: [ramp([1, 2, 4]), ramp([2, 1, 3]), ramp([2])] },
    { op: "LRN", opset: 13, attributes: { size: 3, alpha: float(0.5) }, inputs: [x] },
  ]; // prettier-ignore
  expect(await loweredTexts(cases)).toMatchGolden("operators/windows.txt");
});
