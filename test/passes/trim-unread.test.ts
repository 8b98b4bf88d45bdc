import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { canonicalize } from "../../compiler/passes/canonicalize.ts";
import { commonSubexpressions } from "../../compiler/passes/common-subexpressions.ts";
import { trimUnread } from "../../compiler/passes/trim-unread.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, binary, unary } from "../../ir/expr.ts";
import { type Graph, type OpSpec, tensorType, type ValueId } from "../../ir/graph.ts";
import { parseGraph } from "../../ir/parse.ts";
import { elementCount, tensorFrom } from "../../ir/tensor.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { expectPasses, expectSameMeaning } from "./pass-case.ts";

describe("trim-unread", () => {
  it("leaves one query and one row of all that follows, where a classifier reads the first token", () => {
    const text = `graph "classifier" {
  %0 = input "x" : f32[1,6,8]
  %1 = input "w" : f32[8,8]
  %2 = constant [0] : i64[]
  %3 = constant [1, 2, 3, 4, 5, 6, 7, 8] : f32[8]
  %4 = normalize(%0, %3) {axes = [2], epsilon = 1e-6, centered = true} : f32[1,6,8] from "norm"
  %5 = matmul(%4, %1) {transposeA = false, transposeB = false} : f32[1,6,8] from "q"
  %6 = reshape(%5) {shape = [6,2,4]} : f32[6,2,4] from "heads"
  %7 = transpose(%6) {perm = [1,0,2]} : f32[2,6,4] from "heads"
  %8 = matmul(%7, %7) {transposeA = false, transposeB = true} : f32[2,6,6] from "scores"
  %9 = softmax(%8) {axis = 2, log = false} : f32[2,6,6] from "softmax"
  %10 = matmul(%9, %7) {transposeA = false, transposeB = false} : f32[2,6,4] from "mix"
  %11 = transpose(%10) {perm = [1,0,2]} : f32[6,2,4] from "join"
  %12 = reshape(%11) {shape = [1,6,8]} : f32[1,6,8] from "join"
  %13 = matmul(%12, %1) {transposeA = false, transposeB = false} : f32[1,6,8] from "project"
  %14 = map(%0, %13) { add($0, $1) } : f32[1,6,8] from "residual"
  %15 = reduce(%14) {fn = mean, axes = [2], keepDims = true} : f32[1,6,1] from "mean"
  %16 = map(%14, %15, %3) { mul(sub($0, $1), $2) } : f32[1,6,8] from "scale"
  %17 = gather(%16, %2) {axis = 1} : f32[1,8] from "first"
  output "y" = %17
}
`;
    expectPasses([trimUnread, commonSubexpressions, canonicalize], text, "trim-unread");
  });

  it("computes the hull of what several readers take", () => {
    const after = expectPasses(
      [trimUnread],
      `graph "hull" {
  %0 = input "x" : f32[20,3]
  %1 = map(%0) { exp($0) } : f32[20,3] from "a"
  %2 = slice(%1) {starts = [4,1], sizes = [2,2], steps = [1,1]} : f32[2,2] from "b"
  %3 = constant [-13, 9] : i64[2]
  %4 = gather(%1, %3) {axis = 0} : f32[2,3] from "c"
  output "b" = %2
  output "c" = %4
}
`,
      "trim-unread-hull",
      0,
    );
    expect(shapesOf(after, "map")).toEqual([[6, 3]]);
  });

  it.each<readonly [string, readonly string[]]>([
    ["that is an output too", [`%2 = slice(%1) {starts = [0,0], sizes = [1,3], steps = [1,1]} : f32[1,3] from "b"`, `output "x" = %1`, `output "y" = %2`]],
    ["of which most is read", [`%2 = slice(%1) {starts = [0,0], sizes = [11,3], steps = [1,1]} : f32[11,3] from "b"`, `output "y" = %2`]],
    ["that is picked from by indices of the input", [`%2 = input "i" : i64[1]`, `%3 = gather(%1, %2) {axis = 0} : f32[1,3] from "b"`, `output "y" = %3`]],
    ["that another kind of op reads", [`%2 = cumulative(%1) {fn = sum, axis = 0, exclusive = false, reverse = false} : f32[20,3] from "b"`, `%3 = slice(%2) {starts = [9,0], sizes = [1,3], steps = [1,1]} : f32[1,3] from "c"`, `output "y" = %3`]],
  ])("leaves a value alone %s", (_, lines) => {
    const inputs = [`%0 = input "x" : f32[20,3]`, ...lines.filter((line) => line.includes("input "))];
    const rest = lines.filter((line) => !line.includes("input "));
    const graph = parseGraph(["graph \"g\" {", ...inputs, `%1 = map(%0) { exp($0) } : f32[20,3] from "a"`, ...rest, "}", ""].join("\n"));
    expect(trimUnread.run(graph)).toBe(graph);
  }); // prettier-ignore
});

// ---- every kind of op, read in part ------------------------------------------------------------------------------------------------

type Shape = readonly number[];

/** An op over inputs of the given shapes. */
interface Subject {
  readonly op: OpSpec;
  readonly shapes: readonly Shape[];
  /** constant integers by operand */
  readonly constants?: Readonly<Record<number, readonly number[]>>;
  readonly integers: "i64" | "i8";
}

/** An op without its inputs. */
type Spec = OpSpec extends infer O ? (O extends OpSpec ? Omit<O, "inputs"> : never) : never;

const from = (spec: Spec, shapes: readonly Shape[], constants: Subject["constants"] = {}): Subject => ({
  op: { ...spec, inputs: shapes.map((_, i) => i) },
  shapes,
  constants,
  integers: "i64",
});

