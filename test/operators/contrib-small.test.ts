/** Small operators of com.microsoft as onnxruntime computes them: first forms of the standard's, distances, hashes, token searches, crops. */
import { describe, expect, it } from "@jest/globals";
import { loadOnnxProto } from "../../compiler/frontend/proto.ts";
import { nth } from "../../ir/access.ts";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { InferenceSession, Tensor } from "../../runtime/index.ts";
import { float, modelBytes, node, type NodeSpec, typed, unranked } from "../helpers/onnx-builder.ts";
import { refusal, run } from "./node-case.ts";
import { agree, floats, integers, type OracleCase, positions, wholes } from "./oracle-case.ts";

type Attributes = NodeSpec["attributes"];

const domain = "com.microsoft";

/** Results as the reference computes them; what decides shapes is constant. */
async function given(
  op: string,
  inputs: readonly (TensorData | null)[],
  more: { readonly attributes?: Attributes; readonly constants?: readonly number[]; readonly outputs?: number } = {},
): Promise<unknown> {
  const found = await run({ op, opset: 1, domain, inputs, ...more });
  return found.map(({ shape, elements }) => [shape, Array.from(elements as ArrayLike<number | bigint>, Number)]);
}

describe("First forms of what the standard took over", () => {
  it.each<[string, Omit<OracleCase, "outputs">]>([
    ["GatherND", { op: "GatherND", inputs: [floats(1, 3, 4, 5), integers([2, 2], 0, 1, 2, -1)], attributes: {} }],
    ["ExpandDims", { op: "ExpandDims", inputs: [floats(1, 3, 4), integers([], -1)], attributes: {} }],
    ["UnfoldTensor", { op: "UnfoldTensor", inputs: [floats(1, 2, 9, 3)], attributes: { dim: 1, size: 4, step: 2 } }],
    [
      "Pad",
      {
        op: "Pad",
        inputs: [floats(1, 3, 4), positions([4], 1, 2, 0, 1)],
        attributes: { mode: "reflect" },
        constants: [1],
      },
    ],
  ])("agree on %s", async (_, c) => {
    await agree({ ...c, outputs: 1 });
  });

  it("take a step of one where Range gives none, and vectors of one element", async () => {
    const constants = [0, 1, 2];
    const [two, five] = [tensorFrom("i64", [], [2]), positions([1], 5)];
    expect(await given("Range", [two, five], { constants })).toEqual([[[3], [2, 3, 4]]]);
    const down = [5, -1, -2].map((value) => tensorFrom("f32", [], [value]));
    expect(await given("Range", down, { constants })).toEqual([[[3], [5, 3, 1]]]);
  });

  it("take amounts of Pad with a dim in front, and a value of one element", async () => {
    const inputs = [tensorFrom("f32", [2], [1, 2]), positions([1, 2], 1, -1), tensorFrom("f32", [1], [9])];
    expect(await given("Pad", inputs, { constants: [1] })).toEqual([[[2], [9, 1]]]);
  });

  it("give distinct elements in their order, with places and counts", async () => {
    const x = tensorFrom("f32", [7], [3, 1, 3, 2, 1, 5, 2]);
    expect(await given("Unique", [x], { outputs: 3 })).toEqual([
      [[4], [3, 1, 2, 5]],
      [[7], [0, 1, 0, 2, 1, 3, 2]],
      [[4], [2, 2, 2, 1]],
    ]);
  });
});

describe("CDist", () => {
  it.each([{}, { metric: "euclidean" }, { metric: "sqeuclidean" }])("agrees with %j", async (attributes) => {
    await agree({ op: "CDist", inputs: [floats(1, 7, 5), floats(2, 4, 5)], attributes, outputs: 1 });
  });

  it("refuses rows of other lengths and other metrics", async () => {
    const inputs = [floats(1, 7, 5), floats(2, 4, 6)];
    expect(await refusal({ op: "CDist", opset: 1, domain, inputs })).toMatch(/rows of \[7,5\] and of \[4,6\]/);
    const attributes = { metric: "cosine" };
    expect(
      await refusal({ op: "CDist", opset: 1, domain, inputs: [floats(1, 2, 2), floats(1, 2, 2)], attributes }),
    ).toMatch(/metric is "cosine"/);
  });
});

