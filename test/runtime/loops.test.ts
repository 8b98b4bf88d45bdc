/** Loops in a session: what a body is given, results of no iteration, and an end for loops that have none. */
import { describe, expect, it } from "@jest/globals";
import { scalarTensor, tensorFrom } from "../../ir/tensor.ts";
import { modelCompiler } from "../../compiler/session-compiler.ts";
import type { SessionOptions } from "../../runtime/option-types.ts";
import { modelRunner } from "../../runtime/runner.ts";
import { InferenceSession } from "../../runtime/session.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { bool, f32, graph, i64, ints, modelBytes, type ModelSpec, node, typed } from "../helpers/onnx-builder.ts";

const open = async (spec: ModelSpec, options: SessionOptions = {}): Promise<InferenceSession> =>
  InferenceSession.create(await modelBytes(spec), { logSeverityLevel: 4, ...options });

const int64 = (value: bigint, dims: readonly number[] = []): Tensor => new Tensor("int64", [value], dims);
const flag = (value: boolean, dims: readonly number[] = []): Tensor => new Tensor("bool", [value ? 1 : 0], dims);
const pair = new Tensor("float32", [1, 2], [2]);

describe("a body that declares one dim", () => {
  const looped = (iteration: readonly number[], condition: readonly number[], fed: readonly number[]): ModelSpec => ({
    opset: 17,
    inputs: { x: f32(1), trips: i64(...fed), on: bool(...fed) },
    outputs: { y: f32(1), numbers: i64("n", null) },
    nodes: [
      node("Loop", ["trips", "on", "x"], ["y", "numbers", "shapes"], {
        body: graph({
          inputs: { i: i64(...iteration), go: bool(...condition), s: f32(1) },
          outputs: { go_on: bool(...condition), s_out: f32(1), number: i64(...iteration), shape: i64(null) },
          nodes: [
            node("Add", ["s", "one"], ["s_out"]),
            node("Less", ["s_out", "limit"], ["less"]),
            node("Reshape", ["less", "ones"], ["less_too"]),
            node("And", ["less_too", "go"], ["go_on"]),
            node("Identity", ["i"], ["number"]),
            node("Shape", ["go"], ["shape"]),
          ],
          initializers: { ones: ints(...condition) },
        }),
      }),
    ],
    initializers: { one: tensorFrom("f32", [1], [1]), limit: tensorFrom("f32", [1], [4]) },
  });

  it.each([
    { iteration: [], condition: [], fed: [] },
    { iteration: [1], condition: [], fed: [1] },
    { iteration: [], condition: [1], fed: [1] },
    { iteration: [1], condition: [1], fed: [] },
  ])("gets it: $iteration, $condition, fed as $fed", async ({ iteration, condition, fed }) => {
    const session = await open(looped(iteration, condition, fed));
    const feeds = { x: new Tensor("float32", [1], [1]), trips: int64(9n, fed), on: flag(true, fed) };
    const { y, numbers } = await session.run(feeds);
    expect([y?.dims, y?.data]).toEqual([[1], Float32Array.of(4)]);
    expect([numbers?.dims, numbers?.data]).toEqual([[3, ...iteration], BigInt64Array.of(0n, 1n, 2n)]);
  });

  it("gets it where the loop is written out", async () => {
    const spec = looped([1], [1], []);
    const { x } = spec.inputs as { x: ReturnType<typeof f32> };
    const session = await open({
      ...spec,
      inputs: { x },
      initializers: { ...spec.initializers, trips: ints(2), on: scalarTensor("bool", 1) },
    });
    const { numbers } = await session.run({ x: new Tensor("float32", [1], [1]) });
    expect([numbers?.dims, numbers?.data]).toEqual([[2, 1], BigInt64Array.of(0n, 1n)]);
  });
});

