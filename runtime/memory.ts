/** The linear memory of one program: weights filled in once, values read and written at their fixed addresses. */
import { fail } from "../ir/diagnostic.ts";
import type { CompiledProgram, Program, ProgramValue } from "../ir/program.ts";
import {
  allocateElements,
  bytesOf,
  copyElements,
  elementCount,
  slotsPerElement,
  type TensorData,
  viewElements,
} from "../ir/tensor.ts";
import { storageBytes } from "../ir/dtype.ts";
import { sameShape } from "../ir/types.ts";

const pageBytes = 65_536;
const lineBytes = 64;
const maxPages = 65_536;
export type PartValue = Extract<ProgramValue, { readonly kind: "part" }>;
type MemoryValue = Extract<ProgramValue, { readonly kind: "memory" }>;

/** Where a program's memory ends, on a cache line: work areas of further threads lie behind. */
export function memoryEnd({ memory }: Program): number {
  const end = Math.max(memory.weightsOffset + memory.weightsBytes, memory.arenaOffset + memory.arenaBytes);
  return Math.ceil(end / lineBytes) * lineBytes;
}

/** A shared memory, with room for the work areas of threads. */
export interface SharedRoom {
  /** bytes behind the program's own */
  readonly extraBytes: number;
}

/** Allocates the memory, shared between threads if there is room for them; nothing in it is touched yet. */
export function allocateMemory(program: Program, shared: SharedRoom | null = null): WebAssembly.Memory {
  const pages = Math.max(1, Math.ceil((memoryEnd(program) + (shared?.extraBytes ?? 0)) / pageBytes));
  try {
    // engines set aside all of a shared memory's maximum; programs never grow theirs
    const maximum = shared === null ? maxPages : pages;
    return new WebAssembly.Memory({ initial: pages, maximum, shared: shared !== null });
  } catch {
    throw fail(
      "WSC1009",
      `the program needs ${(pages * pageBytes) / 2 ** 20} MiB of WebAssembly memory, which cannot be had here`,
    );
  }
}

/** Makes a memory that is not shared large enough for another program; it never shrinks. */
export function growMemory(memory: WebAssembly.Memory, program: Program): void {
  const missing = Math.ceil((memoryEnd(program) - memory.buffer.byteLength) / pageBytes);
  if (missing <= 0) return;
  try {
    memory.grow(missing);
  } catch {
    throw fail(
      "WSC1009",
      `the program needs ${(missing * pageBytes) / 2 ** 20} MiB more of WebAssembly memory, which cannot be had here`,
    );
  }
}

/** The weights' part of the memory. */
export const weightsIn = (memory: WebAssembly.Memory, { memory: plan }: Program): Uint8Array =>
  new Uint8Array(memory.buffer, plan.weightsOffset, plan.weightsBytes);

/** Weights in a memory, by their content. */
export interface PackedWeights {
  readonly memory: WebAssembly.Memory;
  readonly offsets: ReadonlyMap<string, number>;
}

/** Where the weights of a program lie that was compiled in this process. */
export const packedWeights = (memory: WebAssembly.Memory, weights: CompiledProgram["weights"]): PackedWeights => ({
  memory,
  offsets: new Map(weights.map(({ content, offset }) => [content, offset])),
});

/**
 * Packs the weights of a program that was compiled in this process where they will lie: `target` is the weights' part of its memory. What another
 * program has packed before is copied from there.
 */
export function packWeights(
  { program, weights }: CompiledProgram,
  target: Uint8Array,
  earlier: PackedWeights | null = null,
): void {
  for (const { content, offset, byteLength, write } of weights) {
    const begin = offset - program.memory.weightsOffset;
    const known = earlier?.offsets.get(content);
    if (earlier === null || known === undefined) write(target.subarray(begin, begin + byteLength));
    else target.set(new Uint8Array(earlier.memory.buffer, known, byteLength), begin);
  }
}

/** A memory with its weights, for tools that call kernels on their own. */
export function loadMemory(compiled: CompiledProgram): WebAssembly.Memory {
  const memory = allocateMemory(compiled.program);
  packWeights(compiled, weightsIn(memory, compiled.program));
  return memory;
}

/** Bytes that a value takes in memory. */
export const valueBytes = (value: MemoryValue | PartValue): number =>
  elementCount(value.shape) * slotsPerElement(value.dtype) * (storageBytes(value.dtype) / slotsPerElement(value.dtype));

/** A view of a value where it lies; valid until the next step writes there. */
export function viewValue(memory: WebAssembly.Memory, value: MemoryValue): TensorData {
  const elements = viewElements(value.dtype, memory.buffer, value.offset, elementCount(value.shape));
  return { dtype: value.dtype, shape: value.shape, elements };
}

/** A copy of a value. */
export function readValue(memory: WebAssembly.Memory, value: MemoryValue): TensorData {
  const { dtype, shape, elements } = viewValue(memory, value);
  return { dtype, shape, elements: copyElements(elements) };
}

/** A copy of a value that lies in pieces. */
export const readPart = (memory: WebAssembly.Memory, value: PartValue): TensorData =>
  gatherPieces(new Uint8Array(memory.buffer), value);

/** A tensor of `pieceBytes` at a time, `stride` bytes apart from `offset` on. */
export function gatherPieces(source: Uint8Array, part: Omit<PartValue, "kind">): TensorData {
  const { dtype, shape, offset, pieceBytes, stride } = part;
  const elements = allocateElements(dtype, elementCount(shape));
  const target = bytesOf(elements);
  for (let to = 0, from = offset; to < target.byteLength; to += pieceBytes, from += stride) {
    target.set(source.subarray(from, from + pieceBytes), to);
  }
  return { dtype, shape, elements };
}

/** Copies a tensor to where a value lies; the tensor must have the value's type and shape. */
export function writeValue(memory: WebAssembly.Memory, value: MemoryValue | PartValue, tensor: TensorData): void {
  const bytes = bytesOf(tensor.elements);
  const fits = tensor.dtype === value.dtype && sameShape(tensor.shape, value.shape);
  if (!fits || bytes.byteLength !== valueBytes(value)) {
    throw new Error(
      `internal: ${tensor.dtype}[${tensor.shape.join(",")}] for ${value.dtype}[${value.shape.join(",")}]`,
    );
  }
  const { pieceBytes, stride } = value.kind === "part" ? value : { pieceBytes: bytes.byteLength, stride: 0 };
  const target = new Uint8Array(memory.buffer);
  for (let from = 0, to = value.offset; from < bytes.byteLength; from += pieceBytes, to += stride) {
    target.set(bytes.subarray(from, from + pieceBytes), to);
  }
}
