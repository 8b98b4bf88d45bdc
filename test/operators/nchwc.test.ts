/** com.microsoft.nchwc against the standard's operators: weights laid out in blocks as onnxruntime's optimizer lays them out. */
import { describe, expect, it } from "@jest/globals";
import { lowerModel } from "../../compiler/frontend/lower.ts";
import { elementCount, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import {
  float,
  floatList,
  model,
  type ModelSpec,
  node,
  type NodeSpec,
  typed,
  unranked,
} from "../helpers/onnx-builder.ts";
import { relativeError } from "../helpers/oracle.ts";
import { floats, programOf } from "./oracle-case.ts";

const domain = "com.microsoft.nchwc";
const upTo = (block: number, count: number): number => Math.ceil(count / block) * block;

/** Weights [outputs, inputs, height, width] with both filled up (inputs on demand), in blocks of outputs, or of both. */
function blocked({ shape, elements }: TensorData, block: number, both: boolean): TensorData {
  const [outputs = 0, inputs = 0, height = 0, width = 0] = shape;
  const [rows, columns] = [upTo(block, outputs), both ? upTo(block, inputs) : inputs];
  const values = new Array<number>(rows * columns * height * width).fill(0);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let at = 0; at < height * width; at++) {
        const from = (o * inputs + i) * height * width + at;
        const outer = Math.floor(o / block);
        const byOutputs = ((outer * columns + i) * height * width + at) * block + (o % block);
        const byBoth =
          ((outer * (columns / block) + Math.floor(i / block)) * height * width + at) * block * block +
          (i % block) * block +
          (o % block);
        values[both ? byBoth : byOutputs] = Number(elements[from]);
      }
    }
  }
  return tensorFrom("f32", [rows, columns, height, width], values);
}

const filledUp = ({ shape, elements }: TensorData, block: number): TensorData => {
  const size = upTo(block, shape[0] ?? 0);
  return tensorFrom(
    "f32",
    [size],
    Array.from({ length: size }, (_, i) => Number(elements[i] ?? 0)),
  );
};

interface Net {
  readonly shape: readonly number[];
  readonly initializers: Record<string, TensorData>;
  readonly nodes: readonly NodeSpec[];
}

const specOf = ({ shape, initializers, nodes }: Net): ModelSpec => ({
  opset: 17,
  opsets: { "com.microsoft": 1, [domain]: 1 },
  inputs: { x: typed("f32", ...shape) },
  initializers,
  outputs: { y: unranked("f32") },
  nodes,
});

async function resultOf(net: Net, x: TensorData): Promise<TensorData> {
  const program = await programOf(specOf(net));
  const [y] = (await program.run([x])) as TensorData[];
  if (y === undefined) throw new Error("no result");
  return y;
}

async function expectSame(net: Net, plain: Net): Promise<void> {
  const x = floats(9, ...net.shape);
  const [actual, expected] = [await resultOf(net, x), await resultOf(plain, x)];
  expect(actual.shape).toEqual(expected.shape);
  expect(elementCount(actual.shape)).toBeGreaterThan(0);
  expect(relativeError(actual.elements as Float32Array, expected.elements as Float32Array)).toBeLessThan(2e-6);
}

const same = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } as const;
const [first, second] = [floats(1, 24, 3, 3, 3), floats(2, 20, 24, 3, 3)];
const [firstBias, secondBias] = [floats(3, 24), floats(4, 20)];