describe("NGramRepeatBlock", () => {
  const scores = tensorFrom("f32", [1, 6], [1, 2, 3, 4, 5, 6]);
  const blocked = (size: number, ...ids: readonly number[]): Promise<unknown> =>
    given("NGramRepeatBlock", [positions([1, ids.length], ...ids), scores], { attributes: { ngram_size: size } });

  it.each<[number, number[], number[]]>([
    [1, [0, 2, 2], [0, 2]],
    [2, [3, 1, 4, 3, 5, 3], [1, 5]],
    [3, [3, 1, 4, 3, 1], [4]],
    [3, [3, 1], []],
    [4, [3, 1], []],
    [2, [3], []],
  ])("forbids what would repeat a run of %d: %j", async (size, ids, tokens) => {
    const expected = [1, 2, 3, 4, 5, 6].map((score, token) => (tokens.includes(token) ? -Infinity : score));
    expect(await blocked(size, ...ids)).toEqual([[[1, 6], expected]]);
  });

  it("looks at each sample alone", async () => {
    const ids = positions([2, 3], 1, 2, 1, 3, 3, 0);
    const two = tensorFrom("f32", [2, 4], new Array<number>(8).fill(1));
    const expected = [1, 1, -Infinity, 1, 1, 1, 1, 1];
    expect(await given("NGramRepeatBlock", [ids, two], { attributes: { ngram_size: 2 } })).toEqual([
      [[2, 4], expected],
    ]);
  });
});

describe("MurmurHash3", () => {
  // of onnxruntime 1.32
  const texts = ["", "a", "ab", "abc", "abcd", "abcde", "héllo wörld", "日本語"];
  it.each<[Attributes, number[]]>([
    [{}, [0, 1009084850, 2613040991, 3017643002, 1139631978, 3902511862, 2549609076, 2779017879]],
    [
      { positive: 0, seed: 42 },
      [142593372, -1293573533, -684913081, 1313807976, -396302900, -1361433616, 857211688, -976822600],
    ],
    [{ seed: 42 }, [142593372, 3001393763, 3610054215, 1313807976, 3898664396, 2933533680, 857211688, 3318144696]],
  ])("hashes strings with %j", async (attributes, expected) => {
    const x: TensorData = { dtype: "string", shape: [texts.length], elements: texts };
    expect(await given("MurmurHash3", [x], { attributes })).toEqual([[[texts.length], expected]]);
  });

  it("hashes integers by their bytes", async () => {
    await agree({
      op: "MurmurHash3",
      inputs: [integers([3], 0, 1, -77)],
      attributes: { positive: 0, seed: 5 },
      outputs: 1,
      types: { 0: "i32" },
    });
    expect(await refusal({ op: "MurmurHash3", opset: 1, domain, inputs: [floats(1, 3)] })).toMatch(/not of f32/);
  });
});

describe("BifurcationDetector", () => {
  const source = positions([10], 1, 2, 3, 4, 5, 6, 7, 3, 4, 9);
  const found = (
    current: readonly number[],
    before: number,
    predicted: readonly number[] | null,
    sizes: readonly [number, number],
  ): Promise<unknown> =>
    given(
      "BifurcationDetector",
      [
        source,
        positions([current.length], ...current),
        tensorFrom("i64", [], [before]),
        ...(predicted === null ? [] : [positions([predicted.length], ...predicted)]),
      ],
      { attributes: { min_ngram_size: sizes[0], max_ngram_size: sizes[1] }, outputs: 2 },
    );

  it("joins predicted tokens as far as they are the source's, and one more", async () => {
    expect(await found([5, 6], 4, [5, 6, 7, 8, 4, 9, 11], [1, 3])).toMatchObject([
      [[6], [5, 6, 5, 6, 7, 8]],
      [[], [-1]],
    ]);
    expect(await found([9], 10, [42], [1, 3])).toMatchObject([
      [[2], [9, 42]],
      [[], [-1]],
    ]);
  });

  it("finds where the source goes on, if that is one place", async () => {
    expect(await found([1, 2], 0, null, [1, 3])).toMatchObject([
      [[2], [1, 2]],
      [[], [2]],
    ]);
    expect(await found([3, 4], 0, null, [1, 3])).toMatchObject([
      [[2], [3, 4]],
      [[], [-1]],
    ]);
    expect(await found([2, 3, 4], 0, null, [1, 3])).toMatchObject([
      [[3], [2, 3, 4]],
      [[], [4]],
    ]);
    expect(await found([7, 9], 0, null, [1, 3])).toMatchObject([
      [[2], [7, 9]],
      [[], [10]],
    ]);
  });

  it("refuses predictions of another length", async () => {
    await expect(found([5], 4, [5, 6], [1, 3])).rejects.toThrow(
      /WSC7005: .*2 predicted tokens behind position 4 of 10/,
    );
  });
});

