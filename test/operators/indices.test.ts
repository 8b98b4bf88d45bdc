import { describe, expect, it } from "@jest/globals";
import type { TensorData } from "../../ir/tensor.ts";
import { lowered, loweredTexts, type NodeCase, ramp, refusal, run, tensor, values } from "./node-case.ts";

const i64 = (shape: readonly number[], ...list: readonly number[]): TensorData => tensor(shape, list, "i64");

describe("gathers", () => {
  const x = ramp([3, 2]);
  it("Gather", async () => {
    expect(await values({ op: "Gather", opset: 13, inputs: [x, i64([2], -1, 0)] })).toEqual([4, 5, 0, 1]);
    const [scalar] = await run({ op: "Gather", opset: 13, attributes: { axis: 1 }, inputs: [x, i64([], 1)] });
    expect(scalar).toMatchObject({ shape: [3], elements: Float32Array.of(1, 3, 5) });
    expect(await refusal({ op: "Gather", opset: 13, attributes: { axis: 2 }, inputs: [x, i64([], 1)] })).toContain(
      "WSC3006",
    );
    expect(await refusal({ op: "Gather", opset: 13, inputs: [x, tensor([], [1])] })).toContain("WSC3005");
  });

  it("GatherElements", async () => {
    const inputs = [x, i64([2, 2], 2, 0, -3, 1)];
    expect(await values({ op: "GatherElements", opset: 13, inputs })).toEqual([4, 1, 0, 3]);
  });

  it("GatherND", async () => {
    expect(await values({ op: "GatherND", opset: 12, inputs: [x, i64([2, 2], 0, 1, -1, 0)] })).toEqual([1, 4]);
    const attributes = { batch_dims: 1 };
    expect(await values({ op: "GatherND", opset: 12, attributes, inputs: [x, i64([3, 1], 1, 0, 1)] })).toEqual([
      1, 2, 5,
    ]);
    expect(await refusal({ op: "GatherND", opset: 11, attributes, inputs: [x, i64([3, 1], 1, 0, 1)] })).toContain(
      "WSC3002",
    );
  });

  it("ArrayFeatureExtractor", async () => {
    const columns = { op: "ArrayFeatureExtractor", opset: 1, domain: "ai.onnx.ml" };
    expect(await values({ ...columns, inputs: [x, i64([1, 1], 1)] })).toEqual([1, 3, 5]);
    const [row] = await run({ ...columns, inputs: [ramp([4]), i64([1, 2], 3, 0)] });
    expect(row).toMatchObject({ shape: [1, 2], elements: Float32Array.of(3, 0) });
  });
});

describe("scatters", () => {
  const x = tensor([4], [1, 2, 3, 4]);
  const elements = (reduction: string, opset = 18): NodeCase => ({
    op: "ScatterElements",
    opset,
    attributes: { reduction },
    inputs: [x, i64([3], 1, -1, 1), tensor([3], [5, 0.5, 7])],
  });

  it.each([
    ["none", [1, 7, 3, 0.5]],
    ["add", [1, 14, 3, 4.5]],
    ["mul", [1, 70, 3, 2]],
    ["min", [1, 2, 3, 0.5]],
    ["max", [1, 7, 3, 4]],
  ])("ScatterElements, %s", async (reduction, expected) => {
    expect(await values(elements(reduction))).toEqual(expected);
  });

  it("knows its reductions", async () => {
    expect(await refusal(elements("mean"))).toContain("WSC3006");
    expect(await refusal(elements("add", 13))).toContain("WSC3002");
  });

  it("ScatterND writes slices", async () => {
    const inputs = [ramp([3, 2]), i64([2, 1], 2, 0), tensor([2, 2], [9, 8, 7, 6])];
    expect(await values({ op: "ScatterND", opset: 13, inputs })).toEqual([7, 6, 2, 3, 9, 8]);
    expect(await values({ op: "ScatterND", opset: 16, attributes: { reduction: "add" }, inputs })).toEqual([
      7, 7, 2, 3, 13, 13,
    ]);
  });

  it("adds half floats in f32", async () => {
    const half = (...bits: number[]): TensorData => tensor([bits.length], bits, "f16");
    // 1 + 2 = 3
    const inputs = [half(0x3c00, 0x3c00), i64([1], 1), half(0x4000)];
    const spec: NodeCase = { op: "ScatterElements", opset: 16, attributes: { reduction: "add" }, inputs };
    expect((await run(spec))[0]).toMatchObject({ dtype: "f16", elements: Uint16Array.of(0x3c00, 0x4200) });
    const moved = await lowered({ ...spec, attributes: {} });
    expect(moved.ops.map(({ kind }) => kind)).toEqual(["scatterElements"]);
  });

  it("TensorScatter writes at each batch's place, around the end if circular", async () => {
    const spec = (mode: string, ...starts: number[]): NodeCase => ({
      op: "TensorScatter",
      opset: 24,
      attributes: { mode },
      inputs: [ramp([2, 3, 1], 0), ramp([2, 2, 1], 1, 1), i64([2], ...starts)],
    });
    expect(await values(spec("linear", 0, 1))).toEqual([1, 2, 0, 0, 3, 4]);
    expect(await values(spec("circular", 2, 1))).toEqual([2, 0, 1, 0, 3, 4]);
    expect(await refusal(spec("spiral", 0, 0))).toContain("WSC3006");
  });
});

