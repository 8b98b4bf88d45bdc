/**
 * Which family an op belongs to, with the loops that the family cuts. One small function per kind of op; shapes are static here.
 * Loops of an empty tensor count as one iteration, so that nothing divides by zero.
 */
import { dtypeInfo } from "../../ir/dtype.ts";
import { elementCount } from "../../ir/tensor.ts";
import { exprCost, type Expr, walkExpr } from "../../ir/expr.ts";
import { type ConvOp, type ConvTransposeOp, epilogueOperands, type MatmulOp, type Op, type OpOf, type PoolOp, type TensorType } from "../../ir/graph.ts"; // prettier-ignore
import type { KernelFamily, LoopDim } from "../../ir/kernel-graph.ts";

/** What a kernel is, before its place in the graph is known. */
export interface Classified {
  readonly family: KernelFamily;
  readonly dims: readonly LoopDim[];
  readonly flops: number;
}

/** An operand as the kernel sees it. */
export interface Operand {
  readonly type: TensorType;
  /** a constant, so it can stay in the cores */
  readonly resident: boolean;
}

/** An op's operands and results, all of static shape. */
export interface Operands {
  readonly inputs: readonly Operand[];
  readonly outputs: readonly TensorType[];
}

/** Ops that become kernels; reshape is a view, the others run on the host. */
export type PlaceableOp = Exclude<Op, OpOf<"reshape" | "host" | "if" | "loop" | "scan" | "deferred">>;

const dim = (name: string, size: number): LoopDim => ({ name, size });
const product = (sizes: readonly number[]): number => Math.max(1, elementCount(sizes));
const optional = (dims: readonly LoopDim[], omitted: number): LoopDim[] => dims.filter(({ size }) => size !== omitted);

function shapeAt(tensors: readonly TensorType[], index: number): readonly number[] {
  const tensor = tensors[index];
  if (tensor === undefined) throw new Error(`internal: no tensor ${index}`);
  return tensor.shape;
}

function inputAt(operands: Operands, index: number): Operand {
  const operand = operands.inputs[index];
  if (operand === undefined) throw new Error(`internal: no operand ${index}`);
  return operand;
}

/** Functions that a core works out in tens of cycles: divisions, roots, everything transcendental. */
const slowFunctions = new Set<string>([
  "exp", "log", "sqrt", "erf", "tanh", "sigmoid", "sin", "cos", "tan", "asin", "acos", "atan",
  "sinh", "cosh", "asinh", "acosh", "atanh", "div", "mod", "fmod", "pow",
]); // prettier-ignore

/** Operations of an expression per element, as the dims `fast` and `slow`. */
export function expressionDims(expr: Expr | null): LoopDim[] {
  if (expr === null) return [];
  let slow = 0;
  walkExpr(expr, (e) => {
    if ((e.op === "unary" || e.op === "binary") && slowFunctions.has(e.fn)) slow++;
  });
  return optional([dim("fast", exprCost(expr) - slow), dim("slow", slow)], 0);
}

/** Words per sample of activations that an epilogue reads. */
function residualDims(operands: Operands, fixed: number): LoopDim[] {
  let words = 0;
  for (const { type, resident } of operands.inputs.slice(fixed)) if (!resident) words += wordsOf(type);
  return optional([dim("res", words)], 0);
}

/** Bytes of a tensor in a core's memory, where elements of less than a byte are packed. */
export const bytesOfTensor = ({ dtype, shape }: TensorType): number =>
  Math.ceil((elementCount(shape) * dtypeInfo(dtype).bits) / 8);

/** 32-bit words that a tensor takes on the fabric. */
export function wordsOf(type: TensorType): number {
  return Math.ceil(bytesOfTensor(type) / 4);
}

/** Finds the family of an op and its loops. */
export function classify(op: PlaceableOp, operands: Operands): Classified {
  switch (op.kind) {
    case "map":
      return classifyMap(op, operands);
    case "matmul":
      return classifyMatmul(op, operands);
    case "quantizedMatmul":
      return classifyQuantizedMatmul(op, operands);
    case "conv":
      return classifyConv(op, operands);
    case "convTranspose":
      return classifyConvTranspose(op, operands);
    case "pool":
      return classifyPool(op, operands);
    case "reduce":
      return rows("reduction", operands, op.axes, 1);
    case "argReduce":
      return rows("reduction", operands, [op.axis], 1);
    case "softmax":
      return rows("softmax", operands, [op.axis], 5);
    case "normalize":
      return rows("normalization", operands, op.axes, 5);
    case "transpose":
    case "slice":
    case "pad":
    case "concat":
    case "gather":
    case "gatherElements":
    case "gatherND":
      return { family: "dataMovement", dims: [dim("e", product(shapeAt(operands.outputs, 0)))], flops: 0 };
    case "scatterElements":
    case "scatterND":
      return generic(operands, 0, 1);
    case "cumulative":
      return generic(operands, 1, shapeAt(operands.outputs, 0)[op.axis] ?? 1);
    case "topK":
      return generic(operands, Math.ceil(Math.log2(op.k + 2)), op.k);
    case "recurrent":
      return classifyRecurrent(operands);
    case "forest":
      return classifyForest(operands);
  }
}

