import { describe, expect, it } from "@jest/globals";
import { parseGraph } from "../../ir/parse.ts";
import { assignLayout } from "../../compiler/passes/assign-layout.ts";
import { canonicalize } from "../../compiler/passes/canonicalize.ts";
import { commonSubexpressions } from "../../compiler/passes/common-subexpressions.ts";
import { deadCode } from "../../compiler/passes/dead-code.ts";
import { foldConstants } from "../../compiler/passes/fold-constants.ts";
import { foldScale } from "../../compiler/passes/fold-scale.ts";
import { foldTranspose } from "../../compiler/passes/fold-transpose.ts";
import { fuseElementwise } from "../../compiler/passes/fuse-elementwise.ts";
import { fuseEpilogue } from "../../compiler/passes/fuse-epilogue.ts";
import { pipeline } from "../../compiler/passes/pipeline.ts";
import { recognizeNormalization } from "../../compiler/passes/recognize-normalization.ts";
import { sinkReshapes } from "../../compiler/passes/sink-reshapes.ts";
import { sinkTransposes } from "../../compiler/passes/sink-transposes.ts";
import { widenSmallFloats } from "../../compiler/passes/widen-small-floats.ts";
import { expectPasses } from "./pass-case.ts";

const convolution =
  "{layout = nchw, strides = [1,1], dilations = [1,1], padsBegin = [1,1], padsEnd = [1,1], groups = 1} : f32[1,2,4,4]";
const weights = Array.from({ length: 36 }, (_, i) => ((i * 7) % 11) / 8 - 0.5).join(", ");

describe("dead-code", () => {
  it("drops what no output depends on, and keeps inputs", () => {
    expectPasses(
      [deadCode],
      `graph "g" {
  %0 = input "x" : f32[2]
  %1 = input "unused" : f32[2]
  %2 = map(%0) { neg($0) } : f32[2] from "used"
  %3 = map(%1) { neg($0) } : f32[2] from "dead"
  %4 = map(%3, %0) { add($0, $1) } : f32[2] from "dead too"
  output "y" = %2
}
`,
      "dead-code",
    );
  });

  it("gives back the same object when all is alive", () => {
    const graph = parseGraph(`graph "g" {
  %0 = input "x" : f32[2]
  %1 = map(%0) { neg($0) } : f32[2] from "a"
  output "y" = %1
}
`);
    expect(deadCode.run(graph)).toBe(graph);
  });
});

describe("fold-constants", () => {
  it("evaluates ops over constants, not those that blow up", () => {
    expectPasses(
      [foldConstants],
      `graph "g" {
  %0 = input "x" : f32[2,2]
  %1 = constant [1, 2, 3, 4] : f32[2,2]
  %2 = transpose(%1) {perm = [1,0]} : f32[2,2] from "t"
  %3 = map(%2) { mul($0, 2:f32) } : f32[2,2] from "double"
  %4 = map(%0, %3) { add($0, $1) } : f32[2,2] from "sum"
  output "y" = %4
}
`,
      "fold-constants",
    );
  });
});

describe("common-subexpressions", () => {
  it("merges equal ops and equal constants, and keeps ops that differ in an attribute", () => {
    expectPasses(
      [commonSubexpressions],
      `graph "g" {
  %0 = input "x" : f32[2,3]
  %1 = constant [0, 1] : f32[2,1]
  %2 = constant [0, 1] : f32[2,1]
  %3 = map(%0, %1) { add($0, $1) } : f32[2,3] from "a"
  %4 = map(%0, %2) { add($0, $1) } : f32[2,3] from "b"
  %5 = softmax(%3) {axis = 0, log = false} : f32[2,3] from "c"
  %6 = softmax(%4) {axis = 0, log = false} : f32[2,3] from "d"
  %7 = softmax(%4) {axis = 1, log = false} : f32[2,3] from "e"
  %8 = map(%5, %6, %7) { add($0, add($1, $2)) } : f32[2,3] from "f"
  output "y" = %8
}
`,
      "common-subexpressions",
    );
  });
});