describe("a loop without an iteration", () => {
  it.each([
    { declared: f32(1), dims: [0, 1] },
    { declared: f32(), dims: [0] },
    { declared: f32(2, 3), dims: [0, 2, 3] },
    { declared: f32("n", 3), dims: [0, 0, 3] },
    { declared: f32(null, 3), dims: [0, 0, 3] },
  ])("stacks elements of the declared shape: $dims", async ({ declared, dims }) => {
    const session = await open({
      opset: 17,
      inputs: { x: f32(6), shape: i64("rank"), trips: i64(), on: bool() },
      outputs: { rows: f32(...dims.map(() => null)), twice: f32(...dims.map(() => null)) },
      nodes: [
        node("Loop", ["trips", "on"], ["rows"], {
          body: graph({
            inputs: { i: i64(), go: bool() },
            outputs: { go_on: bool(), row: declared },
            nodes: [node("Identity", ["go"], ["go_on"]), node("Reshape", ["x", "shape"], ["row"])],
          }),
        }),
        node("Add", ["rows", "rows"], ["twice"]),
      ],
    });
    const feeds = { x: new Tensor("float32", [1, 2, 3, 4, 5, 6], [6]), shape: new Tensor("int64", [2n, 3n], [2]) };
    for (const [trips, on] of [
      [0n, true],
      [-1n, true],
      [5n, false],
    ] as const) {
      const { rows, twice } = await session.run({ ...feeds, trips: int64(trips), on: flag(on) });
      expect([rows?.dims, twice?.dims]).toEqual([dims, dims]);
    }
    const { rows } = await session.run({ ...feeds, trips: int64(2n), on: flag(true) });
    expect(rows?.dims).toEqual([2, 2, 3]);
  });
});

describe("a loop that does not end", () => {
  const forever = (more: Partial<ModelSpec> = {}): ModelSpec => ({
    opset: 17,
    inputs: { x: f32(2), trips: i64() },
    outputs: { y: f32(2), rows: f32("n", 2) },
    nodes: [
      node(
        "Loop",
        ["trips", "", "x"],
        ["y", "rows"],
        {
          body: graph({
            inputs: { i: i64(), go: bool(), s: f32(2) },
            outputs: { go_on: bool(), s_out: f32(2), row: f32(2) },
            nodes: [
              node("Identity", ["go"], ["go_on"]),
              node("Neg", ["s"], ["s_out"]),
              node("Identity", ["s"], ["row"]),
            ],
          }),
        },
        { name: "forever" },
      ),
    ],
    ...more,
  });
  const most = 2n ** 63n - 1n;
  const ended =
    /WSC7008: loop "forever": it would go on after 100 iterations\n.*maxLoopIterations.*--max-loop-iterations/;

  it("is ended by a limit, wherever its trip count comes from", async () => {
    const fed = await open(forever(), { maxLoopIterations: 100 });
    await expect(fed.run({ x: pair, trips: int64(most) })).rejects.toThrow(ended);
    const { rows } = await fed.run({ x: pair, trips: int64(100n) });
    expect(rows?.dims).toEqual([100, 2]);
    const known = forever({ inputs: { x: f32(2) }, initializers: { trips: scalarTensor("i64", most) } });
    const session = await open(known, { maxLoopIterations: 100 });
    await expect(session.run({ x: pair })).rejects.toThrow(ended);
  });

  it("is ended within a loop, and within a part that is put off", async () => {
    const [loop] = forever().nodes;
    const outer = graph({
      inputs: { j: i64(), g: bool(), a: f32(2) },
      outputs: { g_on: bool(), a_out: f32(2) },
      nodes: [
        node("Identity", ["g"], ["g_on"]),
        ...(loop === undefined ? [] : [{ ...loop, inputs: ["trips", "", "a"], outputs: ["a_out"] }]),
      ],
    });
    const nested = await open(
      forever({
        outputs: { y: f32(2) },
        nodes: [node("Loop", ["trips", "", "x"], ["y"], { body: outer }, { name: "outer" })],
      }),
      { maxLoopIterations: 100 },
    );
    await expect(nested.run({ x: pair, trips: int64(most) })).rejects.toThrow(ended);
    const late = await open(
      forever({
        inputs: { z: f32(2), trips: i64() },
        nodes: [
          node("NonZero", ["z"], ["at"]),
          node("Cast", ["at"], ["cast"], { to: 1 }),
          node("Reshape", ["cast", "two"], ["x"]),
          ...forever().nodes,
        ],
        initializers: { two: ints(2) },
      }),
      { maxLoopIterations: 100 },
    );
    await expect(late.run({ z: pair, trips: int64(most) })).rejects.toThrow(ended);
  });

  it("is ended sooner where each iteration has a shape that was not there before", async () => {
    const growing = graph({
      inputs: { i: i64(), go: bool(), s: f32(null) },
      outputs: { go_on: bool(), s_out: f32(null) },
      nodes: [node("Identity", ["go"], ["go_on"]), node("Concat", ["s", "x"], ["s_out"], { axis: 0 })],
    });
    const nodes = [node("Loop", ["trips", "", "x"], ["y"], { body: growing }, { name: "growing" })];
    const bytes = await modelBytes(forever({ outputs: { y: f32("n") }, nodes }));
    const model = await modelCompiler.open(bytes, {});
    const runner = await modelRunner(model, { loops: { iterations: 1_000_000, compiled: 20 } });
    const run = (trips: bigint): Promise<unknown> =>
      runner.run({
        values: new Map([
          ["x", tensorFrom("f32", [2], [1, 2])],
          ["trips", scalarTensor("i64", trips)],
        ]),
        owned: true,
      });
    await expect(run(20n)).resolves.toBeDefined();
    await expect(run(most)).rejects.toThrow(/WSC7008: loop "growing": it would go on after 20 iterations, each with a/);
  });

  it("cannot be given a limit that is none", async () => {
    for (const maxLoopIterations of [0, -1, 1.5, NaN])
      await expect(open(forever(), { maxLoopIterations })).rejects.toThrow("WSC7007");
  });
});

