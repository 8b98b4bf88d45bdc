/** Which shapes a session takes: names of dims are hints, numbers are not, one element stands for a scalar; and what data makes of them. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { scalarTensor, tensorFrom } from "../../ir/tensor.ts";
import { InferenceSession, type Session, Tensor } from "../../runtime/index.ts";
import {
  bool,
  f32,
  graph,
  i64,
  ints,
  modelBytes,
  type ModelSpec,
  node,
  sequence,
  unranked,
} from "../helpers/onnx-builder.ts";
import { writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { codesOf } from "./codes.ts";

const scratch = scratchFolder("fed-shapes");
afterAll(scratch.remove);

const open = async (spec: ModelSpec): Promise<Session> => InferenceSession.create(await modelBytes(spec));
const floats = (values: readonly number[], ...dims: readonly number[]): Tensor =>
  new Tensor("float32", [...values], dims);
const flags = (...values: readonly number[]): Tensor =>
  new Tensor(
    "bool",
    values.map((value) => value === 1),
    [values.length],
  );
const integers = (values: readonly number[], ...dims: readonly number[]): Tensor =>
  new Tensor("int64", [...values], dims);

/** `[dims, elements]` of a result. */
const plain = (tensor: Tensor | undefined): unknown =>
  tensor && [tensor.dims, Array.from(tensor.data as ArrayLike<number | bigint>, Number)];

describe("inputs that share a dim's name", () => {
  const image: ModelSpec = {
    opset: 17,
    inputs: { image: f32("batch", 2), texts: f32("batch", 2) },
    outputs: { scores: f32("batch", "batch"), seen: f32("batch", 2) },
    nodes: [
      node("Transpose", ["texts"], ["t"]),
      node("MatMul", ["image", "t"], ["scores"]),
      node("Neg", ["image"], ["seen"]),
    ],
  };
  const feeds = { image: floats([1, 2], 1, 2), texts: floats([1, 0, 0, 1, 1, 1], 3, 2) };

  it("may be of different sizes", async () => {
    const { scores, seen } = await (await open(image)).run(feeds);
    expect([plain(scores), plain(seen)]).toEqual([
      [
        [1, 3],
        [1, 2, 3],
      ],
      [
        [1, 2],
        [-1, -2],
      ],
    ]);
  });

  it("can be bound each on its own, for a folder", async () => {
    const file = path.join(scratch.path, "image.onnx");
    writeFileSync(file, await modelBytes(image));
    const dims = new Map(Object.entries({ batch: 3, "image.0": 1 }));
    await writeProgram(file, file.replace(".onnx", ""), { dims });
    const session = await InferenceSession.create(file.replace(".onnx", ""));
    expect(session.inputMetadata.map(({ shape }) => shape)).toEqual([
      [1, 2],
      [3, 2],
    ]);
    expect(plain((await session.run(feeds))["scores"])).toEqual([
      [1, 3],
      [1, 2, 3],
    ]);
  });

  it("must fit the operators and the numbers", async () => {
    const sum = await open({
      ...image,
      outputs: { y: f32("batch", 2) },
      nodes: [node("Add", ["image", "texts"], ["y"])],
    });
    await expect(sum.run({ ...feeds, image: floats([1, 2, 3, 4], 2, 2) })).rejects.toThrow(
      /WSC3004: Add.*\n.*"image" f32\[2,2\], "texts" f32\[3,2\]/,
    );
    expect(await codesOf(sum.run({ ...feeds, image: floats([1, 2, 3], 1, 3) }))).toEqual(["WSC7002"]);
    expect(plain((await sum.run(feeds))["y"])).toEqual([
      [3, 2],
      [2, 2, 1, 3, 2, 3],
    ]);
  });

  it("may be elements of a sequence, each of its own size", async () => {
    const session = await open({
      opset: 17,
      inputs: { q: sequence(f32("n")), x: f32("n") },
      outputs: { last: f32("n"), y: f32("n") },
      nodes: [node("SequenceAt", ["q", "end"], ["last"]), node("Concat", ["last", "x"], ["y"], { axis: 0 })],
      initializers: { end: scalarTensor("i64", -1n) },
    });
    const { last, y } = await session.run({
      q: [floats([1], 1), floats([2, 3], 2)],
      x: floats([4], 1),
    });
    expect([plain(last), plain(y)]).toEqual([
      [[2], [2, 3]],
      [[3], [2, 3, 4]],
    ]);
  });

  it("may be one input with two sizes", async () => {
    const session = await open({
      opset: 17,
      inputs: { x: f32("n", "n") },
      outputs: { y: f32("n", "n") },
      nodes: [node("Transpose", ["x"], ["y"])],
    });
    expect(plain((await session.run({ x: floats([1, 2, 3], 1, 3) }))["y"])).toEqual([
      [3, 1],
      [1, 2, 3],
    ]);
  });
});

