import { defined } from "../../ir/access.ts";
import { describe, expect, it } from "@jest/globals";
import { generateProgram } from "../../compiler/codegen/generate.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, binary, lit, unary } from "../../ir/expr.ts";
import { type Graph, tensorType } from "../../ir/graph.ts";
import { parseProgram, printProgram } from "../../ir/program-text.ts";
import { makeTensor, tensorFrom, type TensorData } from "../../ir/tensor.ts";
import { ProgramInstance } from "../../runtime/instance.ts";

const origin = ["test"];
const f32 = (shape: readonly number[], values: readonly number[]): TensorData => tensorFrom("f32", shape, values);
const noDeferral = {
  runDeferred: (): never => {
    throw new Error("nothing is deferred");
  },
};

async function runGraph(graph: Graph, inputs: readonly TensorData[]): Promise<TensorData[]> {
  const compiled = generateProgram(graph);
  expect(printProgram(parseProgram(printProgram(compiled.program)))).toBe(printProgram(compiled.program));
  const instance = await ProgramInstance.create(compiled, noDeferral);
  await instance.run(inputs);
  return (await instance.run(inputs)) as TensorData[];
}

const values = (tensor: TensorData | undefined): number[] => Array.from(tensor?.elements as Float32Array);

describe("generateProgram", () => {
  it("runs a chain of maps in one buffer", async () => {
    const builder = new GraphBuilder("chain");
    let value = builder.input("x", tensorType("f32", [5]));
    for (let i = 0; i < 10; i++) {
      value = builder.emitOne({ kind: "map", expr: binary("add", arg(0), lit("f32", 1)), inputs: [value] }, { origin });
    }
    builder.output("y", value);
    const graph = builder.finish();
    const { program, modules } = generateProgram(graph);
    expect(program.memory.arenaBytes).toBe(64);
    expect(program.steps).toHaveLength(10);
    expect(WebAssembly.Module.exports(new WebAssembly.Module(modules.get("kernels.wasm") as never))).toHaveLength(1);
    const [y] = await runGraph(graph, [f32([5], [0, 1, 2, 3, 4])]);
    expect(values(y)).toEqual([10, 11, 12, 13, 14]);
  });

  it("writes a program that reads well", () => {
    const builder = new GraphBuilder("classifier");
    const x = builder.input("x", tensorType("f32", [2, 8]));
    const scale = builder.constant(f32([8], [1, 2, 3, 4, 5, 6, 7, 8]));
    const scaled = builder.emitOne({ kind: "map", expr: binary("mul", arg(0), arg(1)), inputs: [x, scale] }, { origin: ["Mul_0"] }); // prettier-ignore
    const moved = builder.emitOne({ kind: "transpose", perm: [1, 0], inputs: [scaled] }, { origin: ["Transpose_1"] });
    builder.output("p", builder.emitOne({ kind: "softmax", axis: 0, log: false, inputs: [moved] }, { origin: ["Softmax_2"] })); // prettier-ignore
    expect(printProgram(generateProgram(builder.finish()).program)).toMatchGolden("codegen/generated-program.json");
  });

  it("keeps an operand that is read again", async () => {
    const builder = new GraphBuilder("kept");
    const x = builder.input("x", tensorType("f32", [3]));
    const twice = builder.emitOne({ kind: "map", expr: binary("mul", arg(0), lit("f32", 2)), inputs: [x] }, { origin });
    const sum = builder.emitOne({ kind: "map", expr: binary("sub", arg(0), arg(1)), inputs: [twice, x] }, { origin });
    builder.output("sum", sum);
    builder.output("twice", twice);
    const [s, t] = await runGraph(builder.finish(), [f32([3], [1, 2, 3])]);
    expect([values(s), values(t)]).toEqual([
      [1, 2, 3],
      [2, 4, 6],
    ]);
  });

  it("copies outputs that are constants, and reads those that are inputs where they lie", async () => {
    const builder = new GraphBuilder("through");
    const x = builder.input("x", tensorType("f32", [2, 2]));
    builder.output("flat", builder.emitOne({ kind: "reshape", shape: [4], inputs: [x] }, { origin }));
    builder.output("constant", builder.constant(f32([2], [7, 8])));
    const graph = builder.finish();
    expect(generateProgram(graph).program.steps.map((step) => step.kind)).toEqual(["copy"]);
    const [flat, constant] = await runGraph(graph, [f32([2, 2], [1, 2, 3, 4])]);
    expect(flat?.shape).toEqual([4]);
    expect([values(flat), values(constant)]).toEqual([
      [1, 2, 3, 4],
      [7, 8],
    ]);
  });

  it("stores equal constants once", () => {
    const builder = new GraphBuilder("shared");
    let value = builder.input("x", tensorType("f32", [3]));
    for (let i = 0; i < 4; i++) {
      const constant = builder.constant(f32([3], [1, 2, i === 3 ? 4 : 3]));
      value = builder.emitOne(
        { kind: "map", expr: binary("add", arg(0), arg(1)), inputs: [value, constant] },
        { origin },
      );
    }
    builder.output("y", value);
    const { program, weights } = generateProgram(builder.finish());
    expect(weights).toHaveLength(2);
    expect(program.memory.weightsBytes).toBe(128);
  });

  it("runs branches", async () => {
    const branch = (fn: "exp" | "neg"): Graph => {
      const body = new GraphBuilder(fn);
      const x = body.input("x", tensorType("f32", [2]));
      body.output("y", body.emitOne({ kind: "map", expr: unary(fn, arg(0)), inputs: [x] }, { origin }));
      return body.finish();
    };
    const builder = new GraphBuilder("if");
    const condition = builder.input("c", tensorType("bool", []));
    const x = builder.input("x", tensorType("f32", [2]));
    const [y] = builder.emit(
      { kind: "if", then: branch("exp"), else: branch("neg"), inputs: [condition, x] },
      { origin },
    );
    builder.output(
      "y",
      builder.emitOne({ kind: "map", expr: binary("add", arg(0), arg(1)), inputs: [defined(y), x] }, { origin }),
    );
    const graph = builder.finish();
    for (const [flag, expected] of [
      [1, [1, Math.fround(Math.E) + 1]],
      [0, [0, 0]],
    ] as const) {
      const [result] = await runGraph(graph, [makeTensor("bool", [], Uint8Array.of(flag)), f32([2], [0, 1])]);
      values(result).forEach((value, i) => {
        expect(value).toBeCloseTo(defined(expected[i]), 5);
      });
    }
  });

  it("runs loops with carried, captured and stacked values", async () => {
    const body = new GraphBuilder("body");
    body.input("i", tensorType("i64", []));
    const condition = body.input("cond", tensorType("bool", []));
    const sum = body.input("sum", tensorType("f32", [2]));
    const other = body.input("other", tensorType("f32", [2]));
    const step = body.input("step", tensorType("f32", [2]));
    const next = body.emitOne({ kind: "map", expr: binary("add", arg(0), arg(1)), inputs: [sum, step] }, { origin });
    body.output("cond", condition);
    body.output("sum", other);
    body.output("other", next);
    body.output("trace", next);
    const builder = new GraphBuilder("loop");
    const x = builder.input("x", tensorType("f32", [2]));
    const trips = builder.constant(makeTensor("i64", [], BigInt64Array.of(3n)));
    const yes = builder.constant(makeTensor("bool", [], Uint8Array.of(1)));
    const zero = builder.constant(f32([2], [0, 100]));
    const results = builder.emit(
      { kind: "loop", carried: 2, body: body.finish(), inputs: [trips, yes, zero, x, x] },
      { origin, types: [tensorType("f32", [2]), tensorType("f32", [2]), tensorType("f32", [3, 2])] },
    );
    for (const [i, value] of results.entries()) builder.output(`y${i}`, value);
    const [a, b, trace] = await runGraph(builder.finish(), [f32([2], [1, 2])]);
    // with z the initial sum, (sum, other) goes (z, x) -> (x, z + x) -> (z + x, 2x) -> (2x, z + 2x)
    expect(values(a)).toEqual([2, 4]);
    expect(values(b)).toEqual([2, 104]);
    expect(values(trace)).toEqual([1, 102, 2, 4, 2, 104]);
  });

  it("keeps strings on the host", async () => {
    const builder = new GraphBuilder("strings");
    const x = builder.input("x", tensorType("string", [2]));
    const more = builder.constant(tensorFrom("string", [1], ["c"]));
    builder.output("y", builder.emitOne({ kind: "concat", axis: 0, inputs: [x, more] }, { origin }));
    const graph = builder.finish();
    const steps = generateProgram(graph).program.steps.map((step) => (step.kind === "host" ? step.fn : step.kind));
    expect(steps).toEqual(["constant", "evaluate"]);
    const [y] = await runGraph(graph, [tensorFrom("string", [2], ["a", "b"])]);
    expect(y?.elements).toEqual(["a", "b", "c"]);
  });

  it("refuses more than 4 GiB before taking memory", () => {
    const builder = new GraphBuilder("huge");
    const x = builder.input("x", tensorType("f32", [2 ** 29]));
    const y = builder.input("y", tensorType("f32", [2 ** 29, 1]));
    const wide = builder.emitOne({ kind: "map", expr: unary("exp", arg(0)), inputs: [x] }, { origin });
    const other = builder.emitOne({ kind: "map", expr: unary("exp", arg(0)), inputs: [y] }, { origin });
    builder.output("a", wide);
    builder.output("b", other);
    builder.output("c", x);
    expect(() => generateProgram(builder.finish())).toThrow(/WSC1009.*GiB/);
  });
});
