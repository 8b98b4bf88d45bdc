/** Dense decoders with a key for every head: GPT-3 (learned positions), GPT-NeoX (turned ones), Gopher (distances projected in each layer). */
import type { HeadAttention, ModelConfig } from "../config.ts";
import type { Draft } from "../draft.ts";
import { selfAttention } from "../blocks/attention.ts";
import {
  embedded,
  firstPast,
  logits,
  masks,
  type Prompt,
  prompt,
  residualLayers,
  rotaryDecoder,
} from "../blocks/decoder.ts";
import { linear, looked, onnxFloat, onnxHalf, splitHeads, spread } from "../blocks/elementary.ts";
import { feedForward } from "../blocks/feed-forward.ts";
import { distancesOf } from "../blocks/positions.ts";

export function gpt(draft: Draft, config: ModelConfig): void {
  const forward = (x: string): string => feedForward(draft, x, config.hidden, config.feedForward);
  switch (config.positions.kind) {
    case "rotary":
      rotaryDecoder(draft, config, forward);
      return;
    case "relative":
      relative(draft, config, forward);
      return;
    case "learned":
    case "buckets":
      learned(draft, config, forward);
      return;
  }
}

function learned(draft: Draft, config: ModelConfig, forward: (x: string) => string): void {
  const { ids, places } = prompt(draft, firstPast(draft, "key"));
  const tokens = embedded(draft, ids, config);
  const start = draft.layer("embedding", () =>
    draft.op("Add", [tokens, looked(draft, places.queries, "positions", [config.context, config.hidden])]),
  );
  const mask = masks(draft, config, places);
  const x = residualLayers(draft, start, config, {
    attention: (value, layer) => selfAttention(draft, value, config, String(layer), { turn: null, mask: mask(layer) }),
    forward,
  });
  logits(draft, x, config);
}

/** Transformer-XL's attention: scores get a term from each query and the distance to each key. */
function relative(draft: Draft, config: ModelConfig, forward: (x: string) => string): void {
  const { ids, places } = prompt(draft, firstPast(draft, "key"));
  const { heads, headSize } = config.attention as HeadAttention;
  const waves = wavesOf(draft, places.keys, config.hidden);
  const distances = draft.op("Max", [distancesOf(draft, places), draft.constant("i64", [], [0])]);
  const mask = masks(draft, config, places);
  const x = residualLayers(draft, embedded(draft, ids, config), config, {
    attention: (value, layer) => {
      const bias = (name: string): string => draft.weight(name, [heads, 1, headSize], "vector");
      const [content, place] = [bias("content_bias"), bias("place_bias")];
      const rows = splitHeads(
        draft,
        spread(draft, linear(draft, waves, "r_proj", [config.hidden, heads * headSize], false), 0),
        [heads],
        headSize,
      );
      const across = draft.op("Transpose", [rows], { perm: [0, 1, 3, 2] });
      const more = (queries: string): string => {
        const byDistance = draft.op("MatMul", [draft.op("Add", [queries, place]), across]);
        const picked = draft.op("Expand", [spread(draft, distances, 1), draft.op("Shape", [byDistance])]);
        return draft.op("GatherElements", [byDistance, picked], { axis: 3 });
      };
      return selfAttention(draft, value, config, String(layer), {
        turn: null,
        mask: mask(layer),
        more,
        queryBias: content,
      });
    },
    forward,
  });
  logits(draft, x, config);
}

/** Sines and cosines of every distance that occurs, [total, hidden]. */
function wavesOf(draft: Draft, keys: Prompt["places"]["keys"], hidden: number): string {
  const half = hidden / 2;
  const frequencies = Array.from({ length: half }, (_, i) => 10_000 ** (-i / half));
  const distances = spread(draft, draft.op("Cast", [keys], { to: onnxFloat }), 1);
  const angles = draft.op("Mul", [distances, draft.constant("f32", [half], frequencies)]);
  const waves = draft.op("Concat", [draft.op("Sin", [angles]), draft.op("Cos", [angles])], { axis: -1 });
  return draft.options.dtype === "f16" ? draft.op("Cast", [waves], { to: onnxHalf }) : waves;
}
