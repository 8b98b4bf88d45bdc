/**
 * What this machine's engine can do at most: multiply-adds of f32 in registers, and bytes read from working sets of several sizes. Measured by
 * kernels that do nothing else, in some tenths of a second; the best of several rounds, which is what a shared machine disturbs least.
 */
import { nth } from "../../ir/access.ts";
import { hasRelaxedSimd } from "../../runtime/engine.ts";
import { type FunctionBuilder, type Local, loopRange, ModuleBuilder, type ValType } from "../codegen/wasm/index.ts";

export interface EngineLimits {
  /** multiply-adds of f32 in a second, on one thread */
  readonly multiplyAdds: number;
  /** bytes read in a second by one thread, by the size of what is read again and again; sizes go up */
  readonly reads: readonly { readonly bytes: number; readonly bytesPerSecond: number }[];
}

export interface ProbeOptions {
  /** plain SIMD: a product and a sum in place of one instruction */
  readonly deterministic: boolean;
}

/** Working sets: within the first cache, the second, and beyond what one core's share of the last one holds. */
const workingSets = [2 ** 14, 2 ** 18, 2 ** 21, 2 ** 26] as const;
/** Sums at once: more than an engine needs to hide an instruction's latency, fewer than it has registers. */
const chains = 12;
const lanes = 4;
/** Parts that are read side by side: one alone is fetched ahead too slowly. */
const streams = 8;
const lineBytes = 64;
const rounds = 8;
const millisecondsEach = 12;
const pageBytes = 2 ** 16;

export async function measureEngine({ deterministic }: ProbeOptions): Promise<EngineLimits> {
  const relaxedSimd = !deterministic && hasRelaxedSimd();
  const largest = Math.max(...workingSets);
  const memory = new WebAssembly.Memory({ initial: largest / pageBytes, maximum: 65536 });
  const { instance } = await WebAssembly.instantiate(probeModule(relaxedSimd), { env: { memory } });
  const { multiply, read } = instance.exports as Record<"multiply" | "read", (count: number, part: number) => number>;
  // pages that nobody has written may all be the same one
  new Uint8Array(memory.buffer).fill(1);
  return {
    multiplyAdds: lanes * chains * fastest((times) => multiply(times, 0), 2 ** 14),
    reads: workingSets.map((bytes) => ({
      bytes,
      bytesPerSecond: bytes * fastest((times) => read(times, bytes / streams), Math.max(1, 2 ** 20 / bytes)),
    })),
  };
}

/** How often a second a body runs, which `run` calls so many times: the best of the rounds. */
function fastest(run: (times: number) => void, first: number): number {
  let times = first;
  // long enough for the clock, and for the engine to have compiled the function anew
  for (;;) {
    const start = performance.now();
    run(times);
    if (performance.now() - start >= millisecondsEach) break;
    times *= 2;
  }
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    run(times);
    best = Math.min(best, performance.now() - start);
  }
  return (times / best) * 1000;
}

function probeModule(relaxedSimd: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ features: { relaxedSimd } });
  const type = { params: ["i32", "i32"] as readonly ValType[], results: ["i32"] as readonly ValType[] };
  module.export("multiply", module.function("multiply", type, emitMultiply));
  module.export("read", module.function("read", type, emitRead));
  return module.finish();
}

/** (count, unused): a multiply-add of every chain, `count` times. */
function emitMultiply(f: FunctionBuilder): void {
  const sums = f.localArray("v128", chains);
  const [factor, other, counter] = [f.local("v128"), f.local("v128"), f.local("i32")];
  f.splatConst("f32x4", 0.5);
  f.set(factor);
  f.splatConst("f32x4", 0.25);
  f.set(other);
  loopRange(f, counter, 0, f.param(0), 1, () => {
    for (const sum of sums) {
      emitStep(f, sum, factor, other);
      f.set(sum);
    }
  });
  for (const [index, sum] of sums.entries()) {
    f.get(sum);
    if (index > 0) f.op("f32x4.add");
  }
  f.lane("i32x4.extract_lane", 0);
}

/** Pushes what a chain becomes: in one instruction the sum, in two the product depends on it, so that it is not made once for all chains. */
function emitStep(f: FunctionBuilder, sum: Local, factor: Local, other: Local): void {
  if (f.module.features.relaxedSimd) {
    for (const operand of [factor, other, sum]) f.get(operand);
    f.op("f32x4.relaxed_madd");
    return;
  }
  f.get(sum);
  f.get(factor);
  f.op("f32x4.mul");
  f.get(other);
  f.op("f32x4.add");
}

/** (count, part): reads `streams` parts of that many bytes, which follow one another, `count` times, a cache line of each in turn. */
function emitRead(f: FunctionBuilder): void {
  const sums = f.localArray("v128", streams);
  const [counter, at, address] = [f.local("i32"), f.local("i32"), f.local("i32")];
  loopRange(f, counter, 0, f.param(0), 1, () => {
    loopRange(f, at, 0, f.param(1), lineBytes, () => {
      f.get(at);
      f.set(address);
      for (const sum of sums) {
        for (let offset = 0; offset < lineBytes; offset += 16) {
          f.get(address);
          f.load("v128.load", offset);
          f.get(sum);
          f.op("v128.xor");
          f.set(sum);
        }
        f.get(address);
        f.get(f.param(1));
        f.op("i32.add");
        f.set(address);
      }
    });
  });
  for (const [index, sum] of sums.entries()) {
    f.get(sum);
    if (index > 0) f.op("v128.xor");
  }
  f.lane("i32x4.extract_lane", 0);
}

/** Bytes a second for a step that touches so many: those of the smallest measured working set that holds them, or of the largest. */
export function readRate({ reads }: EngineLimits, bytes: number): number {
  const found = reads.find((entry) => entry.bytes >= bytes) ?? reads.at(-1);
  if (found === undefined) throw new Error("internal: no working set was measured");
  return found.bytesPerSecond;
}

/** The better of two measurements, rate by rate. */
export const betterOf = (a: EngineLimits, b: EngineLimits): EngineLimits => ({
  multiplyAdds: Math.max(a.multiplyAdds, b.multiplyAdds),
  reads: a.reads.map(({ bytes, bytesPerSecond }, index) => ({
    bytes,
    bytesPerSecond: Math.max(bytesPerSecond, nth(b.reads, index).bytesPerSecond),
  })),
});
