/** Threads: the same bits as one thread, whatever becomes of the workers, and none of them left behind. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { modelCompiler } from "../../compiler/session-compiler.ts";
import { type Local, loopRange, ModuleBuilder } from "../../compiler/codegen/wasm/index.ts";
import { kernelType } from "../../compiler/codegen/kernel.ts";
import type { CompiledProgram, KernelStep } from "../../ir/program.ts";
import { bytesOf, elementCount, type TensorData } from "../../ir/tensor.ts";
import { InferenceSession, Tensor } from "../../runtime/index.ts";
import { ProgramInstance } from "../../runtime/instance.ts";
import { toTensorData } from "../../runtime/tensor.ts";
import { ThreadPool } from "../../runtime/threads/pool.ts";
import { threadCount } from "../../runtime/threads/count.ts";
import { withSharedMemory } from "../../runtime/threads/shared-module.ts";
import { canShareMemory, startWorker, type WorkerHandle } from "../../runtime/threads/workers.ts";
import { randomTensor } from "../codegen/harness.ts";
import { f32, i64, modelBytes, type ModelSpec, node, typed } from "../helpers/onnx-builder.ts";
import { dist } from "../helpers/programs.ts";
import { scratchFolder } from "../helpers/scratch.ts";
import { codesOf } from "./codes.ts";

const noDeferral = {
  runDeferred: (): never => {
    throw new Error("nothing is deferred");
  },
};
const random = (shape: readonly number[], seed: number): TensorData => randomTensor("f32", shape, seed);

const scratch = scratchFolder("threads");
afterAll(scratch.remove);

const pools: ThreadPool[] = [];
afterEach(() => {
  for (const pool of pools.splice(0)) pool.dispose();
});

function openPool(threads: number, start = startWorker): ThreadPool {
  const pool = ThreadPool.open(threads, start);
  if (pool === null) throw new Error("threads cannot share memory here");
  pools.push(pool);
  return pool;
}

/** The main thread takes its time before each range, so that workers find work even on a busy machine. */
function hesitate(pool: ThreadPool): ThreadPool {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  pool.attach = (program) => {
    const slow = Object.entries(program.exports).map(([name, call]) => [
      name,
      (...args: number[]) => {
        Atomics.wait(clock, 0, 0, 1);
        (call as (...args: number[]) => void)(...args);
      },
    ]);
    const exports = Object.fromEntries(slow) as WebAssembly.Exports;
    return ThreadPool.prototype.attach.call(pool, { ...program, exports });
  };
  return pool;
}

