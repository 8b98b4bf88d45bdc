/**
 * Runs kernels on their own: operands in a poisoned memory with guard zones, one call per stage (or one per unit, last unit first), results
 * read back. Every byte that a stage may not write is compared afterwards; to catch reads beyond an operand, each operand in turn is
 * put at the very end of the memory.
 */
import { expect } from "@jest/globals";
import { storageBytes } from "../../ir/dtype.ts";
import type { TensorType } from "../../ir/graph.ts";
import { bytesOf, elementCount, type Elements, makeTensor, type TensorData, viewElements } from "../../ir/tensor.ts";
import { argAlignment, type KernelArg, type KernelCode } from "../../compiler/codegen/kernel.ts";
import { ModuleBuilder } from "../../compiler/codegen/wasm/index.ts";
import { hasRelaxedSimd, setEngine } from "../../runtime/engine.ts";
import { expectUnitsApart } from "./unit-writes.ts";

export interface KernelRun {
  readonly stages: readonly KernelCode[];
  readonly inputs: readonly TensorData[];
  readonly output: TensorType;
  readonly relaxedSimd: boolean;
  /** the module for engines that join pairs of vectors, which this engine does if it can */
  readonly joinedVectors?: boolean;
}

/** Bytes between operands that nothing may write. */
const guard = 192;
const poison = 0xff;
const page = 65536;

interface Region {
  readonly byteLength: number;
  readonly fill: (target: Uint8Array) => void;
  readonly writable: boolean;
  address: number;
}

const argKey = (arg: KernelArg): string => {
  switch (arg.kind) {
    case "input":
    case "output":
      return `${arg.kind} ${arg.index}`;
    case "packed":
      return `packed ${arg.input} ${arg.layout}`;
    case "scratch":
      return `scratch ${arg.id}`;
  }
};

function regionOf(arg: KernelArg, run: KernelRun): Region {
  const nothing = (): void => undefined;
  switch (arg.kind) {
    case "input": {
      const bytes = bytesOf((run.inputs[arg.index] as TensorData).elements);
      return { byteLength: bytes.length, fill: (target) => { target.set(bytes); }, writable: false, address: 0 };
    }
    case "output": {
      const byteLength = elementCount(run.output.shape) * storageBytes(run.output.dtype);
      return { byteLength, fill: nothing, writable: true, address: 0 };
    }
    case "packed":
      return { byteLength: arg.byteLength, fill: arg.write, writable: false, address: 0 };
    case "scratch":
      return { byteLength: arg.byteLength, fill: nothing, writable: true, address: 0 };
  }
} // prettier-ignore

/** `under`: the input on which the output lies. */
function regionsOf(run: KernelRun, under: number | null = null): Map<string, Region> {
  const regions = new Map<string, Region>();
  for (const stage of run.stages) {
    for (const arg of stage.args) {
      const key = argKey(arg);
      const region = regionOf(arg, run);
      const known = regions.get(key);
      if (known === undefined || known.byteLength < region.byteLength) regions.set(key, region);
    }
  }
  const input = regions.get(`input ${under}`);
  if (input !== undefined) {
    regions.set(`input ${under}`, { ...input, writable: true });
    regions.set("output 0", regions.get(`input ${under}`) as Region);
  }
  return regions;
}

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** Assigns addresses; the region `last`, if given, ends where the memory ends. */
function placeRegions(regions: ReadonlyMap<string, Region>, last: string | null): number {
  let at = guard;
  for (const [key, region] of regions) {
    if (key === last) continue;
    region.address = roundUp(at, argAlignment);
    at = region.address + region.byteLength + guard;
  }
  const final = last === null ? undefined : regions.get(last);
  const pages = Math.ceil((at + (final?.byteLength ?? 0)) / page);
  if (final !== undefined) final.address = pages * page - final.byteLength;
  return pages;
}

type KernelFunction = (...args: number[]) => void;

function compile(run: KernelRun): { compiled: WebAssembly.Module; names: string[] } {
  const { relaxedSimd, joinedVectors = false } = run;
  const module = new ModuleBuilder({ features: { relaxedSimd, joinedVectors } });
  const names = run.stages.map((stage, i) => {
    module.export(`stage${i}`, stage.emit(module));
    return `stage${i}`;
  });
  const restore = setEngine({ joinVectors: joinedVectors });
  try {
    return { compiled: new WebAssembly.Module(module.finish()), names };
  } finally {
    restore();
  }
}

