/**
 * Caches of an open graph (`OpenCache` of ir/open/program.ts): an input that nobody reads but a concat, which adds positions behind it, and whose result is given as an
 * output and read by attentions alone, as keys or values. The others read a tensor whose positions lie one behind the other; these do with room behind them.
 */
import { nth } from "../../../ir/access.ts";
import { countOf, type Dim, mulDims, symbolDim } from "../../../ir/dim.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import type { ConcatOp, ValueId } from "../../../ir/graph.ts";
import type { OpenGraph, OpenOp } from "../../../ir/open/graph.ts";
import type { OpenCache } from "../../../ir/open/program.ts";

export interface CachePlan {
  readonly caches: readonly OpenCache[];
  /** the symbol for the positions that there is room for; null without caches */
  readonly capacity: string | null;
  /** the cache that an input or a concat's result lies in */
  readonly cacheOf: ReadonlyMap<ValueId, number>;
}

/** Inputs of an attention that may have room behind their positions: K and V. */
const roomyInputs: ReadonlySet<number> = new Set([1, 2]);

export function planCaches(graph: OpenGraph): CachePlan {
  const readers = readersOf(graph);
  const caches: OpenCache[] = [];
  const cacheOf = new Map<ValueId, number>();
  for (const [input, { value }] of graph.inputs.entries()) {
    const [reader, ...others] = readers.get(value) ?? [];
    if (reader?.kind !== "concat" || others.length > 0 || graph.outputs.some((port) => port.value === value)) continue;
    const cache = cacheBehind(graph, readers, input, reader);
    if (cache === null) continue;
    cacheOf.set(value, caches.length);
    cacheOf.set(nth(reader.outputs, 0), caches.length);
    caches.push(cache);
  }
  return { caches, capacity: caches.length === 0 ? null : unusedName(graph), cacheOf };
}

function cacheBehind(
  graph: OpenGraph,
  readers: ReadonlyMap<ValueId, readonly OpenOp[]>,
  input: number,
  concat: ConcatOp,
): OpenCache | null {
  const [past, whole] = [nth(concat.inputs, 0), nth(concat.outputs, 0)];
  const outputs = graph.outputs.flatMap(({ value }, index) => (value === whole ? [index] : []));
  const isFirst = past === nth(graph.inputs, input).value && concat.inputs.length === 2;
  const isRead = (readers.get(whole) ?? []).every(
    (op) => op.kind === "attention" && op.inputs.every((value, i) => value !== whole || roomyInputs.has(i)),
  );
  const [output, ...others] = outputs;
  if (output === undefined || others.length > 0 || !isFirst || !isRead) return null;
  const { dtype, dims } = nth(graph.values, whole).type;
  const inner = countOf(dims.slice(concat.axis + 1));
  if (concat.axis !== dims.length - 2 || typeof inner !== "number" || inner === 0) return null;
  return {
    input,
    output,
    outer: countOf(dims.slice(0, concat.axis)),
    past: nth(nth(graph.values, past).type.dims, concat.axis),
    present: nth(dims, concat.axis),
    innerBytes: inner * storageBytes(dtype),
  };
}

function readersOf({ ops }: OpenGraph): ReadonlyMap<ValueId, readonly OpenOp[]> {
  const readers = new Map<ValueId, OpenOp[]>();
  for (const op of ops) {
    for (const value of new Set(op.inputs)) readers.set(value, [...(readers.get(value) ?? []), op]);
  }
  return readers;
}

/** A name that no dim of the model has. */
function unusedName({ conditions }: OpenGraph): string {
  let name = "capacity";
  while (conditions.ranges.has(name)) name += "_";
  return name;
}

/** Bytes from one matrix of a cache to the next. */
export const cachePitch = (capacity: string, { innerBytes }: OpenCache): Dim =>
  mulDims(symbolDim(capacity), innerBytes);
