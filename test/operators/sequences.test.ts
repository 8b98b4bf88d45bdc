import { describe, expect, it } from "@jest/globals";
import { lowerModel } from "../../compiler/frontend/lower.ts";
import { printGraph } from "../../ir/print.ts";
import type { TensorData } from "../../ir/tensor.ts";
import type { HostValue } from "../../runtime/host/value.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { f32, graph, model, type ModelSpec, node, sequence, typed } from "../helpers/onnx-builder.ts";
import { loweredTexts, type NodeCase, numbers, ramp, refusal, run, tensor } from "./node-case.ts";

const i64 = (...list: readonly number[]): TensorData => tensor([list.length], list, "i64");
const strings = (shape: readonly number[], ...elements: readonly string[]): TensorData => ({
  dtype: "string",
  shape,
  elements,
});

/** Runs a model of several nodes. */
async function outputs(
  spec: ModelSpec,
  feeds: Readonly<Record<string, HostValue>>,
): Promise<ReadonlyMap<string, HostValue>> {
  return interpretGraph(lowerModel(await model(spec)).graph, new Map(Object.entries(feeds)));
}
const elementsOf = (value: HostValue | undefined): readonly HostValue[] => {
  if (value === undefined || !("kind" in value) || value.kind !== "sequence") throw new Error("no sequence");
  return value.elements;
};
const listsOf = (value: HostValue | undefined): number[][] =>
  elementsOf(value).map((element) => numbers(element as TensorData));