describe("canonicalize", () => {
  it("inlines literals, simplifies expressions, and removes movements that do nothing", () => {
    expectPasses(
      [canonicalize],
      `graph "g" {
  %0 = input "x" : f32[1,4]
  %1 = constant [2] : f32[1]
  %2 = map(%0, %1) { pow($0, $1) } : f32[1,4] from "square"
  %3 = map(%2) { add(mul($0, 1:f32), sub(3:f32, 3:f32)) } : f32[1,4] from "nothing"
  %4 = reshape(%3) {shape = [4]} : f32[4] from "r1"
  %5 = reshape(%4) {shape = [2,2]} : f32[2,2] from "r2"
  %6 = transpose(%5) {perm = [1,0]} : f32[2,2] from "t1"
  %7 = transpose(%6) {perm = [1,0]} : f32[2,2] from "t2"
  %8 = slice(%7) {starts = [0,0], sizes = [2,2], steps = [1,1]} : f32[2,2] from "all"
  %9 = concat(%8) {axis = 0} : f32[2,2] from "one"
  output "y" = %9
}
`,
      "canonicalize",
    );
  });

  it("keeps the shape that a dropped operand gave", () => {
    const after = expectPasses(
      [canonicalize],
      `graph "g" {
  %0 = input "x" : f32[1]
  %1 = input "y" : f32[3]
  %2 = map(%0, %1) { add($0, mul(0:f32, 2:f32)) } : f32[3] from "broadcast"
  output "z" = %2
}
`,
      "canonicalize-broadcast",
    );
    expect(after.values[after.outputs[0]?.value ?? -1]?.type).toEqual({ kind: "tensor", dtype: "f32", shape: [3] });
  });
});

describe("recognize-normalization", () => {
  const centre = `%3 = reduce(%0) {fn = mean, axes = [1], keepDims = true} : f32[2,1] from "mean"
  %4 = map(%0, %3) { sub($0, $1) } : f32[2,4] from "centre"`;
  const shift = `%3 = map(%0) { neg($0) } : f32[2,4] from "turn"
  %4 = map(%3) { add($0, 1:f32) } : f32[2,4] from "shift"`;
  const spelled = (centered: boolean) => `graph "g" {
  %0 = input "x" : f32[2,4]
  %1 = constant [1, 2, 3, 4] : f32[4]
  %2 = constant [0.5, 0, -0.5, 1] : f32[4]
  ${centered ? centre : shift}
  %5 = map(%4) { mul($0, $0) } : f32[2,4] from "square"
  %6 = reduce(%5) {fn = mean, axes = [1], keepDims = true} : f32[2,1] from "variance"
  %7 = map(%6) { add($0, 0.00001:f32) } : f32[2,1] from "epsilon"
  %8 = map(%7) { sqrt($0) } : f32[2,1] from "root"
  %9 = map(%4, %8) { div($0, $1) } : f32[2,4] from "divide"
  %10 = map(%9, %1) { mul($0, $1) } : f32[2,4] from "scale"
  %11 = map(%10, %2) { add($0, $1) } : f32[2,4] from "bias"
  output "y" = %11
}
`;

  it("finds LayerNorm with its scale and bias", () => {
    const after = expectPasses([recognizeNormalization], spelled(true), "recognize-normalization-layer");
    expect(after.ops.map((op) => op.kind)).toEqual(["normalize"]);
  });

  it("finds RMSNorm", () => {
    const after = expectPasses([recognizeNormalization], spelled(false), "recognize-normalization-rms");
    expect(after.ops.map((op) => op.kind)).toEqual(["map", "map", "normalize"]);
  });
});

describe("fuse-elementwise", () => {
  it("merges chains, keeps what has two readers or another shape", () => {
    expectPasses(
      [fuseElementwise],
      `graph "g" {
  %0 = input "x" : f32[2,3]
  %1 = input "row" : f32[3]
  %2 = map(%0) { exp($0) } : f32[2,3] from "twice"
  %3 = map(%1) { neg($0) } : f32[3] from "small"
  %4 = map(%2, %3) { add($0, $1) } : f32[2,3] from "a"
  %5 = map(%4) { max($0, 0:f32) } : f32[2,3] from "b"
  %6 = map(%5, %2) { mul($0, $1) } : f32[2,3] from "c"
  output "y" = %6
}
`,
      "fuse-elementwise",
    );
  });
});

