/**
 * Measures kernels as this machine runs them: one memory for all contenders of a kernel, inputs and weights filled with numbers that no core is
 * slow at. Between two calls of a kernel a program reads all its other weights, so calls go round through copies of the kernel's weights that
 * are as many bytes as the program's (as far as caches reach); activations, which the step before has just written, stay where they are.
 */
import { storageBytes } from "../../ir/dtype.ts";
import type { TensorType } from "../../ir/graph.ts";
import { elementCount } from "../../ir/tensor.ts";
import { compileModule, hasRelaxedSimd } from "../../runtime/engine.ts";
import { argAlignment, type KernelArg, type KernelCode } from "../codegen/kernel.ts";
import type { Bench, Contender, SimdMode, Stopwatch } from "./contest.ts";
import { stagesModule, type TunableKernel } from "./tunable-kernels.ts";

const pageBytes = 65_536;
const maxPages = 65_536;
/** Weights beyond this are in no cache. */
const cacheBytes = 64 * 2 ** 20;
/** Copies that are told apart at most; small weights cost little wherever they are. */
const maxCopies = 256;
/** A sample lasts at least so long, in microseconds: clocks are read in far less. */
const sampleMicroseconds = 200;

/** A bench for kernels of a program with so many bytes of weights. */
export function wasmBench(weightsBytes: number): Bench {
  const room = new Room();
  const spread = Math.min(weightsBytes, cacheBytes);
  return {
    modes: hasRelaxedSimd() ? ["relaxed", "plain"] : ["plain"],
    now: () => performance.now(),
    prepare: (contender, mode) => prepare(room, spread, contender, mode),
  };
}

/** Processor time of this process, in microseconds: what other programs take does not count. */
function processorMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function prepare(room: Room, spread: number, { kernel, stages }: Contender, mode: SimdMode): Promise<Stopwatch> {
  const compiled = await compileModule(stagesModule(stages, mode === "relaxed"), { eager: true });
  const plan = planOf(kernel, stages, spread);
  const memory = room.forKernel(kernel, plan);
  const { exports } = await WebAssembly.instantiate(compiled, { env: { memory } });
  const functions = stages.map((_, i) => exports[`s${i}`] as (...args: number[]) => void);
  let calls = 0;
  const call = (): void => {
    const copy = calls++ % plan.copies;
    for (const [i, { units }] of stages.entries()) {
      functions[i]?.(...(plan.addresses[copy]?.[i] ?? []), 0, units);
    }
  };
  return { sample: sampler(call, processorMicroseconds) };
}

/** Calls often enough for the clock, and gives microseconds of one call. */
export function sampler(call: () => void, clock: () => number): () => number {
  let repeats = 0;
  const time = (count: number): number => {
    const start = clock();
    for (let i = 0; i < count; i++) call();
    return clock() - start;
  };
  return () => {
    if (repeats === 0) {
      call();
      repeats = 1;
      while (time(repeats) < sampleMicroseconds && repeats < maxRepeats) repeats *= 2;
    }
    return time(repeats) / repeats;
  };
}

const maxRepeats = 4096;

// ---- memory -----------------------------------------------------------------------------------------------------------------------

/** Where a contender's arguments lie. */
interface Plan {
  readonly byteLength: number;
  /** offsets of the inputs; the same for all contenders of a kernel */
  readonly inputs: readonly number[];
  readonly copies: number;
  /** by copy of the weights, then stage */
  readonly addresses: readonly (readonly (readonly number[])[])[];
}

const aligned = (bytes: number): number => Math.ceil(bytes / argAlignment) * argAlignment;
const typeBytes = ({ dtype, shape }: TensorType): number => aligned(elementCount(shape) * storageBytes(dtype));

/** Inputs and outputs, the copies of what is packed, then scratch: behind what no contender writes, as long as their weights are alike. */
function planOf({ inputs, outputs }: TunableKernel, stages: readonly KernelCode[], spread: number): Plan {
  let end = 0;
  const take = (bytes: number): number => {
    const at = end;
    end += aligned(bytes);
    return at;
  };
  const inputsAt = inputs.map((type) => take(typeBytes(type)));
  const outputsAt = outputs.map((type) => take(typeBytes(type)));
  const scratch = offsetsOf(stages, "scratch");
  const packed = offsetsOf(stages, "packed");
  const copies = Math.max(1, Math.min(maxCopies, Math.ceil(spread / Math.max(1, packed.byteLength))));
  const weightsAt = take(Math.max(copies * packed.byteLength, 2 * spread));
  const scratchAt = take(scratch.byteLength);
  const address = (arg: KernelArg, copy: number): number => {
    switch (arg.kind) {
      case "input":
        return inputsAt[arg.index] ?? 0;
      case "output":
        return outputsAt[arg.index] ?? 0;
      case "scratch":
        return scratchAt + (scratch.offsets.get(argName(arg)) ?? 0);
      case "packed":
        return weightsAt + copy * packed.byteLength + (packed.offsets.get(argName(arg)) ?? 0);
    }
  };
  const addresses = Array.from({ length: copies }, (_, copy) =>
    stages.map(({ args }) => args.map((arg) => address(arg, copy))),
  );
  return { byteLength: end, inputs: inputsAt, copies, addresses };
}

