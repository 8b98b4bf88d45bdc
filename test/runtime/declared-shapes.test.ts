/** What a model declares of its outputs is a claim: results have the shapes that the nodes and the data give, by every way to run a model. */
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { scalarTensor, tensorFrom } from "../../ir/tensor.ts";
import { env, InferenceSession, type Tensor, Tensor as SessionTensor } from "../../runtime/index.ts";
import {
  bool,
  f32,
  floats,
  graph,
  i64,
  ints,
  modelBytes,
  type ModelSpec,
  node,
  typed,
} from "../helpers/onnx-builder.ts";
import { writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { codesOf } from "./codes.ts";

const scratch = scratchFolder("declared");
afterAll(scratch.remove);

const tensor = (values: readonly number[], ...dims: readonly number[]): Tensor =>
  new SessionTensor("float32", [...values], dims);
const flags = (...values: readonly boolean[]): Tensor => new SessionTensor("bool", [...values], [values.length]);
const integers = (...values: readonly number[]): Tensor => new SessionTensor("int64", [...values], [values.length]);

interface Case {
  readonly model: ModelSpec;
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** what the outputs are, which is never what the model declares */
  readonly results: Readonly<Record<string, readonly [dims: readonly number[], elements: readonly number[]]>>;
}

const negate = (body: string): ReturnType<typeof graph> =>
  graph({ outputs: { [body]: f32(2, 2) }, nodes: [node("Neg", ["x"], [body])] });

const cases: Readonly<Record<string, Case>> = {
  "of known shape: a size": {
    model: { opset: 17, inputs: { x: f32(2) }, outputs: { y: f32(3) }, nodes: [node("Neg", ["x"], ["y"])] },
    feeds: { x: tensor([1, 2], 2) },
    results: { y: [[2], [-1, -2]] },
  },
  "of known shape: the rank": {
    model: {
      opset: 17,
      inputs: { x: f32(2) },
      outputs: { y: f32(), z: f32(2, 1) },
      nodes: [node("Neg", ["x"], ["y"]), node("Abs", ["x"], ["z"])],
    },
    feeds: { x: tensor([1, 2], 2) },
    results: { y: [[2], [-1, -2]], z: [[2], [1, 2]] },
  },
  "that is an input or a constant": {
    model: {
      opset: 17,
      inputs: { x: f32(2, 1) },
      outputs: { y: f32(1, 2), k: f32(1) },
      nodes: [node("Identity", ["x"], ["y"]), node("Neg", ["w"], ["k"])],
      initializers: { w: floats(1, 2) },
    },
    feeds: { x: tensor([1, 2], 2, 1) },
    results: {
      y: [
        [2, 1],
        [1, 2],
      ],
      k: [[2], [-1, -2]],
    },
  },
  "from a host function, and from what is put off behind it": {
    model: {
      opset: 17,
      inputs: { x: f32(4), keep: bool(4) },
      outputs: { v: f32(4), y: f32(2, 2) },
      nodes: [node("Compress", ["x", "keep"], ["v"]), node("Neg", ["v"], ["y"])],
    },
    feeds: { x: tensor([1, 2, 3, 4], 4), keep: flags(true, false, true, true) },
    results: { v: [[3], [1, 3, 4]], y: [[3], [-1, -3, -4]] },
  },
  "of as many elements in another order": {
    model: {
      opset: 17,
      inputs: { x: f32(2, 3), shape: i64(2) },
      outputs: { y: f32(2, 3) },
      nodes: [node("Reshape", ["x", "shape"], ["y"])],
    },
    feeds: { x: tensor([1, 2, 3, 4, 5, 6], 2, 3), shape: integers(3, 2) },
    results: {
      y: [
        [3, 2],
        [1, 2, 3, 4, 5, 6],
      ],
    },
  },
  "whose rank is fed": {
    model: {
      opset: 17,
      inputs: { x: f32(4), shape: i64(3) },
      outputs: { y: f32(4) },
      nodes: [node("Reshape", ["x", "shape"], ["r"]), node("Exp", ["r"], ["e"]), node("Log", ["e"], ["y"])],
    },
    feeds: { x: tensor([0, 0, 0, 0], 4), shape: integers(2, 1, 2) },
    results: {
      y: [
        [2, 1, 2],
        [0, 0, 0, 0],
      ],
    },
  },
  "put off in several steps": {
    model: {
      opset: 17,
      inputs: { x: f32(3) },
      outputs: { y: f32(3), z: f32(7) },
      nodes: [
        node("NonZero", ["x"], ["at"]),
        node("Transpose", ["at"], ["rows"]),
        node("GatherND", ["x", "rows"], ["picked"]),
        node("ReduceSum", ["picked"], ["total"], { keepdims: 1 }),
        node("Cast", ["total"], ["count"], { to: 7 }),
        node("ConstantOfShape", ["count"], ["y"]),
        node("Concat", ["picked", "y"], ["z"], { axis: 0 }),
      ],
    },
    feeds: { x: tensor([0, 1, 1], 3) },
    results: { y: [[2], [0, 0]], z: [[4], [1, 1, 0, 0]] },
  },
  "of a branch, declared in and outside of it": {
    model: {
      opset: 17,
      inputs: { x: f32(4), c: bool() },
      outputs: { y: f32(1, 4) },
      nodes: [
        node("If", ["c"], ["b"], {
          then_branch: negate("t"),
          else_branch: graph({ outputs: { e: f32(4) }, nodes: [node("Concat", ["x", "x"], ["e"], { axis: 0 })] }),
        }),
        node("Neg", ["b"], ["y"]),
      ],
    },
    feeds: { x: tensor([1, 2, 3, 4], 4), c: new SessionTensor("bool", [true], []) },
    results: { y: [[4], [1, 2, 3, 4]] },
  },
  "of a loop's body": {
    model: {
      opset: 17,
      inputs: { x: f32(2), trips: i64() },
      outputs: { y: f32(2), sums: f32(3, 1) },
      nodes: [
        node("Loop", ["trips", "", "x"], ["y", "sums"], {
          body: graph({
            inputs: { i: i64(), going: bool(), a: f32(5) },
            outputs: { still: bool(), b: f32(5), sum: f32(9) },
            nodes: [
              node("Identity", ["going"], ["still"]),
              node("Concat", ["a", "a"], ["b"], { axis: 0 }),
              node("ReduceSum", ["a"], ["sum"], { keepdims: 0 }),
            ],
          }),
        }),
      ],
    },
    feeds: { x: tensor([1, 2], 2), trips: new SessionTensor("int64", [2], []) },
    results: { y: [[8], [1, 2, 1, 2, 1, 2, 1, 2]], sums: [[2], [3, 6]] },
  },
};

let said: string[] = [];
beforeEach(() => {
  said = [];
  jest.spyOn(console, "warn").mockImplementation((text: string) => {
    said.push(text);
  });
});
afterEach(() => {
  jest.restoreAllMocks();
  delete env.logLevel;
});

async function expectResults(session: InferenceSession, { feeds, results }: Case): Promise<void> {
  const found = await session.run(feeds);
  const plain = Object.entries(found).map(([name, { dims, data }]) => [name, [dims, Array.from(data as Float32Array)]]);
  expect(Object.fromEntries(plain)).toEqual(results);
}

describe("an output", () => {
  it.each(Object.entries(cases))("%s", async (name, given) => {
    const bytes = await modelBytes(given.model);
    await expectResults(await InferenceSession.create(bytes), given);
    expect(said.map((text) => /^warning WSC2004: output "(\w+)"/.exec(text)?.[1])).toEqual(Object.keys(given.results));
    const file = path.join(scratch.path, `${Object.keys(cases).indexOf(name)}.onnx`);
    writeFileSync(file, bytes);
    await writeProgram(file, file.replace(".onnx", ""));
    await expectResults(await InferenceSession.create(file.replace(".onnx", "")), given);
  });

  it("is described as the model declares it", async () => {
    const { model } = cases["whose rank is fed"] as Case;
    const session = await InferenceSession.create(await modelBytes(model));
    expect(session.outputMetadata).toMatchObject([{ name: "y", shape: [4] }]);
  });

  it.each<[string, ModelSpec]>([
    ["known", { opset: 17, inputs: { x: f32(2) }, outputs: { y: i64(2) }, nodes: [node("Neg", ["x"], ["y"])] }],
    [
      "from data",
      { opset: 17, inputs: { x: f32(2) }, outputs: { y: f32(1, 2) }, nodes: [node("NonZero", ["x"], ["y"])] },
    ],
    [
      "put off",
      {
        opset: 17,
        inputs: { x: f32(2), shape: i64(1) },
        outputs: { y: i64(2) },
        nodes: [node("Reshape", ["x", "shape"], ["y"])],
      },
    ],
  ])("may not be of another element type: %s", async (_, spec) => {
    const feeds = { x: tensor([1, 2], 2), ...("shape" in (spec.inputs ?? {}) ? { shape: integers(2) } : {}) };
    const opened = modelBytes(spec).then((bytes) => InferenceSession.create(bytes));
    expect(await codesOf(opened.then((session) => session.run(feeds)))).toEqual(["WSC2004"]);
  });
});

describe("the warning", () => {
  const open = async (options: InferenceSession.SessionOptions = {}): Promise<InferenceSession> =>
    InferenceSession.create(await modelBytes((cases["of known shape: a size"] as Case).model), options);

  it("is said once, with both shapes", async () => {
    const session = await open();
    for (let i = 0; i < 3; i++) await session.run({ x: tensor([1, 2], 2) });
    expect(said).toEqual(['warning WSC2004: output "y": the model declares its shape as [3], it is [2]']);
  });

  it("is not said where less is to be logged", async () => {
    await (await open({ logSeverityLevel: 3 })).run({ x: tensor([1, 2], 2) });
    env.logLevel = "error";
    await (await open()).run({ x: tensor([1, 2], 2) });
    expect(said).toEqual([]);
    await (await open({ logSeverityLevel: 2 })).run({ x: tensor([1, 2], 2) });
    expect(said).toHaveLength(1);
  });

  it("is not said of dims with names, whatever sizes they have", async () => {
    const spec: ModelSpec = {
      opset: 17,
      inputs: { x: f32("n"), keep: bool("n") },
      outputs: { y: f32("n"), at: i64(1, "n") },
      nodes: [node("Compress", ["x", "keep"], ["y"]), node("NonZero", ["x"], ["at"])],
    };
    const session = await InferenceSession.create(await modelBytes(spec));
    await session.run({ x: tensor([1, 2, 3], 3), keep: flags(true, false, false) });
    expect(said).toEqual([]);
  });
});

it("of strings and of values in sequences is a claim as well", async () => {
  const spec: ModelSpec = {
    opset: 17,
    inputs: { x: f32(2), keep: bool(3) },
    outputs: { s: typed("string", 3), e: f32(9) },
    nodes: [
      node("Compress", ["words", "keep"], ["s"]),
      node("SequenceConstruct", ["x", "x"], ["q"]),
      node("SequenceAt", ["q", "first"], ["e"]),
    ],
    initializers: {
      words: tensorFrom("string", [3], ["a", "b", "c"]),
      first: scalarTensor("i64", 0n),
      unread: ints(1),
    },
  };
  const session = await InferenceSession.create(await modelBytes(spec));
  const { s, e } = await session.run({ x: tensor([1, 2], 2), keep: flags(false, true, true) });
  expect([s?.dims, s?.data, e?.dims]).toEqual([[2], ["b", "c"], [2]]);
});