describe("fold-scale", () => {
  it("folds bias and BatchNorm into the weights, and keeps the activation", () => {
    expectPasses(
      [foldScale],
      `graph "g" {
  %0 = input "x" : f32[1,2,4,4]
  %1 = constant [${weights}] : f32[2,2,3,3]
  %2 = constant [1, -1] : f32[1,2,1,1]
  %3 = constant [0.5, 2] : f32[1,2,1,1]
  %4 = constant [0.25, 4] : f32[1,2,1,1]
  %5 = conv(%0, %1) ${convolution} from "conv"
  %6 = map(%5, %2, %3, %4) { max(add(mul(add($0, $1), $2), $3), 0:f32) } : f32[1,2,4,4] from "bn"
  output "y" = %6
}
`,
      "fold-scale",
    );
  });

  it("folds a scale of a product's columns, with the operand transposed", () => {
    expectPasses(
      [foldScale],
      `graph "g" {
  %0 = input "x" : f32[2,3]
  %1 = constant [1, 2, 3, 4, 5, 6] : f32[2,3]
  %2 = constant [10, 100] : f32[2]
  %3 = matmul(%0, %1) {transposeA = false, transposeB = true} : f32[2,2] from "product"
  %4 = map(%3, %2) { div(sub($0, 1:f32), $1) } : f32[2,2] from "scale"
  output "y" = %4
}
`,
      "fold-scale-product",
    );
  });
});

describe("fold-transpose", () => {
  it("turns a swap of the inner dims into a flag, and keeps the rest of a permutation", () => {
    expectPasses(
      [foldTranspose],
      `graph "g" {
  %0 = input "q" : f32[2,3,4]
  %1 = input "k" : f32[3,2,4]
  %2 = transpose(%1) {perm = [1,2,0]} : f32[2,4,3] from "heads"
  %3 = transpose(%0) {perm = [0,2,1]} : f32[2,4,3] from "swap"
  %4 = matmul(%0, %2) {transposeA = false, transposeB = false} : f32[2,3,3] from "scores"
  %5 = matmul(%3, %0) {transposeA = false, transposeB = false} : f32[2,4,4] from "gram"
  output "y" = %4
  output "z" = %5
}
`,
      "fold-transpose",
    );
  });
});

describe("layout", () => {
  const net = `graph "g" {
  %0 = input "x" : f32[1,2,4,4]
  %1 = constant [${weights}] : f32[2,2,3,3]
  %2 = constant [0.5, -0.5] : f32[1,2,1,1]
  %3 = conv(%0, %1) ${convolution} from "conv1"
  %4 = map(%3, %2) { max(add($0, $1), 0:f32) } : f32[1,2,4,4] from "relu"
  %5 = conv(%4, %1) ${convolution} from "conv2"
  %6 = map(%5, %4) { add($0, $1) } : f32[1,2,4,4] from "residual"
  %7 = pool(%6) {fn = max, layout = nchw, kernel = [2,2], strides = [2,2], dilations = [1,1], padsBegin = [0,0], padsEnd = [0,0], outputSpatial = [2,2], countPadding = false, p = 0} : f32[1,2,2,2] from "pool"
  %8 = concat(%7, %7) {axis = 1} : f32[1,4,2,2] from "concat"
  %9 = reduce(%8) {fn = mean, axes = [2,3], keepDims = false} : f32[1,4] from "mean"
  output "y" = %9
}
`;

  it("assign-layout puts transposes around convolutions", () => {
    expectPasses([assignLayout], net, "assign-layout");
  });

  it("sink-transposes leaves one transpose of the image", () => {
    const after = expectPasses([assignLayout, sinkTransposes, canonicalize], net, "sink-transposes");
    expect(after.ops.filter((op) => op.kind === "transpose").length).toBe(1);
  });

  it("fuse-epilogue takes in bias, activation and residual", () => {
    const after = expectPasses([assignLayout, sinkTransposes, canonicalize, fuseEpilogue], net, "fuse-epilogue");
    expect(after.ops.some((op) => op.kind === "map")).toBe(false);
  });

  it("fuse-epilogue stores bytes where a residual block begins with two products", () => {
    const after = expectPasses(
      [fuseEpilogue],
      `graph "g" {
  %0 = input "x" : u8[4,3]
  %1 = constant [1, -2, 3, 4, 5, -6] : i8[3,2]
  %2 = constant [0.5, 0.25] : f32[2]
  %3 = matmul(%0, %1) {transposeA = false, transposeB = false} : i32[4,2] from "left"
  %4 = matmul(%0, %1) {transposeA = false, transposeB = false} : i32[4,2] from "right"
  %5 = map(%3, %2, %4) { cast<u8, saturate>(round(max(add(sub(cast<f32>(cast<u8, saturate>(add(round(mul(cast<f32>($0), $1)), 7:f32))), 7:f32), cast<f32>(cast<i8, saturate>(round(mul(cast<f32>($2), $1))))), 0:f32))) } : u8[4,2] from "sum"
  output "y" = %5
}
`,
      "fuse-epilogue-two-products",
      0,
    );
    const types = after.ops.map(({ outputs }) => after.values[outputs[0] ?? -1]?.type);
    expect(types).toMatchObject([{ dtype: "u8" }, { dtype: "u8" }]);
  });
});