function classifyMap(op: OpOf<"map">, operands: Operands): Classified {
  const elements = product(shapeAt(operands.outputs, 0));
  const dims = [dim("e", elements), ...expressionDims(op.expr)];
  return { family: "elementwise", dims, flops: elements * exprCost(op.expr) };
}

/** Elements of the result times the epilogue's operations. */
const epilogueFlops = (epilogue: Expr | null, elements: number): number =>
  epilogue === null ? 0 : elements * exprCost(epilogue);

function classifyMatmul(op: MatmulOp, operands: Operands): Classified {
  const a = inputAt(operands, 0);
  const b = inputAt(operands, 1);
  const out = shapeAt(operands.outputs, 0);
  const m = out.at(-2) ?? 1;
  const n = out.at(-1) ?? 1;
  const k = a.type.shape.at(op.transposeA ? -2 : -1) ?? 1;
  const batch = product(out.slice(0, -2));
  const flops = 2 * batch * m * n * k + epilogueFlops(op.epilogue, batch * m * n);
  const extra = [...expressionDims(op.epilogue), ...residualDims(operands, 2)];
  const shared = product(b.type.shape.slice(0, -2)) === 1;
  // the resident operand is the one that columns of cores hold; a resident first operand is the product transposed
  if (a.resident && !b.resident) return matmul({ b: batch, m: n, k, n: m, streamed: 0 }, flops, extra);
  if (b.resident && shared) return matmul({ b: 1, m: batch * m, k, n, streamed: 0 }, flops, extra);
  return matmul({ b: batch, m, k, n, streamed: b.resident ? 0 : 1 }, flops, extra);
}

function classifyQuantizedMatmul(op: OpOf<"quantizedMatmul">, operands: Operands): Classified {
  const out = shapeAt(operands.outputs, 0);
  const n = out.at(-1) ?? 1;
  const k = inputAt(operands, 0).type.shape.at(-1) ?? 1;
  const m = product(out.slice(0, -1));
  const flops = 2 * m * n * k + epilogueFlops(op.epilogue, m * n);
  const extra = [...expressionDims(op.epilogue), ...residualDims(operands, epilogueOperands.quantizedMatmul)];
  return matmul({ b: 1, m, k, n, streamed: 0 }, flops, extra);
}

function matmul(
  sizes: Readonly<Record<"b" | "m" | "k" | "n" | "streamed", number>>,
  flops: number,
  extra: readonly LoopDim[],
): Classified {
  const loops = [dim("b", sizes.b), dim("m", sizes.m), dim("k", sizes.k), dim("n", sizes.n)];
  const dims = [
    ...loops.map(({ name, size }) => dim(name, Math.max(1, size))),
    ...optional([dim("streamed", sizes.streamed)], 0),
    ...extra,
  ];
  return { family: "matmul", dims, flops };
}

/** Batch, channels and spatial dims of an image tensor, whichever way it is laid out. */
function image(
  shape: readonly number[],
  layout: "nchw" | "nhwc",
): { n: number; c: number; spatial: readonly number[] } {
  const n = shape[0] ?? 1;
  return layout === "nchw"
    ? { n, c: shape[1] ?? 1, spatial: shape.slice(2) }
    : { n, c: shape.at(-1) ?? 1, spatial: shape.slice(1, -1) };
}

/** Rows and columns of any number of spatial dims: the last is the column, the others count as rows, images of the batch too. */
function planes(n: number, spatial: readonly number[]): { h: number; w: number } {
  return { h: Math.max(1, n * elementCount(spatial.slice(0, -1))), w: Math.max(1, spatial.at(-1) ?? 1) };
}

/** Taps with their strides and dilations; of several row dims the innermost gives stride and dilation. */
function windowDims(kernel: readonly number[], strides: readonly number[], dilations: readonly number[]): LoopDim[] {
  const taps = [dim("r", product(kernel.slice(0, -1))), dim("s", kernel.at(-1) ?? 1)];
  const steps = [dim("sh", strides.at(-2) ?? 1), dim("sw", strides.at(-1) ?? 1)];
  return [...taps, ...steps, ...optional([dim("dh", dilations.at(-2) ?? 1), dim("dw", dilations.at(-1) ?? 1)], 1)];
}

