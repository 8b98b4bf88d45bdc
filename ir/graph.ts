/**
 * The graph: typed SSA over tensors. A value is an index into `values`; every op lists the values it reads and the values it defines,
 * and `ops` stands in topological order. Tensors are dense and row-major over their own shape: a layout other than ONNX's is written as
 * an explicit transpose plus an op that says it works channels-last.
 *
 * ONNX's operators lower to the few kinds below; elementwise ones all become `map`. Ops carry the names of the ONNX nodes that they
 * came from (`origin`), and passes keep them. What an op's operands must be, and its results' types, is said by ir/infer.ts; kinds that
 * compute (as opposed to those that move elements) take integers of 8 bits and more, f32 and f64: narrower floats are cast before.
 *
 * ir/print.ts writes a graph as text and ir/parse.ts reads it back:
 *
 *     graph "mnist" {
 *       %0 = input "image" : f32[1,1,28,28]
 *       %1 "w" = constant blob "h128:214adc3cf9e6d8c566c127a6716a3a38" : f32[8,1,5,5]
 *       %2 = conv(%0, %1) {layout = nchw, strides = [1,1], …} epilogue max($0, 0:f32) : f32[1,8,24,24] from "Conv_0", "Relu_1"
 *       output "logits" = %2
 *     }
 */
import { showName } from "./diagnostic.ts";
import type { DType } from "./dtype.ts";
import type { Expr } from "./expr.ts";
import type { TensorData } from "./tensor.ts";

/** Index into `Graph.values`. */
export type ValueId = number;

/** A dense tensor of known shape. */
export interface TensorType {
  readonly kind: "tensor";
  readonly dtype: DType;
  readonly shape: readonly number[];
}
/**
 * A tensor whose shape is known only when the program runs: a symbolic or data-dependent dim is a name, an unknown rank is null. Names are
 * hints for people: dims of one name need not be equal. Dims of a main graph's output that is put off are what the model declares.
 */
export interface DynamicType {
  readonly kind: "dynamic";
  readonly dtype: DType;
  readonly dims: readonly (number | string)[] | null;
}
/** Any number of values of one type (ONNX sequences); lives on the host. */
export interface SequenceType {
  readonly kind: "sequence";
  readonly element: ValueType;
}
/** A value of a type, or none. */
export interface OptionalType {
  readonly kind: "optional";
  readonly element: ValueType;
}
/** Values by key (ONNX maps); lives on the host. */
export interface MapType {
  readonly kind: "map";
  /** i64 or string */
  readonly key: DType;
  readonly value: DType;
}
export type ValueType = TensorType | DynamicType | SequenceType | OptionalType | MapType;

/** A type whose values are no tensors and live on the host. */
export type HostType = SequenceType | OptionalType | MapType;

export const isHostType = (type: ValueType): type is HostType => type.kind !== "tensor" && type.kind !== "dynamic";

/** What the graph knows of a value, whoever defines it. */
export interface Value {
  readonly type: ValueType;
  /** the ONNX value's name, for people; empty for intermediate values */
  readonly name: string;
  /** set on constants, which no op defines */
  readonly constant?: TensorData;
  /** name (ir/text/digest.ts) of a constant whose data is elsewhere: what the parser leaves when text names a large constant that it was not given */
  readonly resource?: string;
}

/** A value that the graph takes or gives, under the name that callers use. */
export interface Port {
  readonly name: string;
  readonly value: ValueId;
}

