/**
 * Kernels for engines that join pairs of vectors: right in every module of a program, with the bits of the relaxed one. Where the engine joins
 * (Node 24 to 26 on x86-64) it does so here; elsewhere the same module runs with its vectors as they are.
 */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Choose, joinedChoice } from "../../compiler/codegen/choice.ts";
import type { KernelCode } from "../../compiler/codegen/kernel.ts";
import { attentionStages } from "../../compiler/codegen/kernels/attention.ts";
import { arg, binary, cast, type Expr, lit, select, unary } from "../../ir/expr.ts";
import { bytesOf, type TensorData } from "../../ir/tensor.ts";
import { canJoinVectors, hasRelaxedSimd } from "../../runtime/engine.ts";
import { expectClose, expectKernels, randomNumbers, runKernels } from "./harness.ts";
import {
  attention,
  attentionSpec,
  conv,
  convKernel,
  convTranspose,
  type Kernel,
  matmul,
  matmulKernel,
  type Subject,
  randomShape,
  type Shape,
  subjectOfShape,
} from "./subjects.ts";
import { nth } from "./tensor-index.ts";

const relaxedSimd = hasRelaxedSimd();
if (!canJoinVectors()) console.warn(`${process.version} joins no vectors: their kernels run with vectors as they are`);

function check(subject: Subject, choose: Choose = joinedChoice): void {
  const stages = subject.emit(choose);
  expectKernels({ ...subject, stages }, subject.expected, subject.tolerance);
  if (!relaxedSimd) return;
  expectClose(expectRelaxedBits(subject, stages), subject.expected, subject.tolerance);
}

/** Runs the joined module, which gives the bits of the relaxed one. */
function expectRelaxedBits({ inputs, output }: Kernel, stages: readonly KernelCode[]): TensorData {
  const relaxed = runKernels({ inputs, output, stages, relaxedSimd });
  const joined = runKernels({ inputs, output, stages, relaxedSimd, joinedVectors: true });
  expect(Buffer.compare(bytesOf(relaxed.elements), bytesOf(joined.elements))).toBe(0);
  return joined;
}

const keysOf = (subject: Kernel): string =>
  subject
    .emit(joinedChoice)
    .map(({ key }) => key)
    .join();

describe("kernels with joined vectors", () => {
  it.each<readonly [string, Subject]>([
    ["matrix product", matmul({ a: [40, 37], b: [37, 48], bias: true })],
    ["with a ragged panel of whole pairs", matmul({ a: [41, 37], b: [37, 40], bias: true })],
    ["with a ragged panel", matmul({ a: [43, 37], b: [37, 37], bias: true })],
    ["in parts", matmul({ a: [40, 3200], b: [3200, 16], bias: true })],
    ["in blocks of rows", matmul({ a: [2, 150, 8], b: [8, 32] })],
    ["with a variable B", matmul({ a: [30, 20], b: [20, 64], variable: true, bias: true })],
    ["1x1 convolution", conv({ x: [1, 12, 13, 20], w: [1, 1, 20, 24], pad: 0 })],
    ["1x1 convolution over rows of 7", conv({ x: [1, 7, 7, 20], w: [1, 1, 20, 16], pad: 0 })],
    ["3x3 convolution", conv({ x: [1, 14, 13, 16], w: [3, 3, 16, 32] })],
    ["3x3 convolution with stride", conv({ x: [1, 15, 13, 3], w: [3, 3, 3, 16], stride: 2 })],
    ["3x3 convolution whose channels are an odd number of vectors", conv({ x: [1, 9, 9, 12], w: [3, 3, 12, 16] })],
    ["channels-first convolution", conv({ x: [1, 5, 17, 18], w: [16, 5, 3, 3], layout: "nchw" })],
    ["attention", attention({ rows: 50, keys: 48, depth: 16, width: 32 })],
  ])("%s", (_, subject) => {
    expect(keysOf(subject)).toContain('"joined":{');
    check(subject);
  });

  it.each<readonly [string, Subject]>([
    ["a product of one row", matmul({ a: [1, 66], b: [66, 32] })],
    ["a product of bytes", matmul({ a: [40, 33], b: [33, 32], dtypes: ["u8", "i8"] })],
    ["a product in float64", matmul({ a: [40, 9], b: [9, 32], dtypes: ["f64", "f64"] })],
    ["a transposed convolution with few columns", convTranspose()],
  ])("%s has none", (_, subject) => {
    expect(keysOf(subject)).not.toContain('"joined":{');
    check(subject);
  });

  const [sum, column] = [arg(0), arg(1)];
  const functions: readonly (readonly [string, Expr])[] = [
    ...(["neg", "abs", "sqrt", "exp", "log", "sign", "erf", "tanh", "sigmoid"] as const).map((fn) => [fn, unary(fn, sum)] as const),
    ...(["add", "sub", "mul", "div", "min", "max"] as const).map((fn) => [fn, binary(fn, sum, column)] as const),
    ...(["eq", "ne", "lt", "le", "gt", "ge"] as const).map((fn) => [fn, select(binary(fn, sum, column), column, lit("f32", 2))] as const),
    ...(["and", "or"] as const).map((fn) => [fn, select(binary(fn, binary("lt", sum, lit("f32", 0)), binary("gt", column, sum)), sum, column)] as const),
    ["clip", binary("min", binary("max", sum, lit("f32", 0)), lit("f32", 1))],
    ["silu", binary("mul", sum, unary("sigmoid", sum))],
    ["gelu", binary("mul", sum, binary("add", unary("erf", binary("mul", sum, lit("f32", 0.7))), lit("f32", 1)))],
  ]; // prettier-ignore
  it.each(functions)("%s in an epilogue", (_, epilogue) => {
    const subject = withEpilogue(epilogue);
    expect(keysOf(subject)).toContain('"joined":{');
    if (relaxedSimd) expectRelaxedBits(subject, subject.emit(joinedChoice));
  });

  it.each<readonly [string, Expr]>([
    ["roundings", unary("floor", sum)],
    ["conversions", cast("f32", cast("i32", sum))],
    ["functions made of calls", unary("sin", sum)],
  ])("are not made where epilogues have %s", (_, epilogue) => {
    expect(keysOf(withEpilogue(epilogue))).not.toContain('"joined":{');
    const image = convKernel({ x: [1, 14, 13, 16], w: [3, 3, 16, 32], epilogue });
    expect(keysOf(image)).not.toContain('"joined":{');
    expect(keysOf(image)).not.toContain("transformVectors");
    const spec = { ...attentionSpec({ rows: 50, keys: 48, depth: 16, width: 32 }), epilogue };
    const stages = attentionStages(spec, joinedChoice);
    expect(stages.map(({ key }) => key).join()).not.toContain('"joined":{');
  });

  it("are right on random shapes", () => {
    const right = (shape: Shape): void => {
      check(subjectOfShape(shape), chooseRandom(shape.seed));
    };
    fc.assert(fc.property(randomShape(70), right), { numRuns: 30 });
  });
});

const withEpilogue = (epilogue: Expr): Kernel => matmulKernel({ a: [40, 21], b: [21, 48], epilogue });

/** Takes any value for joined vectors where there is one, else any candidate. */
function chooseRandom(seed: number): Choose {
  const random = randomNumbers(seed);
  return ({ candidates, joined = [] }) => {
    const values = joined.length > 0 ? joined : candidates;
    return nth(values, Math.min(values.length - 1, Math.floor(((random() + 1) / 2) * values.length)));
  };
}