const product = { transposeA: false, transposeB: false, epilogue: null };
const withShift = { epilogue: unary("tanh", binary("add", arg(0), arg(1))) };
const window = { strides: [1], dilations: [1], padsBegin: [1], padsEnd: [0], groups: 1 };

const subjects: Readonly<Record<string, Subject>> = {
  map: from({ kind: "map", expr: binary("sub", arg(0), arg(1)) }, [[4, 1, 5], [6, 5]]),
  softmax: from({ kind: "softmax", axis: 1, log: false }, [[4, 6, 5]]),
  cumulative: from({ kind: "cumulative", fn: "sum", axis: 1, exclusive: false, reverse: true }, [[4, 6, 5]]),
  normalize: from({ kind: "normalize", axes: [2], epsilon: 1e-5, centered: true }, [[4, 6, 5], [6, 5], [5]]),
  "reduce, dims kept": from({ kind: "reduce", fn: "sum", axes: [1], keepDims: true }, [[4, 6, 5]]),
  "reduce, dims dropped": from({ kind: "reduce", fn: "max", axes: [0, 2], keepDims: false }, [[4, 6, 5, 8]]),
  argReduce: from({ kind: "argReduce", fn: "max", axis: 0, keepDims: false, selectLast: false }, [[4, 6, 5]]),
  matmul: from({ kind: "matmul", ...product, ...withShift }, [[6, 3, 4], [4, 5], [6, 1, 5]]),
  "matmul, both transposed": from({ kind: "matmul", transposeA: true, transposeB: true, ...withShift }, [[6, 4, 7], [1, 5, 4], [7, 1]]),
  "matmul, batch of B": from({ kind: "matmul", ...product }, [[1, 3, 4], [6, 4, 5]]),
  quantizedMatmul: { ...from({ kind: "quantizedMatmul", blockSize: 4, ...withShift }, [[3, 6, 4], [2, 4], [2, 1], [1, 1], [6, 1]], { 1: [3, -7, 1, 0, 5, 2, -128, 127] }), integers: "i8" },
  "conv, nchw": from({ kind: "conv", layout: "nchw", ...window, ...withShift }, [[6, 2, 5], [3, 2, 2], [3, 1]]),
  convTranspose: from({ kind: "convTranspose", ...window, outputPadding: [0], epilogue: null }, [[6, 2, 5], [2, 3, 2]]),
  pool: from({ kind: "pool", fn: "max", layout: "nchw", kernel: [2], ...window, outputSpatial: [5], countPadding: false, p: 0 }, [[6, 2, 5]]),
  "reshape, split": from({ kind: "reshape", shape: [6, 2, 5, 2] }, [[6, 2, 10]]),
  "reshape, joined": from({ kind: "reshape", shape: [12, 1, 10] }, [[6, 2, 10]]),
  transpose: from({ kind: "transpose", perm: [2, 0, 1] }, [[4, 6, 5]]),
  slice: from({ kind: "slice", starts: [3, 0, 4], sizes: [3, 6, 2], steps: [-1, 1, -3] }, [[4, 6, 5]]),
  pad: from({ kind: "pad", mode: "edge", before: [0, 1, 0], after: [0, 0, 0] }, [[4, 6, 5]]),
  concat: from({ kind: "concat", axis: 1 }, [[4, 6, 5], [4, 1, 5], [4, 2, 5]]),
  gather: from({ kind: "gather", axis: 1 }, [[4, 6, 5], [2, 2]], { 1: [1, -2, 3, 3] }),
  "gather of one": from({ kind: "gather", axis: 1 }, [[4, 6, 5], []], { 1: [-2] }),
}; // prettier-ignore

/** Operands go through a map each, so that there is something to trim; the result is read in part. */
function readInPart({ op, shapes, constants, integers }: Subject, choose: (size: number) => number): Graph {
  const builder = new GraphBuilder("part");
  const origin = ["test"];
  const inputs = shapes.map((shape, i): ValueId => {
    const fixed = constants?.[i];
    if (fixed !== undefined) return builder.constant(tensorFrom(integers, shape, fixed));
    const input = builder.input(`x${i}`, tensorType("f32", shape));
    return builder.emitOne({ kind: "map", inputs: [input], expr: unary("sin", arg(0)) }, { origin });
  });
  const result = builder.emitOne({ ...op, inputs }, { origin });
  const { shape } = builder.tensorTypeOf(result);
  const sizes = shape.map((size) => 1 + choose(size));
  const starts = shape.map((size, axis) => choose(size - (sizes[axis] ?? 1) + 1));
  const part = { kind: "slice", inputs: [result], starts, sizes, steps: shape.map(() => 1) } as const;
  builder.output("y", builder.emitOne(part, { origin }));
  return builder.finish();
}

const shapesOf = (graph: Graph, kind: string): readonly Shape[] =>
  graph.ops
    .filter((op) => op.kind === kind)
    .map((op) => graph.values[op.outputs[0] ?? -1]?.type)
    .flatMap((type) => (type?.kind === "tensor" ? [type.shape] : []));

const computed = (graph: Graph): number =>
  graph.ops.reduce(
    (sum, { kind }) => sum + shapesOf(graph, kind).reduce((all, shape) => all + elementCount(shape), 0),
    0,
  );

describe("a part of the result", () => {
  it.each(Object.keys(subjects))("of %s is what it was", (name) => {
    const subject = subjects[name] as Subject;
    let gained = 0;
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), (stream) => {
        const before = readInPart(subject, (size) => Math.floor((stream.next().value as number) * size));
        const after = trimUnread.run(before);
        expect(verifyGraph(after)).toEqual([]);
        expectSameMeaning(before, after, 1e-6);
        if (after !== before) gained += computed(before) - computed(after);
      }),
      { numRuns: 40 },
    );
    expect(gained).toBeGreaterThan(0);
  });
}); // prettier-ignore
