import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { generateProgram } from "../../compiler/codegen/generate.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, unary } from "../../ir/expr.ts";
import { type Graph, tensorType } from "../../ir/graph.ts";
import { parseProgram, printProgram } from "../../ir/program-text.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { ProgramInstance } from "../../runtime/instance.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { randomTensor } from "./harness.ts";
import { nth } from "./tensor-index.ts";

const origin = ["test"];
const noDeferral = {
  runDeferred: (): never => {
    throw new Error("nothing is deferred");
  },
};

interface Built {
  readonly graph: Graph;
  readonly shapes: readonly (readonly number[])[];
}

/** A concat of inputs along an axis; `use` makes the graph's outputs of the inputs and the result. */
function concatOf(
  shapes: readonly (readonly number[])[],
  axis: number,
  use: (builder: GraphBuilder, inputs: readonly number[], whole: number) => void = (builder, _, whole) => {
    builder.output("whole", whole);
  },
): Built {
  const builder = new GraphBuilder("concat");
  const inputs = shapes.map((shape, i) => builder.input(`x${i}`, tensorType("f32", shape)));
  const whole = builder.emitOne({ kind: "concat", axis, inputs }, { origin });
  use(builder, inputs, whole);
  return { graph: builder.finish(), shapes };
}

const negate = (builder: GraphBuilder, value: number): number =>
  builder.emitOne({ kind: "map", expr: unary("neg", arg(0)), inputs: [value] }, { origin });

function expected(graph: Graph, inputs: readonly TensorData[]): readonly unknown[] {
  const named = new Map(graph.inputs.map(({ name }, i) => [name, nth(inputs, i)]));
  const results = interpretGraph(graph, named);
  return graph.outputs.map(({ name }) => results.get(name));
}

/** Compares two runs of one instance with the interpreter; the first results must survive the second run. */
async function check({ graph, shapes }: Built): Promise<string[]> {
  const compiled = generateProgram(graph);
  const text = printProgram(compiled.program);
  expect(printProgram(parseProgram(text))).toBe(text);
  const instance = await ProgramInstance.create(compiled, noDeferral);
  const feeds = [1, 2].map((seed) => shapes.map((shape, i) => randomTensor("f32", shape, 10 * seed + i)));
  const results: TensorData[][] = [];
  for (const inputs of feeds) results.push((await instance.run(inputs)) as TensorData[]);
  for (const [run, inputs] of feeds.entries()) expect(results[run]).toEqual(expected(graph, inputs));
  return compiled.program.inputs.map(({ slot }) => nth(compiled.program.values, slot).kind);
}

const stepsOf = ({ graph }: Built): number => generateProgram(graph).program.steps.length;

describe("inputs that lie in a concat's result", () => {
  it("are written there, in pieces", async () => {
    const cache = concatOf([[3, 32, 16], [3, 1, 16]], 1); // prettier-ignore
    expect(await check(cache)).toEqual(["part", "memory"]);
    expect(stepsOf(cache)).toBe(1);
    const behind = concatOf([[3, 1, 16], [3, 32, 16]], 1); // prettier-ignore
    expect(await check(behind)).toEqual(["memory", "part"]);
    const both = concatOf([[64, 16], [64, 16]], 0); // prettier-ignore
    expect(await check(both)).toEqual(["part", "part"]);
    expect(stepsOf(both)).toBe(0);
  });

  it("have no other reader, are no output, and are not small beside the result", async () => {
    const large = [2, 16, 32];
    const small = [2, 1, 32];
    const readTwice = concatOf([large, small], 1, (builder, [x = 0], whole) => {
      builder.output("whole", whole);
      builder.output("negated", negate(builder, x));
    });
    expect(await check(readTwice)).toEqual(["memory", "memory"]);
    const given = concatOf([large, small], 1, (builder, [x = 0], whole) => {
      builder.output("whole", whole);
      builder.output("same", x);
    });
    expect(await check(given)).toEqual(["memory", "memory"]);
    const builder = new GraphBuilder("twice");
    const x = builder.input("x", tensorType("f32", large));
    builder.output("whole", builder.emitOne({ kind: "concat", axis: 0, inputs: [x, x] }, { origin }));
    expect(await check({ graph: builder.finish(), shapes: [large] })).toEqual(["memory"]);
    expect(await check(concatOf([[2, 16, 32], [2, 17, 32]], 1))).toEqual(["memory", "part"]); // prettier-ignore
    expect(await check(concatOf([[400, 3], [400, 1]], 1))).toEqual(["memory", "memory"]); // prettier-ignore
  });

  it("are what later steps read, while the result need not be an output", async () => {
    const inner = concatOf([[4, 40, 8], [4, 2, 8]], 1, (builder, _, whole) => {
      const moved = builder.emitOne({ kind: "transpose", perm: [1, 0, 2], inputs: [negate(builder, whole)] }, { origin });
      builder.output("moved", negate(builder, moved));
      builder.output("whole", whole);
    }); // prettier-ignore
    expect(await check(inner)).toEqual(["part", "memory"]);
  });

  it("give the same results for all shapes", async () => {
    const size = fc.integer({ min: 1, max: 40 });
    const drawn = fc.record({ outer: fc.integer({ min: 1, max: 3 }), parts: fc.array(size, { minLength: 1, maxLength: 4 }), inner: size }); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(drawn, async ({ outer, parts, inner }) => {
        await check(concatOf(parts.map((part) => [outer, part, inner]), 1)); // prettier-ignore
      }),
      { numRuns: 40, seed: 3 },
    );
  });

  it("must fit into the memory, and may not be read by a step", () => {
    const { program } = generateProgram(concatOf([[3, 32, 16], [3, 1, 16]], 1).graph); // prettier-ignore
    const text = printProgram(program);
    const damaged = (from: string, to: string): (() => unknown) => {
      expect(text).toContain(from);
      return () => parseProgram(text.replace(from, to));
    };
    expect(damaged('"pieceBytes": 2048', '"pieceBytes": 1')).toThrow(/outside|pieces/);
    expect(damaged('"pieceBytes": 2048', '"pieceBytes": 2047')).toThrow(/pieces/);
    expect(damaged('"stride": 2112', '"stride": 2000')).toThrow(/pieces/);
    expect(damaged('"stride": 2112', '"stride": 99999999')).toThrow(/outside/);
    const slot = nth(program.inputs, 0).slot;
    expect(() => parseProgram(text.replace(/("outputs":.*?"slot": ?)\d+/s, `$1${slot}`))).toThrow(/caller/);
  });
});
