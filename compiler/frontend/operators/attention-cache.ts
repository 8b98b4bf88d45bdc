/**
 * Keys or values in a buffer [batch, heads, length, size] that is longer than what it holds: new rows are written behind the old ones, and the
 * beams of a search read rows of each other.
 */
import { arg, binary, type Expr, lit, select } from "../../../ir/expr.ts";
import type { ValueId } from "../../../ir/graph.ts";
import type { NodeContext } from "../operator.ts";
import { toDType } from "./precision.ts";
import { add, lt, mul } from "./scalar.ts";
import { countFrom, indexTensor } from "./support.ts";

/**
 * The buffer with `added` [batch, heads, queries, size] from row `before` (i64 [batch or 1, 1]) on.
 * Rows are numbered (b heads + h) length + position.
 */
export function rowsWritten(node: NodeContext, buffer: ValueId, added: ValueId, before: ValueId): ValueId {
  const [batch = 0, heads = 0, queries = 0, size = 0] = node.typeOf(added).shape;
  const { shape } = node.typeOf(buffer);
  const length = shape[2] ?? 0;
  if (shape.join() !== [batch, heads, length, size].join()) {
    throw node.shapeError(
      `a past of shape [${shape.join(",")}] for new rows [${[batch, heads, queries, size].join(",")}]`,
    );
  }
  const base = indexTensor([batch, heads, queries], (i) => Math.floor(i / queries) * length + (i % queries));
  const rows = node.map(
    add(arg(0), arg(1)),
    node.constantValue(base),
    node.reshape(before, [...node.typeOf(before).shape, 1]),
  );
  const written = node.emitOne({
    kind: "scatterND",
    inputs: [
      node.reshape(buffer, [batch * heads * length, size]),
      node.reshape(rows, [batch * heads * queries, 1]),
      node.reshape(added, [batch * heads * queries, size]),
    ],
    reduction: "none",
  });
  return node.reshape(written, shape);
}

/**
 * The buffer as the beams of each sample see it: row j before `before` (i64 [1, 1]) is that of the beam that `beams` [samples, width, >= length]
 * names, the others are a beam's own.
 */
export function rowsOfBeams(node: NodeContext, buffer: ValueId, beams: ValueId, before: ValueId): ValueId {
  const { shape } = node.typeOf(buffer);
  const [batch = 0, heads = 0, length = 0, size = 0] = shape;
  const given = node.typeOf(beams).shape;
  const [samples = 0, width = 0, most = 0] = given;
  if (given.length !== 3 || samples * width !== batch || most < length) {
    throw node.shapeError(`cache_indirection of shape [${given.join(",")}] for ${batch} beams of ${length} rows`);
  }
  const named = node.emitOne({
    kind: "slice",
    inputs: [node.reshape(toDType(node, "i64", beams), [batch, most])],
    starts: [0, 0],
    sizes: [batch, length],
    steps: [1, 1],
  });
  const position = node.reshape(countFrom(node, length), [1, 1, length]);
  const first = node.constantValue(indexTensor([batch, 1, 1], (b) => b - (b % width)));
  const own = node.constantValue(indexTensor([batch, 1, 1], (b) => b));
  const head = node.constantValue(indexTensor([1, heads, 1], (h) => h * length));
  const beam: Expr = select(lt(arg(1), arg(5)), add(arg(2), arg(0)), arg(3));
  const row = add(add(mul(beam, lit("i64", heads * length)), arg(4)), arg(1));
  const rows = node.map(
    row,
    node.reshape(named, [batch, 1, length]),
    position,
    first,
    own,
    head,
    node.reshape(before, [1, 1, 1]),
  );
  const flat = node.reshape(buffer, [batch * heads * length, size]);
  return node.emitOne({ kind: "gather", inputs: [flat, rows], axis: 0 });
}

/** An i32 or i64 count of one element as i64 [1, 1]. */
export function countAsRow(node: NodeContext, index: number): ValueId {
  const { shape } = node.type(index);
  if (shape.some((dim) => dim !== 1))
    throw node.shapeError(`input ${index} must be one number, not [${shape.join(",")}]`);
  return node.reshape(toDType(node, "i64", node.input(index)), [1, 1]);
}

/** Tokens of each of `batch` samples once `added` new ones stand behind the `before` old ones: i64 [batch]. */
export const tokensOf = (node: NodeContext, before: ValueId, added: number, batch: number): ValueId =>
  node.broadcastTo(node.map(binary("add", arg(0), lit("i64", added)), node.reshape(before, [1])), [batch]);
