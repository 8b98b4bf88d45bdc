/**
 * What a program takes at least, known from shapes: a model that no WebAssembly memory can hold is refused before any of it is read. Of values those
 * are counted that are needed at one time (live-bound.ts), of weights the ranges of files that constants come from, each once: kernels may store weights in
 * fewer bits than the graph has them in, but not in fewer than their file.
 */
import { fail } from "../../ir/diagnostic.ts";
import { type Graph, regionsOf } from "../../ir/graph.ts";
import { maxMemoryBytes } from "../../ir/program-text.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { packedByteLength, storedSources } from "../../ir/tensor-source.ts";
import { leastArenaBytes } from "./live-bound.ts";

/** Throws WSC1009 when a graph's weights, with the values that are needed at one time, are more than a program can have. */
export function refuseOversized(graph: Graph): void {
  const weights = leastWeightBytes(graph);
  const values = leastArenaBytes(graph);
  const bytes = weights + values;
  if (bytes <= maxMemoryBytes) return;
  const gib = (count: number): string => (count / 2 ** 30).toFixed(1);
  const placed = "it can be placed without a program (--emit placement)";
  if (weights <= maxMemoryBytes) {
    const message = `its weights take ${gib(weights)} GiB and the values that are needed at one time ${gib(values)} GiB, more than the 4 GiB of memory that WebAssembly has`;
    throw fail("WSC1009", message, { subject: graph.name, hint: `${placed}; a program needs smaller dims` });
  }
  throw fail("WSC1009", `its weights take ${gib(weights)} GiB, more than the 4 GiB of memory that WebAssembly has`, {
    subject: graph.name,
    hint: `${placed}; a program needs weights of ${(weights / maxMemoryBytes).toFixed(1)} times fewer bits, or a part of the model`,
  });
}

function leastWeightBytes(graph: Graph): number {
  const ranges = new Map<string, number>();
  let picked = 0;
  for (const constant of new Set(unreadConstants(graph))) {
    const sources = [...storedSources([constant])];
    const stored = sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
    // a few rows of a large table need no more than themselves
    if (packedByteLength(constant) < stored) picked += packedByteLength(constant);
    else for (const { file, offset, byteLength } of sources) ranges.set(`${file} ${offset} ${byteLength}`, byteLength);
  }
  return [...ranges.values()].reduce((sum, bytes) => sum + bytes, picked);
}

function* unreadConstants(graph: Graph): Generator<TensorData> {
  const read = [...graph.ops.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ value }) => value)];
  for (const id of read) {
    const constant = graph.values[id]?.constant;
    if (constant?.source !== undefined) yield constant;
  }
  for (const op of graph.ops) for (const region of regionsOf(op)) yield* unreadConstants(region.graph);
}
