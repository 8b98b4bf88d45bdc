/** Open program + shapes of its inputs -> program: evaluates sizes, plans the arena, resolves addresses. Nothing is lowered, emitted or compiled. */
import { defined, nth } from "../access.ts";
import { brokenCondition, compareSizes, NotOpen } from "../assumptions.ts";
import { type Dim, type DimBinding, evaluateDim, isOpenDim, symbolDim } from "../dim.ts";
import { fail, type WscError } from "../diagnostic.ts";
import { storageBytes } from "../dtype.ts";
import { tensorType } from "../graph.ts";
import { alignUp, planArena } from "../memory-plan.ts";
import { maxMemoryBytes } from "../program-text.ts";
import { type KernelStep, type Program, type ProgramPort, type ProgramValue, programVersion } from "../program.ts";
import { elementCount } from "../tensor.ts";
import type { OpenAddress, OpenPlace, OpenPort, OpenProgram, OpenStep } from "./program.ts";

/** The sizes of a program's symbols for inputs of these shapes, in the order of its inputs; null where its inputs have no such shapes. */
export function symbolSizes(program: OpenProgram, shapes: readonly (readonly number[])[]): DimBinding | null {
  const binding = new Map<string, number>();
  for (const { name, input, axis } of program.symbols) {
    const size = shapes[input]?.[axis];
    if (size === undefined) return null;
    binding.set(name, size);
  }
  const fits = program.inputs.every(({ dims }, input) => {
    const shape = nth(shapes, input);
    return dims.length === shape.length && dims.every((dim, axis) => evaluateDim(dim, binding) === shape[axis]);
  });
  return fits ? binding : null;
}

/** The same where the program admits them; null where it does not. */
export function bindShapes(program: OpenProgram, shapes: readonly (readonly number[])[]): DimBinding | null {
  const binding = symbolSizes(program, shapes);
  return binding !== null && brokenCondition(program.conditions, binding) === null ? binding : null;
}

/** The positions that the caches of a program must have room for. */
export const leastCapacity = ({ caches }: OpenProgram, binding: DimBinding): number =>
  Math.max(0, ...caches.map(({ present }) => evaluateDim(present, binding)));

/** The sizes with the room of caches, which is the least there must be where it is not among them. */
function withCapacity(program: OpenProgram, binding: DimBinding): DimBinding {
  const { capacity } = program;
  if (capacity === null || binding.has(capacity)) return binding;
  return new Map([...binding, [capacity, leastCapacity(program, binding)]]);
}

/** Where the caches begin, and where what lies behind them does. */
function placeCaches({ caches, capacity, weights }: OpenProgram, size: (dim: Dim) => number): CachePlaces {
  const starts: number[] = [];
  let end = alignUp(weights.bytes);
  for (const { outer, innerBytes } of caches) {
    starts.push(end);
    end += alignUp(size(outer) * (capacity === null ? 0 : size(symbolDim(capacity))) * innerBytes);
  }
  return { starts, end };
}

interface CachePlaces {
  readonly starts: readonly number[];
  readonly end: number;
}

/** What a program says of itself cannot be: it comes from a folder that somebody has altered. */
const damaged = (program: OpenProgram, what: string): WscError =>
  fail("WSC7004", `the program is damaged: ${what}`, { subject: program.name, hint: "compile the model again" });

/**
 * The program for these sizes, which must meet its conditions. Throws WSC1009 where it would need more memory than there can be, NotOpen where a
 * kernel would take a size that its 32 bits do not hold, WSC7004 where something would lie outside of the memory.
 */
