/**
 * What a program's weights take at least, known from shapes: a model that no WebAssembly memory can hold is refused before any of it is read.
 * Counted are the ranges of files that constants come from, each once: kernels may store weights in fewer bits than the graph has them in, but
 * not in fewer than their file.
 */
import { fail } from "../../ir/diagnostic.ts";
import { type Graph, regionsOf } from "../../ir/graph.ts";
import { maxMemoryBytes } from "../../ir/program-text.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { packedByteLength, storedSources } from "../../ir/tensor-source.ts";

/** Throws WSC1009 when a graph's weights alone are more than a program can have. */
export function refuseOversized(graph: Graph): void {
  const bytes = leastWeightBytes(graph);
  if (bytes <= maxMemoryBytes) return;
  const gib = (bytes / 2 ** 30).toFixed(1);
  throw fail("WSC1009", `its weights take ${gib} GiB, more than the 4 GiB of memory that WebAssembly has`, {
    subject: graph.name,
    hint: `it can be placed without a program (--emit placement); a program needs weights of ${(bytes / maxMemoryBytes).toFixed(1)} times fewer bits, or a part of the model`,
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
