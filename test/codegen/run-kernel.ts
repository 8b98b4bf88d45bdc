/**
 * Runs the stages of one op in a module of their own. Every buffer lies between guard zones; outputs and scratch start poisoned; the units of
 * a stage are cut into several calls. What may not change is checked afterwards.
 */
import { defined, nth } from "../../ir/access.ts";
import { expect } from "@jest/globals";
import type { KernelArg, KernelCode, Operands } from "../../compiler/codegen/kernel.ts";
import { ModuleBuilder } from "../../compiler/codegen/wasm/index.ts";
import { type DType, dtypeInfo, storageBytes } from "../../ir/dtype.ts";
import { type OpSpec, tensorType, type TensorType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";
import { allocateElements, bytesOf, elementCount, makeTensor, type TensorData, viewElements } from "../../ir/tensor.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";
import { expectUnitsApart } from "./unit-writes.ts";

export type Emit = (op: never, operands: Operands) => readonly KernelCode[];

interface Buffer {
  readonly offset: number;
  readonly byteLength: number;
}

const guardBytes = 64;
const guardByte = 0xa5;
const poisonByte = 0xff;

class Memory {
  readonly bytes: Uint8Array;
  readonly memory: WebAssembly.Memory;
  #end = guardBytes;

  constructor(byteLength: number) {
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(byteLength / 65_536), maximum: 65_536 });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.bytes.fill(guardByte);
  }

  add(byteLength: number, content: Uint8Array | null): Buffer {
    const offset = Math.ceil(this.#end / 64) * 64;
    this.#end = offset + byteLength + guardBytes;
    if (content === null) this.bytes.fill(poisonByte, offset, offset + byteLength);
    else this.bytes.set(content, offset);
    return { offset, byteLength };
  }

  /** A copy with the given buffers put back to the guard byte: what is left must be untouched. */
  without(buffers: readonly Buffer[]): Uint8Array {
    const copy = this.bytes.slice();
    for (const { offset, byteLength } of buffers) copy.fill(guardByte, offset, offset + byteLength);
    return copy;
  }
}

const tensorBytes = ({ dtype, shape }: { dtype: DType; shape: readonly number[] }): number =>
  elementCount(shape) * storageBytes(dtype);

export interface RunOptions {
  /** inputs that are given as constants */
  readonly constants?: readonly number[];
  /** an input that the first output lies on */
  readonly inPlace?: number;
  readonly relaxedSimd?: boolean;
}

/** Output types of an op over tensors. */
export function outputTypes(op: OpSpec, inputs: readonly TensorData[]): TensorType[] {
  const types = inferTypes(op, inputs.map(({ dtype, shape }) => tensorType(dtype, shape)), []); // prettier-ignore
  return types.map((type) => {
    if (type.kind !== "tensor") throw new Error("not a tensor");
    return type;
  });
}

/** Emits, runs and returns the outputs. */
export function runKernel(
  emit: Emit,
  op: OpSpec,
  inputs: readonly TensorData[],
  options: RunOptions = {},
): TensorData[] {
  const outputs = outputTypes(op, inputs);
  const constants = inputs.map((tensor, index) => (options.constants?.includes(index) === true ? tensor : undefined));
  const stages = emit(op as never, {
    inputs: inputs.map(({ dtype, shape }) => tensorType(dtype, shape)),
    outputs,
    constants,
  });
  const scratchBytes = stages.flatMap((stage) =>
    stage.args.map((arg) => ("byteLength" in arg ? arg.byteLength + 192 : 0)),
  );
  const total = [...inputs, ...outputs].reduce((sum, tensor) => sum + tensorBytes(tensor) + 192, 4096);
  const memory = new Memory(total + scratchBytes.reduce((sum, bytes) => sum + bytes, 0));
  const inputBuffers = inputs.map((tensor) => memory.add(tensorBytes(tensor), bytesOf(tensor.elements)));
  const outputBuffers = outputs.map((type, index) =>
    index === 0 && options.inPlace !== undefined
      ? nth(inputBuffers, options.inPlace)
      : memory.add(tensorBytes(type), null),
  );
  const scratch = new Map<string, Buffer>();
  const addressOf = (arg: KernelArg): number => {
    switch (arg.kind) {
      case "input":
        return nth(inputBuffers, arg.index).offset;
      case "output":
        return nth(outputBuffers, arg.index).offset;
      case "packed":
      case "scratch": {
        const key = arg.kind === "packed" ? `${arg.input} ${arg.layout}` : `${arg.id}`;
        const known = scratch.get(key) ?? memory.add(arg.byteLength, null);
        scratch.set(key, known);
        if (arg.kind === "packed") arg.write(memory.bytes.subarray(known.offset, known.offset + arg.byteLength));
        return known.offset;
      }
    }
  };
  const calls = stages.map((stage) => ({ stage, addresses: stage.args.map(addressOf) }));
  const writable = [...outputBuffers, ...scratch.values()];
  const before = memory.without(writable);
  const kernels = instantiate(stages, memory.memory, options.relaxedSimd ?? false);
  for (const [index, { stage, addresses }] of calls.entries()) {
    const call = nth(kernels, index);
    expectUnitsApart(
      memory.bytes,
      stage.units,
      (begin, end) => {
        call(...addresses, begin, end);
      },
      stage.key,
      stage.args.flatMap((arg, i) =>
        arg.kind === "scratch" && arg.isPrivate === true
          ? [{ address: nth(addresses, i), byteLength: arg.byteLength }]
          : [],
      ),
    );
    const third = Math.floor(stage.units / 3);
    const cuts = [...new Set([0, third, stage.units - third, stage.units])].sort((a, b) => a - b);
    for (let c = 1; c < cuts.length; c++) call(...addresses, nth(cuts, c - 1), nth(cuts, c));
  }
  expect(Buffer.compare(memory.without(writable), before)).toBe(0);
  return outputs.map(({ dtype, shape }, index) => {
    const count = elementCount(shape);
    const view = viewElements(dtype, memory.memory.buffer, nth(outputBuffers, index).offset, count);
    return makeTensor(dtype, shape, (view as Float32Array).slice());
  });
}

