/** Quantized models multiply integers: exactly what ONNX's integer semantics say, whatever the shapes, zero points and ranges. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { generateProgram } from "../../compiler/codegen/generate.ts";
import { lowerModel } from "../../compiler/frontend/lower.ts";
import { readModel } from "../../compiler/frontend/read-model.ts";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Graph } from "../../ir/graph.ts";
import { elementCount, makeTensor, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { ProgramInstance } from "../../runtime/instance.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { modelBytes, type ModelSpec, node, typed } from "../helpers/onnx-builder.ts";

type Byte = "i8" | "u8";
const byte = fc.constantFrom<Byte>("i8", "u8");
const least = (dtype: Byte): number => (dtype === "i8" ? -128 : 0);

/** Bytes over the whole range of the type, extremes often. */
function bytesOf(dtype: Byte, shape: readonly number[], seed: number): TensorData {
  let state = seed >>> 0;
  const values = Array.from({ length: elementCount(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const kind = state >>> 29;
    return least(dtype) + (kind === 0 ? 0 : kind === 1 ? 255 : (state >>> 12) % 256);
  });
  return tensorFrom(dtype, shape, values);
}

const scalar = (dtype: DType, value: number): TensorData => tensorFrom(dtype, [], [value]);
const vector = (dtype: DType, values: readonly number[]): TensorData => tensorFrom(dtype, [values.length], values);

interface Case {
  readonly model: ModelSpec;
  readonly x: TensorData;
}

interface Compared {
  readonly graph: Graph;
  readonly passed: Graph;
  /** of the model as it stands, of the graph after all passes, and of the program */
  readonly reference: TensorData;
  readonly rewritten: TensorData;
  readonly actual: TensorData;
}

async function compare({ model, x }: Case): Promise<Compared> {
  const read = await readModel({ bytes: await modelBytes(model), name: "case" });
  const { graph } = lowerModel(read, { dims: new Map(), requireStatic: true });
  const passed = runPasses(graph);
  const inputs = new Map([["x", x]]);
  const first = (results: ReadonlyMap<string, unknown>): TensorData => [...results.values()][0] as TensorData;
  const instance = await ProgramInstance.create(generateProgram(passed), {
    runDeferred: () => {
      throw new Error("nothing is deferred");
    },
  });
  const [actual] = (await instance.run([x])) as TensorData[];
  return {
    graph,
    passed,
    reference: first(interpretGraph(graph, inputs)),
    rewritten: first(interpretGraph(passed, inputs)),
    actual: actual as TensorData,
  };
}

const numbers = ({ elements }: TensorData): number[] => Array.from(elements as ArrayLike<number>);
const productTypes = ({ ops, values }: Graph): string[] =>
  ops
    .filter((op) => op.kind === "conv" || op.kind === "matmul" || op.kind === "quantizedMatmul")
    .map((op) =>
      op.inputs
        .slice(0, 2)
        .map((id) => typeName(values[id]?.type))
        .join(),
    );
const typeName = (type: Graph["values"][number]["type"] | undefined): string =>
  type?.kind === "tensor" ? type.dtype : "none";

const convShape = fc.record({
  channels: fc.integer({ min: 1, max: 9 }),
  filters: fc.integer({ min: 1, max: 14 }),
  size: fc.integer({ min: 3, max: 9 }),
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 2 }),
  pad: fc.integer({ min: 0, max: 1 }),
  groups: fc.constantFrom(1, 1, 2),
  seed: fc.nat(),
});

interface ConvCase {
  readonly x: TensorData;
  readonly w: TensorData;
  readonly filters: number;
  readonly attributes: Parameters<typeof node>[3];
}

function convCase(s: typeof convShape extends fc.Arbitrary<infer T> ? T : never, xType: Byte, wType: Byte): ConvCase {
  const [channels, filters] = [s.channels * s.groups, s.filters * s.groups];
  const x = bytesOf(xType, [1, channels, s.size, s.size], s.seed);
  const w = bytesOf(wType, [filters, s.channels, s.kernel, s.kernel], s.seed + 1);
  const pads = [s.pad, s.pad, s.pad, s.pad];
  return { x, w, filters, attributes: { strides: [s.stride, s.stride], pads, group: BigInt(s.groups) } };
}

const offset = fc.integer({ min: 0, max: 255 });
const runs = { numRuns: 40 };