describe("a cache that is empty in every way", () => {
  const cached = (name: string): ReturnType<typeof node> => node("Concat", ["past", "key"], [name], { axis: -2 });
  const decoder: ModelSpec = {
    opset: 17,
    inputs: { past: f32("batch", 1, "past", 2), key: f32("batch", 1, "new", 2), use: bool() },
    outputs: { present: f32("batch", 1, "all", 2), length: i64() },
    nodes: [
      node("If", ["use"], ["present"], {
        then_branch: graph({ outputs: { t: null }, nodes: [cached("t")] }),
        else_branch: graph({ outputs: { e: null }, nodes: [node("Identity", ["key"], ["e"])] }),
      }),
      node("Shape", ["past"], ["s"]),
      node("Gather", ["s", "two"], ["length"]),
    ],
    initializers: { two: scalarTensor("i64", 2n) },
  };

  it.each([true, false])("joins keys of another batch (cache used: %s)", async (used) => {
    const session = await open(decoder);
    const use = new Tensor("bool", [used], []);
    const key = floats([1, 2], 1, 1, 1, 2);
    const { present, length } = await session.run({ past: floats([], 0, 1, 0, 2), key, use });
    expect([plain(present), plain(length)]).toEqual([
      [
        [1, 1, 1, 2],
        [1, 2],
      ],
      [[], [0]],
    ]);
    const next = await session.run({ past: present as Tensor, key: floats([3, 4], 1, 1, 1, 2), use });
    expect(plain(next["present"])).toEqual(
      used
        ? [
            [1, 1, 2, 2],
            [1, 2, 3, 4],
          ]
        : [
            [1, 1, 1, 2],
            [3, 4],
          ],
    );
  });

  it("is left out of a sequence that is joined, too", async () => {
    const session = await open({
      opset: 17,
      inputs: { past: f32("n", "m"), x: f32("n", "m") },
      outputs: { y: f32("n", "m") },
      nodes: [
        node("SequenceEmpty", [], ["none"]),
        node("SequenceInsert", ["none", "past"], ["one"]),
        node("SequenceInsert", ["one", "x"], ["two"]),
        node("ConcatFromSequence", ["two"], ["y"], { axis: 0 }),
      ],
    });
    expect(plain((await session.run({ past: floats([], 0, 5), x: floats([1, 2], 1, 2) }))["y"])).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it("is refused where it would add something that is not there", async () => {
    const session = await open({
      opset: 17,
      inputs: { past: f32("n", "m"), x: f32("n", "m") },
      outputs: { y: f32("n", "m") },
      nodes: [node("Concat", ["past", "x"], ["y"], { axis: 1 })],
    });
    await expect(session.run({ past: floats([], 0, 3), x: floats([1, 2], 1, 2) })).rejects.toThrow(
      /WSC3004: Concat.*\n.*"past" f32\[0,3\], "x" f32\[1,2\]/,
    );
  });
});

describe("one element for a scalar", () => {
  const scaled: ModelSpec = {
    opset: 17,
    inputs: { x: f32("n"), gain: f32() },
    outputs: { y: unranked("f32"), twice: unranked("f32") },
    nodes: [node("Mul", ["x", "gain"], ["y"]), node("Add", ["gain", "gain"], ["twice"])],
  };
  const x = floats([1, 2], 2);

  it("is taken, and keeps its rank", async () => {
    const session = await open(scaled);
    for (const dims of [[], [1], [1, 1]]) {
      const { y, twice } = await session.run({ x, gain: floats([3], ...dims) });
      expect(plain(twice)).toEqual([dims, [6]]);
      expect((y as Tensor).data).toEqual(Float32Array.of(3, 6));
    }
    expect(await codesOf(session.run({ x, gain: integers([3], 1) }))).toEqual(["WSC7002"]);
  });

  it("may be several, as far as the operators take them", async () => {
    const session = await open(scaled);
    const { y, twice } = await session.run({ x, gain: floats([3, 4], 2) });
    expect([plain(y), plain(twice)]).toEqual([
      [[2], [3, 8]],
      [[2], [6, 8]],
    ]);
    expect(await codesOf(session.run({ x, gain: floats([3, 4, 5], 3) }))).toEqual(["WSC3004"]);
  });

  it("is taken where all shapes are known, and by a folder as the scalar that it was compiled for", async () => {
    const spec: ModelSpec = { ...scaled, inputs: { x: f32(2), gain: f32() } };
    const file = path.join(scratch.path, "gain.onnx");
    writeFileSync(file, await modelBytes(spec));
    await writeProgram(file, file.replace(".onnx", ""));
    for (const source of [file, file.replace(".onnx", "")]) {
      const session = await InferenceSession.create(source);
      const { y, twice } = await session.run({ x, gain: floats([3], 1) });
      expect(plain(y)).toEqual([[2], [3, 6]]);
      expect(plain(twice)).toEqual([source === file ? [1] : [], [6]]);
      const several = await codesOf(session.run({ x, gain: floats([3, 4], 2) }));
      expect(several).toEqual(source === file ? [] : ["WSC7002"]);
    }
  });

  it("decides lengths, branches and positions", async () => {
    const session = await open({
      opset: 17,
      inputs: { count: i64(), at: i64(), yes: bool() },
      outputs: { y: i64("n"), one: unranked("i64") },
      nodes: [
        node("Range", ["zero", "count", "step"], ["r"]),
        node("If", ["yes"], ["y"], {
          then_branch: graph({ outputs: { t: null }, nodes: [node("Neg", ["r"], ["t"])] }),
          else_branch: graph({ outputs: { e: null }, nodes: [node("Identity", ["r"], ["e"])] }),
        }),
        node("Gather", ["y", "at"], ["one"]),
      ],
      initializers: { zero: scalarTensor("i64", 0n), step: scalarTensor("i64", 1n) },
    });
    const { y, one } = await session.run({ count: integers([3], 1), at: integers([2], 1), yes: flags(1) });
    expect([plain(y), plain(one)]).toEqual([
      [[3], [0, -1, -2]],
      [[1], [-2]],
    ]);
  });

  it("is a vector where a scalar is fed for one", async () => {
    const session = await open({ ...scaled, inputs: { x: f32("n"), gain: f32(1) } });
    expect(plain((await session.run({ x, gain: floats([3]) }))["twice"])).toEqual([[1], [6]]);
    expect(await codesOf(session.run({ x, gain: floats([3], 1, 1) }))).toEqual(["WSC7002"]);
  });

  it("is not taken inside a sequence, whose elements are of one type", async () => {
    const session = await open({
      opset: 17,
      inputs: { q: sequence(f32()) },
      outputs: { y: f32() },
      nodes: [node("SequenceAt", ["q", "zero"], ["y"])],
      initializers: { zero: scalarTensor("i64", 0n) },
    });
    expect(plain((await session.run({ q: [floats([3])] }))["y"])).toEqual([[], [3]]);
    expect(await codesOf(session.run({ q: [floats([3], 1)] }))).toEqual(["WSC7002"]);
  });
});

describe("lengths that data decides", () => {
  const axis = { axis: ints(0) };

  it.each<[string, ModelSpec, Readonly<Record<string, Tensor>>, Readonly<Record<string, unknown>>]>([
    [
      "two NonZero, with outputs declared of one name",
      {
        opset: 17,
        inputs: { x: f32(4), z: f32(3) },
        outputs: { a: i64(1, "n"), b: i64(1, "n"), y: i64(1, "n") },
        nodes: [
          node("NonZero", ["x"], ["a"]),
          node("NonZero", ["z"], ["b"]),
          node("Concat", ["a", "b"], ["y"], { axis: 1 }),
        ],
      },
      { x: floats([0, 1, 1, 1], 4), z: floats([1, 0, 0], 3) },
      {
        a: [
          [1, 3],
          [1, 2, 3],
        ],
        b: [[1, 1], [0]],
        y: [
          [1, 4],
          [1, 2, 3, 0],
        ],
      },
    ],
    [
      "Compress of Compress",
      {
        opset: 17,
        inputs: { x: f32("n", "n"), rows: bool("n"), columns: bool("n") },
        outputs: { y: f32("n", "n") },
        nodes: [
          node("Compress", ["x", "rows"], ["some"], { axis: 0 }),
          node("Compress", ["some", "columns"], ["fewer"], { axis: 1 }),
          node("Neg", ["fewer"], ["y"]),
        ],
      },
      { x: floats([1, 2, 3, 4, 5, 6, 7, 8, 9], 3, 3), rows: flags(1, 0, 1), columns: flags(0, 0, 1) },
      {
        y: [
          [2, 1],
          [-3, -9],
        ],
      },
    ],
    [
      "Unique, along an axis and flat",
      {
        opset: 17,
        inputs: { x: f32(3, 2), z: f32(2, 3) },
        outputs: { y: f32("n", "m"), counts: i64("n") },
        nodes: [
          node("Unique", ["x"], ["rows"], { axis: 0 }),
          node("Unique", ["z"], ["all", "", "", "counts"]),
          node("Unsqueeze", ["all", "axis"], ["row"]),
          node("Unsqueeze", ["rows", "last"], ["apart"]),
          node("Mul", ["apart", "row"], ["products"]),
          node("ReduceSum", ["products", "last"], ["y"], { keepdims: 0 }),
        ],
        initializers: { ...axis, last: ints(2) },
      },
      { x: floats([1, 2, 1, 2, 3, 4], 3, 2), z: floats([5, 5, 5, 6, 7, 6], 2, 3) },
      {
        y: [
          [2, 2],
          [18, 36, 54, 72],
        ],
        counts: [[3], [3, 2, 1]],
      },
    ],
    [
      "two NonMaxSuppression",
      {
        opset: 17,
        inputs: { boxes: f32(1, 3, 4), s: f32(1, 1, 3), t: f32(1, 1, 3) },
        outputs: { y: i64("n", 3) },
        nodes: [
          node("NonMaxSuppression", ["boxes", "s", "most", "", "least"], ["a"]),
          node("NonMaxSuppression", ["boxes", "t", "most", "", "least"], ["b"]),
          node("Concat", ["a", "b"], ["all"], { axis: 0 }),
          node("Neg", ["all"], ["y"]),
        ],
        initializers: { most: ints(9), least: tensorFrom("f32", [1], [0.5]) },
      },
      {
        boxes: floats([0, 0, 1, 1, 0, 5, 1, 6, 0, 9, 1, 10], 1, 3, 4),
        s: floats([0.9, 0.8, 0.1], 1, 1, 3),
        t: floats([0, 0, 1], 1, 1, 3),
      },
      {
        y: [
          [3, 3],
          [0, 0, 0, 0, 0, -1, 0, 0, -2],
        ],
      },
    ],
    [
      "a mask of a masked value, inside a branch",
      {
        opset: 17,
        inputs: { x: f32(4), yes: bool() },
        outputs: { y: f32("n") },
        nodes: [
          node("If", ["yes"], ["y"], {
            then_branch: graph({
              outputs: { t: f32("n") },
              nodes: [
                node("NonZero", ["x"], ["at"]),
                node("Transpose", ["at"], ["places"]),
                node("GatherND", ["x", "places"], ["kept"]),
                node("Greater", ["kept", "two"], ["mask"]),
                node("Compress", ["kept", "mask"], ["large"]),
                node("Concat", ["kept", "large"], ["t"], { axis: 0 }),
              ],
            }),
            else_branch: graph({ outputs: { e: f32("n") }, nodes: [node("Neg", ["x"], ["e"])] }),
          }),
        ],
        initializers: { two: scalarTensor("f32", 2) },
      },
      { x: floats([0, 1, 3, 0], 4), yes: new Tensor("bool", [true], []) },
      { y: [[3], [1, 3, 3]] },
    ],
  ])("are each their own: %s", async (_, spec, feeds, results) => {
    const found = await (await open(spec)).run(feeds);
    expect(Object.fromEntries(Object.entries(found).map(([name, value]) => [name, plain(value)]))).toEqual(results);
  });
});