describe.each([8, 16])("blocks of %d channels", (block) => {
  const initializers = {
    w: blocked(first, block, false),
    b: filledUp(firstBias, block),
    v: blocked(second, block, true),
    c: filledUp(secondBias, block),
  };
  const plainOnes = { w: first, b: firstBias, v: second, c: secondBias };

  it("hold ragged channels, activations and sums", async () => {
    const shape = [2, 3, 9, 7];
    const tail = [
      node(
        "Conv",
        ["p", "v", "c"],
        ["q"],
        { ...same, strides: [2, 1], activation: "Clip", activation_params: floatList(-0.5, 0.5) },
        { domain },
      ),
      node("ReorderOutput", ["q"], ["y"], { channels: 20 }, { domain }),
    ];
    const net: Net = {
      shape,
      initializers,
      nodes: [
        node("Conv", ["x", "w", "b"], ["h"], { ...same, activation: "HardSwish" }, { domain }),
        node("Conv", ["x", "w", "", "h"], ["p"], same, { domain }),
        ...tail,
      ],
    };
    const plain: Net = {
      shape,
      initializers: { ...plainOnes, low: tensorFrom("f32", [], [-0.5]), high: tensorFrom("f32", [], [0.5]) },
      nodes: [
        node("Conv", ["x", "w", "b"], ["g"], same),
        node("HardSwish", ["g"], ["h"]),
        node("Conv", ["x", "w"], ["k"], same),
        node("Add", ["k", "h"], ["p"]),
        node("Conv", ["p", "v", "c"], ["q"], { ...same, strides: [2, 1] }),
        node("Clip", ["q", "low", "high"], ["y"]),
      ],
    };
    await expectSame(net, plain);
  });

  it("hold groups and channels that come last", async () => {
    const shape = [1, 6, 5, 64];
    const [grouped, single] = [floats(5, 64, 32, 3, 3), floats(6, 64, 1, 3, 3)];
    const net: Net = {
      shape,
      initializers: {
        w: blocked(grouped, block, true),
        v: blocked(single, block, false),
        marker: blocked(floats(7, block, 64, 1, 1), block, true),
      },
      nodes: [
        node("ReorderInput", ["x"], ["h"], { channels_last: 1, block_size: block }, { domain }),
        node("Conv", ["h", "w"], ["p"], { ...same, group: 2, block_size: block }, { domain }),
        node(
          "Conv",
          ["p", "v"],
          ["q"],
          { ...same, group: 64, activation: "LeakyRelu", activation_params: floatList(0.2), block_size: block },
          { domain },
        ),
        node("ReorderOutput", ["q"], ["y"], { channels: 64, channels_last: 1 }, { domain }),
      ],
    };
    const plain: Net = {
      shape,
      initializers: { w: grouped, v: single },
      nodes: [
        node("Transpose", ["x"], ["h"], { perm: [0, 3, 1, 2] }),
        node("Conv", ["h", "w"], ["p"], { ...same, group: 2 }),
        node("Conv", ["p", "v"], ["q"], { ...same, group: 64 }),
        node("LeakyRelu", ["q"], ["r"], { alpha: float(0.2) }),
        node("Transpose", ["r"], ["y"], { perm: [0, 2, 3, 1] }),
      ],
    };
    await expectSame(net, plain);
  });

  it.each<[string, NodeSpec["attributes"]]>([
    ["MaxPool", { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
    ["AveragePool", { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 }],
    ["GlobalMaxPool", {}],
    ["GlobalAveragePool", {}],
  ])("go through %s", async (op, attributes) => {
    const shape = [1, 20, 7, 6];
    const net: Net = {
      shape,
      initializers: {},
      nodes: [
        node("ReorderInput", ["x"], ["h"], { block_size: block }, { domain }),
        node(op, ["h"], ["p"], attributes, { domain }),
        node("ReorderOutput", ["p"], ["y"], { channels: 20 }, { domain }),
      ],
    };
    await expectSame(net, { shape, initializers: {}, nodes: [node(op, ["x"], ["y"], attributes)] });
  });
});

describe("Upsample", () => {
  it.each([
    ["nearest", "asymmetric"],
    ["linear", "asymmetric"],
    ["linear", "half_pixel"],
    ["linear", "align_corners"],
  ])("repeats and interpolates: %s, %s", async (mode, coordinate_transformation_mode) => {
    const shape = [1, 16, 4, 5];
    const up = node(
      "Upsample",
      ["x"],
      ["y"],
      { mode, coordinate_transformation_mode, scales: [1, 1, 2, 3] },
      { domain },
    );
    const scales = tensorFrom("f32", [4], [1, 1, 2, 3]);
    const resize = node("Resize", ["x", "", "s"], ["y"], {
      mode,
      coordinate_transformation_mode,
      nearest_mode: "floor",
    });
    await expectSame({ shape, initializers: {}, nodes: [up] }, { shape, initializers: { s: scales }, nodes: [resize] });
  });
});

describe("how wide the blocks are", () => {
  const convOf = (outputs: number, inputs: number, attributes: NodeSpec["attributes"] = {}): Net => ({
    shape: [1, inputs, 5, 5],
    initializers: { w: floats(1, outputs, inputs, 3, 3) },
    nodes: [node("Conv", ["x", "w"], ["y"], attributes, { domain })],
  });
  const warningsOf = async (net: Net): Promise<string[]> => {
    const { warnings } = lowerModel(await model(specOf(net)), { dims: new Map(), requireStatic: true });
    return warnings.map(({ message }) => message);
  };

  it("is warned of where nothing shows it", async () => {
    expect(await warningsOf(convOf(32, 3))).toEqual([expect.stringMatching(/blocks of 8 or 16; 16 are assumed/)]);
    expect(await warningsOf(convOf(24, 3))).toEqual([]);
    expect(await warningsOf(convOf(32, 10))).toEqual([]);
    expect(await warningsOf(convOf(32, 3, { block_size: 8 }))).toEqual([]);
  });

  it("cannot be any number", async () => {
    await expect(warningsOf(convOf(32, 3, { block_size: 4 }))).rejects.toThrow(/block_size is 4, must be 8 or 16/);
    await expect(warningsOf(convOf(20, 3))).rejects.toThrow(/\[20,3,3,3\] do not lie in blocks of 8 channels/);
  });
});