function classifyConv(op: ConvOp, operands: Operands): Classified {
  const input = image(inputAt(operands, 0).type.shape, op.layout);
  const output = image(shapeAt(operands.outputs, 0), op.layout);
  const weights = inputAt(operands, 1).type.shape;
  const kernel = op.layout === "nchw" ? weights.slice(2) : weights.slice(0, -2);
  const { h, w } = planes(output.n, output.spatial);
  const c = Math.max(1, input.c / op.groups);
  const k = Math.max(1, output.c / op.groups);
  const outputs = h * w * k * op.groups;
  const flops = 2 * outputs * c * product(kernel) + epilogueFlops(op.epilogue, outputs);
  const dims = [
    ...optional([dim("g", op.groups)], 1),
    ...[dim("k", k), dim("c", c), dim("h", h), dim("w", w)],
    ...windowDims(kernel, op.strides, op.dilations),
    ...expressionDims(op.epilogue),
    ...residualDims(operands, 2),
  ];
  return { family: op.groups > 1 && c === 1 ? "depthwiseConv" : "conv", dims, flops };
}

/** Every input position spreads its taps over the output: a convolution over input positions that makes `up` outputs at each. */
function classifyConvTranspose(op: ConvTransposeOp, operands: Operands): Classified {
  const input = image(inputAt(operands, 0).type.shape, "nchw");
  const output = image(shapeAt(operands.outputs, 0), "nchw");
  const kernel = inputAt(operands, 1).type.shape.slice(2);
  const { h, w } = planes(input.n, input.spatial);
  const c = Math.max(1, input.c / op.groups);
  const k = Math.max(1, output.c / op.groups);
  const outputs = product(shapeAt(operands.outputs, 0));
  const flops = 2 * h * w * c * k * op.groups * product(kernel) + epilogueFlops(op.epilogue, outputs);
  const ones = kernel.map(() => 1);
  const dims = [
    ...optional([dim("g", op.groups)], 1),
    ...[dim("k", k), dim("c", c), dim("h", h), dim("w", w)],
    ...windowDims(kernel, ones, ones),
    ...optional([dim("up", Math.max(1, Math.ceil(outputs / (h * w * k * op.groups))))], 1),
    ...expressionDims(op.epilogue),
    ...residualDims(operands, 2),
  ];
  return { family: "conv", dims, flops };
}

function classifyPool(op: PoolOp, operands: Operands): Classified {
  const output = image(shapeAt(operands.outputs, 0), op.layout);
  const { h, w } = planes(output.n, output.spatial);
  const c = Math.max(1, output.c);
  const dims = [dim("c", c), dim("h", h), dim("w", w), ...windowDims(op.kernel, op.strides, op.dilations)];
  return { family: "pool", dims, flops: h * w * c * product(op.kernel) };
}

function rows(family: KernelFamily, operands: Operands, axes: readonly number[], flopsPerElement: number): Classified {
  const { shape } = inputAt(operands, 0).type;
  const length = product(axes.map((axis) => shape[axis] ?? 1));
  const outer = Math.max(1, Math.round(product(shape) / length));
  return { family, dims: [dim("o", outer), dim("l", length)], flops: outer * length * flopsPerElement };
}

function generic(operands: Operands, flopsPerElement: number, steps: number): Classified {
  const elements = product(inputAt(operands, 0).type.shape);
  const dims = [dim("e", elements), ...optional([dim("steps", steps)], 0)];
  return { family: "generic", dims, flops: elements * flopsPerElement };
}

/** Both matrices are applied at every time step, one step after the other. */
function classifyRecurrent(operands: Operands): Classified {
  const [time = 1, batch = 1] = inputAt(operands, 0).type.shape;
  const matrices = product(inputAt(operands, 1).type.shape) + product(inputAt(operands, 2).type.shape);
  const steps = Math.max(1, time);
  return {
    family: "generic",
    dims: [dim("e", matrices), dim("steps", steps)],
    flops: 2 * steps * Math.max(1, batch) * matrices,
  };
}

/** Every row goes down every tree, one level after the other. */
function classifyForest(operands: Operands): Classified {
  const [rows = 1] = inputAt(operands, 0).type.shape;
  const [trees, nodes] = [1, 2].map((index) => inputAt(operands, index).type.shape[0] ?? 1) as [number, number];
  const depth = Math.ceil(Math.log2(nodes / Math.max(1, trees) + 1));
  const walks = product([rows, trees]);
  return { family: "generic", dims: [dim("e", walks), dim("steps", Math.max(1, depth))], flops: walks * depth };
}
