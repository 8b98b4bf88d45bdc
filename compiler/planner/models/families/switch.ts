/**
 * Switch Transformers: an encoder and a decoder like T5's, with experts. A prompt's graph has both: the encoder reads `input_ids`, the decoder begins with
 * `decoder_input_ids`, one token. A decode step has the decoder alone; what it needs of the encoder is in the cache.
 */
import { hasExperts, type HeadAttention, type ModelConfig } from "../config.ts";
import type { Dim, Draft } from "../draft.ts";
import { crossAttention, encoderAttention, selfAttention } from "../blocks/attention.ts";
import { logits } from "../blocks/decoder.ts";
import { looked, normalized } from "../blocks/elementary.ts";
import { forwardOf } from "../blocks/feed-forward.ts";
import { distancesOf, maskOf, type Places, placesOfKeys } from "../blocks/positions.ts";

export function switchTransformer(draft: Draft, config: ModelConfig): void {
  const { step, batch, sequence } = draft.options;
  const prefill = step === "prefill";
  const encoderTokens: Dim = sequence === "open" ? "sequence" : sequence;
  const encoded = prefill ? encoder(draft, config, draft.input("input_ids", "i64", [batch, encoderTokens])) : null;
  const ids = draft.input(prefill ? "decoder_input_ids" : "input_ids", "i64", [batch, 1]);
  const places = decoderPlaces(draft, ids);
  draft.promptTokens = 1;
  logits(draft, decoder(draft, config, ids, places, encoded), config);
}

/** A prompt's decoder has one token, at 0; a step's positions are an input. */
function decoderPlaces(draft: Draft, ids: string): Places {
  if (draft.options.step === "prefill") {
    const zero = draft.ints(0);
    return { queries: draft.op("Reshape", [zero, draft.ints(1, 1)]), keys: zero };
  }
  const queries = draft.input("position_ids", "i64", [draft.options.batch, 1]);
  return { queries, keys: placesOfKeys(draft, ids, "past_key_values.0.key") };
}

function encoder(draft: Draft, config: ModelConfig, ids: string): string {
  const { hidden, norm, vocabulary, encoderLayers = 0 } = config;
  const keys = placesOfKeys(draft, ids, null);
  const places = { queries: draft.op("Unsqueeze", [keys, draft.ints(0)]), keys };
  let x = draft.layer("embedding", () => looked(draft, ids, "tokens", [vocabulary, hidden]));
  const more = draft.layer("encoder.layers.0", () => bucketBias(draft, config, places, true));
  for (let layer = 0; layer < encoderLayers; layer++) {
    x = draft.layer(`encoder.layers.${layer}`, () => {
      const attended = draft.within("self_attn", () =>
        encoderAttention(draft, normalized(draft, x, "input_norm", hidden, norm), config, more),
      );
      return forwardAdded(draft, draft.op("Add", [x, attended]), config, layer);
    });
  }
  return draft.within("encoder", () => normalized(draft, x, "norm", hidden, norm));
}

function decoder(draft: Draft, config: ModelConfig, ids: string, places: Places, encoded: string | null): string {
  const { hidden, norm, layers, vocabulary } = config;
  const table = "embedding.tokens.weight";
  let x =
    encoded === null
      ? draft.layer("embedding", () => looked(draft, ids, "tokens", [vocabulary, hidden]))
      : draft.op("Gather", [table, ids]);
  const more = draft.layer("decoder.layers.0", () => bucketBias(draft, config, places, false));
  const mask = draft.options.step === "decode" ? null : maskOf(draft, places, null);
  for (let layer = 0; layer < layers; layer++) {
    x = draft.layer(`decoder.layers.${layer}`, () => {
      const attended = draft.within("self_attn", () =>
        selfAttention(draft, normalized(draft, x, "input_norm", hidden, norm), config, String(layer), {
          turn: null,
          mask,
          more,
        }),
      );
      const own = draft.op("Add", [x, attended]);
      const crossed = draft.within("cross_attn", () =>
        crossAttention(draft, normalized(draft, own, "input_norm", hidden, norm), encoded, config, String(layer)),
      );
      return forwardAdded(draft, draft.op("Add", [own, crossed]), config, layer);
    });
  }
  return x;
}

function forwardAdded(draft: Draft, x: string, config: ModelConfig, layer: number): string {
  const forward = draft.within("mlp", () =>
    forwardOf(draft, normalized(draft, x, "norm", config.hidden, config.norm), config, hasExperts(config, layer)),
  );
  return draft.op("Add", [x, forward]);
}

/** The bias of each head for the distance of query and key, [batch or 1, heads, tokens, total]. */
function bucketBias(draft: Draft, config: ModelConfig, places: Places, bothWays: boolean): () => string {
  if (config.positions.kind !== "buckets") throw new Error("internal: a Switch Transformer without buckets");
  const { heads } = config.attention as HeadAttention;
  const { count, farthest } = config.positions;
  const [least, most] = [bothWays ? -farthest : 0, farthest];
  const table = Array.from({ length: most - least + 1 }, (_, i) => bucketOf(least + i, count, farthest, bothWays));
  const distances = draft.op("Clip", [
    distancesOf(draft, places),
    draft.constant("i64", [], [least]),
    draft.constant("i64", [], [most]),
  ]);
  const rows = draft.op("Sub", [distances, draft.constant("i64", [], [least])]);
  const buckets = draft.op("Gather", [draft.constant("i64", [table.length], table), rows]);
  const biases = draft.op("Gather", [draft.weight("relative_bias.weight", [count, heads], "vector"), buckets]);
  const bias = draft.op("Transpose", [biases], { perm: [0, 3, 1, 2] });
  return () => bias;
}

/** T5's bucket of a distance (query behind key is negative): near ones alone, farther ones by their logarithm. */
export function bucketOf(distance: number, count: number, farthest: number, bothWays: boolean): number {
  const half = bothWays ? count / 2 : count;
  const base = bothWays && distance < 0 ? half : 0;
  const size = Math.abs(distance);
  const near = half / 2;
  if (size < near) return base + size;
  const far = near + Math.floor((Math.log(size / near) / Math.log(farthest / near)) * (half - near));
  return base + Math.min(half - 1, far);
}
