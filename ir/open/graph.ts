/**
 * A graph whose dims are open: expressions over named symbols (ir/dim.ts). It stands beside `Graph`, whose shapes are numbers and on which
 * everything else relies; `bindGraph` makes the one of the other. Kinds without sizes among their attributes are those of ir/graph.ts; the
 * others have forms of their own here. There are no regions and no host functions: a model that needs them is compiled for known shapes.
 */
import type { OpenConditions } from "../assumptions.ts";
import type { Dim } from "../dim.ts";
import type { DType } from "../dtype.ts";
import type { Expr } from "../expr.ts";
import type {
  ConcatOp,
  ConvLayout,
  ConvOp,
  ConvTransposeOp,
  GatherOp,
  MapOp,
  MatmulOp,
  NormalizeOp,
  PadOp,
  PoolOp,
  Port,
  ReduceOp,
  SoftmaxOp,
  TransposeOp,
  ValueId,
} from "../graph.ts";
import type { TensorData } from "../tensor.ts";

/** A dense tensor whose dims are numbers or expressions. */
export interface OpenType {
  readonly dtype: DType;
  readonly dims: readonly Dim[];
}

export interface OpenValue {
  readonly type: OpenType;
  /** the ONNX value's name, for people; empty for intermediate values */
  readonly name: string;
  /** set on constants, which no op defines */
  readonly constant?: TensorData;
}

interface OpenOpBase {
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  /** as in ir/graph.ts */
  readonly origin: readonly string[];
}

/** Same elements, other dims. Free: a view. */
export interface OpenReshapeOp extends OpenOpBase {
  readonly kind: "reshape";
  readonly shape: readonly Dim[];
}

/** out[i] = in[starts + i * steps], `sizes` elements per axis; steps may be negative. One entry per axis. */
export interface OpenSliceOp extends OpenOpBase {
  readonly kind: "slice";
  readonly starts: readonly Dim[];
  readonly sizes: readonly Dim[];
  readonly steps: readonly number[];
}

/** The tensor repeated to larger dims by numpy's rules. */
export interface ExpandOp extends OpenOpBase {
  readonly kind: "expand";
  readonly shape: readonly Dim[];
}

/** Sizes as a tensor: what a model's arithmetic over open shapes has come to. No inputs. */
export interface SizesOp extends OpenOpBase {
  readonly kind: "sizes";
  readonly dtype: "i32" | "i64";
  readonly shape: readonly number[];
  /** row-major */
  readonly elements: readonly Dim[];
}

/** start, start + step, …: a vector of `size` integers. No inputs. */
export interface CountOp extends OpenOpBase {
  readonly kind: "count";
  readonly dtype: "i32" | "i64";
  readonly start: Dim;
  readonly step: number;
  readonly size: Dim;
}

/** As in ir/graph.ts, but for the layout of image and result; the weights are [C, M/groups, kernel…] in both. */
export interface OpenConvTransposeOp extends ConvTransposeOp {
  readonly layout: ConvLayout;
}

/** As in ir/graph.ts, with results whose number may be open. */
export interface OpenPoolOp extends Omit<PoolOp, "outputSpatial"> {
  readonly outputSpatial: readonly Dim[];
}

/** As in ir/graph.ts, with amounts that may be open. */
export interface OpenPadOp extends Omit<PadOp, "before" | "after"> {
  readonly before: readonly Dim[];
  readonly after: readonly Dim[];
}

/** Every element `factors[axis]` times in a row along each axis: nearest neighbours of an image that grows by whole factors. */
export interface RepeatOp extends OpenOpBase {
  readonly kind: "repeat";
  readonly factors: readonly number[];
}

/**
 * softmax(f(Q Kᵀ)) V over the keys; inputs are Q [batch…, rows, depth], K [batch…, keys, depth], V [batch…, keys, width], whose batches broadcast to that of the
 * scores [batch…, rows, keys], then the operands of f, which do so too. Models have no such op: fusion makes it.
 */
export interface AttentionOp extends OpenOpBase {
  readonly kind: "attention";
  /** f: `$0` is a score, the others are the operands behind V; null for none */
  readonly epilogue: Expr | null;
}

export type OpenOp =
  | MapOp
  | MatmulOp
  | ReduceOp
  | SoftmaxOp
  | NormalizeOp
  | TransposeOp
  | ConcatOp
  | GatherOp
  | ConvOp
  | OpenConvTransposeOp
  | OpenPoolOp
  | OpenPadOp
  | RepeatOp
  | OpenReshapeOp
  | OpenSliceOp
  | ExpandOp
  | SizesOp
  | CountOp
  | AttentionOp;

export type OpenOpKind = OpenOp["kind"];
export type OpenOpOf<K extends OpenOpKind> = Extract<OpenOp, { readonly kind: K }>;

/** An op before it has outputs and origin. */
export type OpenOpSpec = OpenOp extends infer O ? (O extends OpenOp ? Omit<O, "outputs" | "origin"> : never) : never;

export interface OpenGraph {
  readonly name: string;
  readonly values: readonly OpenValue[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly ops: readonly OpenOp[];
  /** the sizes of its symbols for which it holds */
  readonly conditions: OpenConditions;
}
