/** Runs of one session: when they take their inputs, where their results go, and what `release` waits for. */
import { describe, expect, it } from "@jest/globals";
import { InferenceSession, type Session, Tensor } from "../../runtime/index.ts";
import { f32, floats, modelBytes, type ModelSpec, node, typed, unranked } from "../helpers/onnx-builder.ts";
import { codesOf } from "./codes.ts";

const float = (data: Float32Array, dims: readonly number[] = [data.length]): Tensor =>
  new Tensor("float32", data, dims);
const dataOf = (tensor: Tensor | undefined): unknown[] => Array.from(tensor?.data as ArrayLike<unknown>);
const open = async (spec: ModelSpec, threads = 1): Promise<Session> =>
  InferenceSession.create(await modelBytes(spec), { threads });

/** y = -x, in linear memory */
const fixed: ModelSpec = {
  opset: 17,
  inputs: { x: f32(3) },
  outputs: { y: f32(3), n: f32() },
  nodes: [node("Neg", ["x"], ["y"]), node("ReduceSum", ["x"], ["n"], { keepdims: 0 })],
};
/** the same, compiled when it is fed */
const symbolic: ModelSpec = { ...fixed, inputs: { x: f32("n") }, outputs: { y: f32("n"), n: f32() } };
const unrankedInput: ModelSpec = {
  ...fixed,
  inputs: { x: unranked("f32") },
  outputs: { y: unranked("f32"), n: f32() },
};
/** what is not zero: y's length is known from the values only */
const sparse: ModelSpec = {
  opset: 17,
  inputs: { x: f32(3) },
  outputs: { y: f32("found") },
  nodes: [
    node("Neg", ["x"], ["m"]),
    node("Not", ["zero"], ["keep"]),
    node("Equal", ["x", "none"], ["zero"]),
    node("Compress", ["m", "keep"], ["y"], { axis: 0 }),
  ],
  initializers: { none: floats(0) },
};