describe("carried values", () => {
  it("change places all at once", async () => {
    const session = await open({
      opset: 17,
      inputs: { x: f32(2), trips: i64() },
      outputs: { a: f32(2), b: f32(2), c: f32(2), rows: f32("n", 2) },
      nodes: [
        node("Neg", ["x"], ["nx"]),
        node("Add", ["x", "x"], ["xx"]),
        node("Loop", ["trips", "", "x", "nx", "xx"], ["a", "b", "c", "rows"], {
          body: graph({
            inputs: { i: i64(), go: bool(), p: f32(2), q: f32(2), r: f32(2) },
            outputs: { go_on: bool(), q_out: f32(2), r_out: f32(2), p_out: f32(2), row: f32(2) },
            nodes: [
              node("Identity", ["go"], ["go_on"]),
              node("Identity", ["q"], ["q_out"]),
              node("Identity", ["r"], ["r_out"]),
              node("Identity", ["p"], ["p_out"]),
              node("Identity", ["p"], ["row"]),
            ],
          }),
        }),
      ],
    });
    const { a, b, c, rows } = await session.run({ x: pair, trips: int64(4n) });
    expect([a, b, c, rows].map((value) => Array.from(value?.data as Float32Array))).toEqual([
      [-1, -2],
      [2, 4],
      [1, 2],
      [1, 2, -1, -2, 2, 4, 1, 2],
    ]);
  });

  it("are stacked as strings, too", async () => {
    const session = await open({
      opset: 20,
      inputs: { x: typed("string", 2), trips: i64() },
      outputs: { rows: typed("string", "n", 2) },
      nodes: [
        node("Loop", ["trips", "", "x"], ["y", "rows"], {
          body: graph({
            inputs: { i: i64(), go: bool(), s: typed("string", 2) },
            outputs: { go_on: bool(), s_out: typed("string", 2), row: typed("string", 2) },
            nodes: [
              node("Identity", ["go"], ["go_on"]),
              node("StringConcat", ["s", "x"], ["s_out"]),
              node("Identity", ["s"], ["row"]),
            ],
          }),
        }),
      ],
    });
    const { rows } = await session.run({ x: new Tensor("string", ["a", "b"], [2]), trips: int64(3n) });
    expect([rows?.dims, rows?.data]).toEqual([
      [3, 2],
      ["a", "b", "aa", "bb", "aaa", "bbb"],
    ]);
  });
});

describe("what a body gives", () => {
  it("must be one bool and elements of one shape", async () => {
    const session = await open({
      opset: 17,
      inputs: { x: f32(2), keep: bool(2), trips: i64(), first: i64(1) },
      outputs: { y: f32("n"), rows: f32("n", "m") },
      nodes: [
        node("Loop", ["trips", "", "x"], ["y", "rows"], {
          body: graph({
            inputs: { i: i64(), go: bool(), s: f32(null) },
            outputs: { go_on: bool(null), s_out: f32(null), row: f32(null) },
            nodes: [
              node("Compress", ["keep", "keep"], ["kept"]),
              node("Reshape", ["kept", "first"], ["go_on"]),
              node("Concat", ["s", "x"], ["s_out"], { axis: 0 }),
              node("Identity", ["s"], ["row"]),
            ],
          }),
        }),
      ],
    });
    const run = (keep: readonly number[], first: bigint): Promise<unknown> =>
      session.run({
        x: pair,
        keep: new Tensor("bool", Uint8Array.from(keep), [2]),
        trips: int64(2n),
        first: int64(first, [1]),
      });
    await expect(run([1, 0], 1n)).rejects.toThrow(
      /WSC3004: loop "Loop_0": it stacks .*\[2\] first and \[4\] in iteration 1/,
    );
    await expect(run([1, 1], 2n)).rejects.toThrow(/WSC7005: loop "Loop_0": its body's condition has the shape \[2\]/);
  });
});
