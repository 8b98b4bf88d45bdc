/**
 * Finds attention in a graph: softmax(Q Kᵀ, with scale, mask and whatever else its epilogue does) V. The three ops become one, which reads its
 * operands where they lie, through slices, reshapes and transposes, and writes through a transpose behind it. Ops that only fed those vanish.
 */
import { nth } from "../../ir/access.ts";
import { arg, binary, type Expr, lit, substitute } from "../../ir/expr.ts";
import {
  epilogueOperands,
  type Graph,
  type MatmulOp,
  type Op,
  type OpOf,
  type TensorType,
  type TransposeOp,
  type ValueId,
} from "../../ir/graph.ts";
import type { AttentionSpec } from "./kernels/attention.ts";
import { broadcastStrides } from "./kernels/index-space.ts";
import { type HeadSplit, headsAsRows, repeatedHeads, splitSizes, splitStrides } from "./repeated-heads.ts";
import { producersOf, type View, viewOf, wholeView } from "./views.ts";

export interface Attention {
  readonly spec: AttentionSpec;
  /** Q, K, V, then the epilogue's operands: the tensors that `spec` addresses */
  readonly inputs: readonly ValueId[];
  readonly output: ValueId;
  readonly origin: readonly string[];
}

/** Looks for attentions in one graph. */
export class AttentionFinder {
  readonly #graph: Graph;
  readonly #producers: ReadonlyMap<ValueId, Op>;
  readonly #readers = new Map<ValueId, Op[]>();
  readonly #given: ReadonlySet<ValueId>;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#producers = producersOf(graph);
    this.#given = new Set(graph.outputs.map(({ value }) => value));
    for (const op of graph.ops) {
      for (const input of op.inputs) this.#readers.set(input, [...(this.#readers.get(input) ?? []), op]);
    }
  }

  /** The attention whose last op this is: its second product, or the transpose that alone reads that. */
  endingAt(op: Op): Attention | null {
    if (op.kind === "matmul") {
      const [output] = op.outputs as readonly [ValueId];
      const reader = this.#onlyReader(output);
      return reader?.kind === "transpose" && keepsColumns(reader) ? null : this.#match(op, null);
    }
    if (op.kind !== "transpose" || !keepsColumns(op)) return null;
    const product = this.#producers.get(nth(op.inputs, 0));
    if (product?.kind !== "matmul" || this.#onlyReader(nth(product.outputs, 0)) !== op) return null;
    return this.#match(product, op);
  }

  #onlyReader(value: ValueId): Op | null {
    const readers = this.#readers.get(value) ?? [];
    return readers.length === 1 && !this.#given.has(value) ? nth(readers, 0) : null;
  }

  #type(value: ValueId): TensorType | null {
    const { type } = nth(this.#graph.values, value);
    return type.kind === "tensor" && type.dtype === "f32" && !type.shape.includes(0) ? type : null;
  }

  #match(product: MatmulOp, behind: TransposeOp | null): Attention | null {
    const softmax = this.#producers.get(nth(product.inputs, 0));
    if (softmax?.kind !== "softmax" || product.transposeA || product.epilogue !== null || softmax.log) return null;
    const scores = this.#producers.get(nth(softmax.inputs, 0));
    if (scores?.kind !== "matmul" || scores.transposeA) return null;
    const isAlone =
      this.#onlyReader(nth(softmax.outputs, 0)) === product && this.#onlyReader(nth(scores.outputs, 0)) === softmax;
    const involved = [...scores.inputs.slice(0, 2), ...scores.outputs, nth(product.inputs, 1), ...product.outputs];
    if (!isAlone || involved.some((value) => this.#type(value) === null)) return null;
    const shape = this.#shape(nth(scores.outputs, 0));
    const isSupported = softmax.axis === shape.length - 1 && (shape.at(-1) ?? 0) >= fewestKeys;
    return isSupported ? this.#attention(scores, softmax, product, behind) : null;
  }

  #shape(value: ValueId): readonly number[] {
    return (nth(this.#graph.values, value).type as TensorType).shape;
  }

  #attention(
    scores: MatmulOp,
    softmax: OpOf<"softmax">,
    product: MatmulOp,
    behind: TransposeOp | null,
  ): Attention | null {
    const shape = this.#shape(nth(scores.outputs, 0));
    const result = this.#shape(nth(product.outputs, 0));
    const batch = shape.slice(0, -2);
    // a V with dims of its own would need the scores once for each
    if (result.length !== shape.length || result.slice(0, -2).some((size, i) => size !== batch[i])) return null;
    const q = this.#view(nth(scores.inputs, 0), true, (view) => view.strides.at(-1) === 1);
    const isRows = (view: View): boolean => view.strides.at(product.transposeB ? -2 : -1) === 1;
    const split = this.#commonSplit(nth(scores.inputs, 1), nth(product.inputs, 1), shape.length);
    const k = oriented(this.#keyed(nth(scores.inputs, 1), split, shape.length, true), !scores.transposeB);
    const v = oriented(this.#keyed(nth(product.inputs, 1), split, shape.length, false, isRows), product.transposeB);
    const extras = scores.inputs.slice(epilogueOperands.matmul);
    const output = behind === null ? nth(product.outputs, 0) : nth(behind.outputs, 0);
    const outStrides = this.#outStrides(product, behind);
    const parts = splitSizes(batch, split);
    const alongBatch = (view: View): number[] =>
      view.shape.length > shape.length ? broadcastView(view, parts) : splitStrides(broadcastView(view, batch), split);
    const spec: AttentionSpec = {
      batch: parts,
      rows: nth(shape, shape.length - 2),
      keys: nth(shape, shape.length - 1),
      depth: nth(q.shape, q.shape.length - 1),
      width: nth(result, result.length - 1),
      q: { offset: q.offset, batch: alongBatch(q), row: q.strides.at(-2) ?? 0 },
      k: { offset: k.offset, batch: alongBatch(k), key: k.strides.at(-2) ?? 0, column: k.strides.at(-1) ?? 0 },
      v: { offset: v.offset, batch: alongBatch(v), key: v.strides.at(-2) ?? 0, column: v.strides.at(-1) ?? 0 },
      out: { batch: splitStrides(outStrides.slice(0, -2), split), row: outStrides.at(-2) ?? 0 },
      epilogue: scaledEpilogue(scores.epilogue, q.scale * k.scale),
      extras: extras.map((value) => {
        const type = nth(this.#graph.values, value).type as TensorType;
        return { dtype: type.dtype, strides: splitStrides(broadcastStrides(type.shape, shape), split, 2) };
      }),
    };
    const ops = [scores, softmax, product, ...(behind === null ? [] : [behind])];
    const origin = [...new Set(ops.flatMap((op) => op.origin))];
    return { spec: headsAsRows(spec), inputs: [q.value, k.value, v.value, ...extras], output, origin };
  }

  /** Where a value lies, if that serves; else the value as it is. */
  #view(value: ValueId, scaled: boolean, serves: (view: View) => boolean): View {
    const view = viewOf(this.#graph, this.#producers, value, scaled);
    return serves(view) ? view : wholeView(this.#graph, value);
  }

  /** How K and V repeat heads, if one of them does and the other one not otherwise. */
  #commonSplit(k: ValueId, v: ValueId, rank: number): HeadSplit | null {
    const [ofK, ofV] = [k, v].map((value) => repeatedHeads(this.#graph, this.#producers, value, rank)?.split ?? null);
    if (ofK == null || ofV == null) return ofK ?? ofV ?? null;
    return ofK.fromEnd === ofV.fromEnd && ofK.inner === ofV.inner && ofK.outer === ofV.outer ? ofK : null;
  }

  /** K or V where it lies; repeated heads, if that is how heads are split, where they lie once. */
  #keyed(
    value: ValueId,
    split: HeadSplit | null,
    rank: number,
    scaled: boolean,
    serves: (view: View) => boolean = (): boolean => true,
  ): View {
    const repeated = split === null ? null : repeatedHeads(this.#graph, this.#producers, value, rank);
    return repeated !== null && serves(repeated.view) ? repeated.view : this.#view(value, scaled, serves);
  }

  /** Elements of the output per index of the product's result. */
  #outStrides(product: MatmulOp, behind: TransposeOp | null): readonly number[] {
    const whole = wholeView(this.#graph, nth(product.outputs, 0));
    if (behind === null) return whole.strides;
    const { strides } = wholeView(this.#graph, nth(behind.outputs, 0));
    return whole.strides.map((_, axis) => nth(strides, behind.perm.indexOf(axis)));
  }
}

/** Softmax rows shorter than a vector have kernels of their own. */
const fewestKeys = 4;

/** The innermost axis stays innermost, so that results are stored as vectors. */
const keepsColumns = ({ perm }: TransposeOp): boolean => perm.at(-1) === perm.length - 1;

/** The view with its last two dims swapped, if asked. */
function oriented(view: View, swap: boolean): View {
  if (!swap) return view;
  const flip = (list: readonly number[]): number[] => [...list.slice(0, -2), ...list.slice(-2).toReversed()];
  return { ...view, shape: flip(view.shape), strides: flip(view.strides) };
}

/** Strides of a view's leading dims over a batch that it broadcasts to. */
function broadcastView({ shape, strides }: View, batch: readonly number[]): number[] {
  const missing = batch.length - (shape.length - 2);
  return batch.map((_, i) => (i < missing || shape[i - missing] === 1 ? 0 : nth(strides, i - missing)));
}

const scaledEpilogue = (epilogue: Expr | null, scale: number): Expr | null => {
  if (scale === 1) return epilogue;
  const scaled = binary("mul", arg(0), lit("f32", scale));
  return substitute(epilogue ?? arg(0), (index) => (index === 0 ? scaled : arg(index)));
};