type OwnArg = Extract<KernelArg, { readonly kind: "scratch" | "packed" }>;

const argName = (arg: OwnArg): string => (arg.kind === "scratch" ? `${arg.id}` : `${arg.input} ${arg.layout}`);

/** Arguments of a kind one behind the other, each name once with the most bytes that a stage asks for. */
function offsetsOf(stages: readonly KernelCode[], kind: OwnArg["kind"]): { readonly offsets: ReadonlyMap<string, number>; readonly byteLength: number } {
  const sizes = new Map<string, number>();
  for (const arg of stages.flatMap((stage) => stage.args)) {
    if (arg.kind !== kind) continue;
    sizes.set(argName(arg), Math.max(aligned(arg.byteLength), sizes.get(argName(arg)) ?? 0));
  }
  const offsets = new Map<string, number>();
  let byteLength = 0;
  for (const [name, bytes] of sizes) {
    offsets.set(name, byteLength);
    byteLength += bytes;
  }
  return { offsets, byteLength };
} // prettier-ignore

/** The memory, which grows with the largest contender. */
class Room {
  readonly #memory = new WebAssembly.Memory({ initial: 1, maximum: maxPages });
  #kernel = "";

  /** Room for a plan; filled with numbers where it is new, and all of it, with its inputs, for another kernel than before. */
  forKernel({ name, inputs }: TunableKernel, plan: Plan): WebAssembly.Memory {
    const before = this.#memory.buffer.byteLength;
    const missing = Math.ceil((plan.byteLength - before) / pageBytes);
    if (missing > 0) this.#memory.grow(missing);
    const isNew = name !== this.#kernel;
    fillNumbers(new Uint32Array(this.#memory.buffer, isNew ? 0 : before));
    if (isNew) fillInputs(this.#memory, inputs, plan.inputs);
    this.#kernel = name;
    return this.#memory;
  }
}

/** Puts quantized activations where inputs of small integers lie. */
function fillInputs({ buffer }: WebAssembly.Memory, types: readonly TensorType[], offsets: readonly number[]): void {
  for (const [i, { dtype, shape }] of types.entries()) {
    if (dtype === "u8") fillQuantized(new Uint8Array(buffer, offsets[i], elementCount(shape)));
    if (dtype === "i16") fillQuantized(new Int16Array(buffer, offsets[i], elementCount(shape)));
  }
}

/** The next of a row of 32-bit numbers, of which the upper bits are random. */
const nextState = (state: number): number => (Math.imul(state, 1664525) + 1013904223) >>> 0;

/**
 * Patterns that are numbers of about one as f32, in both halves as f16 or bf16 (the lower one zero), and harmless as anything else: no
 * subnormals, infinities or NaN, which cores take longer for.
 */
export function fillNumbers(words: Uint32Array): void {
  let state = 1;
  const block = Math.min(words.length, pageBytes);
  for (let i = 0; i < block; i++) {
    state = nextState(state);
    words[i] = ((state & 0x80000000) | 0x3f000000 | (state & 0x00ff0000)) >>> 0;
  }
  for (let at = block; at < words.length; at += block) words.copyWithin(at, 0, Math.min(block, words.length - at));
}

/** Uniform numbers that are multiplied for a quantized value: of four, one product in 180 is above a half. */
const factors = 4;

/**
 * Quantized activations, 0 … 255, as they are behind a ReLU: most are small, about one in 180 is above 127. What is quick at them, and how
 * quick, depends on that (codegen's bytes/rows.ts).
 */
export function fillQuantized(values: Uint8Array | Int16Array): void {
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    let value = 256;
    for (let factor = 0; factor < factors; factor++) {
      state = nextState(state);
      value *= state / 2 ** 32;
    }
    values[i] = Math.floor(value);
  }
}