describe("sequences", () => {
  it("are built, changed and joined again", async () => {
    const result = await outputs(
      {
        opset: 17,
        inputs: { a: f32(2), b: f32(1) },
        initializers: { zero: tensor([], [0], "i64"), one: tensor([], [-1], "i64") },
        outputs: { joined: null, length: null, first: null, rest: null },
        nodes: [
          node("SequenceConstruct", ["a", "b"], ["s"]),
          node("SequenceInsert", ["s", "b", "zero"], ["longer"]),
          node("SequenceLength", ["longer"], ["length"]),
          node("SequenceAt", ["longer", "one"], ["first"]),
          node("SequenceErase", ["longer", "zero"], ["rest"]),
          node("ConcatFromSequence", ["longer"], ["joined"], { axis: 0 }),
        ],
      },
      { a: tensor([2], [1, 2]), b: tensor([1], [3]) },
    );
    expect(numbers(result.get("joined") as TensorData)).toEqual([3, 1, 2, 3]);
    expect(numbers(result.get("length") as TensorData)).toEqual([3]);
    expect(numbers(result.get("first") as TensorData)).toEqual([3]);
    expect(listsOf(result.get("rest"))).toEqual([[1, 2], [3]]);
  });

  it.each([
    [
      { axis: 0 },
      undefined,
      [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
      [1, 2],
    ],
    [
      { axis: 0, keepdims: 0 },
      undefined,
      [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
      [2],
    ],
    [
      { axis: 0 },
      tensor([], [2], "i64"),
      [
        [0, 1, 2, 3],
        [4, 5],
      ],
      [2, 2],
    ],
    [{ axis: 1 }, i64(2, 0), [[0, 1, 2, 3, 4, 5], []], [3, 2]],
  ])("SplitToSequence %j", async (attributes, split, expected, shape) => {
    const result = await outputs(
      {
        opset: 13,
        inputs: { x: f32(3, 2) },
        ...(split === undefined ? {} : { initializers: { split } }),
        outputs: { s: null },
        nodes: [node("SplitToSequence", split === undefined ? ["x"] : ["x", "split"], ["s"], attributes)],
      },
      { x: ramp([3, 2]) },
    );
    expect(listsOf(result.get("s"))).toEqual(expected);
    expect((elementsOf(result.get("s"))[0] as TensorData).shape).toEqual(shape);
  });

  it("that are known while lowering never exist", async () => {
    const spec: ModelSpec = {
      opset: 17,
      inputs: { x: f32(3, 2) },
      initializers: { last: tensor([], [-1], "i64"), first: tensor([], [0], "i64") },
      outputs: { y: null, n: null },
      nodes: [
        node("SplitToSequence", ["x"], ["rows"], { keepdims: 0 }),
        node("SequenceErase", ["rows", "first"], ["fewer"]),
        node("SequenceAt", ["fewer", "last"], ["row"]),
        node("SequenceInsert", ["fewer", "row", "first"], ["all"]),
        node("SequenceLength", ["all"], ["n"]),
        node("ConcatFromSequence", ["all"], ["y"], { axis: 1, new_axis: 1 }),
      ],
    };
    const result = await outputs(spec, { x: ramp([3, 2]) });
    expect(result.get("y")).toMatchObject({ shape: [2, 3], elements: Float32Array.of(4, 2, 4, 5, 3, 5) });
    expect(numbers(result.get("n") as TensorData)).toEqual([3]);
    const { graph: lowered } = lowerModel(await model(spec));
    const sources = new Map(lowered.ops.flatMap((op) => op.outputs.map((id) => [id, op] as const)));
    const read = new Set(lowered.outputs.map(({ value }) => value));
    for (const value of read) for (const input of sources.get(value)?.inputs ?? []) read.add(input);
    expect([...read].map((value) => sources.get(value)?.kind).filter((kind) => kind === "host")).toEqual([]);
  });

  it("stay on the host where a position is computed", async () => {
    const spec: ModelSpec = {
      opset: 17,
      inputs: { a: f32(1), b: f32(2), i: typed("i64") },
      outputs: { y: null },
      nodes: [node("SequenceConstruct", ["a", "b"], ["s"]), node("SequenceAt", ["s", "i"], ["y"])],
    };
    const feeds = { a: tensor([1], [1]), b: tensor([2], [2, 3]) };
    const at = async (position: number): Promise<number[]> =>
      numbers((await outputs(spec, { ...feeds, i: tensor([], [position], "i64") })).get("y") as TensorData);
    expect([await at(0), await at(-1)]).toEqual([[1], [2, 3]]);
  });

  it("are mapped by a loop", async () => {
    const body = graph({
      inputs: { element: f32(2), factor: f32(2) },
      outputs: { product: f32(2) },
      nodes: [node("Mul", ["element", "factor"], ["product"])],
    });
    const spec: ModelSpec = {
      opset: 17,
      inputs: { s: sequence(f32(2)), k: f32(2) },
      outputs: { out: null },
      nodes: [node("SequenceMap", ["s", "k"], ["out"], { body })],
    };
    const s: HostValue = { kind: "sequence", elements: [tensor([2], [1, 2]), tensor([2], [3, 4])] };
    const result = await outputs(spec, { s, k: tensor([2], [10, 100]) });
    expect(listsOf(result.get("out"))).toEqual([
      [10, 200],
      [30, 400],
    ]);
    expect(printGraph(lowerModel(await model(spec)).graph)).toMatchGolden("operators/sequence-map.txt");
  });

  it("hold one element type", async () => {
    const build = (b: TensorData): NodeCase => ({ op: "SequenceConstruct", opset: 11, inputs: [ramp([2]), b] });
    expect(await refusal(build(i64(1)))).toContain("WSC3005");
    expect(await refusal(build(ramp([3, 3])))).toBe("it is accepted");
    expect(await refusal({ op: "SequenceLength", opset: 11, inputs: [ramp([2])] })).toContain("a sequence is expected");
  });
});

describe("optional values", () => {
  it("hold a value, nothing, or are none at all", async () => {
    const has = async (inputs: readonly string[], nodes: ModelSpec["nodes"] = []): Promise<number[]> => {
      const spec: ModelSpec = {
        opset: 18,
        inputs: { x: f32(1) },
        outputs: { y: null },
        nodes: [...nodes, node("OptionalHasElement", inputs, ["y"])],
      };
      return numbers((await outputs(spec, { x: tensor([1], [7]) })).get("y") as TensorData);
    };
    expect(await has(["x"])).toEqual([1]);
    expect(await has([])).toEqual([0]);
    expect(await has([""])).toEqual([0]);
    expect(await has(["o"], [node("Optional", ["x"], ["o"])])).toEqual([1]);
    const type = { kind: "type", value: { kind: "tensor", dtype: "f32", dims: [1] } } as const;
    expect(await has(["o"], [node("Optional", [], ["o"], { type })])).toEqual([0]);
  });

  it("give their value back", async () => {
    const nodes = [node("Optional", ["x"], ["o"]), node("OptionalGetElement", ["o"], ["y"])];
    const spec: ModelSpec = { opset: 18, inputs: { x: f32(1) }, outputs: { y: null }, nodes };
    expect(numbers((await outputs(spec, { x: tensor([1], [7]) })).get("y") as TensorData)).toEqual([7]);
    expect(await refusal({ op: "Optional", opset: 15, inputs: [] })).toContain("WSC3006");
  });
});

describe("strings", () => {
  it("are joined and split", async () => {
    const [joined] = await run({ op: "StringConcat", opset: 20, inputs: [strings([2], "a", "b"), strings([], "é")] });
    expect(joined).toMatchObject({ shape: [2], elements: ["aé", "bé"] });
    const [pieces, counts] = await run({
      op: "StringSplit",
      opset: 20,
      attributes: { delimiter: "," },
      inputs: [strings([2], "a,b,c", "d")],
      outputs: 2,
    });
    expect(pieces).toMatchObject({ shape: [2, 3], elements: ["a", "b", "c", "d", "", ""] });
    expect(numbers(counts as TensorData)).toEqual([3, 1]);
  });

  it("are matched and normalized", async () => {
    const [matched] = await run({
      op: "RegexFullMatch",
      opset: 20,
      attributes: { pattern: "a+b" },
      inputs: [strings([3], "aab", "aabc", "b")],
    });
    expect(numbers(matched as TensorData)).toEqual([1, 0, 0]);
    const attributes = { case_change_action: "UPPER", stopwords: ["two"], is_case_sensitive: 1 };
    const [normal] = await run({
      op: "StringNormalizer",
      opset: 10,
      attributes,
      inputs: [strings([3], "one", "two", "three")],
    });
    expect(normal).toMatchObject({ shape: [2], elements: ["ONE", "THREE"] });
  });

  it("are counted as n-grams", async () => {
    const attributes = {
      mode: "TF",
      min_gram_length: 2,
      max_gram_length: 2,
      max_skip_count: 0,
      ngram_counts: [0, 4],
      ngram_indexes: [0, 1, 2, 3, 4, 5, 6],
      pool_int64s: [2, 3, 5, 4, 5, 6, 7, 8, 6, 7],
    };
    const spec = (more: NodeCase["attributes"]): NodeCase => ({
      op: "TfIdfVectorizer",
      opset: 9,
      attributes: { ...attributes, ...more },
      inputs: [tensor([12], [1, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8], "i32")],
    });
    // of the bigrams 5 6, 7 8 and 6 7 each is there once
    expect(numbers((await run(spec({})))[0] as TensorData)).toEqual([0, 0, 0, 0, 1, 1, 1]);
    expect(await refusal(spec({ pool_strings: ["a"] }))).toContain("exactly one of");
    expect(await refusal(spec({ ngram_indexes: [0, 1] }))).toContain("7 numbers");
    expect(await refusal(spec({ ngram_counts: [0, 5] }))).toContain("WSC3006");
    expect(await refusal(spec({ max_gram_length: 3 }))).toContain("WSC3006");
    expect(await refusal(spec({ mode: "COUNT" }))).toContain("WSC3006");
  });

  it("are refused where numbers are meant, and the other way round", async () => {
    expect(await refusal({ op: "StringConcat", opset: 20, inputs: [ramp([1]), strings([1], "a")] })).toContain(
      "WSC3005",
    );
    expect(
      await refusal({
        op: "Range",
        opset: 11,
        inputs: [strings([], "a"), strings([], "b"), strings([], "c")],
        constants: [0, 1, 2],
      }),
    ).toContain("WSC300");
  });

  it("that are no images decode to none, as the specification asks", async () => {
    const bytes = tensor([3], [1, 2, 3], "u8");
    const [image] = await run({ op: "ImageDecoder", opset: 20, inputs: [bytes] });
    expect(image).toMatchObject({ dtype: "u8", shape: [0, 0, 3] });
  });
});

it("lowers to these graphs", async () => {
  const text = await loweredTexts([
    { op: "SplitToSequence", opset: 11, attributes: { axis: -1, keepdims: 0 }, inputs: [ramp([2, 3])] },
    { op: "StringNormalizer", opset: 10, attributes: { stopwords: ["the"] }, inputs: [strings([2], "the", "end")] },
  ]);
  expect(text).toMatchGolden("operators/sequences.txt");
});