function execute(
  run: KernelRun,
  code: ReturnType<typeof compile>,
  last: string | null,
  piecewise: boolean,
  under: number | null = null,
): TensorData {
  const regions = regionsOf(run, under);
  const memory = new WebAssembly.Memory({ initial: placeRegions(regions, last), maximum: 65536 });
  const bytes = new Uint8Array(memory.buffer).fill(poison);
  for (const region of regions.values())
    region.fill(bytes.subarray(region.address, region.address + region.byteLength));
  const before = bytes.slice();
  const { exports } = new WebAssembly.Instance(code.compiled, { env: { memory } });
  for (const [i, stage] of run.stages.entries()) {
    const kernel = exports[code.names[i] as string] as KernelFunction;
    const addresses = stage.args.map((arg) => (regions.get(argKey(arg)) as Region).address);
    const range = (begin: number, end: number): void => {
      kernel(...addresses, begin, end);
    };
    const own = stage.args.flatMap((arg) =>
      arg.kind === "scratch" && arg.isPrivate === true ? [regions.get(argKey(arg)) as Region] : [],
    );
    if (last === null) expectUnitsApart(bytes, stage.units, range, stage.key, own);
    if (!piecewise) range(0, stage.units);
    else for (let unit = stage.units - 1; unit >= 0; unit--) kernel(...addresses, unit, unit + 1);
  }
  expectUntouched(bytes, before, regions);
  const { address } = regions.get("output 0") as Region;
  const { dtype, shape } = run.output;
  const result = memory.buffer.slice(address, address + elementCount(shape) * storageBytes(dtype));
  return makeTensor(dtype, shape, viewElements(dtype, result, 0, elementCount(shape)));
}

function expectUntouched(after: Uint8Array, before: Uint8Array, regions: ReadonlyMap<string, Region>): void {
  for (const { writable, address, byteLength } of regions.values()) {
    if (writable) before.set(after.subarray(address, address + byteLength), address);
  }
  if (Buffer.compare(after, before) === 0) return;
  const at = after.findIndex((byte, i) => byte !== before[i]);
  throw new Error(`a kernel wrote at ${at}, outside of its results`);
}

/** Runs the stages with and, where the engine has it, without relaxed SIMD against a reference of largest relative error `tolerance`. */
export function expectKernels(
  run: Omit<KernelRun, "relaxedSimd">,
  expected: readonly number[],
  tolerance: number,
): void {
  expectClose(runKernels({ ...run, relaxedSimd: false }), expected, tolerance);
  if (!hasRelaxedSimd()) return;
  const relaxed = { ...run, relaxedSimd: true };
  expectClose(execute(relaxed, compile(relaxed), null, false), expected, tolerance);
}

/** Runs the stages in several arrangements, also in place where the last one allows that, and returns the result, which must be the same in all of them. */
export function runKernels(run: KernelRun): TensorData {
  const code = compile(run);
  const result = execute(run, code, null, false);
  const lasts = [...regionsOf(run).keys()];
  for (const last of lasts) {
    const again = execute(run, code, last, true);
    expect(Buffer.compare(bytesOf(again.elements), bytesOf(result.elements))).toBe(0);
  }
  for (const under of run.stages.at(-1)?.inPlace ?? []) {
    const again = execute(run, code, null, true, under);
    expect(Buffer.compare(bytesOf(again.elements), bytesOf(result.elements))).toBe(0);
  }
  return result;
}

/** Numbers in [-1, 1) from a seed, the same on every machine. */
export function randomNumbers(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

const integerSpan: Readonly<Record<string, number>> = {
  i8: 127,
  u8: 255,
  i16: 900,
  u16: 900,
  i32: 1000,
  u32: 1000,
  i64: 1000,
  u64: 1000,
};

/** A tensor of random elements; integers span their type, unsigned ones from 0. */
export function randomTensor(dtype: TensorData["dtype"], shape: readonly number[], seed: number): TensorData {
  const next = randomNumbers(seed);
  const tensor = makeTensor(dtype, shape);
  const span = integerSpan[dtype];
  const { elements } = tensor as { elements: Exclude<Elements, readonly string[]> };
  for (let i = 0; i < elements.length; i++) {
    const value = next();
    const signed = span === undefined ? value : Math.trunc(value * span);
    const number = dtype.startsWith("u") ? Math.abs(signed) : signed;
    if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) elements[i] = BigInt(number);
    else elements[i] = number;
  }
  return tensor;
}

export const numbersOf = (tensor: TensorData): number[] =>
  Array.from(tensor.elements as ArrayLike<number | bigint>, Number);

/** Compares with a float64 reference: largest difference over largest reference value. */
export function expectClose(actual: TensorData, expected: readonly number[], tolerance: number): void {
  const values = numbersOf(actual);
  expect(values.length).toBe(expected.length);
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-30);
  let worst = 0;
  let at = -1;
  for (const [i, value] of values.entries()) {
    const difference = Math.abs(value - (expected[i] as number)) / scale;
    if (!(difference <= worst)) [worst, at] = [difference, i];
  }
  if (!(worst <= tolerance)) {
    throw new Error(`element ${at} of [${actual.shape.join()}] is ${values[at]}, not ${expected[at]} (error ${worst})`);
  }
}
