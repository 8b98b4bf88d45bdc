/** Models whose shapes or steps depend on data, through a session: deferred parts, control flow, strings, sequences. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { scalarTensor } from "../../ir/tensor.ts";
import { InferenceSession, type Session, type SessionValue, Tensor } from "../../runtime/index.ts";
import {
  bool,
  f32,
  floatList,
  floats,
  graph,
  i64,
  ints,
  modelBytes,
  type ModelSpec,
  node,
  optional,
  sequence,
  typed,
} from "../helpers/onnx-builder.ts";
import { writeProgram } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { codesOf } from "./codes.ts";

const scratch = scratchFolder("dynamic");
afterAll(scratch.remove);

const open = async (spec: ModelSpec): Promise<Session> => InferenceSession.create(await modelBytes(spec));
const vector = (...values: readonly number[]): Tensor => new Tensor("float32", [...values], [values.length]);
const integers = (...values: readonly number[]): Tensor => new Tensor("int64", [...values], [values.length]);
const flag = (value: boolean): Tensor => new Tensor("bool", [value], []);

/** A result as data that reads well: `[dims, elements]`. */
function plain(value: SessionValue | undefined): unknown {
  if (!(value instanceof Tensor)) return Array.isArray(value) ? (value as readonly SessionValue[]).map(plain) : value;
  return [
    value.dims,
    Array.from(value.data as ArrayLike<number | bigint | string>, (v) => (typeof v === "bigint" ? Number(v) : v)),
  ];
}

const reshape: ModelSpec = {
  opset: 17,
  inputs: { x: f32(2, 3), shape: i64(2) },
  outputs: { y: f32("rows", "columns") },
  nodes: [node("Exp", ["x"], ["e"]), node("Reshape", ["e", "shape"], ["r"]), node("Neg", ["r"], ["y"])],
};

describe("a shape that is an input", () => {
  it("is obeyed, run by run", async () => {
    const session = await open(reshape);
    const zeros = new Tensor("float32", new Float32Array(6), [2, 3]);
    for (const [given, rows, columns] of [
      [[3, 2], 3, 2],
      [[6, 1], 6, 1],
      [[-1, 2], 3, 2],
      [[3, 2], 3, 2],
    ] as const) {
      const { y } = await session.run({ x: zeros, shape: integers(...given) });
      expect(plain(y)).toEqual([
        [rows, columns],
        [-1, -1, -1, -1, -1, -1],
      ]);
    }
  });

  it("that does not fit is refused, with the node's name", async () => {
    const session = await open({ ...reshape, nodes: [node("Reshape", ["x", "shape"], ["y"], {}, { name: "fold" })] });
    const feeds = { x: new Tensor("float32", new Float32Array(6), [2, 3]), shape: integers(4, 2) };
    expect(await codesOf(session.run(feeds))).toEqual(["WSC3004"]);
    await expect(session.run(feeds)).rejects.toThrow(/Reshape "fold"/);
    expect(plain((await session.run({ ...feeds, shape: integers(1, 6) }))["y"])).toEqual([
      [1, 6],
      [0, 0, 0, 0, 0, 0],
    ]);
  });

  it("works from a compiled folder too", async () => {
    const file = path.join(scratch.path, "reshape.onnx");
    writeFileSync(file, await modelBytes(reshape));
    await writeProgram(file, path.join(scratch.path, "reshape"));
    const session = await InferenceSession.create(path.join(scratch.path, "reshape"));
    const { y } = await session.run({ x: new Tensor("float32", new Float32Array(6), [2, 3]), shape: integers(6, 1) });
    expect(plain(y)).toEqual([
      [6, 1],
      [-1, -1, -1, -1, -1, -1],
    ]);
  });
});

describe("a number of elements that depends on data", () => {
  it("is known when the data is there", async () => {
    const session = await open({
      opset: 17,
      inputs: { x: f32(5) },
      outputs: { picked: f32("n"), total: f32() },
      nodes: [
        node("NonZero", ["x"], ["indices"]),
        node("Squeeze", ["indices", "axis"], ["flat"]),
        node("Gather", ["x", "flat"], ["picked"]),
        node("ReduceSum", ["picked"], ["total"], { keepdims: 0 }),
      ],
      initializers: { axis: ints(0) },
    });
    const first = await session.run({ x: vector(0, 3, 0, 4, 5) });
    expect(plain(first["picked"])).toEqual([[3], [3, 4, 5]]);
    expect(plain(first["total"])).toEqual([[], [12]]);
    expect(plain((await session.run({ x: vector(0, 0, 0, 0, 0) }))["picked"])).toEqual([[0], []]);
    expect(plain((await session.run({ x: vector(1, 1, 1, 1, 1) }))["picked"])).toEqual([[5], [1, 1, 1, 1, 1]]);
  });
});