describe("sorted and running", () => {
  const x = tensor([2, 4], [3, 1, 3, 2, 0, 5, 5, 5]);
  it("TopK, by attribute and by input", async () => {
    const [best, where] = await run({ op: "TopK", opset: 7, attributes: { k: 2 }, inputs: [x], outputs: 2 });
    expect(best?.elements).toEqual(Float32Array.of(3, 3, 5, 5));
    expect(where?.elements).toEqual(BigInt64Array.of(0n, 2n, 1n, 2n));
    const k = i64([1], 1);
    const spec: NodeCase = {
      op: "TopK",
      opset: 11,
      attributes: { axis: 0, largest: 0 },
      inputs: [x, k],
      constants: [1],
      outputs: 2,
    };
    expect(await values(spec)).toEqual([0, 1, 3, 2]);
    expect(await refusal({ ...spec, inputs: [x, i64([1], 3)] })).toContain("WSC3006");
    const graph = await lowered({ ...spec, constants: [] });
    expect(graph.ops.map(({ kind }) => kind)).toEqual(["deferred"]);
  });

  it.each([
    [{}, [1, 3, 6]],
    [{ exclusive: 1 }, [0, 1, 3]],
    [{ reverse: 1 }, [6, 5, 3]],
    [{ exclusive: 1, reverse: 1 }, [5, 3, 0]],
  ])("CumSum %j", async (attributes, expected) => {
    const inputs = [tensor([3], [1, 2, 3]), tensor([], [0], "i32")];
    expect(await values({ op: "CumSum", opset: 14, attributes, inputs, constants: [1] })).toEqual(expected);
  });

  it("CumProd", async () => {
    const inputs = [tensor([2, 3], [1, 2, 3, 4, 5, 6]), tensor([], [-1], "i64")];
    const attributes = { exclusive: 1 };
    expect(await values({ op: "CumProd", opset: 26, attributes, inputs, constants: [1] })).toEqual([1, 1, 2, 1, 4, 20]);
    expect(await refusal({ op: "CumSum", opset: 14, inputs: [tensor([], [1]), i64([], 0)], constants: [1] })).toContain(
      "WSC3006",
    );
  });
});

it("lowers to these graphs", async () => {
  const text = await loweredTexts([
    { op: "Gather", opset: 13, inputs: [ramp([3, 2]), i64([1], 1)], constants: [1] },
    {
      op: "ScatterND",
      opset: 16,
      attributes: { reduction: "add" },
      inputs: [ramp([3], 1, 0, "bf16"), i64([1, 1], 2), ramp([1], 1, 0, "bf16")],
    },
    {
      op: "TensorScatter",
      opset: 24,
      attributes: { mode: "circular" },
      inputs: [ramp([2, 4, 8, 3]), ramp([2, 4, 2, 3]), i64([2], 1, 7)],
    },
    { op: "TopK", opset: 11, inputs: [ramp([5]), i64([1], 2)], constants: [1], outputs: 2 },
    {
      op: "CumSum",
      opset: 14,
      attributes: { reverse: 1 },
      inputs: [ramp([5], 1, 0, "f16"), i64([], 0)],
      constants: [1],
    },
  ]);
  expect(text).toMatchGolden("operators/indices.txt");
});
