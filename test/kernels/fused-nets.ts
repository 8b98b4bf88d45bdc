/** Small nets, one for each rule of fusion, and the kernels that it makes of them. */
import { draftKernels } from "../../compiler/kernels/build.ts";
import type { Draft } from "../../compiler/kernels/draft.ts";
import { foldLayouts } from "../../compiler/kernels/fusion/layout.ts";
import type { SeamWay } from "../../compiler/kernels/fusion/merge.ts";
import { carryOut, planOf } from "../../compiler/kernels/fusion/plan.ts";
import { keepStates } from "../../compiler/kernels/fusion/state.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, binary, lit, unary } from "../../ir/expr.ts";
import { type Graph, type MatmulOp, tensorType, type ValueId } from "../../ir/graph.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { makeTensor } from "../../ir/tensor.ts";

const relu = binary("max", arg(0), lit("f32", 0));
const f32 = (...shape: number[]) => tensorType("f32", shape);

const conv = (b: GraphBuilder, x: ValueId, channels: number, filters: number, origin = "conv"): ValueId =>
  b.emitOne(
    {
      kind: "conv",
      inputs: [x, b.constant(makeTensor("f32", [3, 3, channels, filters]))],
      layout: "nhwc",
      strides: [1, 1],
      dilations: [1, 1],
      padsBegin: [1, 1],
      padsEnd: [1, 1],
      groups: 1,
      epilogue: null,
    },
    { origin: [origin] },
  );

const pool = (b: GraphBuilder, x: ValueId, size: number, taps: number): ValueId =>
  b.emitOne(
    {
      kind: "pool",
      fn: "max",
      inputs: [x],
      layout: "nhwc",
      kernel: [taps, taps],
      strides: [2, 2],
      dilations: [1, 1],
      padsBegin: [taps - 2, taps - 2],
      padsEnd: [0, 0],
      outputSpatial: [size, size],
      countPadding: false,
      p: 0,
    },
    { origin: ["pool"] },
  );

const matmul = (
  b: GraphBuilder,
  inputs: readonly ValueId[],
  origin: string,
  options: Partial<Pick<MatmulOp, "transposeB" | "epilogue">> = {},
): ValueId =>
  b.emitOne(
    { kind: "matmul", inputs, transposeA: false, transposeB: false, epilogue: null, ...options },
    { origin: [origin] },
  );

const netOf = (name: string, draw: (b: GraphBuilder) => ValueId): Graph => {
  const b = new GraphBuilder(name);
  b.output("y", draw(b));
  return b.finish();
};

/** Whose ops are fused in order; all ops of the net unless it says which. */
export const nets: Readonly<Record<string, Graph>> = {
  epilogue: netOf("epilogue", (b) => {
    const x = b.input("x", f32(1, 8, 8, 4));
    const y = conv(b, x, 4, 6);
    const bias = b.constant(makeTensor("f32", [6]));
    const more = b.input("more", f32(1, 8, 8, 6));
    return b.emitOne(
      { kind: "map", inputs: [y, bias, more], expr: binary("add", binary("mul", arg(0), arg(1)), arg(2)) },
      { origin: ["residual"] },
    );
  }),
  pooling: netOf("pooling", (b) => pool(b, conv(b, b.input("x", f32(1, 12, 12, 3)), 3, 8), 6, 3)),
  "side-by-side": netOf("side-by-side", (b) => pool(b, conv(b, b.input("x", f32(1, 8, 8, 3)), 3, 8), 4, 2)),
  "squeeze-excite": netOf("squeeze-excite", (b) => {
    const y = conv(b, b.input("x", f32(1, 8, 8, 4)), 4, 6);
    const mean = b.emitOne(
      { kind: "reduce", fn: "mean", inputs: [y], axes: [1, 2], keepDims: true },
      { origin: ["mean"] },
    );
    const row = b.emitOne({ kind: "reshape", inputs: [mean], shape: [1, 6] }, { origin: ["row"] });
    const squeezed = matmul(b, [row, b.constant(makeTensor("f32", [6, 3]))], "fc1", { epilogue: relu });
    const excited = matmul(b, [squeezed, b.constant(makeTensor("f32", [3, 6]))], "fc2", {
      epilogue: unary("sigmoid", arg(0)),
    });
    const scale = b.emitOne({ kind: "reshape", inputs: [excited], shape: [1, 1, 1, 6] }, { origin: ["scale"] });
    return b.emitOne({ kind: "map", inputs: [y, scale], expr: binary("mul", arg(0), arg(1)) }, { origin: ["mul"] });
  }),
  quantizer: netOf("quantizer", (b) => {
    const y = conv(b, b.input("x", f32(1, 8, 8, 4)), 4, 6);
    const extreme = (fn: "min" | "max"): ValueId =>
      b.emitOne({ kind: "reduce", fn, inputs: [y], axes: [0, 1, 2, 3], keepDims: false }, { origin: [fn] });
    const range = b.emitOne(
      { kind: "map", inputs: [extreme("max"), extreme("min")], expr: binary("sub", arg(0), arg(1)) },
      { origin: ["range"] },
    );
    return b.emitOne(
      { kind: "map", inputs: [y, range], expr: binary("div", arg(0), arg(1)) },
      { origin: ["quantize"] },
    );
  }),
  normalization: netOf("normalization", (b) => {
    const x = b.input("x", f32(12, 8));
    const y = matmul(b, [x, b.constant(makeTensor("f32", [8, 10]))], "dense");
    return b.emitOne(
      { kind: "normalize", inputs: [y, b.constant(makeTensor("f32", [10]))], axes: [1], epsilon: 1e-5, centered: true },
      { origin: ["norm"] },
    );
  }),
  attention: netOf("attention", (b) => {
    const q = b.input("q", f32(1, 2, 8, 4));
    const scores = matmul(b, [q, b.input("k", f32(1, 2, 6, 4))], "scores", {
      transposeB: true,
      epilogue: binary("mul", arg(0), lit("f32", 0.5)),
    });
    const weights = b.emitOne({ kind: "softmax", inputs: [scores], axis: 3, log: false }, { origin: ["softmax"] });
    return matmul(b, [weights, b.input("v", f32(1, 2, 6, 4))], "values");
  }),
  matvec: netOf("matvec", (b) => {
    const hidden = matmul(b, [b.input("x", f32(1, 16)), b.constant(makeTensor("f32", [16, 24]))], "up", {
      epilogue: relu,
    });
    return matmul(b, [hidden, b.constant(makeTensor("f32", [24, 16]))], "down");
  }),
};

