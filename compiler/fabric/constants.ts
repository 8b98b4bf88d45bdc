/** The constants that a fabric program loads, as one block of words: what a simulation of a compiled folder needs beside its texts. */
import { fail } from "../../ir/diagnostic.ts";
import type { Graph, ValueId } from "../../ir/graph.ts";
import { type KernelGraph, opsOf } from "../../ir/kernel-graph.ts";
import { elementCount } from "../../ir/tensor.ts";
import { artifactFiles } from "../../runtime/artifact.ts";

/** Bytes of constants up to which a compiled folder holds them; larger models are beyond the word-level simulator. */
const mostBytes = 64 * 2 ** 20;

/** Constants in f32 of a model's layers, ascending, with their elements; null where they are too large to be kept for a simulation. */
export function simulatedConstants(graph: Graph, kernels: KernelGraph): ReadonlyMap<ValueId, number> | null {
  const found = new Set<ValueId>();
  for (const op of kernels.kernels.flatMap(opsOf)) {
    for (const input of graph.ops[op]?.inputs ?? []) {
      const value = graph.values[input];
      const isConstant = value?.constant !== undefined || value?.resource !== undefined;
      if (isConstant && value.type.kind === "tensor" && value.type.dtype === "f32") found.add(input);
    }
  }
  const sizes = new Map<ValueId, number>();
  let bytes = 0;
  for (const id of [...found].sort((a, b) => a - b)) {
    const type = graph.values[id]?.type;
    const count = type?.kind === "tensor" ? elementCount(type.shape) : 0;
    sizes.set(id, count);
    bytes += 4 * count;
  }
  return bytes <= mostBytes ? sizes : null;
}

/** The block: elements of one constant after those of another, little-endian. */
export function packConstants(graph: Graph, kernels: KernelGraph): Uint8Array {
  const sizes = simulatedConstants(graph, kernels);
  if (sizes === null) return new Uint8Array(0);
  const total = [...sizes.values()].reduce((sum, count) => sum + count, 0);
  const bytes = new DataView(new ArrayBuffer(4 * total));
  let at = 0;
  for (const id of sizes.keys()) {
    const data = graph.values[id]?.constant?.elements ?? [];
    for (const element of data) {
      bytes.setFloat32(at, Number(element), true);
      at += 4;
    }
  }
  return new Uint8Array(bytes.buffer);
}

/** The constants of a block, by value; WSC7004 when the block is not that of the graph. */
export function unpackConstants(graph: Graph, kernels: KernelGraph, block: Uint8Array): Map<ValueId, Float32Array> {
  const sizes = simulatedConstants(graph, kernels);
  const total = sizes === null ? -1 : 4 * [...sizes.values()].reduce((sum, count) => sum + count, 0);
  if (sizes === null || block.byteLength !== total) {
    throw fail(
      "WSC7004",
      "the constants for a simulation are not those of the model, or the model is too large for them",
      {
        subject: artifactFiles.fabric,
        hint: "compile the model again",
      },
    );
  }
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const constants = new Map<ValueId, Float32Array>();
  let at = 0;
  for (const [id, count] of sizes) {
    const elements = new Float32Array(count);
    for (let index = 0; index < count; index++, at += 4) elements[index] = view.getFloat32(at, true);
    constants.set(id, elements);
  }
  return constants;
}
