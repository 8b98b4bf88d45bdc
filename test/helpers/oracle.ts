/** onnxruntime-web as an oracle: one thread, in this process. */
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-web";

/** An output: element type, dims, and numbers (64-bit integers as bigint). */
export interface OracleOutput {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

export interface OracleFeed {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** Runs a model, given as a file or its bytes, in onnxruntime-web. */
export async function runOracle(
  model: string | Uint8Array,
  feeds: Readonly<Record<string, OracleFeed>>,
): Promise<ReadonlyMap<string, OracleOutput>> {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const bytes = typeof model === "string" ? readFileSync(model) : model;
  const session = await ort.InferenceSession.create(new Uint8Array(bytes), {
    executionProviders: ["wasm"],
  });
  const given = Object.entries(feeds).map(([name, { type, data, dims }]) => [
    name,
    new ort.Tensor(type as "float32", data as Float32Array, dims),
  ]);
  const results = await session.run(Object.fromEntries(given) as Record<string, ort.Tensor>);
  const outputs = new Map(
    Object.entries(results).map(([name, { type, dims, data }]) => [
      name,
      { type, dims, data: data as ArrayLike<number> },
    ]),
  );
  await session.release();
  return outputs;
}

/** Greatest difference from the oracle, relative to the oracle's greatest magnitude. */
export function relativeError(actual: ArrayLike<number | bigint>, expected: ArrayLike<number | bigint>): number {
  if (actual.length !== expected.length) return Infinity;
  let [difference, magnitude] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(Number(actual[i]) - Number(expected[i])));
    magnitude = Math.max(magnitude, Math.abs(Number(expected[i])));
  }
  return Number.isNaN(difference) ? Infinity : difference / Math.max(magnitude, Number.MIN_VALUE);
}
