/**
 * The nest of an op: its loops, what it reads and makes, and the work of its iterations. One file under nests/ for each kind of op writes it
 * down from static shapes. Loops of an empty tensor count as one iteration, so that nothing divides by zero; loops of one are left out.
 */
import { dtypeInfo } from "../../ir/dtype.ts";
import { exprCost, type Expr } from "../../ir/expr.ts";
import type { Op, OpOf, TensorType } from "../../ir/graph.ts";
import {
  type Axis,
  type KernelFamily,
  type Loop,
  type Operations,
  type Stage,
  type Term,
  wordBytes,
} from "../../ir/kernel-graph.ts";
import { elementCount } from "../../ir/tensor.ts";

/** Ops that become kernels; reshape is a view, the others run on the host. */
export type PlaceableOp = Exclude<Op, OpOf<"reshape" | "host" | "if" | "loop" | "scan" | "deferred">>;

/** An operand as the kernel sees it. */
export interface Source {
  readonly type: TensorType;
  /** a constant, so it can stay in the cores */
  readonly resident: boolean;
}

/** An op's operands and results, all of static shape. */
export interface Sources {
  readonly inputs: readonly Source[];
  readonly outputs: readonly TensorType[];
}

/** What an op is, before its place in the graph is known. */
export interface OpNest {
  readonly family: KernelFamily;
  readonly loops: readonly Loop[];
  /** how each input of the op is read, and each output made */
  readonly reads: readonly (readonly Axis[])[];
  readonly makes: readonly (readonly Axis[])[];
  readonly stage: Omit<Stage, "op" | "kind" | "makes" | "reads">;
  readonly flops: number;
}

/** Sizes of a nest by name; loops of one iteration are not there, and terms of them neither. */
export class LoopNames {
  readonly #sizes = new Map<string, number>();

  add(name: string, size: number): void {
    if (size > 1) this.#sizes.set(name, size);
  }

  get loops(): readonly Loop[] {
    return [...this.#sizes].map(([name, size]) => ({ name, size }));
  }

  /** Those of some names that are loops. */
  known(...names: readonly string[]): readonly string[] {
    return names.filter((name) => this.#sizes.has(name));
  }

  /** A sum without the loops that have one iteration. */
  sum(...terms: readonly Term[]): readonly Term[] {
    return terms.filter(({ loop }) => this.#sizes.has(loop));
  }

  /** The axis whose position is that of a loop. */
  axis(size: number, loop: string): Axis {
    return this.index(size, 0, { loop, factor: 1 });
  }

  /** The axis whose position is a sum of terms. */
  index(size: number, offset: number, ...terms: readonly Term[]): Axis {
    const known = this.sum(...terms);
    return known.length === 0 ? whole(size) : { kind: "index", size, terms: known, offset };
  }

  /** All loops, each a dim of its own. */
  everything(): readonly (readonly Term[])[] {
    return this.loops.map(({ name }) => [{ loop: name, factor: 1 }]);
  }
}

export const whole = (size: number): Axis => ({ kind: "whole", size });

export const nothing: Operations = { fast: 0, slow: 0 };

/** Product of sizes; one for none, and for none left. */
export const product = (sizes: readonly number[]): number => Math.max(1, elementCount(sizes));

export function shapeAt(tensors: readonly TensorType[], index: number): readonly number[] {
  const tensor = tensors[index];
  if (tensor === undefined) throw new Error(`internal: no tensor ${index}`);
  return tensor.shape;
}

export function inputAt(sources: Sources, index: number): Source {
  const source = sources.inputs[index];
  if (source === undefined) throw new Error(`internal: no operand ${index}`);
  return source;
}

/** Elements of the result times the epilogue's operations. */
export const epilogueFlops = (epilogue: Expr | null, elements: number): number =>
  epilogue === null ? 0 : elements * exprCost(epilogue);

/** How an operand of numpy's broadcasting is read where the result has these axes. */
export function broadcastAxes(shape: readonly number[], result: readonly Axis[]): readonly Axis[] {
  const skipped = result.length - shape.length;
  return shape.map((size, index) => {
    const axis = result[index + skipped];
    return axis === undefined || axis.size !== size ? whole(size) : axis;
  });
}

/** The epilogue's operands, which follow the op's fixed ones. */
export const epilogueReads = (sources: Sources, fixed: number, result: readonly Axis[]): readonly (readonly Axis[])[] =>
  sources.inputs.slice(fixed).map(({ type }) => broadcastAxes(type.shape, result));

/** 32-bit words that a tensor takes on the fabric, where elements of less than a byte are packed. */
export const wordsOf = ({ dtype, shape }: TensorType): number =>
  Math.ceil(Math.ceil((elementCount(shape) * dtypeInfo(dtype).bits) / 8) / wordBytes);