describe("integer products are exact", () => {
  it("ConvInteger", async () => {
    await fc.assert(
      fc.asyncProperty(convShape, byte, byte, offset, offset, async (shape, xType, wType, xZero, wZero) => {
        const { x, w, attributes } = convCase(shape, xType, wType);
        const model: ModelSpec = {
          opset: 13,
          inputs: { x: typed(xType, ...x.shape) },
          outputs: { y: null },
          nodes: [node("ConvInteger", ["x", "w", "xz", "wz"], ["y"], attributes)],
          initializers: { w, xz: scalar(xType, xZero + least(xType)), wz: scalar(wType, wZero + least(wType)) },
        };
        const { reference, actual } = await compare({ model, x });
        expect(numbers(actual)).toEqual(numbers(reference));
      }),
      runs,
    );
  });

  it("MatMulInteger, with weights that are fed too", async () => {
    const size = fc.integer({ min: 1, max: 40 });
    await fc.assert(
      fc.asyncProperty(size, size, size, byte, byte, offset, fc.nat(), async (m, k, n, aType, bType, zero, seed) => {
        const [x, w] = [bytesOf(aType, [m, k], seed), bytesOf(bType, [k, n], seed + 1)];
        const zeros = bytesOf(bType, [n], seed + 2);
        const model: ModelSpec = {
          opset: 13,
          inputs: { x: typed(aType, m, k) },
          outputs: { y: null },
          nodes: [node("MatMulInteger", ["x", "w", "xz", "wz"], ["y"])],
          initializers: { w, xz: scalar(aType, zero + least(aType)), wz: zeros },
        };
        const { reference, actual, passed } = await compare({ model, x });
        expect(numbers(actual)).toEqual(numbers(reference));
        expect(productTypes(passed)).toEqual([expect.stringMatching(/^i16,(i8|i16)$/)]);
      }),
      runs,
    );
  });

  it("QLinearConv, saturating, with scales and zero points per filter", async () => {
    await fc.assert(
      fc.asyncProperty(convShape, byte, offset, offset, async (shape, xType, xZero, yZero) => {
        const { x, w, filters, attributes } = convCase(shape, xType, "i8");
        const scales = Array.from({ length: filters }, (_, i) => 0.001 * (1 + (i % 7)));
        const model: ModelSpec = {
          opset: 13,
          inputs: { x: typed(xType, ...x.shape) },
          outputs: { y: null },
          nodes: [node("QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], ["y"], attributes)],
          initializers: {
            xs: scalar("f32", 0.05),
            xz: scalar(xType, xZero + least(xType)),
            w,
            ws: vector("f32", scales),
            wz: vector(
              "i8",
              scales.map(() => 0),
            ),
            ys: scalar("f32", 0.03),
            yz: scalar("u8", yZero),
            b: vector(
              "i32",
              scales.map((_, i) => 37 * i - 300),
            ),
          },
        };
        const { reference, rewritten, actual } = await compare({ model, x });
        expect(numbers(rewritten)).toEqual(numbers(reference));
        expect(numbers(actual)).toEqual(numbers(reference));
      }),
      runs,
    );
  });
});

describe("products between DequantizeLinear and QuantizeLinear", () => {
  const quantizeNodes = (from: string, scale: string, zero: string, to: string): ModelSpec["nodes"] => [
    node("QuantizeLinear", [from, scale, zero], [`${to}_q`]),
    node("DequantizeLinear", [`${to}_q`, scale, zero], [to]),
  ];

  it("become integer products, exactly requantized", async () => {
    await fc.assert(
      fc.asyncProperty(convShape, byte, offset, async (shape, xType, zero) => {
        const { x, w, filters, attributes } = convCase(shape, xType, "i8");
        const scales = Array.from({ length: filters }, (_, i) => 0.002 * (1 + (i % 5)));
        const model: ModelSpec = {
          opset: 13,
          inputs: { x: typed(xType, ...x.shape) },
          outputs: { y: null },
          nodes: [
            node("DequantizeLinear", ["x", "xs", "xz"], ["xf"]),
            node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], { axis: 0n }),
            node("Conv", ["xf", "wf", "b"], ["c"], attributes),
            node("Relu", ["c"], ["r"]),
            node("QuantizeLinear", ["r", "ys", "yz"], ["y"]),
          ],
          initializers: {
            xs: scalar("f32", 0.04),
            xz: scalar(xType, zero + least(xType)),
            w,
            ws: vector("f32", scales),
            wz: vector(
              "i8",
              scales.map(() => 0),
            ),
            b: vector(
              "f32",
              scales.map((_, i) => i - 2),
            ),
            ys: scalar("f32", 0.05),
            yz: scalar("u8", 3),
          },
        };
        const { passed, reference, rewritten, actual } = await compare({ model, x });
        expect(productTypes(passed)).toEqual(["i16,i8"]);
        expect(numbers(actual)).toEqual(numbers(rewritten));
        // the model as it stands rounds sums of floats: a value may fall on the other side of a half
        const wanted = numbers(reference);
        for (const [i, value] of numbers(actual).entries())
          expect(Math.abs(value - (wanted[i] ?? NaN))).toBeLessThanOrEqual(1);
      }),
      runs,
    );
  });

  it("keep to bytes through pooling, flattening, residuals and a matrix product", async () => {
    const [x, w, fc2] = [bytesOf("u8", [1, 4, 8, 8], 1), bytesOf("i8", [4, 4, 3, 3], 2), bytesOf("i8", [5, 64], 3)];
    const pads = { pads: [1, 1, 1, 1] };
    const model: ModelSpec = {
      opset: 13,
      inputs: { x: typed("u8", 1, 4, 8, 8) },
      outputs: { y: null },
      nodes: [
        node("DequantizeLinear", ["x", "s", "z"], ["xf"]),
        node("DequantizeLinear", ["w", "s", "wz"], ["wf"]),
        node("Conv", ["xf", "wf"], ["c"], pads),
        ...quantizeNodes("c", "ys", "z", "d"),
        node("Add", ["d", "xf"], ["sum"]),
        ...quantizeNodes("sum", "ys", "z", "e"),
        node("MaxPool", ["e"], ["m"], { kernel_shape: [2, 2], strides: [2, 2] }),
        ...quantizeNodes("m", "ys", "z", "n"),
        node("Flatten", ["n"], ["flat"]),
        node("DequantizeLinear", ["f", "fs", "fz"], ["ff"], { axis: 0n }),
        node("Gemm", ["flat", "ff"], ["g"], { transB: 1n }),
        node("QuantizeLinear", ["g", "gs", "z"], ["y"]),
      ],
      initializers: {
        s: scalar("f32", 0.02),
        z: scalar("u8", 120),
        w,
        wz: scalar("i8", 0),
        ys: scalar("f32", 0.11),
        f: fc2,
        fs: vector("f32", [0.01, 0.02, 0.03, 0.04, 0.05]),
        fz: makeTensor("i8", [5]),
        gs: scalar("f32", 2),
      },
    };
    const { passed, rewritten, actual, reference } = await compare({ model, x });
    expect(productTypes(passed)).toEqual(["i16,i8", "i16,i8"]);
    expect(passed.ops.find((op) => op.kind === "pool")).toBeDefined();
    const pool = passed.ops.find((op) => op.kind === "pool");
    expect(typeName(passed.values[pool?.inputs[0] ?? -1]?.type)).toBe("u8");
    expect(numbers(actual)).toEqual(numbers(rewritten));
    for (const [i, value] of numbers(actual).entries())
      expect(Math.abs(value - (numbers(reference)[i] ?? NaN))).toBeLessThanOrEqual(1);
  });

  it("stay floats where sums could leave i32, or scales vary along the sum", async () => {
    const long = 70_000;
    const sums = (scale: TensorData, attributes: Parameters<typeof node>[3], k: number): ModelSpec => ({
      opset: 13,
      inputs: { x: typed("u8", 1, k) },
      outputs: { y: null },
      nodes: [
        node("DequantizeLinear", ["x", "s", "z"], ["xf"]),
        node("DequantizeLinear", ["w", "ws"], ["wf"], attributes),
        node("MatMul", ["xf", "wf"], ["y"]),
      ],
      initializers: { s: scalar("f32", 0.5), z: scalar("u8", 0), w: bytesOf("i8", [k, 1], 4), ws: scale },
    });
    const read = async (spec: ModelSpec): Promise<string[]> => {
      const model = await readModel({ bytes: await modelBytes(spec), name: "case" });
      return productTypes(runPasses(lowerModel(model, { dims: new Map(), requireStatic: true }).graph));
    };
    // x is dequantized, the weights are not
    expect(await read(sums(scalar("f32", 1), {}, long))).toEqual(["f32,i8"]);
    expect(await read(sums(vector("f32", [1, 2, 3, 4]), { axis: 0n }, 4))).toEqual(["f32,f32"]);
    expect(await read(sums(scalar("f32", 1), {}, 4))).toEqual(["i16,i8"]);
  });
});