describe("CropAndResize", () => {
  const x = floats(1, 2, 3, 6, 7);
  const boxes = tensorFrom("f32", [4, 4], [0, 0, 1, 1, 0.1, 0.2, 0.7, 0.9, 0.5, 0.5, 1.4, 1.2, 0.8, 0.9, 0.1, 0.2]);
  const images = integers([4], 0, 1, 0, 1);

  it.each<[number, number, Attributes]>([
    [4, 3, {}],
    [1, 5, { extrapolation_value: float(0.25) }],
    [9, 8, { mode: "bilinear", extrapolation_value: float(-2) }],
    [4, 3, { mode: "nearest" }],
    [1, 5, { mode: "nearest", extrapolation_value: float(0.25) }],
  ])("agrees for crops of %d by %d, %j", async (height, width, attributes) => {
    const inputs = [x, boxes, images, integers([2], height, width)];
    await agree({ op: "CropAndResize", inputs, attributes, outputs: 1, constants: [3] });
  });
});

describe("QEmbedLayerNormalization", () => {
  const scale = (value: number): TensorData => tensorFrom("f32", [], [value]);
  const bytes = (dtype: "u8" | "i8", seed: number, ...shape: readonly number[]): TensorData =>
    wholes(dtype, seed, dtype === "u8" ? [0, 256] : [-128, 128], ...shape);

  it.each(["u8", "i8"] as const)("agrees on tables of %s", async (dtype) => {
    const zero = (value: number): TensorData => tensorFrom(dtype, [], [value]);
    const whole = [
      integers([2, 4], 1, 9, 0, 3, 2, 2, 7, 8),
      integers([2, 4], 0, 1, 1, 0, 0, 0, 1, 1),
      bytes(dtype, 1, 10, 8),
      bytes(dtype, 2, 6, 8),
      bytes(dtype, 3, 2, 8),
      bytes(dtype, 4, 8),
      bytes(dtype, 5, 8),
      integers([2, 4], 1, 1, 1, 0, 1, 1, 0, 0),
      ...[0.02, 0.01, 0.03, 0.01, 0.005].map(scale),
      ...[3, 7, 1, 100, 9].map(zero),
    ];
    const of = (...left: readonly number[]): OracleCase => ({
      op: "QEmbedLayerNormalization",
      inputs: whole.map((tensor, i) => (left.includes(i) ? null : tensor)),
      attributes: { epsilon: float(1e-5) },
      outputs: 2,
      types: { 1: "i32" },
    });
    await agree(of());
    await agree(of(7));
    await agree(of(1, 4, 10, 15));
  });
});

describe("WordConvEmbedding", () => {
  const filters = [floats(2, 3, 1, 3, 2), floats(3, 3), floats(4, 6, 2)] as const;
  const words = [
    [0, 0, 0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0, 0, 0],
    [2, 5, 0, 0, 0, 0, 0],
    [1, 2, 0, 3, 1, 1, 1],
    [0, 2, 1, 3, 1, 1, 1],
    [5, 4, 3, 2, 1, 2, 3],
    [3, 3, 3, 1, 0, 0, 0],
  ];

  it("agrees with onnxruntime-web on words of few and all characters, and with gaps", async () => {
    const inputs = [integers([words.length, 7], ...words.flat()), ...filters];
    // onnxruntime leaves what was in memory where a word has no characters
    const hasCharacters = (_: number, element: number): boolean => nth(nth(words, Math.floor(element / 3)), 0) > 0;
    await agree({ op: "WordConvEmbedding", inputs, attributes: {}, outputs: 1 }, hasCharacters);
    const sizes = { embedding_size: 3, conv_window_size: 3, char_embedding_size: 2 };
    await agree({ op: "WordConvEmbedding", inputs, attributes: sizes, outputs: 1 }, hasCharacters);
  });

  it("gives zeros for words without characters", async () => {
    const empty = integers([2, 7], ...nth(words, 0), ...nth(words, 4));
    expect(await given("WordConvEmbedding", [empty, ...filters])).toEqual([
      [
        [2, 3],
        [0, 0, 0, 0, 0, 0],
      ],
    ]);
  });

  it("is refused where sizes do not agree", async () => {
    const of = (attributes: Attributes, ...inputs: readonly TensorData[]): Promise<string> =>
      refusal({ op: "WordConvEmbedding", opset: 1, domain, attributes, inputs });
    const sequence = integers([1, 7], ...nth(words, 3));
    expect(await of({ conv_window_size: 2 }, sequence, ...filters)).toContain("conv_window_size is 2");
    expect(await of({}, integers([1, 2], 1, 2), ...filters)).toContain("no window of 3");
    expect(await of({}, sequence, filters[0], filters[1], floats(4, 6, 3))).toContain("vectors of 2 elements");
  });
});