export function closeProgram(program: OpenProgram, sizes: DimBinding): Program {
  const binding = withCapacity(program, sizes);
  const size = sizesFor(binding);
  const amount = (dim: Dim, what: string): number => {
    const found = size(dim);
    if (found >= 0 && Number.isSafeInteger(found)) return found;
    throw damaged(program, `${what} of ${found}`);
  };
  const requests = program.buffers.map(({ bytes, first, last }) => ({ bytes: amount(bytes, "a buffer"), first, last }));
  const plan = planArena(requests);
  const arenaOffset = alignUp(program.weights.bytes);
  const caches = placeCaches(program, (dim) => amount(dim, "a cache"));
  const end = caches.end + plan.bytes;
  if (end > maxMemoryBytes) {
    throw fail("WSC1009", "the program needs more than the 4 GiB of memory that WebAssembly has for these shapes", {
      subject: program.name,
      hint: [...binding].map(([name, value]) => `${name} is ${value}`).join(", "),
    });
  }
  const placed = (place: OpenPlace): number => {
    switch (place.kind) {
      case "weights":
        return nth(program.weights.offsets, place.segment);
      case "cache":
        return nth(caches.starts, place.cache);
      case "buffer":
        return caches.end + nth(plan.offsets, place.buffer);
    }
  };
  const address = ({ place, at }: OpenAddress): number => {
    const found = placed(place) + size(at);
    if (found < 0 || found > end) throw damaged(program, `an address of ${found} in ${end} bytes`);
    return found;
  };
  /** Bytes from where a port lies that are its own. */
  const roomAt = (place: OpenPlace): number => {
    switch (place.kind) {
      case "weights":
        return program.weights.bytes - placed(place);
      case "buffer":
        return nth(requests, place.buffer).bytes;
      case "cache":
        return Infinity;
    }
  };
  const ports = [...program.inputs, ...program.outputs];
  const values = ports.map(({ dtype, dims, place }, index): ProgramValue => {
    const [offset, shape] = [placed(place), dims.map((dim) => amount(dim, "a dim"))];
    const bytes = elementCount(shape) * storageBytes(dtype);
    if (bytes > roomAt(place)) throw damaged(program, `a value of ${bytes} bytes in ${roomAt(place)}`);
    if (place.kind === "cache") {
      const { past, present, innerBytes } = nth(program.caches, place.cache);
      const pieceBytes = amount(index < program.inputs.length ? past : present, "positions") * innerBytes;
      const stride = defined(binding.get(defined(program.capacity))) * innerBytes;
      const matrices = size(nth(program.caches, place.cache).outer);
      if (bytes !== matrices * pieceBytes || pieceBytes > stride)
        throw damaged(program, `a cache of ${matrices} times ${pieceBytes} bytes for ${bytes}`);
      return { kind: "part", offset, dtype, shape, pieceBytes, stride };
    }
    const region = place.kind === "weights" ? "weights" : "arena";
    return { kind: "memory", offset, dtype, shape, region };
  });
  const portAt = ({ name, dtype, dims }: OpenPort, slot: number): ProgramPort => ({
    name,
    type: tensorType(dtype, dims.map(size)),
    slot,
  });
  return {
    version: programVersion,
    name: program.name,
    inputs: program.inputs.map(portAt),
    outputs: program.outputs.map((port, index) => portAt(port, program.inputs.length + index)),
    memory: {
      weightsOffset: 0,
      weightsBytes: program.weights.bytes,
      arenaOffset,
      arenaBytes: end - arenaOffset,
    },
    modules: program.modules,
    values,
    steps: program.steps.flatMap((step) => closedStep(step, size, address)),
  };
}

/** A kernel's parameter: sizes that it writes as data or compares must not wrap. */
function inWord(size: number): number {
  if (size >= -(2 ** 31) && size < 2 ** 31) return size;
  throw new NotOpen(`a kernel's size would be ${size}, beyond 32 bits`);
}

/** Evaluates sizes; most of a program's are the same few. */
function sizesFor(binding: DimBinding): (dim: Dim) => number {
  const known = new Map<string, number>();
  return (dim) => {
    if (!isOpenDim(dim)) return dim;
    const size = known.get(dim.text) ?? evaluateDim(dim, binding);
    known.set(dim.text, size);
    return size;
  };
}

function closedStep(
  { function: name, args, sizes, units: open, when, work, indices, origin }: OpenStep,
  size: (dim: Dim) => number,
  address: (address: OpenAddress) => number,
): readonly KernelStep[] {
  const units = inWord(size(open));
  const isLeftOut = when !== undefined && compareSizes(size(when.left), when.relation, size(when.right)) !== when.holds;
  if (units === 0 || isLeftOut) return [];
  const step: KernelStep = {
    kind: "kernel",
    function: name,
    args: [...args.map(address), ...sizes.map((dim) => inWord(size(dim)))],
    units,
    private: [],
    work: size(work),
    kernel: -1,
    origin,
  };
  if (indices === undefined) return [step];
  return [{ ...step, indices: { ...indices, count: size(indices.count), sizes: indices.sizes.map(size) } }];
}