/** Runs until the workers have helped: they need some time to start. */
async function untilHelped(pool: ThreadPool, run: () => Promise<void>): Promise<void> {
  if (pool.workerCount === 0) throw new Error("nothing is shared");
  const end = performance.now() + 120_000;
  const before = pool.rangesTaken;
  while (pool.rangesTaken === before) {
    if (performance.now() > end) throw new Error("the workers take no part");
    await run();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const compile = async (model: ModelSpec): Promise<CompiledProgram> =>
  (await modelCompiler.open(await modelBytes(model), {})).compile(new Map());

/** A model of one input x that goes through nodes to y. */
const through = (x: readonly number[], nodes: ModelSpec["nodes"], initializers: ModelSpec["initializers"] = {}): ModelSpec => ({
  opset: 17,
  inputs: { x: f32(...x) },
  outputs: { y: null },
  nodes,
  initializers,
}); // prettier-ignore

const kernels: Readonly<Record<string, ModelSpec>> = {
  "a product": through([37, 200], [node("MatMul", ["x", "w"], ["y"])], { w: random([200, 130], 1) }),
  "products of a batch": through([6, 40, 64], [
    node("Transpose", ["x"], ["t"], { perm: [0, 2, 1] }),
    node("MatMul", ["x", "t"], ["y"]),
  ]),
  "a product with a long run": through([20, 3000], [node("MatMul", ["x", "w"], ["y"])], { w: random([3000, 24], 2) }),
  "a convolution with bias and ReLU": through([1, 16, 30, 31], [
    node("Conv", ["x", "w", "b"], ["c"], { strides: [2, 2], pads: [1, 1, 1, 1] }),
    node("Relu", ["c"], ["y"]),
  ], { w: random([24, 16, 3, 3], 3), b: random([24], 4) }),
  "Winograd in steps": through([1, 32, 14, 14], [node("Conv", ["x", "w"], ["y"], { pads: [1, 1, 1, 1] })], { w: random([40, 32, 3, 3], 5) }),
  "Winograd in blocks": through([2, 48, 40, 40], [node("Conv", ["x", "w"], ["y"], { pads: [1, 1, 1, 1] })], { w: random([48, 48, 3, 3], 6) }),
  "a depthwise convolution": through([1, 32, 40, 40], [node("Conv", ["x", "w"], ["y"], { group: 32, pads: [1, 1, 1, 1] })], { w: random([32, 1, 3, 3], 7) }),
  "a transposed convolution": through([1, 32, 40, 40], [node("ConvTranspose", ["x", "w"], ["y"], { strides: [2, 2] })], { w: random([32, 32, 3, 3], 8) }),
  pooling: through([1, 24, 60, 60], [
    node("MaxPool", ["x"], ["m"], { kernel_shape: [3, 3], strides: [2, 2] }),
    node("AveragePool", ["m"], ["y"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
  ]),
  "softmax of rows and of columns": through([300, 200], [
    node("Softmax", ["x"], ["s"], { axis: 1 }),
    node("Softmax", ["s"], ["y"], { axis: 0 }),
  ]),
  "layer normalization": through([200, 300], [node("LayerNormalization", ["x", "s", "b"], ["y"])], { s: random([300], 9), b: random([300], 10) }),
  "maps in place and with broadcasts": through([101, 503], [
    node("Erf", ["x"], ["e"]),
    node("Mul", ["e", "w"], ["m"]),
    node("Exp", ["m"], ["n"]),
    node("Add", ["n", "x"], ["y"]),
  ], { w: random([503], 11) }),
  "moves and reductions": through([64, 96, 40], [
    node("Transpose", ["x"], ["t"], { perm: [2, 0, 1] }),
    node("ReduceSum", ["t", "axes"], ["r"], { keepdims: 0n }),
    node("CumSum", ["r", "axis"], ["c"]),
    node("Pad", ["c", "pads"], ["y"]),
  ], { axes: ints(1), axis: scalarInt(0), pads: ints(1, 2, 3, 4) }),
  "top values along an axis": through([6, 300, 70], [node("TopK", ["x", "k"], ["y", "i"], { axis: 1 })], { k: ints(9) }),
  "a recurrent network": through([12, 9, 40], [node("GRU", ["x", "w", "r"], ["y"], { hidden_size: 32 })], { w: random([1, 96, 40], 12), r: random([1, 96, 32], 13) }),
  attention: through([1, 4, 96, 32], [
    node("Transpose", ["x"], ["t"], { perm: [0, 1, 3, 2] }),
    node("MatMul", ["x", "t"], ["scores"]),
    node("Softmax", ["scores"], ["p"]),
    node("MatMul", ["p", "x"], ["y"]),
  ]),
  "8-bit integers": {
    opset: 17,
    inputs: { x: typed("u8", 64, 256) },
    outputs: { y: typed("i32", 64, 96) },
    nodes: [node("MatMulInteger", ["x", "w"], ["y"])],
    initializers: { w: randomTensor("i8", [256, 96], 14) },
  },
  "gathered rows": {
    opset: 17,
    inputs: { x: i64(700) },
    outputs: { y: f32(700, 300) },
    nodes: [node("Gather", ["table", "x"], ["y"])],
    initializers: { table: random([50, 300], 15) },
  },
}; // prettier-ignore

function ints(...values: readonly number[]): TensorData {
  return { dtype: "i64", shape: [values.length], elements: BigInt64Array.from(values, BigInt) };
}

function scalarInt(value: number): TensorData {
  return { dtype: "i64", shape: [], elements: BigInt64Array.of(BigInt(value)) };
}

function inputOf({ program }: CompiledProgram): TensorData {
  const type = program.inputs[0]?.type;
  if (type?.kind !== "tensor") throw new Error("not a tensor");
  if (type.dtype !== "i64") return randomTensor(type.dtype, type.shape, 99);
  const elements = BigInt64Array.from({ length: elementCount(type.shape) }, (_, i) => BigInt((i * 7) % 50));
  return { dtype: "i64", shape: type.shape, elements };
}

/** A fingerprint of the results' bits. */
function bits(results: readonly unknown[]): string {
  const hash = createHash("sha256");
  for (const result of results) hash.update(bytesOf((result as TensorData).elements));
  return hash.digest("hex");
}

describe("kernels on several threads", () => {
  let common: ThreadPool;
  beforeAll(() => {
    common = hesitate(openPool(3));
    pools.pop();
  });
  afterAll(() => {
    common.dispose();
  });

  it.each(Object.keys(kernels))("%s: the bits of one thread", async (name) => {
    const compiled = await compile(kernels[name] as ModelSpec);
    const input = inputOf(compiled);
    for (const deterministic of [false, true]) {
      const alone = await ProgramInstance.create(compiled, { ...noDeferral, deterministic });
      const expected = bits(await alone.run([input]));
      const shared = await ProgramInstance.create(compiled, { ...noDeferral, deterministic, threads: common });
      await untilHelped(common, async () => {
        expect(bits(await shared.run([input]))).toEqual(expected);
      });
      shared.dispose();
    }
  });

  it("of two programs share one pool, until one is disposed of", async () => {
    const models = ["a product", "pooling"].map((name) => kernels[name] as ModelSpec);
    const compiled = await Promise.all(models.map(compile));
    const pool = hesitate(openPool(2));
    const instances = await Promise.all(
      compiled.map((each) => ProgramInstance.create(each, { ...noDeferral, threads: pool })),
    );
    const [first, second] = instances as [ProgramInstance, ProgramInstance];
    const inputs = compiled.map(inputOf);
    const expected = bits(await second.run([inputs[1] as TensorData]));
    await untilHelped(pool, async () => {
      await first.run([inputs[0] as TensorData]);
      expect(bits(await second.run([inputs[1] as TensorData]))).toEqual(expected);
    });
    first.dispose();
    expect(bits(await second.run([inputs[1] as TensorData]))).toEqual(expected);
    expect(pool.workerCount).toBe(1);
    pool.dispose();
    expect(bits(await second.run([inputs[1] as TensorData]))).toEqual(expected);
  });
});

// ---- failures ---------------------------------------------------------------------------------------------------------------------

/** A program of one kernel whose units count to `rounds`; unit `trapAt` traps then. It writes nothing. */
function counting(units: number, rounds: number, trapAt: number): CompiledProgram {
  const module = new ModuleBuilder();
  const index = module.function("count", kernelType(0), (f) => {
    const [unit, round] = [f.local("i32"), f.local("i32")];
    const [begin, end] = f.params as [Local, Local];
    loopRange(f, unit, begin, end, 1, () => {
      loopRange(f, round, 0, rounds, 1, () => undefined);
      // 1 / (unit - trapAt)
      f.i32(1);
      f.get(unit);
      f.i32(trapAt);
      f.op("i32.sub");
      f.op("i32.div_u");
      f.set(round);
    });
  });
  module.export("count", index);
  const step: KernelStep = { kind: "kernel", function: "count", args: [], private: [], units, work: 2 ** 40, kernel: -1, origin: ["Count_7"] }; // prettier-ignore
  return {
    program: {
      version: 1,
      name: "counting",
      inputs: [],
      outputs: [],
      values: [],
      memory: { weightsOffset: 0, weightsBytes: 0, arenaOffset: 0, arenaBytes: 0 },
      modules: [{ file: "kernels.wasm", features: ["simd128"] }],
      steps: [step],
    },
    modules: new Map([["kernels.wasm", module.finish()]]),
    weights: [],
  };
}

const milliseconds = 500_000;

describe("when something fails", () => {
  it("a trap in any thread is the diagnostic of its step, and the next run is whole again", async () => {
    const pool = openPool(2);
    const fine = await ProgramInstance.create(counting(8, milliseconds, -1), { ...noDeferral, threads: pool });
    await untilHelped(pool, async () => {
      await fine.run([]);
    });
    for (const unit of [0, 1, 7, 40, 63]) {
      const failing = await ProgramInstance.create(counting(64, milliseconds, unit), { ...noDeferral, threads: pool });
      const message = await failing.run([]).then(
        () => "no failure",
        (error: unknown) => String(error),
      );
      expect(message).toContain("Count_7");
      expect(message).toContain("divide by zero");
      failing.dispose();
    }
    await untilHelped(pool, async () => {
      await fine.run([]);
    });
    expect(pool.workerCount).toBe(1);
  });

  it("a worker that ends inside of a kernel is a diagnostic, and all others end with it", async () => {
    const workers: WorkerHandle[] = [];
    const kill: (() => void)[] = [];
    const pool = openPool(3, (onLost) => {
      const worker = startWorker(onLost);
      workers.push(worker);
      kill.push(() => {
        worker.terminate();
        onLost("killed by the test");
      });
      return worker;
    });
    // units of some tenths of a second: the main thread turns to its event loop before the workers are done
    const instance = await ProgramInstance.create(counting(6, 800 * milliseconds, -1), { ...noDeferral, threads: pool }); // prettier-ignore
    const quick = await ProgramInstance.create(counting(24, milliseconds, -1), { ...noDeferral, threads: pool });
    await untilHelped(pool, async () => {
      await quick.run([]);
    });
    const timer = setInterval(() => {
      for (const end of kill.splice(0)) end();
    }, 1);
    const codes = await codesOf(instance.run([]));
    clearInterval(timer);
    // the main thread may have found all units done, when the machine gave the workers no time
    if (kill.length === 0) expect([["WSC7005"], []]).toContainEqual(codes);
    expect((await quick.run([])).length).toBe(0);
  });

  it("a worker that cannot be started, or ends while idle, is done without", async () => {
    const refused = openPool(3, () => {
      throw new Error("no threads today");
    });
    const compiled = await compile(kernels["a product"] as ModelSpec);
    const input = inputOf(compiled);
    const alone = await ProgramInstance.create(compiled, noDeferral);
    const expected = bits(await alone.run([input]));
    const shared = await ProgramInstance.create(compiled, { ...noDeferral, threads: refused });
    expect(refused.workerCount).toBe(0);
    expect(bits(await shared.run([input]))).toEqual(expected);

    let lose = (): void => undefined;
    const losing = openPool(2, (onLost) => {
      lose = () => {
        onLost("idle");
      };
      return { send: () => undefined, terminate: () => undefined };
    });
    const left = await ProgramInstance.create(compiled, { ...noDeferral, threads: losing });
    expect(losing.workerCount).toBe(1);
    expect(bits(await left.run([input]))).toEqual(expected);
    lose();
    expect(losing.workerCount).toBe(0);
    expect(bits(await left.run([input]))).toEqual(expected);
  });
});

// ---- sessions ---------------------------------------------------------------------------------------------------------------------

const dense = kernels["a product"] as ModelSpec;

describe("sessions with threads", () => {
  it("give the results of one thread, and end their threads with `release`", async () => {
    const bytes = await modelBytes(dense);
    const x = new Tensor("float32", random([37, 200], 4).elements, [37, 200]);
    const alone = await InferenceSession.create(bytes);
    const expected = bits([toTensorData((await alone.run({ x }))["y"] as Tensor)]);
    for (const options of [{ threads: 2 }, { threads: 0 }, { intraOpNumThreads: 2 }]) {
      const session = await InferenceSession.create(bytes, options);
      const running = session.run({ x });
      expect(bits([toTensorData((await running)["y"] as Tensor)])).toBe(expected);
      await session.dispose();
      expect(await codesOf(session.run({ x }))).toEqual(["WSC7006"]);
    }
  });

  it("take numbers of threads only", async () => {
    const bytes = await modelBytes(dense);
    for (const threads of [-1, 1.5, NaN, 1000])
      expect(await codesOf(InferenceSession.create(bytes, { threads }))).toEqual(["WSC7007"]);
    expect(threadCount({ intraOpNumThreads: -3 })).toBe(1);
    expect(threadCount({ threads: 2, intraOpNumThreads: 8 })).toBe(2);
    expect(threadCount({ threads: 0 })).toBeGreaterThanOrEqual(1);
  });

  it("run on one thread where memory cannot be shared", async () => {
    const scope = globalThis as { SharedArrayBuffer?: unknown; crossOriginIsolated?: boolean };
    const kept = scope.SharedArrayBuffer;
    const bytes = await modelBytes(dense);
    const x = new Tensor("float32", new Float32Array(37 * 200).fill(0.5), [37, 200]);
    try {
      delete scope.SharedArrayBuffer;
      expect(canShareMemory()).toBe(false);
      const session = await InferenceSession.create(bytes, { threads: 4 });
      expect((await session.run({ x }))["y"]?.dims).toEqual([37, 130]);
      await session.release();
    } finally {
      scope.SharedArrayBuffer = kept;
    }
    scope.crossOriginIsolated = false;
    expect(ThreadPool.open(4)).toBeNull();
    delete scope.crossOriginIsolated;
    expect(ThreadPool.open(1)).toBeNull();
  });

  it("do not keep a process alive, released or not", async () => {
    const runtime = path.join(dist, "runtime", "index.js");
    if (!existsSync(runtime)) throw new Error("npm run build first");
    const file = path.join(scratch.path, "dense.onnx");
    writeFileSync(file, await modelBytes(dense));
    const program = (end: string): string => `
      const { InferenceSession, Tensor } = await import(${JSON.stringify(pathToFileURL(runtime).href)});
      const session = await InferenceSession.create(${JSON.stringify(file)}, { threads: 3 });
      const x = new Tensor("float32", new Float32Array(37 * 200), [37, 200]);
      for (let i = 0; i < 3; i++) await session.run({ x });
      ${end}
      console.log("end");`;
    for (const end of ["", "await session.release();", "await new Promise((r) => setTimeout(r, 200));"]) {
      const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program(end)], {
        encoding: "utf8",
        timeout: 240_000,
      });
      expect({ stdout, stderr, status }).toEqual({ stdout: "end\n", stderr: "", status: 0 });
    }
  });
});

describe("withSharedMemory", () => {
  it("changes one byte of a module, and refuses others", () => {
    const plain = new ModuleBuilder().finish();
    const shared = withSharedMemory(plain);
    expect(shared?.filter((byte, at) => byte !== plain[at])).toHaveLength(1);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const module = new WebAssembly.Module(shared as never);
    expect(() => new WebAssembly.Instance(module, { env: { memory } })).not.toThrow();
    expect(withSharedMemory(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))).toBeNull();
    expect(withSharedMemory(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 2, 1, 0))).toBeNull();
    expect(withSharedMemory(shared as Uint8Array)).toBeNull();
  });
});