describe("inputs", () => {
  it.each<[string, ModelSpec]>([
    ["of fixed shapes", fixed],
    ["of symbolic shapes", symbolic],
    ["of any rank", unrankedInput],
    ["that decide shapes", sparse],
  ])("%s are taken when run is called", async (_, spec) => {
    const session = await open(spec);
    const row = new Float32Array(3);
    for (const round of [0, 10]) {
      const runs = [1, 2, 3, 4].map((value) => {
        row.fill(round + value);
        return session.run({ x: float(row) });
      });
      row.fill(-1);
      expect((await Promise.all(runs)).map(({ y }) => dataOf(y)[0])).toEqual([1, 2, 3, 4].map((v) => -round - v));
    }
  });

  it("are taken by a single run, too", async () => {
    for (const spec of [fixed, symbolic, unrankedInput, sparse]) {
      const session = await open(spec);
      const row = new Float32Array(3);
      for (const value of [1, 2]) {
        row.fill(value);
        const run = session.run({ x: float(row) });
        row.fill(9);
        expect(dataOf((await run)["y"])).toEqual([-value, -value, -value]);
      }
    }
  });

  it("that JavaScript alone reads, or parts that are compiled when they are reached, are taken as well", async () => {
    const session = await open({
      opset: 17,
      inputs: { x: f32(3), axis: typed("i64"), late: f32("n") },
      outputs: { u: f32("found"), c: f32(3), z: f32("rest") },
      nodes: [
        node("Unique", ["x"], ["u"]),
        node("CumSum", ["x", "axis"], ["c"]),
        node("Shape", ["u"], ["length"]),
        node("Tile", ["late", "length"], ["z"]),
      ],
    });
    const [row, late] = [new Float32Array(3), new Float32Array(2)];
    const axis = BigInt64Array.of(0n);
    for (const value of [1, 2, 3]) {
      row.fill(value);
      late.fill(value);
      axis[0] = 0n;
      const run = session.run({ x: float(row), axis: new Tensor("int64", axis, []), late: float(late) });
      for (const array of [row, late]) array.fill(9);
      axis[0] = 5n;
      const { u, c, z } = await run;
      expect([u, c, z].map(dataOf)).toEqual([[value], [value, 2 * value, 3 * value], [value, value]]);
    }
  });

  it("of strings and sequences are taken as well", async () => {
    const session = await open({
      opset: 20,
      inputs: { x: typed("string", 2), s: { kind: "sequence", element: f32("n") } },
      outputs: { y: typed("string", 2), z: f32("n") },
      nodes: [node("StringConcat", ["x", "x"], ["y"]), node("ConcatFromSequence", ["s"], ["z"], { axis: 0 })],
    });
    const [words, row] = [["a", "b"], Float32Array.of(1)];
    const feeds = { x: new Tensor("string", words, [2]), s: [float(row), float(row)] as unknown as Tensor };
    const first = session.run(feeds);
    words[0] = "c";
    row[0] = 2;
    const second = session.run(feeds);
    words[0] = "d";
    row[0] = 3;
    const results = await Promise.all([first, second]);
    expect(results.map(({ y }) => dataOf(y))).toEqual([
      ["aa", "bb"],
      ["cc", "bb"],
    ]);
    expect(results.map(({ z }) => dataOf(z))).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  it("are taken where threads share the work", async () => {
    const session = await open(
      {
        opset: 17,
        inputs: { a: f32(128, 128), b: f32(128, 128) },
        outputs: { c: f32(128, 128) },
        nodes: [node("MatMul", ["a", "b"], ["c"])],
      },
      3,
    );
    const [a, b] = [new Float32Array(128 * 128), new Float32Array(128 * 128).fill(1)];
    const runs = [1, 2, 3].map((value) =>
      session.run({ a: float(a.fill(value), [128, 128]), b: float(b, [128, 128]) }),
    );
    a.fill(0);
    expect((await Promise.all(runs)).map(({ c }) => dataOf(c).at(-1))).toEqual([128, 256, 384]);
    await session.release();
  });

  it("are those of each session where one array feeds several", async () => {
    const sessions = await Promise.all([fixed, symbolic, sparse].map((spec) => open(spec)));
    const row = new Float32Array(3);
    const runs = [1, 2, 3].flatMap((value) => {
      row.fill(value);
      return sessions.map((session) => session.run({ x: float(row) }));
    });
    const first = (await Promise.all(runs)).map(({ y }) => dataOf(y)[0]);
    expect(first).toEqual([-1, -1, -1, -2, -2, -2, -3, -3, -3]);
  });

  it("that are refused leave the runs beside them alone", async () => {
    const session = await open(fixed);
    const good = session.run({ x: float(Float32Array.of(1, 2, 3)) });
    const bad = session.run({ x: float(new Float32Array(2)) });
    const later = session.run({ x: float(Float32Array.of(4, 5, 6)) });
    expect(await codesOf(bad)).toEqual(["WSC7002"]);
    expect(dataOf((await good)["y"])).toEqual([-1, -2, -3]);
    expect(dataOf((await later)["y"])).toEqual([-4, -5, -6]);
  });
});

describe("tensors given as fetches", () => {
  const x = (): Tensor => float(Float32Array.of(1, -2, 3));

  it.each<[string, ModelSpec]>([
    ["a fixed shape", fixed],
    ["a shape known late", symbolic],
  ])("hold results of %s", async (_, spec) => {
    const session = await open(spec);
    const y = float(Float32Array.of(9, 9, 9));
    const results = await session.run({ x: x() }, { y, n: null });
    expect(results["y"]).toBe(y);
    expect(dataOf(y)).toEqual([-1, 2, -3]);
    expect(dataOf(results["n"])).toEqual([2]);
  });

  it("may be a part of a larger array, and the input itself", async () => {
    const session = await open(fixed);
    const all = Float32Array.of(7, 1, 2, 3, 7);
    const part = float(all.subarray(1, 4));
    const runs = [session.run({ x: part }, { y: part }), session.run({ x: part }, { n: null })];
    expect(Object.keys((await Promise.all(runs))[0] ?? {})).toEqual(["y"]);
    expect([...all]).toEqual([7, -1, -2, -3, 7]);
    expect(dataOf((await runs[1])?.["n"])).toEqual([6]);
  });

  it("take every element type in its own form", async () => {
    const spec = (dtype: "string" | "i64" | "bool" | "f16" | "u8"): ModelSpec => ({
      opset: 20,
      inputs: { x: typed(dtype, 2) },
      outputs: { y: typed(dtype, 2) },
      nodes: [node("Concat", ["x", "x"], ["xx"], { axis: 0 }), node("Slice", ["xx", "one", "three"], ["y"])],
      initializers: {
        one: { dtype: "i64", shape: [1], elements: BigInt64Array.of(1n) },
        three: { dtype: "i64", shape: [1], elements: BigInt64Array.of(3n) },
      },
    });
    const cases = [
      ["string", "string", ["a", "b"], ["", ""], ["b", "a"]],
      ["i64", "int64", BigInt64Array.of(1n, 2n), new BigInt64Array(2), [2n, 1n]],
      ["bool", "bool", Uint8Array.of(1, 0), new Uint8Array(2), [0, 1]],
      ["f16", "float16", Uint16Array.of(1, 2), new Uint16Array(2), [2, 1]],
      ["u8", "uint8", Uint8Array.of(1, 2), new Uint8Array(2), [2, 1]],
    ] as const;
    for (const [dtype, type, given, held, expected] of cases) {
      const session = await open(spec(dtype));
      await session.run({ x: new Tensor(type, given, [2]) }, { y: new Tensor(type, held, [2]) });
      expect([...held]).toEqual(expected);
    }
  });

  it("are refused with another type or shape, and stay as they were", async () => {
    const session = await open(fixed);
    const wrong = {
      type: new Tensor("int32", new Int32Array(3), [3]),
      shape: float(Float32Array.of(9, 9, 9), [3, 1]),
      size: float(Float32Array.of(9, 9)),
    };
    for (const y of Object.values(wrong)) {
      const n = float(Float32Array.of(9), []);
      expect(await codesOf(session.run({ x: x() }, { y, n }))).toEqual(["WSC7002"]);
      expect([dataOf(n), new Set(dataOf(y)).size]).toEqual([[9], 1]);
    }
    await expect(session.run({ x: x() }, { y: wrong.shape })).rejects.toThrow(
      'output "y": a tensor of shape [3,1] given for [3]',
    );
  });

  it("are refused without their array", async () => {
    const session = await open(fixed);
    const y = float(new Float32Array(3));
    structuredClone(y.data, { transfer: [(y.data as Float32Array).buffer as ArrayBuffer] });
    expect(await codesOf(session.run({ x: x() }, { y }))).toEqual(["WSC7002"]);
    expect(await codesOf(session.run({ x: x() }, y as never))).toEqual(["WSC7002"]);
  });
});

describe("release", () => {
  it("waits for runs that were called before, and refuses those after", async () => {
    for (const spec of [fixed, symbolic, sparse]) {
      const session = await open(spec);
      const ended: string[] = [];
      const run = async (value: number) => {
        const { y } = await session.run({ x: float(new Float32Array(3).fill(value)) });
        ended.push(`run ${value}`);
        return dataOf(y)[0];
      };
      const runs = [run(1), run(2)];
      const released = [session.release(), session.dispose()].map((done) => done.then(() => ended.push("released")));
      expect(await codesOf(session.run({ x: float(new Float32Array(3)) }))).toEqual(["WSC7006"]);
      expect(await Promise.all(runs)).toEqual([-1, -2]);
      await Promise.all(released);
      expect(ended).toEqual(["run 1", "run 2", "released", "released"]);
    }
  });

  it("ends threads after the last run", async () => {
    const session = await open(fixed, 2);
    const run = session.run({ x: float(Float32Array.of(1, 2, 3)) });
    await session.release();
    expect(dataOf((await run)["y"])).toEqual([-1, -2, -3]);
  });

  it("does not mind a run that failed", async () => {
    const session = await open(fixed);
    const run = codesOf(session.run({}));
    await session.release();
    expect(await run).toEqual(["WSC7001"]);
  });
});