/** A whole model, or a region of a control-flow op; a region reads nothing from outside but its inputs. */
export interface Graph {
  readonly name: string;
  readonly values: readonly Value[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly ops: readonly Op[];
}

interface OpBase {
  /** operands, in the order that the kind's comment gives */
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  /** ONNX node names (or `Type_index` where a node has none) that this op stands for */
  readonly origin: readonly string[];
}

/** Elementwise with numpy broadcasting: out[i] = expr(inputs[0][i], inputs[1][i], ...). */
export interface MapOp extends OpBase {
  readonly kind: "map";
  readonly expr: Expr;
}

/**
 * An epilogue is applied to each accumulated element: `$0` is the accumulator, `$1…` are the op's inputs after its `operands` fixed
 * ones, each broadcast (numpy rules) to the output's shape. Null: the accumulator as it is.
 */
export interface WithEpilogue {
  readonly epilogue: Expr | null;
}

/**
 * Batched matrix product of inputs 0 and 1, numpy broadcasting over leading dims, both of rank >= 2.
 * transposeA/B say that the last two dims are stored swapped. Integers narrower than 32 bits accumulate (and come out) in i32.
 * Two fixed operands.
 */
export interface MatmulOp extends OpBase, WithEpilogue {
  readonly kind: "matmul";
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/**
 * Matrix product with weights of few bits. Inputs: a (f32, [..., rows, inner], rank >= 2), weights (integers of 8 bits or less, [columns, inner]),
 * scales and zero points (both f32, [columns, blocks] or with either dim 1 for all alike). A row of weights is cut into blocks of
 * `blockSize`, the last one may be shorter:
 *
 *     out[..., m, n] = sum over k of a[..., m, k] * (weights[n, k] - zeros[n, block of k]) * scales[n, block of k]
 *
 * Four fixed operands.
 */
export interface QuantizedMatmulOp extends OpBase, WithEpilogue {
  readonly kind: "quantizedMatmul";
  readonly blockSize: number;
}

/** nchw: [N, C, spatial…] with weights [M, C/groups, kernel…]; nhwc: [N, spatial…, C] with weights [kernel…, C/groups, M]. */
export type ConvLayout = "nchw" | "nhwc";

/**
 * Convolution (cross-correlation) of x (input 0) with w (input 1) over any number of spatial dims. `padsBegin/End` may be negative.
 * Integers narrower than 32 bits accumulate (and come out) in i32. Two fixed operands.
 */
export interface ConvOp extends OpBase, WithEpilogue {
  readonly kind: "conv";
  readonly layout: ConvLayout;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
  readonly groups: number;
}

/** Transposed convolution; w is [C, M/groups, kernel…] (nchw only). `outputPadding` extends the end of each spatial dim. */
export interface ConvTransposeOp extends OpBase, WithEpilogue {
  readonly kind: "convTranspose";
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
  readonly outputPadding: readonly number[];
  readonly groups: number;
}

/**
 * Pooling windows over the spatial dims. `outputSpatial` is explicit (ceil mode is the frontend's affair); taps outside the
 * input are skipped. An average divides by the taps inside the input, or, with `countPadding`, by those inside input + pads.
 */
export interface PoolOp extends OpBase {
  readonly kind: "pool";
  readonly fn: "max" | "average" | "lp";
  readonly layout: ConvLayout;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
  readonly outputSpatial: readonly number[];
  readonly countPadding: boolean;
  /** exponent of `lp`; 0 otherwise */
  readonly p: number;
}

/** Reduction over `axes` (sorted, non-negative). Of nothing: sum 0, prod 1, max -inf (or the least value), min +inf. */
export interface ReduceOp extends OpBase {
  readonly kind: "reduce";
  readonly fn: "sum" | "mean" | "prod" | "max" | "min";
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** Index (i64) of the largest or smallest element along an axis; the first of equals, or the last. */
export interface ArgReduceOp extends OpBase {
  readonly kind: "argReduce";
  readonly fn: "max" | "min";
  readonly axis: number;
  readonly keepDims: boolean;
  readonly selectLast: boolean;
}

/** exp(x - max) / sum along one axis, or its logarithm. */
export interface SoftmaxOp extends OpBase {
  readonly kind: "softmax";
  readonly axis: number;
  readonly log: boolean;
}

/**
 * (x - mean) / sqrt(variance + epsilon) over `axes`, with the mean left out when `centered` is false (RMS norm).
 * Input 0 is x; inputs 1 and 2, where present, are scale and bias, broadcast to x's shape by numpy rules. Float statistics in f32 or wider.
 */
export interface NormalizeOp extends OpBase {
  readonly kind: "normalize";
  readonly axes: readonly number[];
  readonly epsilon: number;
  readonly centered: boolean;
}

/** Same elements, other shape. Free: a view. */
export interface ReshapeOp extends OpBase {
  readonly kind: "reshape";
  readonly shape: readonly number[];
}

/** out[i] has input dim perm[i]. */
export interface TransposeOp extends OpBase {
  readonly kind: "transpose";
  readonly perm: readonly number[];
}

/** out[i] = in[starts + i * steps], `sizes` elements per axis; steps may be negative. One entry per axis. */
export interface SliceOp extends OpBase {
  readonly kind: "slice";
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
}

/** Pads every axis; non-negative amounts. In mode constant, input 1 (a scalar of x's dtype) is the value. */
export interface PadOp extends OpBase {
  readonly kind: "pad";
  readonly mode: "constant" | "reflect" | "edge" | "wrap";
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Joins tensors that agree in all dims but one, along that one. */
export interface ConcatOp extends OpBase {
  readonly kind: "concat";
  readonly axis: number;
}

/** numpy.take: input 1 (i32 or i64, negative counts from the end) indexes `axis` of input 0. */
export interface GatherOp extends OpBase {
  readonly kind: "gather";
  readonly axis: number;
}

/** out[i][j] = x[index[i][j]][j] (for axis 0): one index per output element. */
export interface GatherElementsOp extends OpBase {
  readonly kind: "gatherElements";
  readonly axis: number;
}

/** The last dim of input 1 indexes the dims of x that follow `batchDims`. */
export interface GatherNDOp extends OpBase {
  readonly kind: "gatherND";
  readonly batchDims: number;
}

/** How an update meets the element that is there. With `none` it takes its place, and ONNX forbids two updates of one element. */
export type ScatterReduction = "none" | "add" | "mul" | "min" | "max";

/** Copy of x (input 0) with updates (2) put at index (1) along an axis. */
export interface ScatterElementsOp extends OpBase {
  readonly kind: "scatterElements";
  readonly axis: number;
  readonly reduction: ScatterReduction;
}

/** Copy of x (input 0) with updates (2) put at the places that the last dim of input 1 addresses, slices where it is short of x's rank. */
export interface ScatterNDOp extends OpBase {
  readonly kind: "scatterND";
  readonly reduction: ScatterReduction;
}

/** Running sum or product along an axis. */
export interface CumulativeOp extends OpBase {
  readonly kind: "cumulative";
  readonly fn: "sum" | "prod";
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

/** The k largest (or smallest) elements along an axis with their i64 indices; ties by lower index. Outputs: values, indices. */
export interface TopKOp extends OpBase {
  readonly kind: "topK";
  readonly axis: number;
  readonly k: number;
  readonly largest: boolean;
}

/**
 * One direction and layer of a recurrent net over x [time, batch, input] -> outputs Y [time, batch, hidden], Y_h [batch, hidden], and
 * for lstm Y_c. Inputs: x, W [gates*hidden, input], R [gates*hidden, hidden], B [2*gates*hidden], h0 [batch, hidden]; for lstm also
 * c0 [batch, hidden] and P [3*hidden]; last, sequence lengths i32 [batch] when `hasLengths`. Gate order as in ONNX (iofc, zrh).
 */
export interface RecurrentOp extends OpBase {
  readonly kind: "recurrent";
  readonly cell: "lstm" | "gru" | "rnn";
  readonly reverse: boolean;
  readonly hasLengths: boolean;
  /** one expression of `$0` per activation, in ONNX's order (f, g, h) */
  readonly activations: readonly Expr[];
  /** bound on the gates' inputs; null for none */
  readonly clip: number | null;
  readonly linearBeforeReset: boolean;
  /** lstm: forget = 1 - input */
  readonly inputForget: boolean;
}

/**
 * Decision trees over the rows of x (input 0, f32 or f64, [rows, features]), as the tables that ir/forest.ts describes: roots i32 [trees], nodes
 * i32 [nodes, 4], splits [nodes], and for the votes of leaves targets i32 [votes] and weights [votes]; splits and weights in x's dtype. Each
 * tree leads a row to a leaf. Outputs: the votes for each target put together by `fn` in the order of the trees, every step rounded to x's
 * dtype, [rows, targets], 0 where there is none; and where there is one, bool [rows, targets].
 */
export interface ForestOp extends OpBase {
  readonly kind: "forest";
  readonly fn: "sum" | "min" | "max";
  readonly targets: number;
}

/** A JSON value: attributes of host functions. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What cannot be a kernel (strings, sequences, data-dependent shapes): a function of runtime/host, by name. */
export interface HostOp extends OpBase {
  readonly kind: "host";
  readonly fn: string;
  readonly attributes: { readonly [key: string]: Json };
  /** why it stays on the host, for reports */
  readonly reason: string;
}

/** Input 0 (bool scalar) chooses a region; the further inputs are what the regions read, in the order of their inputs. */
export interface IfOp extends OpBase {
  readonly kind: "if";
  readonly then: Graph;
  readonly else: Graph;
}

/**
 * ONNX Loop. Inputs: trip count (i64 scalar), condition (bool scalar), `carried` initial values, then captured values. The body reads
 * iteration (i64 scalar), condition, carried, captured; it gives condition, carried, then scan values. Outputs: carried, scan values stacked.
 */
export interface LoopOp extends OpBase {
  readonly kind: "loop";
  readonly carried: number;
  /** of each stacked result the shape of an element where there was no iteration; left out: the types in the body say it */
  readonly emptyShapes?: readonly (readonly number[])[];
  readonly body: Graph;
}

/** ONNX Scan (opset 9+ form). Inputs: `carried` states, scanned tensors, then captured values. */
export interface ScanOp extends OpBase {
  readonly kind: "scan";
  readonly carried: number;
  readonly scanned: number;
  readonly inputAxes: readonly number[];
  readonly inputReverse: readonly boolean[];
  readonly outputAxes: readonly number[];
  readonly outputReverse: readonly boolean[];
  /** as for a loop */
  readonly emptyShapes?: readonly (readonly number[])[];
  readonly body: Graph;
}

/**
 * The part of a model whose shapes depend on data. Input 0 is a constant u8 tensor: that part as the frontend encodes it; the further inputs
 * are what it reads, under `inputNames`. The runtime hands both to the compiler once the inputs are known, and runs the result.
 */
export interface DeferredOp extends OpBase {
  readonly kind: "deferred";
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly reason: string;
  /** those of `inputNames` whose values, not only types, that part needs before it can be lowered; left out: none is known to be needed */
  readonly valueInputs?: readonly string[];
}

/** Every op; told apart by `kind`. */
export type Op =
  | MapOp
  | MatmulOp
  | QuantizedMatmulOp
  | ConvOp
  | ConvTransposeOp
  | PoolOp
  | ReduceOp
  | ArgReduceOp
  | SoftmaxOp
  | NormalizeOp
  | ReshapeOp
  | TransposeOp
  | SliceOp
  | PadOp
  | ConcatOp
  | GatherOp
  | GatherElementsOp
  | GatherNDOp
  | ScatterElementsOp
  | ScatterNDOp
  | CumulativeOp
  | TopKOp
  | RecurrentOp
  | ForestOp
  | HostOp
  | IfOp
  | LoopOp
  | ScanOp
  | DeferredOp;

export type OpKind = Op["kind"];
export type OpOf<K extends OpKind> = Extract<Op, { readonly kind: K }>;

/** An op before it has outputs and origin: what a builder is given. */
export type OpSpec = Op extends infer O ? (O extends Op ? Omit<O, "outputs" | "origin"> : never) : never;

/** Fixed operands before the epilogue's, by kind. */
export const epilogueOperands = { matmul: 2, quantizedMatmul: 4, conv: 2, convTranspose: 2 } as const;

/** The type of a tensor of known shape. */
export const tensorType = (dtype: DType, shape: readonly number[]): TensorType => ({ kind: "tensor", dtype, shape });

/** Regions of an op, with the name that its text form gives them. */
export function regionsOf(op: Op | OpSpec): readonly { readonly name: string; readonly graph: Graph }[] {
  if (op.kind === "if") {
    return [
      { name: "then", graph: op.then },
      { name: "else", graph: op.else },
    ];
  }
  return op.kind === "loop" || op.kind === "scan" ? [{ name: "body", graph: op.body }] : [];
}

/** Names that a subject shows; an op fused of dozens of nodes is recognised by its first ones. */
const mostNames = 3;

/** What a message about an op is about: its kind and the model's nodes behind it, `conv "Conv_0" + "Relu_1"`. */
export function opSubject({ kind, origin }: { readonly kind: OpKind; readonly origin: readonly string[] }): string {
  if (origin.length === 0) return kind;
  const names = origin.slice(0, mostNames).map((name) => `"${showName(name)}"`);
  const more = origin.length > mostNames ? ` + ${origin.length - mostNames} more` : "";
  return `${kind} ${names.join(" + ")}${more}`;
}