type Kernel = (...args: number[]) => void;

function instantiate(stages: readonly KernelCode[], memory: WebAssembly.Memory, relaxedSimd: boolean): Kernel[] {
  const module = new ModuleBuilder({ features: { relaxedSimd }, names: true });
  const names = new Map<string, string>();
  for (const stage of stages) {
    if (names.has(stage.key)) continue;
    names.set(stage.key, `k${names.size}`);
    module.export(defined(names.get(stage.key)), stage.emit(module));
  }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env: { memory } });
  return stages.map((stage) => instance.exports[defined(names.get(stage.key))] as Kernel);
}

/** Runs an op by its kernel and by the reference, and compares. */
export function expectLikeReference(
  emit: Emit,
  op: OpSpec,
  inputs: readonly TensorData[],
  options: RunOptions & { readonly relative?: number; readonly absolute?: number } = {},
): void {
  const expected = evaluateOp(op, inputs);
  const actual = runKernel(emit, op, inputs, options);
  expect(actual).toHaveLength(expected.length);
  for (const [index, tensor] of expected.entries()) expectClose(nth(actual, index), tensor, options, op);
}

/** Compares two tensors; NaN equals NaN. */
export function expectClose(
  actual: TensorData,
  expected: TensorData,
  { relative = 0, absolute = 0 }: { readonly relative?: number; readonly absolute?: number },
  subject: unknown,
): void {
  expect(actual.dtype).toBe(expected.dtype);
  expect(actual.shape).toEqual(expected.shape);
  const bad: string[] = [];
  for (let i = 0; i < expected.elements.length; i++) {
    const got = actual.elements[i];
    const want = expected.elements[i];
    if (Object.is(got, want) || got === want) continue;
    const difference = Math.abs(Number(got) - Number(want));
    if (difference <= absolute + relative * Math.abs(Number(want))) continue;
    bad.push(`[${i}] ${String(got)}, not ${String(want)}`);
  }
  if (bad.length > 0) {
    const text = JSON.stringify(subject, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
    throw new Error(
      `${bad.length} of ${expected.elements.length} elements differ: ${bad.slice(0, 5).join("; ")} in ${text}`,
    );
  }
}

/** A small generator of numbers that repeats for a seed. */
export function randomSource(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Elements of any dtype: floats around zero, small integers, patterns of small floats that are no NaN. */
export function randomTensor(dtype: DType, shape: readonly number[], random: () => number, scale = 4): TensorData {
  const { storage, class: cls } = dtypeInfo(dtype);
  const elements = allocateElements(dtype, elementCount(shape));
  const numbers = elements as Float64Array | BigInt64Array;
  for (let i = 0; i < numbers.length; i++) {
    const centred = (random() - 0.5) * 2 * scale;
    if (cls === "float" || cls === "complex") numbers[i] = centred;
    else if (cls === "bool") numbers[i] = random() < 0.5 ? 0 : 1;
    else if (cls === "small-float")
      numbers[i] = Math.floor(random() * (dtype === "bf16" || dtype === "f16" ? 0x7000 : 0x70));
    else if (storage === "i64" || storage === "u64") (elements as BigInt64Array)[i] = BigInt(Math.round(centred * 10));
    else numbers[i] = Math.round(cls === "unsigned" ? Math.abs(centred) * 10 : centred * 10);
  }
  return makeTensor(dtype, shape, elements);
}
