/**
 * What a kernel emitter gives: the stages of one op. A stage becomes one WASM function, called with the addresses of its `args` and a
 * range of its units; the stages of an op run one after the other (all units of one before the first of the next).
 *
 *     matmul(op, operands) -> [ { key: "matmul …", units: 12, args: [input 0, packed 1, output 0], emit } ]
 *
 * Everything that is known while compiling (shapes, strides, loop bounds, constants) is baked into the function; addresses are not, so
 * that layers of equal shape share one function. Outputs and scratch overlap no input, unless the op allows it (`map`).
 */
import type { DType } from "../../ir/dtype.ts";
import { exactJson } from "../../ir/exact-json.ts";
import type { Expr } from "../../ir/expr.ts";
import type { IndexRead } from "../../ir/program.ts";
import type { TensorType } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";
import type { Choose } from "./choice.ts";
import type { IntegerRange } from "./value-range.ts";
import type { FunctionBuilder, FunctionType, ModuleBuilder } from "./wasm/index.ts";

/** Types of an op's operands; `constants[i]` is set when input i is a constant. */
export interface Operands {
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
  readonly constants: readonly (TensorData | undefined)[];
  /** the integers that input `index` can hold, where the graph tells more than the dtype */
  readonly rangeOf?: (index: number) => IntegerRange | null;
}

/** A constant input rewritten for a kernel. Arguments that name the same value and the same `layout` hold the same bytes. */
export interface PackedArg {
  readonly kind: "packed";
  /** which input of the op; it is a constant */
  readonly input: number;
  /** names the arrangement with all its parameters */
  readonly layout: string;
  readonly byteLength: number;
  /** fills exactly `byteLength` bytes */
  readonly write: (target: Uint8Array) => void;
}

/** Memory that lives as long as the op's stages run; stages that name the same `id` share it. Contents are undefined at first. */
export interface ScratchArg {
  readonly kind: "scratch";
  readonly id: number;
  readonly byteLength: number;
  /** work area of one call: calls that run at the same time, over other units, need bytes of their own */
  readonly isPrivate?: true;
}

/** What an address parameter points to: a multiple of `argAlignment`, or for an input that is a piece of a value of its element's size. */
export type KernelArg =
  | { readonly kind: "input"; readonly index: number }
  | { readonly kind: "output"; readonly index: number }
  | PackedArg
  | ScratchArg;

/** Alignment of every kernel argument, in bytes (a cache line). */
export const argAlignment = 64;

export interface KernelCode {
  /** equal keys mean equal functions: names the kernel and everything baked into it */
  readonly key: string;
  /** independent pieces of work; the function does those in [begin, end) */
  readonly units: number;
  readonly args: readonly KernelArg[];
  /** arithmetic operations of all units together, roughly: decides whether a fork to threads pays */
  readonly work: number;
  /** inputs on which output 0 may lie, if nothing else reads them later: each element is read before its place is written */
  readonly inPlace?: readonly number[];
  /** moves its first argument to its second as it is: nothing is left to do where the two lie in one place */
  readonly isCopy?: true;
  /** its argument that holds indices, which it checks one by one; so that the runtime can say which one was wrong */
  readonly indices?: IndexRead;
  /** adds the function to a module and returns its index; its type is `kernelType(args.length)` */
  readonly emit: (module: ModuleBuilder) => number;
}

/** Turns an op with static types into its stages; what it leaves open is the cost model's choice if no other is given. */
export type KernelEmitter<O> = (op: O, operands: Operands, choose?: Choose) => readonly KernelCode[];

/** One i32 address for each argument, then `begin` and `end`. */
export const kernelType = (args: number): FunctionType => ({
  params: Array.from({ length: args + 2 }, () => "i32"),
  results: [],
});

/**
 * An expression to be evaluated for `lanes` elements at once (1 = scalars). Vector form holds `lanes` elements of any dtype in one v128:
 * with 4 lanes f32 is f32x4, i32/u32 and (widened) narrower integers are i32x4, bool is an i32x4 mask of all ones or zeros; with 2 lanes
 * f64 is f64x2, i64/u64 are i64x2 and bool an i64x2 mask; with 8 and 16 lanes integers have their own width of 16 and 8 bits, and so have masks. Scalar form: f32, f64, i64 (i64/u64) or i32 (all else; bool is 0 or 1; narrow
 * integers are sign- or zero-extended by their dtype).
 */
export interface ExprRequest {
  readonly expr: Expr;
  /** dtypes of the operands by index */
  readonly argTypes: readonly DType[];
  readonly lanes: 1 | 2 | 4 | 8 | 16;
  /** a saturating cast at the end of the expression has small numbers to cast, and may leave vectors of integers beyond its type */
  readonly isSaturatedLater?: boolean;
  /** pushes operand `index` in that form; may be called several times for an operand */
  readonly readArg: (index: number) => void;
}

/** Pushes the value of an expression: the type of `emitExpr` in expr-emit.ts. */
export type EmitExpr = (f: FunctionBuilder, request: ExprRequest) => void;

/** Names a kernel with everything that is baked into it. */
export const kernelKey = (kind: string, ...parts: readonly unknown[]): string => `${kind} ${exactJson(parts)}`;
