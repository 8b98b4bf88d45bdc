/**
 * Attention over latents (DeepSeek): the cache holds one narrow vector per token and one turned key that all heads share. The maps from the latent to
 * keys and values stand on the side of queries and results, so that nothing of the size of all heads is made for the whole cache.
 */
import type { LatentAttention, ModelConfig } from "../config.ts";
import type { Draft } from "../draft.ts";
import { remembered, type Sight } from "./attention.ts";
import { joinHeads, linear, normalized, splitHeads } from "./elementary.ts";
import { turned } from "./positions.ts";

/** Self-attention of one layer, [batch, tokens, hidden]. */
export function latentAttention(draft: Draft, x: string, config: ModelConfig, entry: string, sight: Sight): string {
  const { heads, queryRank, latent, plain, turned: turn, value, scale } = config.attention as LatentAttention;
  const { hidden, norm } = config;
  const compressed = normalized(
    draft,
    linear(draft, x, "q_a_proj", [hidden, queryRank], false),
    "q_a_norm",
    queryRank,
    norm,
  );
  const asked = linear(draft, compressed, "q_b_proj", [queryRank, heads * (plain + turn)], false);
  const split = splitHeads(draft, asked, [heads], plain + turn);
  const [still, moving] = draft.ops("Split", [split, draft.ints(plain, turn)], 2, { axis: -1 });
  const both = linear(draft, x, "kv_a_proj", [hidden, latent + turn], false);
  const [raw, key] = draft.ops("Split", [both, draft.ints(latent, turn)], 2, { axis: -1 });
  const fresh = normalized(draft, raw as string, "kv_a_norm", latent, norm);
  const turnedKey = rotate(draft, splitHeads(draft, key as string, [1], turn), sight, turn);
  const latents = remembered(draft, `${entry}.latent`, splitHeads(draft, fresh, [1], latent), 1, latent);
  const keys = remembered(draft, `${entry}.key`, turnedKey, 1, turn);

  const lifted = draft.op("MatMul", [
    still as string,
    draft.weight("k_b_proj.weight", [heads, plain, latent], "matrix"),
  ]);
  const across = (cache: string): string => draft.op("Transpose", [cache], { perm: [0, 1, 3, 2] });
  const byContent = draft.op("MatMul", [lifted, across(latents)]);
  const byPlace = draft.op("MatMul", [rotate(draft, moving as string, sight, turn), across(keys)]);
  const scores = draft.op("Mul", [draft.op("Add", [byContent, byPlace]), draft.scalar(scale)]);
  const lowest = draft.scalar(draft.options.dtype === "f16" ? -6e4 : -1e30);
  const seen = sight.mask === null ? scores : draft.op("Where", [sight.mask, scores, lowest]);
  const mixed = draft.op("MatMul", [draft.op("Softmax", [seen], { axis: -1 }), latents]);
  const values = draft.op("MatMul", [mixed, draft.weight("v_b_proj.weight", [heads, latent, value], "matrix")]);
  return linear(draft, joinHeads(draft, values, [heads], value), "o_proj", [heads * value, hidden], false);
}

const rotate = (draft: Draft, x: string, { turn }: Sight, size: number): string =>
  turn === null ? x : turned(draft, x, turn, size, 4);
