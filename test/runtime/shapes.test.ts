/** Models whose symbolic dims are left open: programs for several shapes, the later ones with the weights of an earlier one. */
import { describe, expect, it } from "@jest/globals";
import { modelCompiler } from "../../compiler/session-compiler.ts";
import { tensorType } from "../../ir/graph.ts";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";
import type { CompiledProgram } from "../../ir/program.ts";
import { ProgramInstance } from "../../runtime/instance.ts";
import type { OpenModel } from "../../runtime/model-compiler.ts";
import { randomTensor } from "../codegen/harness.ts";
import { InferenceSession, type SessionValue, Tensor } from "../../runtime/index.ts";
import { f32, i64, ints, modelBytes, type ModelSpec, node } from "../helpers/onnx-builder.ts";
import { relativeError } from "../helpers/oracle.ts";

const bytes = tensorFrom(
  "u8",
  [48, 2, 16],
  Array.from({ length: 48 * 32 }, (_, i) => (i * 37) % 256),
);

/** Constants of every kind that a decoder has: as they are, transposed, merged, of few bits, scaled by their neighbours. */
const decoder: ModelSpec = {
  opset: 21,
  opsets: { "com.microsoft": 1 },
  inputs: { x: f32("rows", 64), past: f32("length", 48) },
  outputs: { y: f32("rows", "length") },
  initializers: {
    q: randomTensor("f32", [64, 48], 1),
    k: randomTensor("f32", [48, 64], 2),
    few: bytes,
    scales: randomTensor("f32", [48, 2], 3),
    half: tensorFrom("f32", [], [0.5]),
  },
  nodes: [
    node("MatMul", ["x", "q"], ["a"]),
    node("Gemm", ["x", "k"], ["b"], { transB: 1 }),
    node("MatMulNBits", ["x", "few", "scales"], ["c"], { K: 64, N: 48, bits: 4, block_size: 32 }, { domain: "com.microsoft" }),
    node("Mul", ["a", "half"], ["h"]),
    node("Add", ["h", "b"], ["s"]),
    node("Add", ["s", "c"], ["t"]),
    node("Transpose", ["past"], ["p"], { perm: [1, 0] }),
    node("MatMul", ["t", "p"], ["y"]),
  ],
}; // prettier-ignore

const options = {
  runDeferred: () => {
    throw new Error("nothing is deferred");
  },
};

/** A program whose segments of weights are counted as they are packed. */
function counted(program: CompiledProgram): { readonly program: CompiledProgram; readonly packed: () => number } {
  let packed = 0;
  const weights = program.weights.map((segment) => ({
    ...segment,
    write: (target: Uint8Array): void => {
      packed += segment.byteLength;
      segment.write(target);
    },
  }));
  return { program: { ...program, weights }, packed: () => packed };
}

interface Sizes {
  readonly rows: number;
  readonly length: number;
}

const feedsFor = ({ rows, length }: Sizes): { readonly x: TensorData; readonly past: TensorData } => ({
  x: randomTensor("f32", [rows, 64], rows),
  past: randomTensor("f32", [length, 48], length),
});

function compileFor(model: OpenModel, sizes: Sizes): Promise<CompiledProgram> {
  const types = Object.entries(feedsFor(sizes)).map(([name, { dtype, shape }]) => [name, { type: tensorType(dtype, shape) }] as const); // prettier-ignore
  return model.compile(new Map(types));
}

