/** Small members of the families, with random weights, in wsc's runtime and in onnxruntime-web. */
import * as ort from "onnxruntime-web";
import { draftOf } from "../../compiler/planner/models/build.ts";
import { type ModelConfig, type Overrides, resized } from "../../compiler/planner/models/config.ts";
import type { DraftOptions } from "../../compiler/planner/models/draft.ts";
import { namedModel } from "../../compiler/planner/models/named/index.ts";
import { modelFiles } from "../../compiler/planner/models/write.ts";
import { InferenceSession } from "../../runtime/session.ts";
import { Tensor } from "../../runtime/tensor.ts";

/** An array with its type and dims, as both runtimes take it. */
export interface Value {
  readonly type: "float32" | "int64";
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export type Values = Readonly<Record<string, Value>>;

/** Runs a graph; releases what it holds. */
export type Run = (feeds: Values) => Promise<Values>;

export interface Graphs {
  readonly wsc: Run;
  readonly oracle: Run;
}

const tiny: Overrides = { layers: 2, hidden: 32, heads: 4, headSize: 8, inner: 48, vocabulary: 96 };

/** The two-layer member of a named model's family. */
export const member = (name: string, more: Overrides = {}): ModelConfig =>
  resized(namedModel(name), { ...tiny, ...more });

/** A member's graph in both runtimes, its weights the same for every step and length. */
export async function graphsOf(
  config: ModelConfig,
  step: DraftOptions["step"],
  sequence: number | "open",
): Promise<Graphs> {
  const draft = draftOf(config, { dtype: "f32", step, batch: 1, sequence });
  const { model, data } = await modelFiles(draft, config.name, "weights", 7);
  if (data.pieces === "zeros") throw new Error("weights are random here");
  const externalData = [{ path: "weights", data: new Uint8Array(Buffer.concat([...data.pieces])) }];
  const own = await InferenceSession.create(new Uint8Array(model), { externalData });
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const other = await ort.InferenceSession.create(new Uint8Array(model), {
    executionProviders: ["wasm"],
    externalData,
  });
  return {
    wsc: async (feeds) =>
      plain(await own.run(mapped(feeds, ({ type, data, dims }) => new Tensor(type, data as Float32Array, dims)))),
    oracle: async (feeds) =>
      plain(
        await other.run(
          mapped(feeds, ({ type, data, dims }) => new ort.Tensor(type as "float32", data as Float32Array, dims)),
        ),
      ),
  };
}

const mapped = <T>(feeds: Values, make: (value: Value) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, make(value)]));

const plain = (
  results: Readonly<
    Record<string, { readonly type: string; readonly dims: readonly number[]; readonly data: unknown }>
  >,
): Values =>
  Object.fromEntries(
    Object.entries(results).map(([name, { type, dims, data }]) => [
      name,
      { type: type as "float32", dims: [...dims], data: data as Float32Array },
    ]),
  );

const integers = (values: readonly number[]): Value => ({
  type: "int64",
  dims: [1, values.length],
  data: BigInt64Array.from(values, BigInt),
});

/** Feeds of a prompt; behind an encoder the decoder begins with token 0. */
export const promptFeeds = (config: ModelConfig, ids: readonly number[]): Values =>
  config.family === "switch"
    ? { input_ids: integers(ids), decoder_input_ids: integers([0]) }
    : { input_ids: integers(ids), position_ids: integers([...ids.keys()]) };

/** Feeds of a step with a new token at a position, behind what an earlier run left. */
export const stepFeeds = (id: number, position: number, before: Values): Values => ({
  input_ids: integers([id]),
  position_ids: integers([position]),
  ...cacheOf(before),
});

/** The cache that a run leaves, under the names in which the next one takes it; a step leaves an encoder's part as it was. */
export function cacheOf(results: Values): Values {
  const entries = Object.entries(results).filter(([name]) => name !== "logits");
  return Object.fromEntries(entries.map(([name, value]) => [name.replace(/^present\./, "past_key_values."), value]));
}

/** The likeliest token. */
export function likeliest({ logits }: Values): number {
  const scores = [...((logits?.data ?? []) as Float32Array)];
  return scores.indexOf(Math.max(...scores));
}
