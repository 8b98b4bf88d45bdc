/**
 * Weights that are not at hand: passes and kernel graphs come about without reading them, and the program is the one that the same weights at hand
 * give, byte for byte.
 */
import { describe, expect, it } from "@jest/globals";
import { leastArenaBytes } from "../../compiler/codegen/live-bound.ts";
import { generateProgram } from "../../compiler/codegen/generate.ts";
import { readModel } from "../../compiler/frontend/read-model.ts";
import { lowerModel } from "../../compiler/frontend/lower.ts";
import type { OnnxModel } from "../../compiler/frontend/onnx.ts";
import { outlineOf } from "../../compiler/frontend/outline.ts";
import { buildKernelGraph } from "../../compiler/kernels/build.ts";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Graph } from "../../ir/graph.ts";
import { printKernelGraph } from "../../ir/kernel-graph-text.ts";
import { parseGraph } from "../../ir/parse.ts";
import { printGraph } from "../../ir/print.ts";
import type { CompiledProgram } from "../../ir/program.ts";
import { printProgram } from "../../ir/program-text.ts";
import { bytesOf, elementCount, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { forgetElements, packedByteLength, tensorOfSource, withShape } from "../../ir/tensor-source.ts";
import { constantBlobs } from "../../ir/text/constant.ts";
import { randomNumbers, randomTensor } from "../codegen/harness.ts";
import { f32, i64, model, modelBytes, type ModelSpec, node, typed } from "../helpers/onnx-builder.ts";

/** How often weights were read. */
interface Count {
  reads: number;
}

/** The model with all constants of more than a few elements in a file that counts. */
function unread(given: OnnxModel, count: Count): OnnxModel {
  let end = 0;
  const stored = ([name, tensor]: readonly [string, TensorData]): [string, TensorData] => {
    const { dtype, shape } = tensor;
    if (elementCount(shape) <= 256 || dtype === "i64") return [name, tensor];
    const bytes = bytesOf(tensor.elements);
    const [offset, byteLength] = [end, packedByteLength(tensor)];
    end += byteLength;
    const counted = <T>(value: T): T => {
      count.reads++;
      return value;
    };
    const read = (start: number, length: number): Uint8Array => counted(bytes.subarray(start, start + length));
    const load = (): TensorData["elements"] => counted(tensor.elements);
    return [name, tensorOfSource(dtype, shape, { kind: "stored", file: "w.bin", offset, byteLength, read, load })];
  };
  return { ...given, graph: { ...given.graph, initializers: new Map([...given.graph.initializers].map(stored)) } };
}

const weightBytes = ({ program, weights }: CompiledProgram): Uint8Array => {
  const bytes = new Uint8Array(program.memory.weightsBytes);
  for (const { offset, byteLength, write } of weights) write(bytes.subarray(offset, offset + byteLength));
  return bytes;
};

const random = (...shape: readonly number[]): TensorData => randomTensor("f32", shape, elementCount(shape));

function bytes(dtype: DType, shape: readonly number[], least: number, most: number): TensorData {
  const next = randomNumbers(7);
  const values = Array.from(
    { length: elementCount(shape) },
    () => least + Math.floor(((next() + 1) / 2) * (most - least)),
  );
  return tensorFrom(dtype, shape, values);
}

const scale = tensorFrom("f32", [], [0.02]);
const zero = (dtype: DType, value: number): TensorData => tensorFrom(dtype, [], [value]);

const cases: Readonly<Record<string, ModelSpec>> = {
  "a convolution with BatchNorm": {
    opset: 13,
    inputs: { x: f32(1, 16, 12, 12) },
    outputs: { y: f32(1, 24, 12, 12) },
    nodes: [
      node("Conv", ["x", "w"], ["c"], { pads: [1, 1, 1, 1] }),
      node("BatchNormalization", ["c", "scale", "bias", "mean", "var"], ["n"]),
      node("Relu", ["n"], ["y"]),
    ],
    initializers: {
      w: random(24, 16, 3, 3),
      scale: random(24),
      bias: random(24),
      mean: random(24),
      var: tensorFrom(
        "f32",
        [24],
        Array.from({ length: 24 }, (_, i) => 1 + i / 24),
      ),
    },
  },
  "products of one row with turned, reshaped and sliced weights": {
    opset: 13,
    inputs: { x: f32(1, 96) },
    outputs: { y: f32(1, 64), z: f32(1, 32), v: f32(1, 48) },
    nodes: [
      node("Gemm", ["x", "a", "bias"], ["y"], { transB: 1 }),
      node("Reshape", ["b", "shape"], ["b2"]),
      node("MatMul", ["x", "b2"], ["z"]),
      node("Slice", ["c", "starts", "ends"], ["c2"]),
      node("MatMul", ["x", "c2"], ["v"]),
    ],
    initializers: {
      a: random(64, 96),
      bias: random(64),
      b: random(32 * 96),
      c: random(100, 48),
      shape: tensorFrom("i64", [2], [96, 32]),
      starts: tensorFrom("i64", [1], [2]),
      ends: tensorFrom("i64", [1], [98]),
    },
  },
  halves: {
    opset: 17,
    inputs: { x: typed("f16", 1, 64) },
    outputs: { y: typed("f16", 1, 64) },
    nodes: [node("MatMul", ["x", "w"], ["m"]), node("Add", ["m", "m"], ["y"])],
    initializers: { w: bytes("f16", [64, 64], 0x3000, 0x3c00) },
  },
  "a quantized product": {
    opset: 13,
    inputs: { x: f32(3, 64) },
    outputs: { y: f32(3, 48) },
    nodes: [
      node("QuantizeLinear", ["x", "scale", "zx"], ["q"]),
      node("DequantizeLinear", ["q", "scale", "zx"], ["xd"]),
      node("DequantizeLinear", ["w", "scale", "zw"], ["wd"]),
      node("MatMul", ["xd", "wd"], ["y"]),
    ],
    initializers: { w: bytes("i8", [64, 48], -128, 128), scale, zx: zero("u8", 120), zw: zero("i8", 0) },
  },
  "weights alone quantized, and a table of rows": {
    opset: 21,
    inputs: { x: f32(2, 64), i: i64(3) },
    outputs: { y: f32(2, 48), rows: f32(3, 64) },
    nodes: [
      node("DequantizeLinear", ["w", "s", "z"], ["wd"], { axis: 0, block_size: 16 }),
      node("MatMul", ["x", "wd"], ["y"]),
      node("DequantizeLinear", ["table", "scale"], ["td"]),
      node("Gather", ["td", "i"], ["rows"]),
    ],
    initializers: {
      w: bytes("u4", [64, 48], 0, 16),
      s: random(4, 48),
      z: bytes("u4", [4, 48], 0, 16),
      scale,
      table: bytes("i8", [300, 64], -128, 128),
    },
  },
  MatMulNBits: {
    opset: 21,
    opsets: { "com.microsoft": 1 },
    inputs: { x: f32(1, 64) },
    outputs: { y: f32(1, 48) },
    nodes: [node("MatMulNBits", ["x", "w", "s"], ["y"], { K: 64, N: 48, block_size: 16 }, { domain: "com.microsoft" })],
    initializers: { w: bytes("u8", [48, 4, 8], 0, 256), s: random(48 * 4) },
  },
};

describe.each(Object.entries(cases))("%s", (_, spec) => {
  const count: Count = { reads: 0 };
  const graphs = async (): Promise<{ readonly atHand: Graph; readonly later: Graph }> => {
    const given = await model(spec);
    forgetElements();
    count.reads = 0;
    const [atHand, later] = [given, unread(given, count)].map((one) => runPasses(lowerModel(one).graph));
    return { atHand: atHand as Graph, later: later as Graph };
  };

  it("becomes kernels without being read", async () => {
    const { atHand, later } = await graphs();
    expect(printKernelGraph(buildKernelGraph(later))).toBe(printKernelGraph(buildKernelGraph(atHand)));
    const text = printGraph(later);
    expect(printGraph(parseGraph(text))).toBe(text);
    expect(printGraph(parseGraph(text, constantBlobs(later)))).toBe(text);
    expect(count.reads).toBe(0);
  });

  it("becomes the program that it is at hand", async () => {
    const { atHand, later } = await graphs();
    const [wanted, found] = [generateProgram(atHand), generateProgram(later)];
    expect(printProgram(found.program)).toBe(printProgram(wanted.program));
    expect(Buffer.compare(weightBytes(found), weightBytes(wanted))).toBe(0);
    expect(count.reads).toBeGreaterThan(0);
  });
});

describe("the outline of a file", () => {
  it("has all of it but the data of large tensors, whose places it says", async () => {
    const large = random(96, 64);
    const held = node("Constant", [], ["k"], { value: random(80, 64) });
    const spec: ModelSpec = {
      opset: 13,
      inputs: { x: f32(1, 96) },
      outputs: { y: f32(1, 64), k: f32(80, 64) },
      nodes: [node("MatMul", ["x", "w"], ["m"]), node("Add", ["m", "b"], ["y"]), held],
      initializers: { w: large, b: random(64) },
    };
    const whole = await modelBytes(spec);
    const read = (start: number, length: number): Uint8Array => whole.slice(start, start + length);
    const { bytes: outline, cuts } = outlineOf({ size: whole.length, read });
    expect(outline.length).toBeLessThan(1000);
    expect([...cuts.values()].map(({ length }) => length).sort()).toEqual([4 * 80 * 64, 4 * 96 * 64]);
    const cut = [...cuts.values()].find(({ length }) => length === 4 * 96 * 64);
    expect(Buffer.compare(read(cut?.start ?? 0, cut?.length ?? 0), bytesOf(large.elements))).toBe(0);
    await expect(readModel({ bytes: outline, name: "outline" })).rejects.toThrow(/size of 1 bytes/);
  });

  it("is refused where the file is cut short", async () => {
    const whole = await modelBytes({ ...(cases["a convolution with BatchNorm"] as ModelSpec) });
    const size = whole.length - 10;
    expect(() => outlineOf({ size, read: (start, length) => whole.slice(start, start + length) })).toThrow(/WSC1002/);
  });
});

it("a tensor in another shape is read where the first one is", () => {
  const elements = Float32Array.of(1, 2, 3, 4);
  const source = { kind: "made", recipe: "four", from: [], load: () => elements } as const;
  const flat = withShape(tensorOfSource("f32", [2, 2], source), [4]);
  expect([flat.shape, flat.source, flat.elements]).toEqual([[4], source, elements]);
});

describe("a program that takes more than there is", () => {
  it("is refused by a value in between, with no weight read", async () => {
    const count: Count = { reads: 0 };
    const given = await model({
      opset: 17,
      inputs: { x: f32(40_000, 1) },
      outputs: { y: f32(1, 33) },
      nodes: [
        node("MatMul", ["x", "w"], ["p"]),
        node("Sigmoid", ["p"], ["s"]),
        node("ReduceMax", ["s"], ["m"], { axes: [0], keepdims: 1 }),
        node("MatMul", ["m", "v"], ["y"]),
      ],
      initializers: { w: random(1, 30_000), v: random(30_000, 33) },
    });
    const { graph } = lowerModel(unread(given, count));
    expect(() => generateProgram(runPasses(graph))).toThrow(/WSC1009: .* at one time 4\.5 GiB/);
    expect(count.reads).toBe(0);
  });

  it.each(Object.keys(cases))("is never refused where the plan would fit: %s", async (name) => {
    const { graph } = lowerModel(await model(cases[name] as ModelSpec));
    const passed = runPasses(graph);
    const { arenaBytes } = generateProgram(passed).program.memory;
    expect(leastArenaBytes(passed)).toBeLessThanOrEqual(arenaBytes);
    expect(leastArenaBytes(passed)).toBeGreaterThan(0);
  });

  it("is refused by what is fed, with no weight read", async () => {
    const count: Count = { reads: 0 };
    const given = await model({
      opset: 17,
      inputs: { x: f32(2 ** 27, 8) },
      outputs: { y: f32(33) },
      nodes: [node("MatMul", ["x", "w"], ["p"]), node("ReduceMax", ["p"], ["y"], { axes: [0], keepdims: 0 })],
      initializers: { w: random(8, 33) },
    });
    const { graph } = lowerModel(unread(given, count));
    expect(() => generateProgram(runPasses(graph))).toThrow(
      /WSC1009: .*weights take 0\.0 GiB and .* at one time 20\.5 GiB/,
    );
    expect(count.reads).toBe(0);
  });
});