describe("control flow", () => {
  it("If takes the branch that the condition says", async () => {
    const session = await open({
      opset: 17,
      inputs: { x: f32(2), c: bool() },
      outputs: { y: f32(2) },
      nodes: [
        node("If", ["c"], ["y"], {
          then_branch: graph({ inputs: {}, outputs: { t: null }, nodes: [node("Add", ["x", "w"], ["t"])] }),
          else_branch: graph({ inputs: {}, outputs: { e: null }, nodes: [node("Neg", ["x"], ["e"])] }),
        }),
      ],
      initializers: { w: floats(10, 20) },
    });
    for (const [value, expected] of [
      [true, [11, 22]],
      [false, [-1, -2]],
      [true, [11, 22]],
    ] as const) {
      expect(plain((await session.run({ x: vector(1, 2), c: flag(value) }))["y"])).toEqual([[2], [...expected]]);
    }
  });

  it("If may give other shapes on the other branch", async () => {
    const session = await open({
      opset: 17,
      inputs: { x: f32(2), c: bool() },
      outputs: { y: f32("n") },
      nodes: [
        node("If", ["c"], ["b"], {
          then_branch: graph({
            inputs: {},
            outputs: { t: null },
            nodes: [node("Concat", ["x", "x"], ["t"], { axis: 0 })],
          }),
          else_branch: graph({ inputs: {}, outputs: { e: null }, nodes: [node("Neg", ["x"], ["e"])] }),
        }),
        node("Abs", ["b"], ["y"]),
      ],
    });
    expect(plain((await session.run({ x: vector(1, 2), c: flag(true) }))["y"])).toEqual([[4], [1, 2, 1, 2]]);
    expect(plain((await session.run({ x: vector(1, 2), c: flag(false) }))["y"])).toEqual([[2], [1, 2]]);
  });

  const doubling = graph({
    inputs: { i: i64(), going: bool(), a: f32(2) },
    outputs: { still: null, b: null, row: null },
    nodes: [
      node("Add", ["a", "a"], ["b"]),
      node("Identity", ["a"], ["row"]),
      node("ReduceMax", ["b"], ["most"], { keepdims: 0 }),
      node("Less", ["most", "limit"], ["still"]),
    ],
  });
  const loop: ModelSpec = {
    opset: 17,
    inputs: { x: f32(2), trips: i64(), going: bool() },
    outputs: { last: f32(2), rows: f32("n", 2) },
    nodes: [node("Loop", ["trips", "going", "x"], ["last", "rows"], { body: doubling })],
    initializers: { limit: scalarTensor("f32", 100) },
  };
  const trips = (count: number): Tensor => new Tensor("int64", [count], []);

  it("Loop goes on while it may, and stacks what it scans", async () => {
    const session = await open(loop);
    const run = async (x: Tensor, count: number, going: boolean): Promise<unknown[]> => {
      const { last, rows } = await session.run({ x, trips: trips(count), going: flag(going) });
      return [plain(last), plain(rows)];
    };
    expect(await run(vector(1, 2), 3, true)).toEqual([
      [[2], [8, 16]],
      [
        [3, 2],
        [1, 2, 2, 4, 4, 8],
      ],
    ]);
    expect(await run(vector(30, 1), 9, true)).toEqual([
      [[2], [120, 4]],
      [
        [2, 2],
        [30, 1, 60, 2],
      ],
    ]);
    expect(await run(vector(1, 2), 3, false)).toEqual([
      [[2], [1, 2]],
      [[0, 2], []],
    ]);
    expect(await run(vector(1, 2), 0, true)).toEqual([
      [[2], [1, 2]],
      [[0, 2], []],
    ]);
  });

  it("Scan runs along an axis", async () => {
    const session = await open({
      opset: 17,
      inputs: { start: f32(2), xs: f32(3, 2) },
      outputs: { end: f32(2), sums: f32(3, 2) },
      nodes: [
        node("Scan", ["start", "xs"], ["end", "sums"], {
          num_scan_inputs: 1,
          body: graph({
            inputs: { a: f32(2), x: f32(2) },
            outputs: { b: null, row: null },
            nodes: [node("Add", ["a", "x"], ["b"]), node("Identity", ["b"], ["row"])],
          }),
        }),
      ],
    });
    const { end, sums } = await session.run({
      start: vector(0, 100),
      xs: new Tensor("float32", [1, 2, 3, 4, 5, 6], [3, 2]),
    });
    expect(plain(end)).toEqual([[2], [9, 112]]);
    expect(plain(sums)).toEqual([
      [3, 2],
      [1, 102, 4, 106, 9, 112],
    ]);
  });
});

