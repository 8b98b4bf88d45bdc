/**
 * exchange-halves: rotary embeddings take a vector's halves apart, negate one and join them the other way round. That is the vector with its halves
 * exchanged, times signs: a slice with a negative step, which the map behind it can read in place. Maps over it are computed with the
 * last dim in two, [2, half], so that nothing stands between them.
 *
 *     concat(neg(slice(x, second half)), slice(x, first half)) ; x * cos + that * sin
 *         ==>    y = reshape(x, [2, half]) ; y * cos + slice(y, halves backwards) * [-1, 1] * sin ; reshape
 */
import type { GraphBuilder } from "../../ir/builder.ts";
import type { MapOp, OpOf, ValueId } from "../../ir/graph.ts";
import { arg, binary, unary } from "../../ir/expr.ts";
import { sameShape } from "../../ir/types.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";
import { sameExpr } from "./simplify-expr.ts";

export const exchangeHalves: Pass = {
  name: "exchange-halves",
  summary: "say that halves of a vector change places as a slice that maps can read",
  run: (graph) => {
    const found: Exchanges = new Map();
    return rewriteGraph(graph, (rewrite) => {
      if (rewrite.op.kind === "concat") return exchanged(rewrite, rewrite.op, found);
      return rewrite.op.kind === "map" ? inHalves(rewrite, rewrite.op, found) : null;
    });
  },
};

/** Values with their halves apart that depend on an exchange, for each graph that is being built. */
type Exchanges = Map<GraphBuilder, Set<ValueId>>;

/** A half of a value's last dim, or its negative. */
interface Half {
  readonly source: ValueId;
  readonly start: number;
  readonly size: number;
  readonly sign: 1 | -1;
}

const negation = unary("neg", arg(0));

function halfOf(rewrite: Rewrite, value: ValueId): Half | null {
  const producer = rewrite.producer(value);
  const isNegated = producer?.kind === "map" && producer.inputs.length === 1 && sameExpr(producer.expr, negation);
  const slice = isNegated ? rewrite.producer(producer.inputs[0] as ValueId) : producer;
  if (slice?.kind !== "slice") return null;
  const source = slice.inputs[0] as ValueId;
  const { shape } = rewrite.builder.tensorTypeOf(source);
  const last = shape.length - 1;
  const isAlongLast = shape.every((size, axis) => axis === last || slice.sizes[axis] === size);
  if (!isAlongLast || slice.steps.some((step) => step !== 1)) return null;
  return { source, start: slice.starts[last] ?? 0, size: slice.sizes[last] ?? 0, sign: isNegated ? -1 : 1 };
}

function exchanged(rewrite: Rewrite, { axis }: OpOf<"concat">, found: Exchanges): readonly ValueId[] | null {
  const { builder, inputs } = rewrite;
  const [first, second] = inputs.map((id) => halfOf(rewrite, id));
  if (inputs.length !== 2 || first == null || second == null || first.source !== second.source) return null;
  const { dtype, shape } = builder.tensorTypeOf(first.source);
  const last = shape.length - 1;
  const half = first.size;
  const isExchange = axis === last && second.start === 0 && first.start === half && second.size === half;
  if (!isExchange || half === 0 || shape[last] !== 2 * half || dtype !== "f32") return null;
  const halves = rewrite.emitOne({ kind: "reshape", inputs: [first.source], shape: inTwo(shape, half) });
  const backwards = rewrite.emitOne({
    kind: "slice",
    inputs: [halves],
    starts: [...shape.map((_, i) => (i === last ? 1 : 0)), 0],
    sizes: inTwo(shape, half),
    steps: [...shape.map((_, i) => (i === last ? -1 : 1)), 1],
  });
  return [joinedAgain(rewrite, signed(rewrite, backwards, [first, second]), shape, found)];
}

/** The exchanged halves times their signs. */
function signed(rewrite: Rewrite, value: ValueId, halves: readonly Half[]): ValueId {
  if (halves.every(({ sign }) => sign === 1)) return value;
  const signs = { dtype: "f32", shape: [2, 1], elements: Float32Array.from(halves, ({ sign }) => sign) } as const;
  const inputs = [value, rewrite.builder.constant(signs)];
  return rewrite.emitOne({ kind: "map", inputs, expr: binary("mul", arg(0), arg(1)) });
}

const inTwo = (shape: readonly number[], half: number): readonly number[] => [...shape.slice(0, -1), 2, half];

/** A map over exchanged halves with its last dim in two. */
function inHalves(rewrite: Rewrite, op: MapOp, found: Exchanges): readonly ValueId[] | null {
  const shape = rewrite.resultShape();
  if (!rewrite.inputs.some((id) => isExchanged(rewrite, id, found))) return null;
  const half = (shape.at(-1) ?? 0) / 2;
  const inputs = rewrite.inputs.map((id) => splitMap(rewrite, id, shape, half) ?? splitOperand(rewrite, id, half));
  const result = rewrite.emitOne({ ...op, inputs });
  return [joinedAgain(rewrite, result, shape, found)];
}

/** A reshape that only joins halves which have changed places, in a value that nothing else reads. */
function isExchanged(rewrite: Rewrite, value: ValueId, found: Exchanges): boolean {
  const joined = rewrite.producer(value);
  const source = joined?.kind === "reshape" ? joined.inputs[0] : undefined;
  return source !== undefined && rewrite.uses(value) === 1 && found.get(rewrite.builder)?.has(source) === true;
}

/** Notes a value with its halves apart and gives it in one piece. */
function joinedAgain(rewrite: Rewrite, value: ValueId, shape: readonly number[], found: Exchanges): ValueId {
  const known = found.get(rewrite.builder) ?? new Set<ValueId>();
  found.set(rewrite.builder, known.add(value));
  return rewrite.emitOne({ kind: "reshape", inputs: [value], shape });
}

/** A map that only this one reads, such as x * cos, with its last dim in two as well. */
function splitMap(rewrite: Rewrite, value: ValueId, whole: readonly number[], half: number): ValueId | null {
  const map = rewrite.producer(value);
  if (map?.kind !== "map" || rewrite.uses(value) !== 1) return null;
  if (!sameShape(rewrite.builder.tensorTypeOf(value).shape, whole)) return null;
  return rewrite.emitOne({ ...map, inputs: map.inputs.map((id) => splitOperand(rewrite, id, half)) }, map);
}

/** An operand of the map with its last dim in two, where it has one of more than one element. */
function splitOperand(rewrite: Rewrite, value: ValueId, half: number): ValueId {
  const { shape } = rewrite.builder.tensorTypeOf(value);
  if (shape.length === 0) return value;
  const split = shape.at(-1) === 1 ? [...shape.slice(0, -1), 1, 1] : inTwo(shape, half);
  const joined = rewrite.producer(value);
  const source = joined?.kind === "reshape" ? (joined.inputs[0] as ValueId) : value;
  if (sameShape(rewrite.builder.tensorTypeOf(source).shape, split)) return source;
  return rewrite.emitOne({ kind: "reshape", inputs: [value], shape: split });
}
