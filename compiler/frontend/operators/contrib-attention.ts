/**
 * Attention and MultiHeadAttention of com.microsoft, as onnxruntime's optimizer writes them for encoders and GPT-2. Masks there are integers;
 * what they forbid gets `mask_filter_value` added, so that a query without any allowed key looks at all alike.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MultiHeadAttention
 */
import { arg, binary, type Expr, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { type Attended, attend, type Heads, headsApart, headsTogether, withPast } from "./attend.ts";
import { attentionMask, maskedSoftmax } from "./attention-mask.ts";
import { commonDType } from "./elementwise.ts";
import { matmulOf } from "./linear.ts";
import { computeDType, mapIn, toDType, widen } from "./precision.ts";
import { add } from "./scalar.ts";
import { concatOf, countFrom, sliceOf } from "./support.ts";
import { type Attributes, operatorOf } from "./table.ts";

const domain = "com.microsoft";

/** What the two operators share once heads are apart. */
interface Inputs {
  readonly heads: Heads;
  /** positions of inputs: mask and attention bias */
  readonly mask: number;
  readonly bias: number;
}

function attended(node: NodeContext, { heads, mask, bias }: Inputs): Attended {
  const compute = computeDType(node.typeOf(heads.query).dtype);
  const [, , queries = 0] = node.typeOf(heads.query).shape;
  const [, , keys = 0] = node.typeOf(heads.key).shape;
  const biases = [
    ...(node.hasInput(mask) ? [filtered(node, mask, queries, keys)] : []),
    ...(node.hasInput(bias) ? [widen(node, node.input(bias))] : []),
  ];
  return attend(node, heads, {
    scale: node.float("scale", 0) || undefined,
    softcap: 0,
    mask: attentionMask(node, {
      dtype: compute,
      queries,
      keys,
      past: keys - queries,
      causal: node.int("unidirectional", 0) !== 0,
      left: -1,
      right: -1,
      mask: biases.length === 0 ? null : mapIn(node, compute, compute, biases, (terms) => terms.reduce(add)),
      nonpad: null,
    }),
    normalize: (scores) => maskedSoftmax(node, scores, null),
  });
}

/** An integer mask as what is added to scores [batch, heads, queries, keys]. */
function filtered(node: NodeContext, index: number, queries: number, keys: number): ValueId {
  const filter = node.float("mask_filter_value", -10000);
  const pick = (allowed: Expr): Expr => select(allowed, lit("f32", 0), lit("f32", filter));
  const mask = toDType(node, "i64", node.input(index));
  const shape = node.shape(index);
  const [batch = 0] = node.shape(0);
  const wrong = (): Error =>
    node.shapeError(`a mask of shape [${shape.join(",")}] for batch ${batch}, ${queries} queries and ${keys} keys`);
  const biases = (): ValueId => node.map(pick(binary("ne", arg(0), lit("i64", 0))), mask);
  switch (shape.length) {
    case 1: {
      const [count = 0] = shape;
      if (count === 3 * batch + 2) throw node.unsupported("a mask of cumulated sequence lengths");
      if (count !== batch && count !== 2 * batch) throw wrong();
      const [ends, ...starts] = Array.from({ length: count / batch }, (_, part) =>
        node.reshape(sliceOf(node, mask, 0, part * batch, batch), [batch, 1, 1, 1]),
      );
      const below = binary("lt", arg(0), arg(1));
      const within = starts.length === 0 ? below : binary("and", below, binary("le", arg(2), arg(0)));
      return node.map(pick(within), countFrom(node, keys), ends ?? mask, ...starts);
    }
    case 2:
      if (shape.join() !== [batch, keys].join()) throw wrong();
      return node.reshape(biases(), [batch, 1, 1, keys]);
    case 3:
      if (shape.join() !== [batch, queries, keys].join()) throw wrong();
      return node.reshape(biases(), [batch, 1, queries, keys]);
    case 4: {
      const [, , rows = 0, columns = 0] = shape;
      if (rows < keys || columns < keys) throw wrong();
      return sliceOf(node, sliceOf(node, biases(), 2, keys - queries, queries), 3, 0, keys);
    }
    default:
      throw wrong();
  }
}

/** Refuses inputs that only onnxruntime's beam search gives. */
function refuseBeamSearch(node: NodeContext, index: number, names: readonly string[]): void {
  for (const [i, name] of names.entries()) if (node.hasInput(index + i)) throw node.unsupported(name);
}

/** One input is projected to Q, K and V by one matrix. */
function attention(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 3);
  for (const name of ["do_rotary", "past_present_share_buffer"]) {
    if (node.int(name, 0) !== 0) throw node.unsupported(name);
  }
  refuseBeamSearch(node, 6, ["past_sequence_length"]);
  const product = matmulOf(node, widen(node, node.input(0)), widen(node, node.input(1)));
  const sum = node.hasInput(2) ? node.map(add(arg(0), arg(1)), product, widen(node, node.input(2))) : product;
  const width = node.typeOf(sum).shape.at(-1) ?? 0;
  const sizes = node.ints("qkv_hidden_sizes") ?? [width / 3, width / 3, width / 3];
  const [q = 0, k = 0, v = 0] = sizes;
  const areCounts = sizes.every((size) => Number.isInteger(size) && size > 0);
  if (sizes.length !== 3 || !areCounts || q !== k || q + k + v !== width) {
    throw node.shapeError(`${width} columns of weights for Q, K and V of ${sizes.join(", ")}`);
  }
  const heads = node.int("num_heads", 0);
  const part = (from: number, size: number): ValueId =>
    headsApart(node, toDType(node, dtype, sliceOf(node, sum, 2, from, size)), heads, "num_heads");
  const pastOf = (index: number): ValueId | null => {
    if (!node.hasInput(4)) return null;
    return node.reshape(sliceOf(node, node.input(4), 0, index, 1), node.shape(4).slice(1));
  };
  const key = withPast(node, pastOf(0), part(q, k));
  const value = withPast(node, pastOf(1), part(q + k, v));
  const { output } = attended(node, { heads: { query: part(0, q), key, value }, mask: 3, bias: 5 });
  const result = toDType(node, dtype, headsTogether(node, output));
  if (!node.wantsOutput(1)) return [result];
  if (q !== v) throw node.shapeError(`keys of ${k} and values of ${v} columns make no present state`);
  const present = [key, value].map((state) => node.reshape(state, [1, ...node.typeOf(state).shape]));
  return [result, concatOf(node, present, 0)];
}