describe("values of the host", () => {
  it("strings come in and go out", async () => {
    const session = await open({
      opset: 20,
      inputs: { a: typed("string", 2), b: typed("string", 1) },
      outputs: { y: typed("string", 2), same: bool(2) },
      nodes: [node("StringConcat", ["a", "b"], ["y"]), node("Equal", ["a", "b"], ["same"])],
    });
    const results = await session.run({
      a: new Tensor("string", ["wafer", "-scale"], [2]),
      b: new Tensor("string", ["-scale"], [1]),
    });
    expect(results["y"]).toMatchObject({ type: "string", dims: [2], data: ["wafer-scale", "-scale-scale"] });
    expect(plain(results["same"])).toEqual([[2], [0, 1]]);
    expect(session.inputMetadata[0]).toEqual({ name: "a", isTensor: true, type: "string", shape: [2] });
  });

  it("sequences come in and go out as arrays", async () => {
    const session = await open({
      opset: 17,
      inputs: { s: sequence(f32("n")), x: f32(2) },
      outputs: { longer: sequence(f32("n")), joined: f32("m"), count: i64() },
      nodes: [
        node("SequenceInsert", ["s", "x"], ["longer"]),
        node("ConcatFromSequence", ["longer"], ["joined"], { axis: 0 }),
        node("SequenceLength", ["longer"], ["count"]),
      ],
    });
    expect(session.inputMetadata[0]).toMatchObject({ name: "s", isTensor: false });
    const { longer, joined, count } = await session.run({ s: [vector(1), vector(2, 3)], x: vector(4, 5) });
    expect(plain(longer)).toEqual([
      [[1], [1]],
      [[2], [2, 3]],
      [[2], [4, 5]],
    ]);
    expect(plain(joined)).toEqual([[5], [1, 2, 3, 4, 5]]);
    expect(plain(count)).toEqual([[], [3]]);
  });

  it("optionals come in as their values or as null", async () => {
    const session = await open({
      opset: 18,
      inputs: { o: optional(f32("n")) },
      outputs: { has: bool(), y: f32("n") },
      nodes: [
        node("OptionalHasElement", ["o"], ["has"]),
        node("If", ["has"], ["y"], {
          then_branch: graph({
            inputs: {},
            outputs: { t: f32("n") },
            nodes: [node("OptionalGetElement", ["o"], ["t"])],
          }),
          else_branch: graph({
            inputs: {},
            outputs: { e: f32("n") },
            nodes: [node("Constant", [], ["e"], { value_floats: floatList(7) })],
          }),
        }),
      ],
    });
    expect(plain((await session.run({ o: vector(1, 2) }))["y"])).toEqual([[2], [1, 2]]);
    expect(plain((await session.run({ o: null }))["y"])).toEqual([[1], [7]]);
    expect(await codesOf(session.run({ o: integers(1) }))).toEqual(["WSC7002"]);
  });

  it("refuses elements of a sequence that have another type", async () => {
    const session = await open({
      opset: 17,
      inputs: { s: sequence(f32("n")) },
      outputs: { count: i64() },
      nodes: [node("SequenceLength", ["s"], ["count"])],
    });
    expect(await codesOf(session.run({ s: [vector(1), integers(1)] }))).toEqual(["WSC7002"]);
    expect(plain((await session.run({ s: [vector(1), vector(1, 2)] }))["count"])).toEqual([[], [2]]);
  });

  it("a result's type follows from the operator, not from its operand", async () => {
    const session = await open({
      opset: 17,
      inputs: { n: i64() },
      outputs: { w: null },
      nodes: [node("HannWindow", ["n"], ["w"])],
    });
    expect(plain((await session.run({ n: new Tensor("int64", [2], []) }))["w"])).toEqual([[2], [0, 1]]);
  });

  it("bits under another type are the same memory", async () => {
    const session = await open({
      opset: 26,
      inputs: { x: f32(2) },
      outputs: { y: null, z: f32(2) },
      nodes: [node("Neg", ["x"], ["n"]), node("BitCast", ["n"], ["y"], { to: 6 }), node("Exp", ["n"], ["z"])],
    });
    const { y, z } = await session.run({ x: vector(-1, 0) });
    expect(plain(y)).toEqual([[2], [0x3f800000, -0x80000000]]);
    expect(z?.data[1]).toBe(1);
  });

  it("refuses a tensor where a sequence belongs", async () => {
    const session = await open({
      opset: 17,
      inputs: { s: sequence(f32(1)) },
      outputs: { count: i64() },
      nodes: [node("SequenceLength", ["s"], ["count"])],
    });
    expect(await codesOf(session.run({ s: vector(1) }))).toEqual(["WSC7002"]);
    expect(plain((await session.run({ s: [] }))["count"])).toEqual([[], [0]]);
  });
});