describe("MatMulInteger16", () => {
  it("sums in 32 bits, which are signed unless both matrices are unsigned", async () => {
    const product = (x: "i16" | "u16", y: "i16" | "u16", a: readonly number[], b: readonly number[]) =>
      run({ op: "MatMulInteger16", opset: 1, domain, inputs: [tensorFrom(x, [2, 2], a), tensorFrom(y, [2, 1], b)] });
    const [signed] = await product("i16", "i16", [-32768, 1, 200, -300], [32767, 5]);
    expect([signed?.dtype, Array.from(signed?.elements as Int32Array)]).toEqual(["i32", [-1073709051, 6551900]]);
    const [unsigned] = await product("u16", "u16", [65535, 0, 1, 2], [65535, 3]);
    expect([unsigned?.dtype, Array.from(unsigned?.elements as Uint32Array)]).toEqual(["u32", [4294836225, 65541]]);
    const [mixed] = await product("u16", "i16", [65535, 0, 1, 2], [-2, 3]);
    expect([mixed?.dtype, Array.from(mixed?.elements as Int32Array)]).toEqual(["i32", [-131070, 4]]);
  });
});

describe("SparseToDenseMatMul", () => {
  const b = tensorFrom("f32", [3, 2], [1, 2, 3, 4, 5, 6]);

  it("multiplies a sparse initializer", async () => {
    const proto = await loadOnnxProto();
    const spec = {
      opset: 15,
      opsets: { [domain]: 1 },
      inputs: { b: typed("f32", 3, 2) },
      outputs: { y: unranked("f32") },
      nodes: [node("SparseToDenseMatMul", ["a", "b"], ["y"], { alpha: float(0.5) }, { domain })],
    };
    const decoded = proto.ModelProto.decode(await modelBytes(spec));
    decoded.graph?.sparseInitializer?.push(
      proto.SparseTensorProto.create({
        dims: [2, 3],
        values: { name: "a", dataType: 1, dims: [3], floatData: [2, 4, 6] },
        indices: { dataType: 7, dims: [3], int64Data: [0, 2, 4] },
      }),
    );
    const session = await InferenceSession.create(proto.ModelProto.encode(decoded).finish());
    const { y } = await session.run({
      b: new Tensor("float32", Float32Array.from(b.elements as Float32Array), [3, 2]),
    });
    // [[2, 0, 4], [0, 6, 0]] / 2 times b
    expect([y?.dims, Array.from(y?.data as Float32Array)]).toEqual([
      [2, 2],
      [11, 14, 9, 12],
    ]);
  });

  it("swaps dims on demand, and refuses a factor of integers", async () => {
    const a = tensorFrom("i64", [2, 3], [1, 0, 2, 0, 3, 0]);
    const own = tensorFrom("i64", [1, 2], [1, 2]);
    const spec = { op: "SparseToDenseMatMul", opset: 1, domain, inputs: [a, own], constants: [0] };
    const swapped = { transA: 1, transB: 1 };
    const [product] = await run({ ...spec, attributes: swapped });
    expect([product?.shape, Array.from(product?.elements as BigInt64Array)]).toEqual([
      [3, 1],
      [1n, 6n, 2n],
    ]);
    expect(await refusal({ ...spec, attributes: { ...swapped, alpha: float(2) } })).toContain("alpha must be 1");
  });
});