/** The parts of [batch, sequence, heads, parts, size], each as [batch, sequence, heads * size]. */
function unpacked(node: NodeContext, index: number, parts: number): ValueId[] {
  const [batch = 0, sequence = 0, heads = 0, packed = 0, size = 0] = node.shape(index);
  if (packed !== parts || node.rank(index) !== 5) {
    throw node.shapeError(`input ${index} of shape [${node.shape(index).join(",")}] does not hold ${parts} parts`);
  }
  return Array.from({ length: parts }, (_, part) =>
    node.reshape(sliceOf(node, node.input(index), 3, part, 1), [batch, sequence, heads * size]),
  );
}

/** Q, K and V before their heads are cut apart: three inputs, K and V in one, or all in one. */
function projections(node: NodeContext): readonly ValueId[] {
  if (node.rank(0) === 5) return unpacked(node, 0, 3);
  if (!node.hasInput(1)) throw node.shapeError("without a key the query must hold all three, in five dims");
  if (node.rank(1) === 5) return [node.input(0), ...unpacked(node, 1, 2)];
  if (!node.hasInput(2)) throw node.shapeError("without a value the key must hold both, in five dims");
  return [node.input(0), node.input(1), node.input(2)];
}

/** Q, K and V are given; K and V of rank 4 have their heads apart (cross-attention that was computed before). */
function multiHeadAttention(node: NodeContext): readonly ValueId[] {
  const dtype = commonDType(node, "float", 3);
  refuseBeamSearch(node, 8, ["past_sequence_length", "cache_indirection"]);
  const count = node.int("num_heads", 0);
  const given = projections(node);
  const widths = given.map((value) => node.typeOf(value).shape.at(-1) ?? 0);
  let column = 0;
  const [query = 0, ...states] = given.map((value, i) => {
    const [start, width] = [column, widths[i] ?? 0];
    column += width;
    if (node.typeOf(value).shape.length === 4) return value;
    if (!node.hasInput(3)) return headsApart(node, value, count, "num_heads");
    const bias = sliceOf(node, node.input(3), 0, start, width);
    const sum = mapIn(node, computeDType(dtype), dtype, [value, bias], (terms) => terms.reduce(add));
    return headsApart(node, sum, count, "num_heads");
  });
  const [key = 0, value = 0] = states.map((state, i) =>
    withPast(node, node.hasInput(6 + i) ? node.input(6 + i) : null, state),
  );
  const { output, stages } = attended(node, { heads: { query, key, value }, mask: 4, bias: 5 });
  return [toDType(node, dtype, headsTogether(node, output)), key, value, toDType(node, dtype, stages[2])];
}

const attributes: Attributes = { mask_filter_value: "float", num_heads: "int!", scale: "float", unidirectional: "int" };

export const contribAttentionOperators: readonly OperatorDef[] = [
  operatorOf(domain, "Attention", attention, [
    {
      since: 1,
      inputs: [2, 7],
      outputs: [1, 2],
      optionalInputs: [2, 3, 4, 5, 6],
      attributes: {
        ...attributes,
        do_rotary: "int",
        past_present_share_buffer: "int",
        qkv_hidden_sizes: "ints",
        rotary_embedding_dim: "int",
      },
    },
  ]),
  operatorOf(domain, "MultiHeadAttention", multiHeadAttention, [
    { since: 1, inputs: [1, 10], outputs: [1, 4], optionalInputs: [1, 2, 3, 4, 5, 6, 7, 8, 9], attributes },
  ]),
];