describe("programs of one model for several shapes", () => {
  it.each<[string, Sizes, Sizes, number]>([
    ["another length", { rows: 1, length: 20 }, { rows: 1, length: 21 }, 0.05],
    // other kernels may want another form of the weights
    ["more rows", { rows: 1, length: 20 }, { rows: 9, length: 20 }, 1],
  ])("copy the weights that they share: %s", async (_, first, second, share) => {
    const model = await modelCompiler.open(await modelBytes(decoder), {});
    const earlier = await ProgramInstance.create(await compileFor(model, first), options);
    const { program, packed } = counted(await compileFor(model, second));
    const beside = await ProgramInstance.create(program, options, earlier);
    const anew = packed();
    const alone = await ProgramInstance.create(program, options);
    const all = packed() - anew;
    expect(all).toBeGreaterThan(64 * 48 * 4);
    expect(anew).toBeLessThanOrEqual(share * all);
    const { x, past } = feedsFor(second);
    const feeds = [x, past];
    const [expected] = (await alone.run(feeds)) as TensorData[];
    expect(expected?.shape).toEqual([second.rows, second.length]);
    expect(await beside.run(feeds)).toEqual([expected]);
  });

  it("tell models apart", async () => {
    const compiled = async (seed: number): Promise<CompiledProgram> => {
      const initializers = { ...decoder.initializers, q: randomTensor("f32", [64, 48], seed) };
      const model = await modelCompiler.open(await modelBytes({ ...decoder, initializers }), {});
      return compileFor(model, { rows: 2, length: 5 });
    };
    const contentsOf = async (seed: number): Promise<string[]> =>
      (await compiled(seed)).weights.map(({ content }) => content);
    const known = new Set(await contentsOf(1));
    expect((await contentsOf(2)).filter((content) => known.has(content))).toEqual([]);
  });
});

describe("a decoder with GroupQueryAttention", () => {
  const hidden = 32;
  const attention: ModelSpec = {
    opset: 21,
    opsets: { "com.microsoft": 1 },
    inputs: {
      x: f32(1, "tokens", hidden),
      mask: i64(1, "total"),
      key: f32(1, 1, "past", 16),
      value: f32(1, 1, "past", 16),
    },
    outputs: { y: f32(1, "tokens", hidden), newKey: null, newValue: null },
    initializers: {
      ...Object.fromEntries(["q", "k", "v"].map((name, i) => [name, randomTensor("f32", [hidden, name === "q" ? hidden : 16], i)])),
      cos: randomTensor("f32", [40, 8], 4),
      sin: randomTensor("f32", [40, 8], 5),
      one: ints(1),
      axis: tensorFrom("i64", [], [1]),
    },
    nodes: [
      ...["q", "k", "v"].map((name) => node("MatMul", ["x", name], [`x${name}`])),
      node("ReduceSum", ["mask", "one"], ["count"], { keepdims: 0 }),
      node("Sub", ["count", "one"], ["last"]),
      node("Cast", ["last"], ["lengths"], { to: 6 }),
      node("Shape", ["mask"], ["shape"]),
      node("Gather", ["shape", "axis"], ["length"]),
      node("Cast", ["length"], ["total"], { to: 6 }),
      node("GroupQueryAttention", ["xq", "xk", "xv", "key", "value", "lengths", "total", "cos", "sin"], ["y", "newKey", "newValue"], { num_heads: 2, kv_num_heads: 1, do_rotary: 1 }, { domain: "com.microsoft" }),
    ],
  }; // prettier-ignore

  /** The output for each of `count` tokens, the first three of which are a prompt; `room` is the cache's length, null for one that grows. */
  async function decode(session: InferenceSession, count: number, room: number | null): Promise<Float32Array[]> {
    const empty = new Tensor("float32", new Float32Array((room ?? 0) * 16), [1, 1, room ?? 0, 16]);
    let cache: Readonly<Record<string, SessionValue>> = { key: empty, value: empty };
    const results: Float32Array[] = [];
    for (let from = 0, tokens = 3; from < count; from += tokens, tokens = 1) {
      const { elements } = randomTensor("f32", [tokens, hidden], 100 + from);
      const mask = new BigInt64Array(room ?? from + tokens).fill(1n, 0, from + tokens);
      const { y, newKey, newValue } = await session.run({
        x: new Tensor("float32", elements, [1, tokens, hidden]),
        mask: new Tensor("int64", mask, [1, mask.length]),
        ...cache,
      });
      cache = { key: newKey as SessionValue, value: newValue as SessionValue };
      results.push((y as Tensor).data as Float32Array);
    }
    return results;
  }

  it("says the same with a cache that grows and with one of fixed length", async () => {
    const session = await InferenceSession.create(await modelBytes(attention));
    const grown = await decode(session, 9, null);
    const fixed = await decode(session, 9, 12);
    expect(grown).toHaveLength(7);
    for (const [step, y] of grown.entries()) expect(relativeError(fixed[step] ?? [], y)).toBeLessThan(1e-6);
    await session.release();
  });
});