/** Transposes before a convolution and between products, a slice, and a dim that is repeated. */
export const layouts: Graph = netOf("layouts", (b) => {
  const image = b.input("x", f32(1, 3, 8, 8));
  const last = b.emitOne({ kind: "transpose", inputs: [image], perm: [0, 2, 3, 1] }, { origin: ["to-last"] });
  const y = conv(b, last, 3, 6);
  const rows = b.emitOne({ kind: "reshape", inputs: [y], shape: [64, 6] }, { origin: ["rows"] });
  const heads = (name: string): ValueId => {
    const wide = matmul(b, [rows, b.constant(makeTensor("f32", [6, 8]))], name);
    const split = b.emitOne({ kind: "reshape", inputs: [wide], shape: [1, 64, 2, 4] }, { origin: [`${name}-split`] });
    return b.emitOne({ kind: "transpose", inputs: [split], perm: [0, 2, 1, 3] }, { origin: [`${name}-heads`] });
  };
  const scores = matmul(b, [heads("q"), heads("k")], "scores", { transposeB: true });
  const half = b.emitOne(
    { kind: "slice", inputs: [scores], starts: [0, 0, 0, 0], sizes: [1, 2, 64, 32], steps: [1, 1, 1, 1] },
    { origin: ["half"] },
  );
  return b.emitOne({ kind: "softmax", inputs: [half], axis: 3, log: false }, { origin: ["softmax"] });
});

/** One step of decoding: the keys of earlier tokens, longer by one. */
export function cacheNet(given = "past.0.key", made = "present.0.key"): Graph {
  const b = new GraphBuilder("cache");
  const past = b.input(given, f32(1, 2, 5, 4));
  const fresh = b.input("k", f32(1, 2, 1, 4));
  const key = b.emitOne({ kind: "map", inputs: [fresh], expr: relu }, { origin: ["new-key"] });
  const keys = b.emitOne({ kind: "concat", inputs: [past, key], axis: 2 }, { origin: ["longer"] });
  b.output(made, keys);
  b.output("y", matmul(b, [b.input("q", f32(1, 2, 1, 4)), keys], "scores", { transposeB: true }));
  return b.finish();
}

/** A draft without movement. */
export function settled(graph: Graph): Draft {
  const draft = draftKernels(graph);
  foldLayouts(draft, graph);
  keepStates(draft, graph);
  return draft;
}

/** All kernels of a net as one, whatever it costs; null where the rules or the loops forbid it. */
export function fusedWhole(graph: Graph, way: SeamWay = "exchange"): KernelGraph | null {
  const draft = settled(graph);
  const plan = planOf(draft, draft.ids, way);
  if (plan === null) return null;
  carryOut(draft, plan);
  return draft.finish();
}
