/**
 * Tries kernels whose vectors the engine joins, an optimisation that V8 calls experimental, against the same kernels as they are: on memories
 * of their own, filled alike with noise, first and last units, compared bit by bit. Kernels know their sizes and take addresses only, so the
 * program's own steps are the calls; what lies around their addresses is filled and compared.
 */
import type { KernelStep, Program } from "../ir/program.ts";
import { allocateMemory, memoryEnd, type SharedRoom } from "./memory.ts";
import { linkModules } from "./modules.ts";
import { stepsIn } from "./steps.ts";

/** Bytes that are filled and compared, before and behind each address of a call. */
const window = { before: 8 * 1024, behind: 16 * 1024 } as const;
/** Bytes of a word that is compared, and of the alignment of addresses that numbers are filled at. */
const wordBytes = 4;

/** A module and the memory that it runs in. */
interface Trial {
  readonly exports: Readonly<Record<string, WebAssembly.ExportValue>>;
  readonly memory: WebAssembly.Memory;
}

/** Bytes from `begin` to `end` of a memory. */
interface Span {
  readonly begin: number;
  readonly end: number;
}

/**
 * The first function of `candidate` that leaves other bits than that of `reference`, null where all agree. Both are modules of the program;
 * one NaN is as good as another. `shared` says that they import a shared memory.
 */
export function firstDifference(
  program: Program,
  reference: WebAssembly.Module,
  candidate: WebAssembly.Module,
  shared: SharedRoom | null = null,
): string | null {
  const steps = firstSteps(program, WebAssembly.Module.exports(candidate));
  if (steps.length === 0) return null;
  const [plain, joined] = [reference, candidate].map((module): Trial => {
    const memory = allocateMemory(program, shared);
    return { exports: linkModules([module], memory), memory };
  }) as [Trial, Trial];
  const addresses = [...new Set(kernelSteps(program).flatMap(({ args }) => args))].toSorted((a, b) => a - b);
  const noise = noiseOf(window.before + window.behind);
  for (const step of steps) {
    const spans = spansOf(step, addresses, memoryEnd(program));
    for (const begin of new Set([0, step.units - 1])) {
      for (const { memory } of [plain, joined]) fill(memory, spans, noise);
      const ends = [plain, joined].map((trial) => isDone(trial, step, begin));
      if (ends[0] !== ends[1] || !agree(plain.memory, joined.memory, spans)) return step.function;
    }
  }
  return null;
}

const kernelSteps = (program: Program): readonly KernelStep[] =>
  [...stepsIn(program)].flatMap((step) => (step.kind === "kernel" ? [step] : []));

/** For each of the functions the first step that calls it. */
function firstSteps(program: Program, functions: readonly { readonly name: string }[]): readonly KernelStep[] {
  const wanted = new Set(functions.map(({ name }) => name));
  return kernelSteps(program).filter(({ function: name, units }) => units > 0 && wanted.delete(name));
}

/** What lies around the addresses of a call, and around the next one behind each, where its value ends at the latest; in order, apart. */
function spansOf({ args }: KernelStep, addresses: readonly number[], end: number): readonly Span[] {
  const edges = args.flatMap((at) => [at, addresses.find((other) => other > at) ?? end]);
  const spans: Span[] = [];
  for (const edge of [...new Set(edges)].toSorted((a, b) => a - b)) {
    const begin = Math.max(0, alignDown(edge - window.before));
    const span = { begin, end: Math.min(end, alignDown(edge + window.behind)) };
    const last = spans.at(-1);
    if (last !== undefined && last.end >= begin) spans[spans.length - 1] = { begin: last.begin, end: span.end };
    else spans.push(span);
  }
  return spans;
}

const alignDown = (address: number): number => address - (address % wordBytes);

/** Numbers from -1 to 1, always the same. */
function noiseOf(bytes: number): Uint8Array {
  let state = 1;
  const numbers = Float32Array.from({ length: bytes / wordBytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  return new Uint8Array(numbers.buffer);
}

function fill(memory: WebAssembly.Memory, spans: readonly Span[], noise: Uint8Array): void {
  const bytes = new Uint8Array(memory.buffer);
  for (const { begin, end } of spans) {
    for (let at = begin; at < end; at += noise.length)
      bytes.set(noise.subarray(0, Math.min(noise.length, end - at)), at);
  }
}

/** Runs one unit; false where the kernel stops at what it was given. */
function isDone({ exports }: Trial, step: KernelStep, begin: number): boolean {
  const kernel = exports[step.function];
  if (typeof kernel !== "function") return false;
  try {
    (kernel as (...args: number[]) => void)(...step.args, begin, begin + 1);
    return true;
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return false;
    throw error;
  }
}

/** True where the spans of both memories hold the same bits, or both a NaN. */
function agree(a: WebAssembly.Memory, b: WebAssembly.Memory, spans: readonly Span[]): boolean {
  return spans.every(({ begin, end }) => {
    const words = (end - begin) / wordBytes;
    const [left, right] = [new Uint32Array(a.buffer, begin, words), new Uint32Array(b.buffer, begin, words)];
    return left.every((word, index) => word === right[index] || (isNaNWord(word) && isNaNWord(right[index])));
  });
}

/** True for the bits of an f32 that is no number. */
const isNaNWord = (word: number | undefined): boolean => word !== undefined && (word & 0x7fff_ffff) > 0x7f80_0000;
