/** MatMulNBits and GatherBlockQuantized as onnxruntime-web computes them, and what of them is refused. */
import { describe, expect, it } from "@jest/globals";
import { encodeSmallFloat, toFloat32 } from "../../ir/small-float.ts";
import { elementCount, makeTensor, type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { randomNumbers } from "../codegen/harness.ts";
import { nth } from "../codegen/tensor-index.ts";
import { modelBytes, type ModelSpec, node, typed } from "../helpers/onnx-builder.ts";
import { relativeError, runOracle } from "../helpers/oracle.ts";
import { lowered, type NodeCase, refusal } from "./node-case.ts";
import { programOf } from "./oracle-case.ts";

interface Case {
  readonly shape: readonly number[];
  readonly n: number;
  readonly bits: number;
  readonly blockSize: number;
  readonly zeros?: "packed" | "floats";
  readonly bias?: boolean;
  readonly groups?: readonly number[];
  readonly accuracy?: number;
}

const random = (seed: number): (() => number) => {
  const next = randomNumbers(seed);
  return () => (next() + 1) / 2;
};
const floats = (shape: readonly number[], seed: number, low = -1, high = 1): TensorData => {
  const next = random(seed);
  return tensorFrom(
    "f32",
    shape,
    Array.from({ length: elementCount(shape) }, () => low + next() * (high - low)),
  );
};
const bytes = (shape: readonly number[], seed: number): TensorData => {
  const next = random(seed);
  return tensorFrom(
    "u8",
    shape,
    Array.from({ length: elementCount(shape) }, () => Math.floor(next() * 256)),
  );
};

/** Inputs of the node; null leaves one out. */
function inputsOf({ shape, n, bits, blockSize, zeros, bias, groups }: Case, seed: number): (TensorData | null)[] {
  const k = shape.at(-1) ?? 0;
  const blocks = Math.ceil(k / blockSize);
  const zeroPoints = { packed: bytes([n, Math.ceil((blocks * bits) / 8)], seed + 3), floats: floats([n, blocks], seed + 3, 0, 2 ** bits) }; // prettier-ignore
  return [
    floats(shape, seed),
    bytes([n, blocks, (blockSize * bits) / 8], seed + 1),
    floats([n, blocks], seed + 2, 0.1, 1),
    zeros === undefined ? null : zeroPoints[zeros],
    groups === undefined ? null : tensorFrom("i32", [groups.length], groups),
    bias === true ? floats([n], seed + 4, -20, 20) : null,
  ];
}

const names = ["a", "b", "scales", "zeros", "groups", "bias"];

const attributesOf = ({ shape, n, bits, blockSize, accuracy }: Case): Record<string, number> => ({
  K: shape.at(-1) ?? 0,
  N: n,
  bits,
  block_size: blockSize,
  ...(accuracy === undefined ? {} : { accuracy_level: accuracy }),
});

function specOf(c: Case, inputs: readonly (TensorData | null)[]): ModelSpec {
  const present = inputs.map((tensor, i) => (tensor === null ? "" : (names[i] ?? "")));
  const [a, ...constants] = inputs;
  const entries = constants.flatMap((tensor, i) => (tensor === null ? [] : [[names[i + 1], tensor] as const]));
  return {
    opset: 21,
    opsets: { "com.microsoft": 1 },
    inputs: { a: typed(a?.dtype ?? "f32", ...c.shape) },
    initializers: Object.fromEntries(entries) as Record<string, TensorData>,
    outputs: { y: typed(a?.dtype ?? "f32", ...c.shape.slice(0, -1), c.n) },
    nodes: [node("MatMulNBits", present, ["y"], attributesOf(c), { domain: "com.microsoft" })],
  };
}

/** Largest difference between the compiled model and onnxruntime-web. */
async function difference(c: Case, seed = 1): Promise<number> {
  const inputs = inputsOf(c, seed);
  const spec = specOf(c, inputs);
  const a = inputs[0] as TensorData;
  const [actual] = (await (await programOf(spec)).run([a])) as TensorData[];
  const expected = await runOracle(await modelBytes(spec), { a: { type: "float32", dims: a.shape, data: a.elements } });
  expect(actual?.shape).toEqual(expected.get("y")?.dims);
  return relativeError(actual?.elements as Float32Array, expected.get("y")?.data ?? []);
}

describe("MatMulNBits agrees with onnxruntime-web", () => {
  const base = { n: 24, bits: 4, blockSize: 32 };
  it.each<Case>([
    { ...base, shape: [1, 64] },
    { ...base, shape: [3, 80], zeros: "packed" },
    { ...base, shape: [2, 5, 80], zeros: "floats", bias: true },
    { ...base, shape: [1, 33], blockSize: 16, zeros: "packed" },
    { ...base, shape: [20, 130], blockSize: 64, bias: true },
    { ...base, shape: [1, 96], n: 33, blockSize: 128, zeros: "packed" },
    { ...base, shape: [1, 64], bits: 8 },
    { ...base, shape: [4, 70], bits: 8, zeros: "packed", bias: true },
    { ...base, shape: [1, 2, 256], bits: 8, blockSize: 256, n: 7 },
    { ...base, shape: [2, 100], bits: 2, blockSize: 16 },
    { ...base, shape: [1, 100], bits: 2, zeros: "packed" },
  ])("%j", async (c) => {
    expect(await difference(c)).toBeLessThan(3e-6);
  });
});

/** The reference's result for a case, as numbers. */
async function results(c: Case, inputs: readonly (TensorData | null)[]): Promise<readonly number[]> {
  const [result] = (await (await programOf(specOf(c, inputs))).run([inputs[0] as TensorData])) as TensorData[];
  return Array.from(result?.elements as Float32Array);
}

describe("MatMulNBits", () => {
  const c: Case = { shape: [2, 64], n: 5, bits: 4, blockSize: 16 };

  it("takes vectors", async () => {
    const inputs = inputsOf({ ...c, shape: [64] }, 3);
    const rows = inputs.with(0, { ...(inputs[0] as TensorData), shape: [1, 64] });
    expect(await results({ ...c, shape: [64] }, inputs)).toEqual(await results({ ...c, shape: [1, 64] }, rows));
  });

  it("takes scales and zero points in one dim, as old exporters wrote them", async () => {
    const inputs = inputsOf({ ...c, zeros: "packed" }, 4);
    const flat = inputs.map((tensor, i) =>
      tensor !== null && (i === 2 || i === 3) ? { ...tensor, shape: [elementCount(tensor.shape)] } : tensor,
    );
    expect(await results(c, flat)).toEqual(await results(c, inputs));
  });

  it("gathers A where groups are no runs", async () => {
    const inputs = inputsOf(c, 5);
    // element k belongs to group k % 4: as if A's and B's elements stood in another order
    const groups = Array.from({ length: 64 }, (_, k) => k % 4);
    const order = [...groups.keys()].sort((i, j) => nth(groups, i) - nth(groups, j) || i - j);
    const [a, b] = inputs as [TensorData, TensorData];
    const permutedA = makeTensor("f32", [2, 64], Float32Array.from({ length: 128 }, (_, at) => (a.elements as Float32Array)[64 * Math.floor(at / 64) + nth(order, at % 64)] as number)); // prettier-ignore
    const nibbles = (n: number, k: number): number =>
      (nth(b.elements as Uint8Array, 32 * n + (k >> 1)) >> (4 * (k % 2))) & 15;
    const permutedB = makeTensor("u8", b.shape, Uint8Array.from({ length: 160 }, (_, at) => {
      const [n, k] = [Math.floor(at / 32), 2 * (at % 32)];
      return nibbles(n, nth(order, k)) | (nibbles(n, nth(order, k + 1)) << 4);
    })); // prettier-ignore
    const grouped = inputsOf({ ...c, groups }, 5);
    const expected = await results(c, inputs.with(0, permutedA).with(1, permutedB));
    const actual = await results(c, grouped);
    expect(relativeError(actual, expected)).toBeLessThan(1e-6);
    const runs = Array.from({ length: 64 }, (_, k) => Math.floor(k / 16));
    expect(await results(c, inputsOf({ ...c, groups: runs }, 5))).toEqual(await results(c, inputs));
  });

  it("computes f16 in f32", async () => {
    const inputs = inputsOf({ ...c, bias: true }, 6);
    const half = (tensor: TensorData | null): TensorData | null =>
      tensor?.dtype === "f32"
        ? makeTensor("f16", tensor.shape, Uint16Array.from(tensor.elements as Float32Array, (x) => encodeSmallFloat("f16", x)))
        : tensor;
    const halves = inputs.map(half);
    const spec = specOf(c, halves);
    const [actual] = (await (await programOf(spec)).run([halves[0] as TensorData])) as TensorData[];
    const wide = halves.map((tensor) => (tensor?.dtype === "f16" ? widened(tensor) : tensor));
    const expected = (await results(c, wide)).map((x) => encodeSmallFloat("f16", x));
    expect(Array.from(actual?.elements as Uint16Array)).toEqual(expected);
  }); // prettier-ignore

  const node1 = (inputs: readonly (TensorData | null)[], attributes: Record<string, number>): NodeCase => ({
    op: "MatMulNBits",
    domain: "com.microsoft",
    opset: 1,
    inputs,
    constants: [1, 2, 3, 4, 5],
    attributes: { ...attributesOf(c), ...attributes },
  });

  it("keeps the weights in their bits", async () => {
    const { values, ops } = await lowered(node1(inputsOf(c, 1), {}));
    expect(ops.map(({ kind }) => kind)).toEqual(["quantizedMatmul"]);
    expect(values[ops[0]?.inputs[1] ?? -1]?.type).toMatchObject({ dtype: "u4", shape: [5, 64] });
  });

  it.each<[string, Record<string, number>, string]>([
    ["3 bits", { bits: 3 }, "bits 3"],
    ["blocks of 24", { block_size: 24 }, "WSC3006"],
    ["blocks of 8", { block_size: 8 }, "WSC3006"],
    ["another K than A has", { K: 63 }, "WSC3004"],
    ["another N than B has", { N: 6 }, "WSC3004"],
    ["no columns", { N: 0 }, "WSC3006"],
    ["weights packed for a GPU", { weight_prepacked: 1 }, "weight_prepacked"],
  ])("refuses %s", async (_, attributes, message) => {
    expect(await refusal(node1(inputsOf(c, 1), attributes))).toContain(message);
  });

  it("refuses groups of unlike sizes, scales of another type and a bias of another size", async () => {
    const uneven = inputsOf({ ...c, groups: Array.from({ length: 64 }, (_, k) => (k === 0 ? 1 : Math.floor(k / 16))) }, 1);
    expect(await refusal(node1(uneven, {}))).toContain("g_idx");
    const inputs = inputsOf({ ...c, bias: true }, 1);
    expect(await refusal(node1(inputs.with(2, makeTensor("f16", [5, 4])), {}))).toContain("WSC3005");
    expect(await refusal(node1(inputs.with(5, makeTensor("f32", [4])), {}))).toContain("WSC3004");
  }); // prettier-ignore
});

interface GatherCase {
  readonly rows: number;
  readonly length: number;
  readonly bits: 4 | 8;
  readonly blockSize: number;
  readonly hasZeros: boolean;
  readonly indices: readonly number[];
  readonly shape: readonly number[];
}

function gatherSpec(c: GatherCase, seed: number): ModelSpec {
  const blocks = Math.ceil(c.length / c.blockSize);
  return {
    opset: 21,
    opsets: { "com.microsoft": 1 },
    inputs: { i: typed("i64", ...c.shape) },
    initializers: {
      data: bytes([c.rows, (c.length * c.bits) / 8], seed),
      scales: floats([c.rows, blocks], seed + 1, 0.1, 1),
      ...(c.hasZeros ? { zeros: bytes([c.rows, Math.ceil((blocks * c.bits) / 8)], seed + 2) } : {}),
    },
    outputs: { y: typed("f32", ...c.shape, c.length) },
    nodes: [
      node(
        "GatherBlockQuantized",
        ["data", "i", "scales", ...(c.hasZeros ? ["zeros"] : [])],
        ["y"],
        { bits: c.bits, block_size: c.blockSize, gather_axis: 0, quantize_axis: 1 },
        { domain: "com.microsoft" },
      ),
    ],
  };
}

describe("GatherBlockQuantized agrees with onnxruntime-web", () => {
  const base = { rows: 300, length: 128, bits: 4, blockSize: 32, hasZeros: false, indices: [299, 0, -1, 7, 7, 150], shape: [2, 3] } as const; // prettier-ignore
  it.each<GatherCase>([
    base,
    { ...base, hasZeros: true },
    { ...base, bits: 8 },
    { ...base, bits: 8, hasZeros: true, blockSize: 64 },
    { ...base, rows: 20, indices: [19], shape: [] },
    { ...base, length: 144, hasZeros: true },
  ])("%j", async (c) => {
    const spec = gatherSpec(c, 1);
    const i = tensorFrom("i64", c.shape, c.indices);
    const [actual] = (await (await programOf(spec)).run([i])) as TensorData[];
    const expected = await runOracle(await modelBytes(spec), { i: { type: "int64", dims: c.shape, data: i.elements } });
    expect(actual?.shape).toEqual(expected.get("y")?.dims);
    expect(relativeError(actual?.elements as Float32Array, expected.get("y")?.data ?? [])).toBeLessThan(1e-6);
  });
});

const widened = ({ shape, elements }: TensorData): TensorData =>
  makeTensor("f32", shape, toFloat32("f16", elements as Uint16Array));