describe("sink-reshapes", () => {
  it("brings bias, activation and residual back to a flattened product", () => {
    const after = expectPasses(
      [sinkReshapes, canonicalize, fuseElementwise, fuseEpilogue],
      `graph "g" {
  %0 = input "x" : f32[1,2,3]
  %1 = input "residual" : f32[1,2,4]
  %2 = constant [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] : f32[3,4]
  %3 = constant [1, 2, 3, 4] : f32[4]
  %4 = reshape(%0) {shape = [2,3]} : f32[2,3] from "flatten"
  %5 = matmul(%4, %2) {transposeA = false, transposeB = false} : f32[2,4] from "product"
  %6 = reshape(%5) {shape = [1,2,4]} : f32[1,2,4] from "restore"
  %7 = map(%6, %3) { add($0, $1) } : f32[1,2,4] from "bias"
  %8 = map(%7, %1) { max(add($0, $1), 0:f32) } : f32[1,2,4] from "residual and relu"
  output "y" = %8
}
`,
      "sink-reshapes",
    );
    expect(after.ops.some((op) => op.kind === "map")).toBe(false);
  });
});

describe("sink-transposes", () => {
  it("passes reshapes that keep the channels apart, and stops where they mix", () => {
    expectPasses(
      [sinkTransposes, canonicalize],
      `graph "g" {
  %0 = input "x" : f32[1,2,2,3]
  %1 = transpose(%0) {perm = [0,3,1,2]} : f32[1,3,2,2] from "nchw"
  %2 = reshape(%1) {shape = [1,3,4]} : f32[1,3,4] from "merge space"
  %3 = transpose(%2) {perm = [0,2,1]} : f32[1,4,3] from "tokens"
  %4 = reshape(%1) {shape = [1,12]} : f32[1,12] from "flatten"
  output "tokens" = %3
  output "flat" = %4
}
`,
      "sink-transposes-reshape",
    );
  });
});

describe("widen-small-floats", () => {
  it("drops the narrowing between two operations, also across a movement", () => {
    expectPasses(
      [widenSmallFloats, fuseElementwise],
      `graph "g" {
  %0 = input "x" : f32[2,3]
  %1 = map(%0) { cast<f16>(exp($0)) } : f16[2,3] from "exp"
  %2 = concat(%1, %1) {axis = 0} : f16[4,3] from "concat"
  %3 = map(%2) { cast<f16>(mul(cast<f32>($0), 2:f32)) } : f16[4,3] from "double"
  %4 = map(%3) { cast<f32>($0) } : f32[4,3] from "widen"
  output "y" = %4
}
`,
      "widen-small-floats",
      1e-3,
    );
  });
});

describe("the pipeline", () => {
  it("finds its fixed point: a second run changes nothing", () => {
    const graph = parseGraph(`graph "g" {
  %0 = input "x" : f32[2,3]
  %1 = map(%0) { exp($0) } : f32[2,3] from "a"
  %2 = map(%1) { neg($0) } : f32[2,3] from "b"
  output "y" = %2
}
`);
    const once = pipeline.reduce((g, pass) => pass.run(g), graph);
    expect(pipeline.reduce((g, pass) => pass.run(g), once)).toBe(once);
  });
});
