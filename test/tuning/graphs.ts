/** Small graphs to tune. */
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, unary } from "../../ir/expr.ts";
import { type Graph, type OpSpec, tensorType, type ValueId } from "../../ir/graph.ts";
import { makeTensor } from "../../ir/tensor.ts";
import { randomTensor } from "../codegen/harness.ts";

const origin = ["test"];

/** x [rows, sizes[0]], a product with constants for each further size. */
export function products(rows: number, ...sizes: readonly number[]): Graph {
  const builder = new GraphBuilder("products");
  let at = builder.input("x", tensorType("f32", [rows, sizes[0] ?? 1]));
  for (let i = 1; i < sizes.length; i++) {
    const shape = [sizes[i - 1] ?? 1, sizes[i] ?? 1];
    const weights = builder.constant(randomTensor("f32", shape, i));
    const op: OpSpec = { kind: "matmul", inputs: [at, weights], transposeA: false, transposeB: false, epilogue: null };
    at = builder.emitOne(op, { origin });
  }
  builder.output("y", at);
  return builder.finish();
}

/** A 3x3 convolution with a relu, its mean over the pixels, and a product. */
export function smallNet(): Graph {
  const builder = new GraphBuilder("small");
  const emit = (spec: OpSpec): ValueId => builder.emitOne(spec, { origin });
  const x = builder.input("x", tensorType("f32", [1, 12, 12, 8]));
  const filters = builder.constant(randomTensor("f32", [3, 3, 8, 16], 1));
  const window = { strides: [1, 1], dilations: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1], groups: 1 };
  const conv = emit({ kind: "conv", inputs: [x, filters], layout: "nhwc", ...window, epilogue: unary("abs", arg(0)) });
  const mean = emit({ kind: "reduce", inputs: [conv], fn: "mean", axes: [1, 2], keepDims: false });
  const weights = builder.constant(randomTensor("f32", [16, 20], 2));
  builder.output(
    "y",
    emit({ kind: "matmul", inputs: [mean, weights], transposeA: false, transposeB: false, epilogue: null }),
  );
  return builder.finish();
}

/** A graph without kernels that leave anything open. */
export function plainSum(): Graph {
  const builder = new GraphBuilder("sum");
  const x = builder.input("x", tensorType("f32", [4]));
  const one = builder.constant(makeTensor("f32", [4], Float32Array.of(1, 2, 3, 4)));
  builder.output("y", builder.emitOne({ kind: "map", inputs: [x, one], expr: unary("neg", arg(0)) }, { origin }));
  return builder.finish();
}
